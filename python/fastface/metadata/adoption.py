"""From what files say to what is to be said: pure functions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from fastface.metadata import matching
from fastface.metadata.inward import Found
from fastface.metadata.matching import Match, Unmatched
from fastface.metadata.reports import NameLeftOver, NameThere
from fastface.types import Face
from fastface.verdicts.names import folded, new_name


class Sourced(NamedTuple):
    """A name for a face, with where it comes from."""

    photo: Path
    source: str
    match: Match


@dataclass(slots=True)
class Matched:
    """What was found in the files.  Each face has one name; `conflicts` are other names for it."""

    names: list[Sourced] = field(default_factory=list)
    left_over: list[NameLeftOver] = field(default_factory=list)
    conflicts: list[NameThere] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    n_unnamed: int = 0

    def add(self, photo: Path, source: str, match: Match) -> None:
        """A name for a face that may have one already, from an earlier source or another path."""
        there = self._given.setdefault(match.face.id, match.name)
        if there is match.name:
            self.names.append(Sourced(photo, source, match))
        elif folded(there) != folded(match.name):
            self.conflicts.append(NameThere(photo, match.name, there))

    def leave(self, photo: Path, source: str, name: Unmatched) -> None:
        """A name without a face."""
        self.left_over.append(NameLeftOver(photo, name.name, source, name.why, name.box))

    def is_given(self, face: Face) -> bool:
        """Whether a face has a name."""
        return face.id in self._given

    _given: dict[str, str] = field(default_factory=dict)


def match_all(
    photos: Sequence[Found], faces_of: Callable[[Path], Sequence[Face]], known: Mapping[str, str]
) -> Matched:
    """The faces that the files' names are about.

    faces_of: the faces of a photo.  known: name -> person id, of people in the library.
    """
    result = Matched()
    waiting: list[tuple[Path, str, list[str]]] = []
    for found in photos:
        result.problems += found.problems
        placed: set[str] = set()
        loose: dict[str, str] = {}  # name -> source
        for source, names in found.names:
            result.n_unnamed += names.n_unnamed
            matches, unmatched = matching.place(names, faces_of(found.photo), found.orientation)
            for match in matches:
                if (clean := _clean(match.name, found.photo, result)) is not None:
                    result.add(found.photo, source, Match(clean, match.face, match.how))
            for name in unmatched:
                result.leave(found.photo, source, name)
            placed |= {folded(region.name) for region in names.regions if region.box is not None}
            for region in names.regions:
                if region.box is None and (name_ := _clean(region.name, found.photo, result)):
                    loose.setdefault(name_, source)
        by_source: dict[str, list[str]] = defaultdict(list)
        for loose_name, source in loose.items():
            if folded(loose_name) not in placed:
                by_source[source].append(loose_name)
        waiting += [(found.photo, source, names_) for source, names_ in by_source.items()]
    free = [
        [face for face in faces_of(photo) if not face.unclear and not result.is_given(face)]
        for photo, _, _ in waiting
    ]
    by_key = {folded(name): person for name, person in known.items()}
    partners = {
        name: by_key[folded(name)]
        for _, _, names in waiting
        for name in names
        if folded(name) in by_key
    }
    tagged = list(zip((names for _, _, names in waiting), free, strict=True))
    company, left = matching.find_company(tagged, partners)
    for index, match in company:
        result.add(waiting[index][0], waiting[index][1], match)
    for index, unmatched_name in left:
        result.leave(waiting[index][0], waiting[index][1], unmatched_name)
    return result


def _clean(name: str, photo: Path, result: Matched) -> str | None:
    """The name as it is kept, or None where it is none."""
    try:
        return new_name(name)
    except ValueError as error:
        result.problems.append(f"{photo}: {error}")
        return None


class Seat(NamedTuple):
    """A face in the library: its row of `Members`, whose it is (0: nobody's), what was said."""

    row: int
    person: int
    said: bool
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Adopted:
    """A person who is to have a name.  is_new: nobody was called so before."""

    number: int
    name: str
    is_new: bool
    faces: tuple[Sourced, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be said.  known: what was said before.  conflicts: what was said otherwise."""

    adopted: list[Adopted]
    known: list[Sourced]
    conflicts: list[NameThere]


def plan(
    names: Sequence[Sourced],
    seats: Mapping[str, Seat],
    called: Mapping[int, str | None],
    new_number: Callable[[], int],
    *,
    replace: bool,
) -> Plan:
    """Who gets which name.

    seats: by face id.  called: everybody's name.  new_number: for a person nobody knows yet.
    A name goes to who is called so; else to the unnamed person who has most of its faces, each
    person at most one; else to somebody new.  replace: also where the user said otherwise.
    """
    result = Plan([], [], [])
    owner = {folded(name): number for number, name in called.items() if name is not None}
    wanted: dict[str, list[Sourced]] = defaultdict(list)
    for found in names:
        key, seat = folded(found.match.name), seats[found.match.face.id]
        there = called.get(seat.person)
        if there is not None and folded(there) == key and seat.confirmed:
            result.known.append(found)
        elif there is not None and folded(there) != key and seat.said and not replace:
            result.conflicts.append(NameThere(found.photo, found.match.name, there))
        else:
            wanted[key].append(found)
    taken: set[int] = set()
    for key, faces in sorted(wanted.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        number = owner.get(key)
        is_new = number is None
        if number is None:
            whose = (seats[found.match.face.id].person for found in faces)
            unnamed = Counter(p for p in whose if p and called.get(p) is None and p not in taken)
            most = min(unnamed, key=lambda p: (-unnamed[p], p), default=None)
            number = new_number() if most is None else most
        taken.add(number)
        result.adopted.append(Adopted(number, faces[0].match.name, is_new, tuple(faces)))
    return result
