"""Who is who, kept in memory beside the file, so that one answer need not read a whole library."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace as changed
from typing import Final

import numpy as np

from fastface.store import Members, PersonRow, Store
from fastface.types import Anchor, IntArray, Verdict
from fastface.verdicts import Heard, Places, Rulings, number, replay, weigh

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
        """Forgets what was read; after a transaction that was rolled back."""
        self._version: tuple[str, int, int] | None = None

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
            self._places = Places(self.members.anchors)
            self._heard = Heard.nothing(len(self.members.ids))
            self._people = self._store.person_rows()
            self._version = version
        last = self._heard.verdicts[-1].id if self._heard.verdicts else 0
        new = self._store.verdicts(after=last)
        if new or not last:
            self._heard = self._heard.listen(new, self._places)
            self.rulings: Rulings = weigh(self._heard)

    @property
    def verdicts(self) -> Sequence[Verdict]:
        """Everything that was said, in order."""
        return self._heard.verdicts

    @property
    def people(self) -> Mapping[int, PersonRow]:
        """Everybody by number, those of missing photos too."""
        return self._people

    def faces_of(self, person: int) -> list[tuple[Anchor, int]]:
        """Where a person is seen, on photos that are present, with the person's number."""
        rows = np.flatnonzero((self.members.persons == person) & self.members.present)
        return [(self.members.anchors[row], person) for row in rows.tolist()]

    def is_said(self, person: int) -> bool:
        """Whether something was said of a face of this person."""
        return bool((self.rulings.seat == person).any())

    def face(self, observation_id: int) -> tuple[Anchor, int]:
        """Where an observation is, and whose it is now; 0 for nobody's."""
        (row,) = np.flatnonzero(self.members.ids == observation_id).tolist()
        return self.members.anchors[row], int(self.members.persons[row])

    def seats(self, ids: IntArray) -> IntArray:
        """(k,) who the user said each of these observations is, 0 where nothing was said."""
        seat = dict(zip(self.members.ids.tolist(), self.rulings.seat.tolist(), strict=True))
        return np.array([seat.get(id_, 0) for id_ in ids.tolist()], np.int64)

    def new_number(self) -> int:
        """A number that nobody ever had, and nobody else will get."""
        new = self._next_number()
        self._store.set_state("next_person", new + 1)
        return new

    def regroup(self, labels: Mapping[int, int]) -> None:
        """Takes over a new grouping: observation id -> label, of all that is present."""
        model = self._model
        before = dict(zip(self.members.ids.tolist(), self._clusters_before(), strict=True))
        self._store.drop_superseded_memberships(model)
        self.reset()
        self.look(model)
        members = self.members
        here = np.flatnonzero(members.present)
        ids = members.ids[here].tolist()
        numbers, next_id = number(
            np.array([labels.get(id_, -1) for id_ in ids], np.int64),
            np.array([before[id_] for id_ in ids], np.int64),
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
        persons = replay(clusters, rulings, self._resemblance)
        said = np.where(rulings.not_face, -1, (rulings.seat > 0) + 1 * rulings.confirmed)
        differs = (persons != members.persons) | (said != members.said) | ~members.stored
        rows = np.flatnonzero(differs | (clusters != members.clusters))
        people = self._everybody(persons)
        news = {n: row for n, row in people.items() if self._people.get(n) != row}
        self._store.put_people(news)
        self._store.put_memberships(
            (id_, cluster, person or None, word)
            for id_, cluster, person, word in zip(
                members.ids[rows].tolist(),
                clusters[rows].tolist(),
                persons[rows].tolist(),
                said[rows].tolist(),
                strict=True,
            )
        )
        self._store.drop_people(self._people.keys() - people.keys())
        self._store.set_state("conflicts", [list(conflict) for conflict in rulings.conflicts])
        self._store.set_state("people_version", self._store.people_version() + 1)
        self._people = people
        self.members = changed(
            members, clusters=clusters, persons=persons, said=said, stored=members.stored | True
        )
        self._version = (self._model, self._store.revision(), self._store.people_version())

    def _everybody(self, persons: IntArray) -> dict[int, PersonRow]:
        rulings = self.rulings
        numbers = np.unique(persons[persons > 0]).tolist()
        covers = {n: int(self.members.ids[face]) for n, face in rulings.covers.items()}
        return {
            n: PersonRow(rulings.names.get(n), n in rulings.hidden, covers.get(n)) for n in numbers
        }

    def _clusters_before(self) -> IntArray:
        """(n,) each face's cluster so far; of what a new model sees, that of the same place."""
        members = self.members
        before = members.clusters.copy()
        new = np.flatnonzero(members.present & ~members.stored)
        places = Places([members.anchors[row] for row in new.tolist()])
        old = np.flatnonzero(~members.present & (members.clusters > 0))
        for row in old.tolist() if len(new) else ():
            if (found := places.find(members.anchors[row])) is not None:
                before[new[found]] = members.clusters[row]
        return before

    def _next_number(self) -> int:
        ever = max(self.rulings.kin.people, default=0)
        return max(int(self._store.state("next_person", 1)), ever + 1)

    def _resemblance(self, faces: IntArray, sides: Sequence[IntArray]) -> IntArray:
        """The side whose mean face is nearest to each face; see `verdicts.Likeness`."""
        spread = [side[:: -(-len(side) // SIDE_FACES)] for side in sides]
        rows = np.unique(np.concatenate([faces, *spread]))
        ids = self.members.ids
        vectors = self._store.embeddings(self._model, ids[rows].tolist())
        if not vectors:
            return np.zeros(len(faces), np.int64)
        nothing = np.zeros(len(next(iter(vectors.values()))), np.float32)
        found = np.stack([vectors.get(id_, nothing) for id_ in ids[rows].tolist()])
        centres = np.stack([found[np.searchsorted(rows, side)].mean(axis=0) for side in spread])
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
        return np.asarray((found[np.searchsorted(rows, faces)] @ centres.T).argmax(axis=1))
