"""Pass 3: who grew up between two photos, where the photos' dates are known.

Pass 2 leaves those who look young in pieces of a few years each, because it has to be sure of them
by looks alone. Here two groups, one of them young, are joined if all their pairs of faces together
make it likely, each by how much likeness is to be expected of such ages after so many years
(ageing.py). A child's groups are so joined one after the other, nearest years first.
"""

from __future__ import annotations

import heapq
import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fastface import conflicts
from fastface.ageing import YOUNG, Ageing
from fastface.cohort import Cohort
from fastface.rule import Rule
from fastface.types import FloatArray, IntArray

FloatColumn = npt.NDArray[np.float64]

# Decades by which a merge of the young must be the likelier in pass 2: so many for each unit of
# maturity that is missing, up to a limit that whoever looks younger than eight has reached. Below
# it, who is one child is better decided here.
HELD_MORE: Final = 8.0
HELD: Final = 6.0
# Pairs of faces of two people are not independent witnesses: of many, each counts a tenth.
DEPENDENCE: Final = 0.1
# The rate of own clusters is counted per deviation (cut.py); a child's lie on so many.
DEVIATIONS: Final = 5.0
ALIKE: Final = 64  # groups that a young one is compared with
SPOKESMEN: Final = 64  # faces that speak for a group
LEAST_SPAN: Final = 1.0  # years that the photos must span
YEAR_S: Final = 31_556_952.0
BLOCK: Final = 1024


class Time(NamedTuple):
    """ageing: of the embedder.  years: (n,) when each face was taken, NaN where unknown."""

    ageing: Ageing
    years: FloatColumn

    @classmethod
    def of(cls, ageing: Ageing | None, taken_at: FloatColumn | None) -> Time | None:
        """None where time says nothing.  taken_at: (n,) seconds since 1970, NaN where unknown."""
        if ageing is None or taken_at is None or not np.isfinite(taken_at).any():
            return None
        years = np.where(np.isfinite(taken_at), taken_at, np.nan) / YEAR_S
        return cls(ageing, years) if np.nanmax(years) - np.nanmin(years) >= LEAST_SPAN else None

    def take(self, rows: IntArray) -> Time:
        return Time(self.ageing, self.years[rows])

    def held(self, faces: FloatArray, merges: npt.NDArray[np.float64]) -> FloatColumn:
        """(m,) decades that a merge of pass 2 must be the likelier by.  merges: (m, 4)."""
        n = len(faces)
        sums = np.concatenate([self.ageing.maturity(faces), np.zeros(len(merges))])
        sizes = np.concatenate([np.ones(n), merges[:, 3]])
        left, right = merges[:, 0].astype(np.int64), merges[:, 1].astype(np.int64)
        for row, (a, b) in enumerate(np.column_stack([left, right]).tolist(), start=n):
            sums[row] = sums[a] + sums[b]
        mean = sums / sizes
        younger: FloatColumn = YOUNG - np.minimum(mean[left], mean[right])
        return np.clip(HELD_MORE * younger, 0.0, HELD)


class Group(NamedTuple):
    """rows: faces that speak for it.  size: how many it has.  young: whether it looks so."""

    rows: IntArray
    size: int
    young: bool


def join(
    faces: FloatArray,
    labels: IntArray,
    time: Time,
    rule: Rule,
    *,
    apart: IntArray,
    together: IntArray,
) -> IntArray:
    """Labels after joining what grew up.

    faces: (n, d) float32, unit rows.  labels: (n,) of pass 2, 0 and up.  rule: that it was cut by.
    apart: (k, 2) faces that are two people.  together: (k, 2) faces that are on one photo.
    """
    maturity = time.ageing.maturity(faces)
    young = np.bincount(labels, maturity) / np.bincount(labels) < YOUNG
    if not young.any():
        return labels
    joining = _Joining(faces, labels, time, maturity, rule)
    joining.part(apart)
    joining.see(together)
    joining.run()
    return joining.labels()


