"""Who is who, kept in memory beside the file, so that one answer need not read a whole library."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace as changed
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from fastface.arrays import distinct
from fastface.changes import WhoIsWho
from fastface.store import Members, PersonRow, Store
from fastface.types import IntArray, Verdict
from fastface.verdicts import Heard, Places, Rulings, claim, number, replay, weigh, words

Faces: TypeAlias = IntArray  # (k, 2): a face's row in `Roll.members`, who it is said to be
Saying: TypeAlias = tuple[str, Mapping[str, Any], Faces]  # a verdict's kind, payload and faces

UNKNOWN: Final = PersonRow(None, False, None)  # one of whom nothing was said
SIDE_FACES: Final = 64  # of one person, to see whom a face resembles; more would not change it


class Roll:
    """The people of one library: clusters, what was said of them, and what follows.

    Look before anything else, inside the store's snapshot or, to change anything, by `changing`.
    It reads only what this process or another has changed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reset()

    def reset(self) -> None:
        """Drops what was read; after a transaction that was rolled back."""
        self._version: tuple[str, int, int] | None = None

    def start_anew(self) -> None:
        """Reads everything again, after facts or the log itself were changed, and settles."""
        self._store.facts_changed()
        self._store.set_state("heard", [None])
        self.reset()
        self.look(self._model)
        self.settle()

    @contextlib.contextmanager
    def changing(self, model: str) -> Iterator[None]:
        """A transaction, with what is in memory up to date; it happens as a whole or not at all."""
        try:
            with self._store.atomic():
                self.look(model)
                yield
        except BaseException:
            self.reset()
            raise

    def look(self, model: str) -> None:
        """Brings what is in memory up to date with the file."""
        version = (model, self._store.revision(), self._store.people_version())
        if version != self._version:
            self._model = model
            self.members: Members = self._store.members(model)
            self._heard = self._hear()
            self._people = self._store.person_rows()
            self._version = version
            self.rulings: Rulings = weigh(self._heard)

    def _hear(self) -> Heard:
        """What was said, of the faces that are there now."""
        said = self._store.said()
        self._heard_of = [self._model, self._store.revision()]
        of, *elsewhere = self._store.state("heard", [None])
        self._heard_anew = of != self._heard_of
        if self._heard_anew:
            elsewhere = self._look_for(distinct(said[:, 2]))
        self._elsewhere = np.array(elsewhere, np.int64).reshape(2, -1)
        rows = np.column_stack([said[:, 0], self._rows_at(said[:, 2]), said[:, 1]])
        return Heard.of(len(self.members.ids), self._store.words(), rows)

    def _look_for(self, places: IntArray) -> list[list[int]]:
        """Those of these places where another observation than their own, or none, is now."""
        anchors = self._store.places(places.tolist())
        seen = self._store.observations_on(anchor.content_hash for anchor in anchors.values())
        here = set(self.members.ids.tolist())
        found = {id_: place for id_, place in seen.items() if id_ in here}
        ids, there = [*found, 0], Places(found.values())
        now = {n: ids[-1 if (k := there.find(at)) is None else k] for n, at in anchors.items()}
        moved = sorted((number, id_) for number, id_ in now.items() if number != id_)
        return [[number for number, _ in moved], [id_ for _, id_ in moved]]

    def _rows_at(self, places: IntArray) -> IntArray:
        """(k,) the row of the observation at each place now, -1 for none."""
        numbers, ids = self._elsewhere
        at = np.searchsorted(numbers, places)
        moved = np.append(numbers, -1)[at] == places
        return self.members.rows_of(np.where(moved, np.append(ids, 0)[at], places))

    @property
    def verdicts(self) -> Sequence[Verdict]:
        """Everything that was said, in order, without anchors."""
        return self._heard.verdicts

    @property
    def people(self) -> Mapping[int, PersonRow]:
        """Everybody by number, those of missing photos too."""
        return self._people

    def say(self, kind: str, payload: Mapping[str, Any], faces: Faces) -> Verdict:
        """Adds a verdict to the log, and settles what follows from it."""
        return self.say_all([(kind, payload, faces)])[0]

    def say_all(self, sayings: Sequence[Saying]) -> list[Verdict]:
        """Adds several verdicts to the log, and settles once what follows from them."""
        ids, said_at = self.members.ids, time.time()
        said: list[Verdict] = []
        rows: list[IntArray] = []
        for kind, payload, faces in sayings:
            row, person = faces.T
            of_people = {n: ids[row[person == n]] for n in distinct(person).tolist()}
            id_ = self._store.add_verdict(kind, payload, said_at, of_people)
            said.append(Verdict(kind, dict(payload), (), said_at, (), id_))
            rows.append(np.column_stack([np.full(len(row), id_), self._rows_at(ids[row]), person]))
        self._heard = self._heard.more(said, np.concatenate(rows))
        self.rulings = weigh(self._heard)
        self.settle()
        return said

    def who_is_who(self) -> WhoIsWho:
        """The people of this moment, to be compared with those of a later one."""
        return WhoIsWho(self.members, dict(self._people))

    def answers_about(self, rows: IntArray) -> set[int]:
        """The ids of the verdicts that are about any of these faces."""
        verdicts = distinct(self._heard.verdict[np.isin(self._heard.face, rows)])
        return {self._heard.verdicts[index].id for index in verdicts.tolist()}

    def faces_of(self, person: int) -> Faces:
        """A person's faces, those on photos that are missing now too, with the person's number."""
        rows = np.flatnonzero(self.members.persons == person)
        return np.column_stack([rows, np.full(len(rows), person)])

    def is_seen(self, person: int) -> bool:
        """Whether a person is on a photo that is present."""
        return bool(((self.members.persons == person) & self.members.present).any())

    def is_said(self, person: int) -> bool:
        """Whether something was said of a face of this person."""
        return bool((self.rulings.seat == person).any())

    def face(self, observation_id: int) -> tuple[int, int]:
        """A face's row, and whose it is now; 0 for nobody's."""
        (row,) = np.flatnonzero(self.members.ids == observation_id).tolist()
        return row, int(self.members.persons[row])

    def seats(self, ids: IntArray) -> IntArray:
        """(k,) who the user said each of these observations is, 0 where nothing was said."""
        rows = self.members.rows_of(ids)
        return np.where(rows < 0, 0, np.append(self.rulings.seat, 0)[rows])

    def said_since(self, verdict: int) -> IntArray:
        """(k,) rows of the faces that were spoken of after a verdict of this id, by undoing too."""
        ids = np.array([v.id for v in self.verdicts], np.int64)
        about = set(ids[ids > verdict].tolist())
        for said in reversed(self.verdicts):  # what is undone was said before
            if said.id in about and said.kind == words.UNDO:
                about.add(said.payload["verdict"])
        rows = self._heard.face[np.isin(ids[self._heard.verdict], [*about])]
        return distinct(rows[rows >= 0])

    def new_number(self) -> int:
        """A number that nobody ever had, and nobody else will get."""
        new = self._next_number()
        self._store.set_state("next_person", new + 1)
        return new

    def new_batch(self) -> int:
        """A number for what is said, and taken back, together."""
        new = int(self._store.state("next_batch", 1))
        self._store.set_state("next_batch", new + 1)
        return new

    def regroup(self, ids: IntArray, labels: IntArray) -> None:
        """Takes over a new grouping: the observations that were grouped, and each one's label."""
        model = self._model
        known, before = self.members.ids, self._clusters_before()
        if self._store.drop_superseded_memberships(model):
            self._store.set_state("heard", [None])
            self.reset()
            self.look(model)
        members = self.members
        here = np.flatnonzero(members.present)
        numbers, next_id = number(
            _aligned(members.ids[here], ids, labels, -1),
            _aligned(members.ids[here], known, before, 0),
            self._next_number(),
        )
        self._store.set_state("next_person", next_id)
        clusters = members.clusters.copy()
        clusters[here] = numbers
        self._settle(clusters)

    def settle(self) -> None:
        """Writes who is who now."""
        self._settle(self.members.clusters)

    def _settle(self, clusters: IntArray) -> None:
        members, rulings = self.members, self.rulings
        claims = claim(clusters, rulings)
        persons = replay(clusters, rulings, self._resemblance, claims)
        said = np.where(rulings.not_face, -1, 1 * rulings.confirmed)
        people = self._everybody(persons)
        gone = self._people.keys() - people.keys()
        before = self._people
        self._store.put_people(
            {n: p for n, p in people.items() if (was := before.get(n)) is not p and was != p}
        )
        moved, surer = self._put_memberships(clusters, persons, said)
        touched = gone | moved if self._store.are_counted(self._model) else None
        self._store.outdate(gone | moved | surer)
        self._store.drop_people(gone)
        self._put_heard()
        self._store.set_state("births", list(rulings.births.items()))
        self._store.set_state("holders", [*claims.holders().items()])
        self._store.set_state("conflicts", [list(conflict) for conflict in rulings.conflicts])
        self._store.set_state("people_version", self._store.people_version() + 1)
        self._people = people
        self.members = changed(
            members, clusters=clusters, persons=persons, said=said, stored=members.stored | True
        )
        self._store.count_people(self._model, self.members, touched)
        self._store.keep_members(self._model, self.members)
        self._version = (self._model, self._store.revision(), self._store.people_version())

    def _put_memberships(
        self, clusters: IntArray, persons: IntArray, said: IntArray
    ) -> tuple[set[int], set[int]]:
        """Writes who is who; returns those who have other faces than before, and surer ones."""
        members = self.members
        new = np.flatnonzero(~members.stored)
        columns = (column[new].tolist() for column in (members.ids, clusters, persons, said))
        self._store.add_memberships(
            (id_, c, p or None, word) for id_, c, p, word in zip(*columns, strict=True)
        )
        moved = (persons != members.persons) | (clusters != members.clusters)
        for ids, (c, p, word) in _alike(
            members.ids, moved & members.stored, clusters, persons, said
        ):
            self._store.change_memberships(ids, c, p or None, word)
        said_anew = (said != members.said) & ~moved & members.stored
        for ids, (word,) in _alike(members.ids, said_anew, said):
            self._store.mark_said(ids, word)
        other = (persons != members.persons) | ~members.stored
        surer = (said > 0) != (members.said > 0)
        return (
            {*distinct(np.stack([persons[other], members.persons[other]])).tolist()} - {0},
            {*distinct(persons[surer]).tolist()} - {0},
        )

    def _put_heard(self) -> None:
        if self._heard_anew:
            self._store.set_state("heard", [self._heard_of, *self._elsewhere.tolist()])
            self._heard_anew = False

    def _everybody(self, persons: IntArray) -> dict[int, PersonRow]:
        rulings = self.rulings
        numbers = np.flatnonzero(np.bincount(persons)[1:]) + 1
        people = dict.fromkeys(numbers.tolist(), UNKNOWN)
        for n in people.keys() & (rulings.names.keys() | rulings.hidden | rulings.covers.keys()):
            cover = rulings.covers.get(n)
            people[n] = PersonRow(
                rulings.names.get(n),
                n in rulings.hidden,
                None if cover is None else int(self.members.ids[cover]),
            )
        return people

    def _clusters_before(self) -> IntArray:
        """(n,) each face's cluster so far; of what a new model sees, that of the same place."""
        members = self.members
        before = members.clusters.copy()
        new = np.flatnonzero(members.present & ~members.stored)
        old = np.flatnonzero(~members.present & (members.clusters > 0))
        if not len(new) or not len(old):
            return before
        anchors = self._store.anchors(members.ids[np.concatenate([new, old])].tolist())
        places = Places(anchors[id_] for id_ in members.ids[new].tolist())
        for row in old.tolist():
            if (found := places.find(anchors[int(members.ids[row])])) is not None:
                before[new[found]] = members.clusters[row]
        return before

    def _next_number(self) -> int:
        ever = max(self.rulings.kin.people, default=0)
        return max(int(self._store.state("next_person", 1)), ever + 1)

    def _resemblance(self, faces: IntArray, sides: Sequence[IntArray]) -> IntArray:
        """The side whose mean face is nearest to each face; see `verdicts.Likeness`."""
        spread = [side[:: -(-len(side) // SIDE_FACES)] for side in sides]
        rows = distinct(np.concatenate([faces, *spread]))
        ids = self.members.ids
        vectors = self._store.embeddings(self._model, ids[rows].tolist())
        if not vectors:
            return np.zeros(len(faces), np.int64)
        nothing = np.zeros(len(next(iter(vectors.values()))), np.float32)
        found = np.stack([vectors.get(id_, nothing) for id_ in ids[rows].tolist()])
        centres = np.stack([found[np.searchsorted(rows, side)].mean(axis=0) for side in spread])
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
        return np.asarray((found[np.searchsorted(rows, faces)] @ centres.T).argmax(axis=1))


def _alike(
    ids: IntArray, which: npt.NDArray[np.bool_], *columns: IntArray
) -> Iterator[tuple[list[int], list[int]]]:
    """Those of the ids that are chosen, by their values, and the values that they share."""
    rows = np.flatnonzero(which)
    if not len(rows):
        return
    table = np.stack([column[rows] for column in columns])
    order = np.lexsort(table)
    changes = np.diff(table[:, order], axis=1).any(axis=0)
    for part in np.split(order, np.flatnonzero(changes) + 1):
        yield ids[rows[part]].tolist(), table[:, part[0]].tolist()


def _aligned(wanted: IntArray, ids: IntArray, values: IntArray, missing: int) -> IntArray:
    """The value of each wanted id."""
    row = np.full(max(int(wanted.max(initial=0)), int(ids.max(initial=0))) + 1, missing)
    row[ids] = values
    return np.asarray(row[wanted])
