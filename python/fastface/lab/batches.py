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

ECHOED = 8  # draws between a batch and its echo


class Batch(NamedTuple):
    """pixels: (n, 112, 112, 3) uint8, for the student.  clear: the same faces in the same places,
    for a live teacher.  rows, views: (n,) which crop, seen how (an index into `views.VIEWS`).
    labels: (n,), NOBODY where unknown or blended.  draw: batches of one draw have one `clear`."""

    pixels: ImageArray
    clear: ImageArray
    rows: IntArray
    views: IntArray
    labels: IntArray
    draw: int


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """size: crops per step.  balanced: share of the batch drawn person by person from the labelled
    crops (each known person as often as any other); the rest goes through all crops in turn.
    steps: of the whole training, for the curriculum.  blends: show blended faces too; needs a
    teacher, as nobody's label is theirs.  fresh: blend anew each time, which only a live teacher
    can answer.  echo: how often each draw is shown, changed anew each time, to ask the teacher less
    often (Choi et al., Faster neural network training with data echoing, 2019)."""

    crops: Crops
    size: int
    balanced: float
    curriculum: Curriculum
    seed: int
    steps: int
    blends: bool = False
    fresh: bool = False
    echo: int = 1

    def at(self, step: int) -> Batch:
        """The batch of a step, counted from 0."""
        draw = drawn(step, self.echo)
        rng = np.random.default_rng((self.seed, draw))
        n_balanced = round(self.size * self.balanced)
        rows = np.concatenate([self._people(n_balanced, rng), self._in_turn(draw, n_balanced)])
        shown = views.draw(len(rows), rng) if self.blends else rng.integers(0, 2, len(rows))
        at = draw * self.echo / self.steps
        pairs = zip(rows, shown, strict=True)
        clear = [self.curriculum.move(self._seen(*pair, rng), at, rng) for pair in pairs]
        rng = np.random.default_rng((self.seed, 1 << 41, step))
        pixels = [self.curriculum.change(crop, step / self.steps, rng) for crop in clear]
        labels = np.where(views.is_blend(shown), NOBODY, self.crops.labels[rows])
        return Batch(np.stack(pixels), np.stack(clear), rows, shown, labels, draw)

    def _seen(self, row: int, view: int, rng: np.random.Generator) -> ImageArray:
        if self.fresh and views.is_blend(view):
            return views.fresh_blend(self.crops, row, rng)
        return views.seen(self.crops, row, view)

    def _people(self, n: int, rng: np.random.Generator) -> IntArray:
        members = _members(self.crops)
        if not n or not members:
            return np.zeros(0, np.int64)
        people = rng.integers(0, len(members), n)
        return np.array([rng.choice(members[person]) for person in people], np.int64)

    def _in_turn(self, draw: int, n_balanced: int) -> IntArray:
        n = self.size - n_balanced
        first = draw * n
        n_rows = len(split(len(self.crops.names))[0])
        places = [divmod(place, n_rows) for place in range(first, first + n)]
        return np.array([_order(self.crops, self.seed, turn)[k] for turn, k in places], np.int64)


def drawn(step: int, echo: int) -> int:
    """Which draw a step shows: `ECHOED` of them in turn, `echo` times over.

    >>> [drawn(step, 2) for step in (0, 7, 8, 15, 16)]
    [0, 7, 0, 7, 8]
    """
    turn, place = divmod(step, ECHOED * echo)
    return turn * ECHOED + place % ECHOED


@lru_cache(maxsize=2)
def _order(crops: Crops, seed: int, turn: int) -> IntArray:
    train, _ = split(len(crops.names))
    return np.random.default_rng((seed, 1 << 40, turn)).permutation(train)


@lru_cache(maxsize=1)
def _members(crops: Crops) -> list[IntArray]:
    train, _ = split(len(crops.names))
    labels = crops.labels[train]
    return [train[labels == person] for person in np.unique(labels[labels != NOBODY])]
