"""Which verdicts count.  The latest word wins; what it overrules is kept and explained.

A verdict counts for a face unless a later one contradicts it there: that the face is somebody
against that it is somebody else, that it is not that person, or that it is no face.  Of whole
people, `kinship` weighs what was said.  What was undone or forgotten does not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fastface.arrays import distinct
from fastface.types import IntArray, Verdict
from fastface.verdicts import words
from fastface.verdicts.kinship import Kinship, relate
from fastface.verdicts.places import Heard

BoolArray = npt.NDArray[np.bool_]


class Conflict(NamedTuple):
    """A verdict that a later one contradicts, by their ids.

    n_faces: the faces about which the later one counts; 0 where it is about whole people.
    """

    overruled: int
    by: int
    n_faces: int


@dataclass(frozen=True, slots=True, eq=False)
class Rulings:
    """What counts, per face of n and per person.

    seat: (n,) int64, who the face was said to be, 0 for nothing said.  said: (2, m) int64, faces
    and the numbers they were said by, before merges, where that agrees with the seat.  refused: who
    a face is not.  spare: who a refused face is if nobody else claims it.  not_face, confirmed:
    (n,) bool.  covers: the face to show.  kin: who is one, who is not.  names, hidden, births: of
    people.
    """

    seat: IntArray
    said: IntArray
    refused: dict[int, set[int]]
    spare: dict[int, int]
    not_face: BoolArray
    confirmed: BoolArray
    covers: dict[int, int]
    kin: Kinship
    names: dict[int, str]
    hidden: frozenset[int]
    births: dict[int, str]
    conflicts: tuple[Conflict, ...]


def in_force(verdicts: Sequence[Verdict]) -> list[bool]:
    """Whether each verdict stands: not redacted, nor taken back by an undo that stands."""
    undone: set[int] = set()
    stands = []
    for verdict in reversed(verdicts):
        stands.append(verdict.id not in undone and "redacted" not in verdict.payload)
        if stands[-1] and verdict.kind == words.UNDO:
            undone.add(verdict.payload["verdict"])
    return stands[::-1]


def weigh(heard: Heard) -> Rulings:
    """Decides what counts."""
    verdicts, stands = heard.verdicts, in_force(heard.verdicts)
    counting = [verdict if ok else None for verdict, ok in zip(verdicts, stands, strict=True)]
    of_rows = np.array(stands, np.bool_)[heard.verdict]
    kin = relate(counting, distinct(heard.person[of_rows]).tolist())
    rows = _Rows(heard, counting, kin)
    said_of = _of_people(counting, kin)
    ids = [verdict.id for verdict in verdicts]
    lost = rows.overruled + Counter(dict.fromkeys(kin.overruled, 1))
    whole = set(kin.overruled)
    return Rulings(
        seat=rows.seat,
        said=np.stack([rows.face[rows.agrees], rows.number[rows.agrees]]),
        refused=rows.refused,
        spare=rows.spare,
        not_face=rows.not_face,
        confirmed=rows.of_kind(words.CONFIRM),
        covers=rows.covers(),
        kin=kin,
        names=said_of.names,
        hidden=said_of.hidden,
        births=said_of.births,
        conflicts=tuple(
            Conflict(ids[loser], ids[winner], 0 if (loser, winner) in whole else n)
            for (loser, winner), n in sorted(lost.items())
        ),
    )


class _Rows:
    """What was said of single faces that are there: a row per anchor, in the order of the log."""

    def __init__(self, heard: Heard, counting: Sequence[Verdict | None], kin: Kinship) -> None:
        self._counting = counting
        targets = [v.payload["person"] if v and v.kind == words.REJECT else 0 for v in counting]
        there = heard.face >= 0
        self.face, self.verdict = heard.face[there], heard.verdict[there]
        self.number = heard.person[there]
        self._root = kin.roots_of(self.number)
        target = np.array(targets, np.int64)
        self._target = kin.roots_of(target)[self.verdict]
        self.overruled: Counter[tuple[int, int]] = Counter()
        rejects = self._of({words.REJECT})
        owned = rejects & (self.number == target[self.verdict])
        affirms, rejects = self._of(words.AFFIRMING) | owned, rejects & ~owned
        self._hear_rejects(affirms, rejects)
        self._seat(affirms, heard.n_faces)

    def _of(self, kinds: Set[str]) -> BoolArray:
        """(m,) rows whose verdict counts and is of one of these kinds."""
        of_verdict = [v is not None and v.kind in kinds for v in self._counting]
        rows: BoolArray = np.array(of_verdict, np.bool_)[self.verdict]
        return rows

    def _hear_rejects(self, affirms: BoolArray, rejects: BoolArray) -> None:
        """Of a person's yes and no to one face the later one counts: fills `refused`, `spare`."""
        self.refused: dict[int, set[int]] = {}
        self.spare: dict[int, int] = {}
        last: dict[tuple[int, int], list[int]] = {}  # (face, person) -> rows that still count
        faces = distinct(self.face[rejects])
        for row in np.flatnonzero((affirms | rejects) & np.isin(self.face, faces)).tolist():
            who = self._target[row] if rejects[row] else self._root[row]
            rows = last.setdefault((int(self.face[row]), int(who)), [])
            for before in rows if rows and rejects[rows[0]] != rejects[row] else ():
                self._overrule(before, row)
                affirms[before] = rejects[before] = False
            rows[:] = [*(before for before in rows if rejects[before] == rejects[row]), row]
        for row in np.flatnonzero(rejects).tolist():
            face = int(self.face[row])
            self.refused.setdefault(face, set()).add(int(self._target[row]))
            self.spare[face] = int(self._root[row])

    def _seat(self, affirms: BoolArray, n_faces: int) -> None:
        """Fills `seat`, `not_face` and `agrees`: which rows say what the face's seat is."""
        self.seat = np.zeros(n_faces, np.int64)
        self.not_face = np.zeros(n_faces, np.bool_)
        denies = self._of({words.NOT_FACE, words.FORGET})
        rows = np.flatnonzero(affirms | denies)
        last = np.full(n_faces, -1, np.int64)
        last[self.face[rows]] = rows  # of several, numpy keeps the last
        winner = last[last >= 0]
        self.seat[self.face[winner]] = np.where(denies[winner], 0, self._root[winner])
        self.not_face[self.face[winner]] = denies[winner]
        by = last[self.face[rows]]
        agree = (self._root[rows] == self._root[by]) & ~denies[rows] & ~denies[by]
        agree |= denies[rows] & denies[by]
        for row, winner_row in zip(rows[~agree].tolist(), by[~agree].tolist(), strict=True):
            self._overrule(row, winner_row)
        self.agrees = np.zeros(len(self.face), np.bool_)
        self.agrees[rows[agree & ~denies[rows]]] = True

    def _overrule(self, row: int, by: int) -> None:
        self.overruled[int(self.verdict[row]), int(self.verdict[by])] += 1

    def of_kind(self, kind: str) -> BoolArray:
        """(n,) faces whose seat was said by a verdict of this kind."""
        marked = np.zeros(len(self.seat), np.bool_)
        marked[self.face[self.agrees & self._of({kind})]] = True
        return marked

    def covers(self) -> dict[int, int]:
        """person -> the face to show, the last that was chosen."""
        chosen = self.agrees & self._of({words.FAVOURITE})
        return dict(zip(self._root[chosen].tolist(), self.face[chosen].tolist(), strict=True))


class _OfPeople(NamedTuple):
    names: dict[int, str]
    hidden: frozenset[int]
    births: dict[int, str]


def _of_people(counting: Sequence[Verdict | None], kin: Kinship) -> _OfPeople:
    """What was said of people.  The one who was kept in a merge decides, if anything was said."""
    own_name: dict[int, str] = {}
    own_birth: dict[int, str] = {}
    own_hidden: dict[int, bool] = {}
    for verdict in counting:
        if verdict is None:
            continue
        if verdict.kind == words.NAME:
            own_name[verdict.payload["person"]] = verdict.payload["name"]
        elif verdict.kind == words.BORN:
            own_birth[verdict.payload["person"]] = verdict.payload["born"]
        elif verdict.kind in (words.HIDE, words.UNHIDE):
            own_hidden[verdict.payload["person"]] = verdict.kind == words.HIDE
    names: dict[int, str] = {}
    births: dict[int, str] = {}
    for own, found in ((own_name, names), (own_birth, births)):
        for person in kin.in_order(own):
            found.setdefault(kin.root(person), own[person])
    hidden = frozenset(p for p, yes in own_hidden.items() if yes and kin.root(p) == p)
    return _OfPeople(names, hidden, births)
