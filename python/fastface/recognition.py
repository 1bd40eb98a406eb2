"""Portraits of everybody, kept up to date, so that new faces are compared with few."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fastface.periods import Period
from fastface.pipeline import Engine, Gallery, Match
from fastface.store import OwnFaces, Store
from fastface.types import FloatArray, IntArray

AT_ONCE: Final = 256  # people whose faces are read at once
# Strangers to a gallery are strangers to one of almost the same people: calibration is kept until
# one person in so many has changed. Small galleries are calibrated at once, it costs nothing.
KEPT_FOR: Final = 10
SMALL: Final = 2000  # exemplars


class Portrait(NamedTuple):
    """A person's exemplars, the most telling first: (k,) int64 observations, (k, d) float32."""

    ids: IntArray
    faces: FloatArray


class Recogniser:
    """The gallery of a library's people: read once, then changed with them.

    Only those whose faces changed are looked at again. `remember` keeps that in the library for
    the next program.
    """

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store, self._engine = store, engine
        self.reset()

    def reset(self) -> None:
        """Drops what was read; after a transaction that was rolled back."""
        self._version: tuple[str, int] | None = None
        self._gallery: Gallery | None = None
        self._portraits: dict[int, Portrait] = {}
        self._n_changed = 0  # people, since the gallery was calibrated
        self._impostors: list[float] | None = None

    def gallery(self, model: str) -> Gallery:
        """The gallery of the people there are now; inside the store's snapshot."""
        self._follow(model)
        if self._gallery is None:
            self._gallery = self._make()
        return self._gallery

    def identify(
        self, model: str, faces: FloatArray, taken_at: npt.NDArray[np.float64]
    ) -> Sequence[Match]:
        """Who each of (n, d) faces is; nobody who was born after (n,) it was taken, if known."""
        gallery = self.gallery(model)
        births = self._store.state("births", [])
        born = [(number, Period.parse("born", date).start) for number, date in births]
        later = [{number for number, start in born if start > when} for when in taken_at.tolist()]
        return gallery.identify(faces, impossible=later)

    def portrait(self, person: int) -> Portrait:
        """The portrait of somebody in the gallery."""
        return self._portraits[person]

    def remember(self, model: str) -> None:
        """Keeps the portraits in the library; inside a transaction."""
        self._follow(model)
        if self._kept_impostors() is None:
            self.gallery(model)
        nobody = Portrait(np.empty(0, np.int64), np.empty((0, 0), np.float32))
        new = {n: self._portraits.get(n, nobody).ids for n in self._store.outdated()}
        self._store.put_portraits({n: ids.tolist() for n, ids in new.items()})
        told = {"impostors": self._impostors, "n_changed": self._n_changed}
        self._store.set_state("calibration", told)

    def _follow(self, model: str) -> None:
        """Brings the portraits up to date with the people."""
        version = (model, self._store.people_version())
        if self._version == version:
            return
        since = 0
        if self._version is None or self._version[0] != model:
            self.reset()
            self._read(model)
        else:
            since = self._version[1]
        if outdated := self._store.outdated(since):
            self._look_again(model, outdated)
            self._gallery = None
        self._version = version

    def _read(self, model: str) -> None:
        ids, people, faces = self._store.exemplars(model)
        start = np.flatnonzero(np.diff(people, prepend=-1)).tolist()
        for begin, end in itertools.pairwise([*start, len(people)]):
            self._portraits[int(people[begin])] = Portrait(ids[begin:end], faces[begin:end])
        told = self._store.state("calibration", {})
        self._impostors, self._n_changed = told.get("impostors"), told.get("n_changed", 0)

    def _look_again(self, model: str, outdated: list[int]) -> None:
        """Makes the portraits of those whose faces changed; who has none left is gone."""
        self._n_changed += len(outdated)
        for begin in range(0, len(outdated), AT_ONCE):
            people = outdated[begin : begin + AT_ONCE]
            own = self._store.own_faces(model, people)
            start = np.searchsorted(own.people, people)
            end = np.searchsorted(own.people, people, side="right")
            for person, rows in zip(people, map(slice, start, end), strict=True):
                self._portraits.pop(person, None)
                if rows.stop > rows.start:
                    self._portraits[person] = self._paint(own, rows)

    def _paint(self, own: OwnFaces, rows: slice) -> Portrait:
        faces = own.faces[rows]
        chosen = self._engine.choose_exemplars(
            faces, own.quality[rows], own.confirmed[rows], own.taken_at[rows]
        )
        return Portrait(own.ids[rows][chosen], faces[chosen])

    def _make(self) -> Gallery:
        portraits = sorted(self._portraits.items())
        people = np.repeat([n for n, _ in portraits], [len(p.ids) for _, p in portraits])
        faces = [p.faces for _, p in portraits]
        kept = self._kept_impostors()
        gallery = self._engine.make_gallery(
            np.concatenate(faces) if faces else np.empty((0, 0), np.float32),
            people.astype(np.int64),
            kept,
        )
        if kept is None:
            self._impostors, self._n_changed = [*gallery.impostors], 0
        return gallery

    def _kept_impostors(self) -> list[float] | None:
        """What strangers scored, if that holds for the people there are now."""
        n_exemplars = sum(len(portrait.ids) for portrait in self._portraits.values())
        holds = n_exemplars > SMALL and self._n_changed * KEPT_FOR <= len(self._portraits)
        return self._impostors if holds else None
