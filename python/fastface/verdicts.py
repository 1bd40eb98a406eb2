"""What the user said, replayed over what the machine grouped: clusters + verdicts = people.

Pure functions of plain values.  The rules:

1. A *line* is one naming of one person: a name and the faces it was said of.  A face belongs to the
   last line that was said of it.  A renaming changes the name of every line that has the old one.
2. A line elects the cluster that holds most of its faces.  Lines of one name that elect different
   clusters join them: the user said that they are one person.  A name whose faces are in no cluster
   now (the photos are gone, the faces unclear to a new model) elects the cluster that holds most of
   the faces it had until now.
3. A cluster that several names elected goes to the name with most faces in it.  A face the user
   called by another name leaves it for that name: no face is ever shown under a name other than
   the one it was last given, and no name is lost because clusters merged.
4. People keep their ids: first by name, then by the number of faces shared with the last grouping,
   one id to one person.  New ids are numbers never used before.

Ties go to the earlier line, then to the earlier face in canonical order (see `store.Facts`), so the
outcome does not depend on how clusters are numbered.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastface.types import Anchor, Box, Verdict

NAME: Final = "name"  # payload: {"name": str, "renames": the person's name until then, or None}
SAME_PLACE_IOU: Final = 0.5  # a face found again by another detector overlaps at least this much


@dataclass(slots=True)
class _Line:
    name: str
    faces: list[int]  # indices of observations that are present


@dataclass(frozen=True, slots=True)
class People:
    """persons: for each observation, a person's number or None.  names: of every person."""

    persons: list[int | None]
    names: dict[int, str | None]
    next_id: int


@dataclass(slots=True)
class _Group:
    faces: list[int]
    name: str | None = None
    person: int | None = None


def clean_name(name: str) -> str:
    """The form of a name that is kept and compared: NFC, single spaces, none around it.

    >>> clean_name("  Ada   Lovelace ")
    'Ada Lovelace'
    """
    return " ".join(unicodedata.normalize("NFC", name).split())


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    height = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (a.width * a.height + b.width * b.height - common)


def naming(
    name: str, old_name: str | None, anchors: Sequence[Anchor], *, said_at: float
) -> Verdict:
    """The verdict that a person, seen at these anchors, is called so.

    A renaming says nothing new of who is who, so it keeps no anchors.
    """
    payload = {"name": name, "renames": old_name}
    return Verdict(NAME, payload, tuple(anchors) if old_name is None else (), said_at)


class Places:
    """Finds the observation at an anchor's place.

    >>> places = Places([Anchor("c0ffee", Box(0.1, 0.1, 0.2, 0.2))])
    >>> places.find(Anchor("c0ffee", Box(0.11, 0.1, 0.2, 0.2)))
    0
    >>> places.find(Anchor("c0ffee", Box(0.6, 0.1, 0.2, 0.2))) is None
    True
    """

    def __init__(self, observations: Sequence[Anchor]) -> None:
        self._exact: dict[Anchor, int] = {}
        self._boxes: dict[str, list[tuple[int, Box]]] = {}
        for index, anchor in enumerate(observations):
            self._exact.setdefault(anchor, index)
            self._boxes.setdefault(anchor.content_hash, []).append((index, anchor.box))

    def find(self, anchor: Anchor) -> int | None:
        """Index of the observation that overlaps most, the earliest of several; or None."""
        if anchor in self._exact:
            return self._exact[anchor]
        best, best_overlap = None, 0.0
        for index, box in self._boxes.get(anchor.content_hash, ()):
            shared = _overlap(anchor.box, box)
            if shared >= SAME_PLACE_IOU and shared > best_overlap:
                best, best_overlap = index, shared
        return best


def replay(
    observations: Sequence[Anchor],
    labels: Sequence[int],
    verdicts: Sequence[Verdict],
    *,
    previous: Sequence[tuple[Anchor, int]] = (),
    previous_names: Mapping[int, str | None] | None = None,
    next_id: int = 1,
) -> People:
    """People, from clusters and everything the user said.

    observations: in canonical order.  labels: each one's cluster, -1 for none.  verdicts: in the
    order in which they were said; kinds not known here are left alone.  previous: (anchor, person)
    of the last grouping.  previous_names: its names.  next_id: a number never used for a person.
    """
    if len(labels) != len(observations):
        raise ValueError(f"labels: expected {len(observations)} of them, got {len(labels)}")
    places = Places(observations)
    before = [(places.find(anchor), person) for anchor, person in previous]
    old = [(face, person) for face, person in before if face is not None]
    old_names = previous_names or {}
    groups = _group(labels, _lines(places, verdicts), [(f, old_names.get(p)) for f, p in old])
    next_id = _number(groups, old, old_names, next_id)
    persons: list[int | None] = [None] * len(observations)
    names: dict[int, str | None] = {}
    for group in groups:
        assert group.person is not None
        names[group.person] = group.name
        for face in group.faces:
            persons[face] = group.person
    return People(persons, names, next_id)


