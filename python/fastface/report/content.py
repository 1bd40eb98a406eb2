"""What the report shows: which people, faces and photos, within bounds that keep the file small."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fastface.periods import clock
from fastface.report.thumbnails import Thumbnail, Wish
from fastface.types import Box, Face, LibraryStats, Person, PhotoRow
from fastface.wording import in_words

if TYPE_CHECKING:
    from fastface.library import Library

# Base64 text of all thumbnails together; with the markup of 5,000 photos the file stays < 10 MB.
MAX_THUMBNAIL_BYTES = 8_500_000

FEW_PEOPLE = 12  # up to so many everybody gets a section of their own,
MAX_PEOPLE = 240  # beyond, those who are named or seen in two photos or more;
MAX_ONCE = 240  # of the others a face each
MAX_EXPLAINED = 12  # people of whom is said how sure they are
MAX_FACES_EACH = 12
MAX_PHOTOS_EACH = 6
MAX_FACES = 700
MAX_PHOTOS = 320
MAX_UNCLEAR = 48
MAX_FAILURES = 200


@dataclass(frozen=True, slots=True)
class FaceTile:
    """One face to show. image: None where the photo cannot be read any more. moment: in a video."""

    photo: Path
    quality: float
    image: Thumbnail | None
    moment: str = ""


@dataclass(frozen=True, slots=True)
class PhotoTile:
    """One photo to show. faces: the person's boxes in it."""

    photo: Path
    taken: str
    faces: tuple[Box, ...]
    image: Thumbnail | None
    moment: str = ""


@dataclass(frozen=True, slots=True)
class PersonCard:
    """One person. why: how sure it is, in sentences.  n_more_*: how many are not shown."""

    number: int
    id: str
    name: str | None
    n_photos: int
    n_faces: int
    years: str
    cover: FaceTile
    faces: list[FaceTile]
    photos: list[PhotoTile]
    why: list[list[str]]
    n_more_faces: int
    n_more_photos: int


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the template needs."""

    stats: LibraryStats
    people: list[PersonCard]
    once: list[PersonCard]
    n_more_people: int
    unclear: list[FaceTile]
    n_more_unclear: int
    failures: list[tuple[Path, str]]
    n_more_failures: int
    n_faces_shown: int
    n_photos_shown: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of one person is to be shown, before thumbnails exist."""

    person: Person
    faces: list[Face]
    photos: list[PhotoRow]
    years: str
    why: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """The choice for the whole page."""

    stats: LibraryStats
    people: list[Chosen]
    once: list[Chosen]
    unclear: list[Face]
    n_people: int
    failures: list[tuple[Path, str]]

    def wishes(self) -> Counter[Wish]:
        """How often the page shows each thumbnail, breadth before depth: the budget's order."""
        order = [face_wish(c.person.cover) for c in [*self.people, *self.people, *self.once]]
        order += [face_wish(face) for face in _rounds(c.faces for c in self.people)]
        order += [photo_wish(row) for row in _rounds(c.photos for c in self.people)]
        order += [face_wish(face) for face in self.unclear]
        return Counter(order)


def face_wish(face: Face) -> Wish:
    """The thumbnail of a face."""
    return Wish(face.photo, face.box, face.at_s)


def photo_wish(row: PhotoRow) -> Wish:
    """The thumbnail of a photo; of a video, the picture that shows the person best."""
    return Wish(row.path, None, _clearest(row).at_s)


def _clearest(row: PhotoRow) -> Face:
    return max(row.faces, key=lambda face: face.quality)


def _moment(at_s: float | None) -> str:
    return "" if at_s is None else clock(at_s)


def choose(library: Library) -> Plan:
    """Decide what to show; reads the library, in one state, and no photo."""
    with library.snapshot():
        return _choose(library)


def _choose(library: Library) -> Plan:
    everybody = library.people()
    few = len(everybody) <= FEW_PEOPLE
    has_section = [few or p.n_photos > 1 or p.name is not None for p in everybody]
    often = [p for p, wide in zip(everybody, has_section, strict=True) if wide][:MAX_PEOPLE]
    once = [p for p, wide in zip(everybody, has_section, strict=True) if not wide][:MAX_ONCE]
    faces = library.faces()
    faces_of: dict[str, list[Face]] = defaultdict(list)
    for face in faces:
        if face.person is not None and not face.unclear:
            faces_of[face.person].append(face)

    ranked = [best_faces(faces_of[p.id] or [p.cover], MAX_FACES_EACH) for p in often]
    shown = _first_rounds(ranked, MAX_FACES)
    rows = [library.photos(person.id) for person in often]
    shown_photos = _first_rounds(
        [list(dict.fromkeys(face.photo for face in best))[:MAX_PHOTOS_EACH] for best in shown],
        MAX_PHOTOS,
    )
    people = [
        Chosen(
            person,
            _by_time(best, theirs),
            [row for row in theirs if row.path in photos],
            years(row.taken_at for row in theirs),
            _why(library, person) if rank < MAX_EXPLAINED else [],
        )
        for rank, (person, best, theirs, photos) in enumerate(
            zip(often, shown, rows, shown_photos, strict=True)
        )
    ]
    return Plan(
        stats=library.stats(),
        people=people,
        once=[Chosen(person, [], [], "") for person in once],
        unclear=sorted((f for f in faces if f.unclear), key=lambda f: -f.quality)[:MAX_UNCLEAR],
        n_people=len(everybody),
        failures=library.failures(),
    )


