"""From names that other programs gave to faces of the library: regions by overlap, then the rest.

Pure functions.  What cannot be matched is reported, never guessed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from fastface.boxes import overlap
from fastface.metadata.regions import Names, upright
from fastface.types import Box, Face

# Detectors and people draw faces differently: some with hair and chin, some without.  A box inside
# the other counts if it is most of it, although the overlap of both is small.
MIN_OVERLAP: Final = 0.25
MIN_CONTAINED: Final = 0.8
MAX_CONTAINED_RATIO: Final = 6.0  # of the areas; more, and it is a region of the whole person

# A name without a place goes to a cluster that is on nearly all photos of the name, and whose
# photos in the import nearly all have the name.
MIN_SHARED: Final = 3
MIN_SHARE: Final = 0.8


class Match(NamedTuple):
    """A name for a face.  how: region, only face, or company."""

    name: str
    face: Face
    how: str


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A name without a face.  why: a sentence.  box: upright, where a place was given."""

    name: str
    why: str
    box: Box | None = None


def place(
    names: Names, faces: Sequence[Face], orientation: int
) -> tuple[list[Match], list[Unmatched]]:
    """The faces of one photo that its regions are about; names without a place are left out.

    orientation: how the stored picture is turned to stand upright.  Some programs place regions on
    the upright picture instead: that is tried where it brings more of them onto a face.
    """
    regions = [(region.name, region.box) for region in names.regions if region.box is not None]
    best: tuple[list[Match], list[Unmatched]] = ([], [])
    for turned in dict.fromkeys((orientation, 1)):
        boxes = [(name, upright(box, turned)) for name, box in regions]
        found = _assign(boxes, faces)
        if (not best[0] and not best[1]) or len(found[0]) > len(best[0]):
            best = found
    return best


def _assign(
    regions: Sequence[tuple[str, Box]], faces: Sequence[Face]
) -> tuple[list[Match], list[Unmatched]]:
    """Pairs regions with faces, the surest first, each at most once."""
    pairs = [
        (-likeness, region, face)
        for region, (_, box) in enumerate(regions)
        for face, seen in enumerate(faces)
        if (likeness := fit(box, seen.box)) > 0
    ]
    taken: dict[int, int] = {}
    for _, region, face in sorted(pairs):
        if region not in taken and face not in taken.values():
            taken[region] = face
    matches, unmatched = [], []
    for region, (name, box) in enumerate(regions):
        if region in taken:
            matches.append(Match(name, faces[taken[region]], "region"))
        else:
            unmatched.append(Unmatched(name, "no face was found there", box))
    return matches, unmatched


def fit(region: Box, face: Box) -> float:
    """How well a region and a face fit, 0 where they are not one.

    >>> round(fit(Box(0.1, 0.1, 0.2, 0.2), Box(0.12, 0.1, 0.2, 0.2)), 2)
    0.82
    >>> fit(Box(0.0, 0.0, 1.0, 1.0), Box(0.4, 0.4, 0.1, 0.1))
    0.0
    """
    shared = overlap(region, face)
    if shared >= MIN_OVERLAP:
        return shared
    areas = sorted((region.width * region.height, face.width * face.height))
    common = shared * sum(areas) / (1 + shared)
    inside = common / areas[0]
    if inside >= MIN_CONTAINED and areas[1] <= MAX_CONTAINED_RATIO * areas[0]:
        return shared
    return 0.0


Tagged: TypeAlias = tuple[
    Collection[str], Sequence[Face]
]  # names without a place, and the photo's free faces


def find_company(
    photos: Iterable[Tagged], known: Mapping[str, str]
) -> tuple[list[tuple[int, Match]], list[tuple[int, Unmatched]]]:
    """Faces for names of which only the photo is known.

    photos: for each, the names and the clear faces that nothing else was matched to.  known: names
    of people in the library.  One name and one face belong together.  Otherwise a name goes to the
    person (a cluster) who is on nearly all photos of the name and hardly on others of these; last,
    the only name left to the only face.  Returns the matches, and the
    names left over, each with the photo's index.
    """
    photos = list(photos)
    partner = {**_partners(photos), **known}
    matches: list[tuple[int, Match]] = []
    left: list[tuple[int, Unmatched]] = []
    for index, (names, faces) in enumerate(photos):
        free, waiting = list(faces), []
        if len(names) == 1 and len(free) == 1:
            matches.append((index, Match(next(iter(names)), free[0], "only face")))
            continue
        for name in names:
            own = [
                face
                for face in free
                if face.person is not None and face.person == partner.get(name)
            ]
            if len(own) == 1:
                matches.append((index, Match(name, own[0], "company")))
                free.remove(own[0])
            else:
                waiting.append(name)
        if len(waiting) == 1 and len(free) == 1 and len(faces) == len(names):
            matches.append((index, Match(waiting[0], free[0], "company")))
        else:
            left += [(index, Unmatched(name, _reason(faces))) for name in waiting]
    return matches, left


def _reason(faces: Sequence[Face]) -> str:
    if not faces:
        return "no face was found in the photo"
    return "it is not said which of several faces, and the other photos do not tell"


def _partners(photos: Sequence[Tagged]) -> dict[str, str]:
    """Name -> the person who goes with it, each at most once, the surest first."""
    with_name: Counter[str] = Counter()
    with_person: Counter[str] = Counter()
    both: dict[tuple[str, str], int] = defaultdict(int)
    for names, faces in photos:
        people = {face.person for face in faces if face.person is not None}
        with_name.update(names)
        with_person.update(people)
        for name in names:
            for person in people:
                both[name, person] += 1
    sure = sorted(
        (-n / (with_name[name] + with_person[person] - n), name, person)
        for (name, person), n in both.items()
        if n >= MIN_SHARED and n >= MIN_SHARE * max(with_name[name], with_person[person])
    )
    partner: dict[str, str] = {}
    for _, name, person in sure:
        if name not in partner and person not in partner.values():
            partner[name] = person
    return _without_rivals(partner, sure)


def _without_rivals(
    partner: Mapping[str, str], sure: Sequence[tuple[float, str, str]]
) -> dict[str, str]:
    """Leaves out names for whom another person would do as well: twins at every party."""
    best = {name: score for score, name, person in sure if partner.get(name) == person}
    rivals = {
        name
        for score, name, person in sure
        if partner.get(name) != person and score <= best.get(name, 0.0)
    }
    return {name: person for name, person in partner.items() if name not in rivals}