class _Joining:
    """Merges the likeliest two groups until none are likelier one person than two."""

    def __init__(
        self,
        faces: FloatArray,
        labels: IntArray,
        time: Time,
        maturity: FloatColumn,
        rule: Rule,
    ) -> None:
        self._faces = time.ageing.lasting(faces, labels)
        self._cohort = Cohort.of_clusters(self._faces, labels, time.ageing.strangers)
        self._time, self._maturity, self._first = time, maturity, labels
        self._beforehand = math.log10(rule.prior.rate * DEVIATIONS / rule.prior.weight)
        order = np.argsort(labels, kind="stable")
        rows = np.split(order, np.cumsum(np.bincount(labels))[:-1])
        self._groups = {number: self._group(mine, len(mine)) for number, mine in enumerate(rows)}
        self._into: dict[int, int] = {}
        self._apart: dict[int, set[int]] = {number: set() for number in self._groups}
        self._shared: dict[int, dict[int, int]] = {number: {} for number in self._groups}
        self._near = _nearest(self._faces, labels, [g.young for g in self._groups.values()])

    def part(self, apart: IntArray) -> None:
        for a, b in self._first[apart].tolist():
            self._apart[a].add(b)
            self._apart[b].add(a)

    def see(self, together: IntArray) -> None:
        for a, b in self._first[together].tolist():
            if a != b:
                self._shared[a][b] = self._shared[b][a] = self._shared[a].get(b, 0) + 1

    def run(self) -> None:
        queue: list[tuple[float, int, int]] = []

        def compare(a: int, b: int) -> None:
            odds = self._log10_odds(a, b)
            if odds >= 0:
                heapq.heappush(queue, (-odds, a, b))

        for a, near in self._near.items():
            for b in near:
                if a < b:
                    compare(a, b)
        while queue:
            _, a, b = heapq.heappop(queue)
            if a in self._groups and b in self._groups:
                new = self._merge(a, b)
                for other in sorted(self._near[new]):
                    compare(other, new)

    def labels(self) -> IntArray:
        """(n,) the group that each face is in, any numbers."""
        last = np.arange(len(self._into) + len(self._groups))
        for number in sorted(self._into, reverse=True):
            last[number] = last[self._into[number]]
        found: IntArray = last[self._first]
        return found

    def _group(self, rows: IntArray, size: int) -> Group:
        young = bool(self._maturity[rows].mean() < YOUNG)
        step = np.linspace(0, len(rows) - 1, min(len(rows), SPOKESMEN))
        return Group(rows[step.astype(np.int64)], size, young)

    def _merge(self, a: int, b: int) -> int:
        new = len(self._into) + len(self._groups)
        one, other = self._groups.pop(a), self._groups.pop(b)
        rows = np.sort(np.concatenate([one.rows, other.rows]))
        self._groups[new] = self._group(rows, one.size + other.size)
        self._into[a] = self._into[b] = new
        self._near[new] = (self._near.pop(a) | self._near.pop(b)) - {a, b}
        self._apart[new] = self._apart.pop(a) | self._apart.pop(b)
        shared = self._shared[new] = self._shared.pop(a)
        for other_number, count in self._shared.pop(b).items():
            shared[other_number] = shared.get(other_number, 0) + count
        for links in (self._near, self._apart):
            for number in links[new]:
                links[number] = (links[number] - {a, b}) | {new}
        for number, count in shared.items():
            if number not in (a, b):
                for gone in (a, b):
                    self._shared[number].pop(gone, None)
                self._shared[number][new] = count
        shared.pop(a, None)
        shared.pop(b, None)
        return new

    def _log10_odds(self, a: int, b: int) -> float:
        """Of two groups being one person rather than two."""
        one, other = self._groups[a], self._groups[b]
        if b in self._apart[a] or not (one.young or other.young):
            return -math.inf
        i, j = one.rows[:, None], other.rows[None]
        distance = 1.0 - self._faces[one.rows] @ self._faces[other.rows].T
        years = self._time.years[i] - self._time.years[j]
        dated = np.isfinite(years)
        if not dated.any():
            return -math.inf
        shown = self._time.ageing.log10_likelihood(
            self._cohort.closeness(i, j, distance), (self._maturity[i], self._maturity[j]), years
        )
        small, large = sorted((one.size, other.size))
        alone = (1 / small + 1 / large) / 2
        evidence = float(shown[dated].mean()) / (DEPENDENCE + (1 - DEPENDENCE) * alone)
        against = float(conflicts.against(self._shared[a].get(b, 0), small))
        return self._beforehand + math.log10(large / small) + evidence - against


def _nearest(faces: FloatArray, labels: IntArray, young: list[bool]) -> dict[int, set[int]]:
    """For each group those it is compared with: of the young their likest, and the other way."""
    sums = np.zeros((len(young), faces.shape[1]), np.float32)
    np.add.at(sums, labels, faces)
    means = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    near: dict[int, set[int]] = {number: set() for number in range(len(young))}
    of_the_young = np.flatnonzero(young)
    for start in range(0, len(of_the_young), BLOCK):
        some = of_the_young[start : start + BLOCK]
        alike = means[some] @ means.T
        alike[np.arange(len(some)), some] = -np.inf
        likest = np.argsort(-alike, axis=1, kind="stable")[:, : min(ALIKE, len(means) - 1)]
        for a, row in zip(some.tolist(), likest.tolist(), strict=True):
            near[a].update(row)
            for b in row:
                near[b].add(a)
    return near