def _why(library: Library, person: Person) -> list[list[str]]:
    """Sentences about the face least like the others, and about whoever is most like them."""
    return [in_words(why) for why in library.least_sure(person.id)]


def best_faces(faces: list[Face], n: int) -> list[Face]:
    """The clearest faces, one of each photo before a second of any."""
    seen: dict[Path, int] = defaultdict(int)
    ranked = []
    for face in sorted(faces, key=lambda face: (-face.quality, face.id)):
        ranked.append((seen[face.photo], -face.quality, face.id, face))
        seen[face.photo] += 1
    return [face for *_, face in sorted(ranked, key=lambda row: row[:3])[:n]]


def fill(plan: Plan, thumbnails: Mapping[Wish, Thumbnail | None]) -> Page:
    """The page: the plan with its thumbnails; a wish that is not in them goes uncounted as 'more'.

    A thumbnail that is None stands for a photo that cannot be read any more.
    """
    people = [_card(k, c, thumbnails) for k, c in enumerate(plan.people, start=1)]
    once = [_card(k, c, thumbnails) for k, c in enumerate(plan.once, start=1 + len(people))]
    once = [card for card in once if card.cover.image is not None]
    unclear = _face_tiles(plan.unclear, thumbnails)
    return Page(
        stats=plan.stats,
        people=people,
        once=once,
        n_more_people=plan.n_people - len(people) - len(once),
        unclear=unclear,
        n_more_unclear=plan.stats.n_unclear - len(unclear),
        failures=plan.failures[:MAX_FAILURES],
        n_more_failures=max(0, len(plan.failures) - MAX_FAILURES),
        n_faces_shown=sum(len(card.faces) for card in people) + len(once) + len(unclear),
        n_photos_shown=len({tile.photo for card in people for tile in card.photos}),
    )


def _card(number: int, chosen: Chosen, thumbnails: Mapping[Wish, Thumbnail | None]) -> PersonCard:
    person = chosen.person
    cover = person.cover
    faces = _face_tiles(chosen.faces, thumbnails)
    photos = [
        PhotoTile(
            row.path,
            day(row.taken_at),
            tuple(face.box for face in row.faces if face.at_s == wish.at_s),
            thumbnails[wish],
            _moment(wish.at_s),
        )
        for row in chosen.photos
        if (wish := photo_wish(row)) in thumbnails
    ]
    return PersonCard(
        number=number,
        id=person.id,
        name=person.name,
        n_photos=person.n_photos,
        n_faces=person.n_faces,
        years=chosen.years,
        cover=FaceTile(
            cover.photo, cover.quality, thumbnails.get(face_wish(cover)), _moment(cover.at_s)
        ),
        faces=faces,
        photos=photos,
        why=chosen.why,
        n_more_faces=person.n_faces - len(faces),
        n_more_photos=person.n_photos - len(photos),
    )


def _face_tiles(faces: list[Face], thumbnails: Mapping[Wish, Thumbnail | None]) -> list[FaceTile]:
    return [
        FaceTile(face.photo, face.quality, thumbnails[wish], _moment(face.at_s))
        for face in faces
        if (wish := face_wish(face)) in thumbnails
    ]


def _by_time(faces: list[Face], rows: list[PhotoRow]) -> list[Face]:
    place = {row.path: k for k, row in enumerate(rows)}
    return sorted(faces, key=lambda face: (place.get(face.photo, len(place)), face.id))


T = TypeVar("T")


def _rounds(lists: Iterable[list[T]]) -> list[T]:
    """The first of each list, then the second of each, and so on.

    >>> _rounds([[1, 4], [2], [3, 5]])
    [1, 2, 3, 4, 5]
    """
    nothing = object()
    rounds = zip_longest(*lists, fillvalue=nothing)
    return [item for items in rounds for item in items if item is not nothing]  # type: ignore[misc]


def _first_rounds(lists: list[list[T]], n: int) -> list[list[T]]:
    """The lists cut so that `n` items remain: nobody has a second before everybody has a first.

    >>> _first_rounds([[1, 2, 3], [4], [5, 6, 7]], 5)
    [[1, 2], [4], [5, 6]]
    """
    turns = _rounds([(owner, item) for item in items] for owner, items in enumerate(lists))
    cut: list[list[T]] = [[] for _ in lists]
    for owner, item in turns[:n]:
        cut[owner].append(item)
    return cut


def day(taken_at: float | None) -> str:
    """A date for people, or nothing.

    >>> day(0.0), day(None)
    ('1 Jan 1970', '')
    """
    if taken_at is None:
        return ""
    moment = datetime.fromtimestamp(taken_at, UTC)
    return f"{moment.day} {moment:%b %Y}"


def years(times: Iterable[float | None]) -> str:
    """The years that photos span, or nothing.

    >>> years([0.0, None, 4e7]), years([0.0]), years([None])
    ('1970–1971', '1970', '')
    """
    known = sorted(datetime.fromtimestamp(t, UTC).year for t in times if t is not None)
    if not known:
        return ""
    return str(known[0]) if known[0] == known[-1] else f"{known[0]}–{known[-1]}"
