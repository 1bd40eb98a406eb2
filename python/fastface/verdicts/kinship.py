"""Who was said to be one person, and who was said to be two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from fastface.types import IntArray, Verdict
from fastface.verdicts import words


@dataclass(slots=True, eq=False)
class Kinship:
    """parent: whom a person was merged into.  members: of a root, in the order of merging.

    people: everybody whom a verdict in force names.  apart: pairs of roots that are not one.
    overruled: (index of a verdict, index of the later one that contradicts it).
    """

    parent: dict[int, int] = field(default_factory=dict)
    members: dict[int, list[int]] = field(default_factory=dict)
    people: set[int] = field(default_factory=set)
    apart: set[tuple[int, int]] = field(default_factory=set)
    overruled: list[tuple[int, int]] = field(default_factory=list)

    def root(self, person: int) -> int:
        """The person that this one is now."""
        while person in self.parent:
            person = self.parent[person]
        return person

    def roots_of(self, people: IntArray) -> IntArray:
        """`root` of many."""
        if not self.parent or not len(people):
            return people
        table = np.arange(max(int(people.max()), *self.parent) + 1)
        for person in self.parent:
            table[person] = self.root(person)
        roots: IntArray = table[people]
        return roots

    def in_order(self, people: Iterable[int]) -> list[int]:
        """Those merged into one in the order of merging, the one who was kept first."""
        rank = {p: k for members in self.members.values() for k, p in enumerate(members)}
        return sorted(people, key=lambda person: (self.root(person), rank.get(person, 0), person))

    def merge(self, kept: int, other: int) -> None:
        """Makes two people one."""
        into, gone = self.root(kept), self.root(other)
        if into != gone:
            self.parent[gone] = into
            self.members.setdefault(into, [into]).extend(self.members.pop(gone, [gone]))


def relate(verdicts: Sequence[Verdict | None], people: Iterable[int] = ()) -> Kinship:
    """Weighs what was said of whole people.

    verdicts: None where one does not count.  people: whom those that count say faces to be.
    """
    ties = _Ties()
    for index in reversed(range(len(verdicts))):
        verdict = verdicts[index]
        if verdict is None:
            continue
        if verdict.kind == words.SAME:
            kept, *others = words.people_of(verdict)
            for other in others:
                ties.join(kept, other, index)
        elif verdict.kind == words.DIFFERENT:
            one, two = words.people_of(verdict)
            ties.part(one, two, index)
    kin = Kinship(overruled=sorted(set(ties.overruled)))
    for _, kept, other in sorted(ties.joined, key=lambda tie: tie[0]):
        kin.merge(kept, other)
    kin.people.update(p for v in verdicts if v is not None for p in words.people_of(v))
    kin.people.update(people)
    for one, two in ties.parted:
        a, b = kin.root(one), kin.root(two)
        kin.apart.add((min(a, b), max(a, b)))
    return kin


class _Ties:
    """Merges and partings that do not contradict each other; the first that comes counts."""

    def __init__(self) -> None:
        self.joined: list[tuple[int, int, int]] = []  # (verdict, kept, other)
        self.parted: list[tuple[int, int]] = []
        self.overruled: list[tuple[int, int]] = []
        self._kin = Kinship()
        self._apart: dict[int, dict[int, int]] = {}  # root -> roots apart from it -> the verdict
        self._near: dict[int, list[tuple[int, int]]] = {}  # person -> (merged with, the verdict)

    def join(self, kept: int, other: int, verdict: int) -> None:
        a, b = self._kin.root(kept), self._kin.root(other)
        by = self._apart.get(a, {}).get(b)
        if by is not None:
            self.overruled.append((verdict, by))
            return
        if a == b:  # said again later: that word decides who keeps the id
            return
        self.joined.append((verdict, kept, other))
        self._near.setdefault(kept, []).append((other, verdict))
        self._near.setdefault(other, []).append((kept, verdict))
        self._kin.merge(a, b)
        for far, of in self._apart.pop(b, {}).items():
            self._apart.setdefault(a, {}).setdefault(far, of)
            self._apart[far].pop(b)
            self._apart[far].setdefault(a, of)

    def part(self, one: int, two: int, verdict: int) -> None:
        a, b = self._kin.root(one), self._kin.root(two)
        if a == b:
            self.overruled.append((verdict, self._joined_by(one, two)))
            return
        self.parted.append((one, two))
        self._apart.setdefault(a, {}).setdefault(b, verdict)
        self._apart.setdefault(b, {}).setdefault(a, verdict)

    def _joined_by(self, one: int, two: int) -> int:
        """The latest verdict on a way of merges from one to the other."""
        latest = {one: -1}
        waiting = [one]
        for person in waiting:
            for other, verdict in self._near.get(person, ()):
                if other not in latest:
                    latest[other] = max(latest[person], verdict)
                    waiting.append(other)
        return latest[two]