def _lines(places: Places, verdicts: Sequence[Verdict]) -> list[_Line]:
    lines: list[_Line] = []
    owner: dict[int, int] = {}  # face -> the last line it was said of
    for verdict in verdicts:
        if verdict.kind != NAME:
            continue
        name, old = verdict.payload["name"], verdict.payload.get("renames")
        if old is not None:
            for line in lines:
                if line.name == old:
                    line.name = name
        for anchor in verdict.anchors:
            if (face := places.find(anchor)) is not None:
                owner[face] = len(lines)
        if verdict.anchors:
            lines.append(_Line(name, []))
    for face in sorted(owner):
        lines[owner[face]].faces.append(face)
    return lines


def _group(
    labels: Sequence[int], lines: Sequence[_Line], called: Sequence[tuple[int, str | None]]
) -> list[_Group]:
    """Named people, then unnamed clusters.  called: (face, its person's name until now)."""
    clusters: dict[int, list[int]] = {}
    for face, label in enumerate(labels):
        if label >= 0:
            clusters.setdefault(label, []).append(face)
    said = {face: line.name for line in lines for face in line.faces}
    until_now: dict[str, list[int]] = {}
    for face, name in sorted(called):
        if name is not None and said.get(face, name) == name:
            until_now.setdefault(name, []).append(face)

    named = {line.name: _Group([], line.name) for line in lines}
    elected = [(_elect(labels, line.faces), line) for line in lines]
    seated = {line.name for cluster, line in elected if cluster is not None}
    contenders: dict[int, list[str]] = {}
    for cluster, line in elected:
        seat = cluster
        if line.name not in seated:
            seat = _elect(labels, until_now.get(line.name, ()))
            # What the user named and no cluster holds stays a person by the user's word alone.
            named[line.name].faces += line.faces
        if seat is not None:
            contenders.setdefault(seat, []).append(line.name)
    groups = list(named.values())
    for label, faces in clusters.items():
        if label not in contenders:
            groups.append(_Group(faces))
            continue
        votes = Counter(said[face] for face in faces if face in said)
        holder = max(contenders[label], key=lambda name: votes[name])
        for face in faces:
            named[said.get(face, holder)].faces.append(face)
    for group in groups:
        group.faces.sort()
    return [group for group in groups if group.faces]


def _elect(labels: Sequence[int], faces: Sequence[int]) -> int | None:
    """The cluster of most of these faces; of equals, that of the earliest face."""
    # A Counter keeps the order of first sight among equals, and faces are in canonical order.
    votes = Counter(labels[face] for face in faces if labels[face] >= 0)
    return votes.most_common(1)[0][0] if votes else None


def _number(
    groups: list[_Group],
    old: Sequence[tuple[int, int]],
    old_names: Mapping[int, str | None],
    next_id: int,
) -> int:
    """Gives every group its person's number; returns the next free one.  old: (face, person)."""
    group_of = {face: index for index, group in enumerate(groups) for face in group.faces}
    shared: Counter[tuple[int, int]] = Counter()  # (group, old person) -> faces in common
    for face, person in old:
        if face in group_of:
            shared[group_of[face], person] += 1
    by_name: dict[str, list[int]] = {}
    for person, name in sorted(old_names.items()):
        if name is not None:
            by_name.setdefault(name, []).append(person)
    taken: set[int] = set()
    for index, group in enumerate(groups):
        heirs = by_name.get(group.name, []) if group.name is not None else []
        if heirs:
            group.person = max(heirs, key=lambda person: (shared[index, person], -person))
            taken.add(group.person)
    rank = {index: group.faces[0] for index, group in enumerate(groups)}
    for (index, person), _ in sorted(
        shared.items(), key=lambda item: (-item[1], item[0][1], rank[item[0][0]])
    ):
        if groups[index].person is None and person not in taken:
            groups[index].person = person
            taken.add(person)
    fresh = [group for group in groups if group.person is None]
    for group in sorted(fresh, key=lambda group: (-len(group.faces), group.faces[0])):
        group.person = next_id
        next_id += 1
    return next_id
