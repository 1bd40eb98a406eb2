"""Which crops a training step sees: a pure function of seed and step, so that resuming is exact."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from fastface.lab import views
from fastface.lab.augment import Curriculum
from fastface.lab.crops import NOBODY, Crops, split
from fastface.types import ImageArray, IntArray


class Batch(NamedTuple):
    """pixels: (n, 112, 112, 3) uint8.  rows, views: (n,) which crop, seen how (an index into
    `views.VIEWS`).  labels: (n,), NOBODY where unknown or blended."""

    pixels: ImageArray
    rows: IntArray
    views: IntArray
    labels: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """size: crops per step.  balanced: share of the batch drawn person by person from the labelled
    crops (each known person as often as any other); the rest goes through all crops in turn.
    steps: of the whole training, for the curriculum.  blends: show blended faces too; needs a
    teacher, as nobody's label is theirs."""

    crops: Crops
    size: int
    balanced: float
    curriculum: Curriculum
    seed: int
    steps: int
    blends: bool = False

    def at(self, step: int) -> Batch:
        """The batch of a step, counted from 0."""
        rng = np.random.default_rng((self.seed, step))
        n_balanced = round(self.size * self.balanced)
        rows = np.concatenate([self._people(n_balanced, rng), self._in_turn(step, n_balanced)])
        shown = views.draw(len(rows), rng) if self.blends else rng.integers(0, 2, len(rows))
        progress = step / self.steps
        pixels = np.stack(
            [
                self.curriculum.apply(views.seen(self.crops, row, view), progress, rng)
                for row, view in zip(rows, shown, strict=True)
            ]
        )
        labels = np.where(views.is_blend(shown), NOBODY, self.crops.labels[rows])
        return Batch(pixels, rows, shown, labels)

    def _people(self, n: int, rng: np.random.Generator) -> IntArray:
        members = _members(self.crops)
        if not n or not members:
            return np.zeros(0, np.int64)
        people = rng.integers(0, len(members), n)
        return np.array([rng.choice(members[person]) for person in people], np.int64)

    def _in_turn(self, step: int, n_balanced: int) -> IntArray:
        n = self.size - n_balanced
        first = step * n
        n_rows = len(split(len(self.crops.names))[0])
        places = [divmod(place, n_rows) for place in range(first, first + n)]
        return np.array([_order(self.crops, self.seed, turn)[k] for turn, k in places], np.int64)


@lru_cache(maxsize=2)
def _order(crops: Crops, seed: int, turn: int) -> IntArray:
    train, _ = split(len(crops.names))
    return np.random.default_rng((seed, 1 << 40, turn)).permutation(train)


@lru_cache(maxsize=1)
def _members(crops: Crops) -> list[IntArray]:
    train, _ = split(len(crops.names))
    labels = crops.labels[train]
    return [train[labels == person] for person in np.unique(labels[labels != NOBODY])]
