"""Where a tree of merges is cut: the merges that are more likely right than wrong.

A merge of two clusters that lie z deviations closer than strangers do (cohort.py) stands by its
posterior odds, as in a local false discovery rate (Efron, Large-Scale Inference, 2010):

    odds = rate * g(z) / phi(z) * (b / a) / (n * mean(1 / size))

phi(z) is the density of strangers, standard normal. g is that of one person's clusters, taken to be
flat over the few deviations where the question is open. The rest is the prior. Every cluster has
`rate` others, per deviation and on average, that are its own person; which, is the likelier the
more photos (b) that one has, as among people who are photographed again and again; and that it is a
fragment at all is the likelier the fewer photos (a) it has itself. n is the number of faces and the
mean goes over the clusters there are. `rate` is no knob: it is the number of merges per cluster and
deviation that the library itself shows just beyond what chance explains.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fastface.types import IntArray

# Merges are counted where chance brings together less than one pair per cluster (OPEN_FROM
# deviations further) and where the genuine ones are still frequent.
OPEN_FROM: Final = 0.5
OPEN_WIDTH: Final = 2.0
# Before anything was counted: so many merges per cluster and deviation, worth so many clusters.
PRIOR_RATE: Final = 0.1
PRIOR_CLUSTERS: Final = 10.0
ROUNDS: Final = 8  # of counting merges and cutting again; three or four settle it
# Few are seen, too, where everybody is far clearer than the open question; and so many in none.
MIN_RATE: Final = 0.02
MAX_RATE: Final = 4.0
# The linkage looks only at pairs that could matter where clusters hold this many faces on average.
FACES_PER_PERSON: Final = 50
MIN_CLOSENESS: Final = 1.0  # nearer to the middle, strangers are too many
NORMAL: Final = NormalDist()

FloatColumn = npt.NDArray[np.float64]


class Tree(NamedTuple):
    """Merges of n faces in the order they happen.

    left, right: (m,) int64 nodes: faces are 0 to n - 1, merge k is n + k.  closeness: (m,) z of the
    two clusters.  against: (m,) decades that speak against the merge.  given: (m,) bool, merges
    that are known to be right.
    """

    n: int
    left: IntArray
    right: IntArray
    closeness: FloatColumn
    against: FloatColumn
    given: npt.NDArray[np.bool_]

    def sizes(self) -> tuple[FloatColumn, FloatColumn]:
        """Numbers of faces of the smaller and the larger cluster of each merge."""
        size = np.ones(self.n + len(self.left))
        for row, (a, b) in enumerate(zip(self.left.tolist(), self.right.tolist(), strict=True)):
            size[self.n + row] = size[a] + size[b]
        left, right = size[self.left], size[self.right]
        return np.minimum(left, right), np.maximum(left, right)


class Prior(NamedTuple):
    """What the odds of a merge start from, where a tree was cut.

    rate: of own clusters, per cluster and deviation.  weight: n * mean(1 / size).
    """

    rate: float
    weight: float

    def log10_odds(
        self, closeness: npt.ArrayLike, sizes: tuple[npt.ArrayLike, npt.ArrayLike]
    ) -> FloatColumn:
        """Of two clusters of these sizes being one person, as a decimal logarithm; broadcasts."""
        one, other = (np.asarray(size, np.float64) for size in sizes)
        towards = np.log10(np.maximum(one, other) / np.minimum(one, other))
        beforehand = math.log10(self.rate / self.weight)
        return np.asarray(beforehand + towards - log10_strangers(closeness))

    def least_closeness(self) -> float:
        """z from which two single faces are more likely one person than two."""
        return _closeness_at(self.rate / self.weight)


class Cut(NamedTuple):
    """labels: (n,) int64, of trees that stand, any numbers.  prior: what the library showed."""

    labels: IntArray
    prior: Prior


def log10_strangers(closeness: npt.ArrayLike) -> FloatColumn:
    """Decimal logarithm of the density of strangers at z."""
    z = np.asarray(closeness, np.float64)
    return np.asarray(-0.5 * (np.square(z) + math.log(2 * math.pi)) / math.log(10))


def least_closeness(n: int) -> float:
    """z below which no merge of a library of n faces is likely."""
    return max(MIN_CLOSENESS, _closeness_at(MAX_RATE * FACES_PER_PERSON / max(n, 1)))


def _closeness_at(density: float) -> float:
    """Positive z where the density of strangers has fallen so far; 0 if it is nowhere higher."""
    return math.sqrt(max(-2 * math.log(density * math.sqrt(2 * math.pi)), 0.0))


def read_off(tree: Tree, prior: Prior | None = None, *, rate: float | None = None) -> Cut:
    """Cuts a tree merge by merge: one stands if it is likely enough and all below it stand.

    prior: what a larger library showed of which the tree is a part; None: this tree shows it.
    rate: as in Prior, where most merges are given and so cannot show it.

    >>> near, far = 6.0, 1.0
    >>> tree = Tree(3, np.array([0, 2]), np.array([1, 3]), np.array([near, far]), np.zeros(2),
    ...             np.zeros(2, bool))
    >>> read_off(tree).labels.tolist()
    [3, 3, 2]
    """
    smaller, larger = tree.sizes()
    evidence = np.log10(larger / smaller) - tree.against - log10_strangers(tree.closeness)
    evidence[tree.given] = np.inf
    if prior is None and rate is not None:
        stands, weight, _ = _stands(tree, evidence, (smaller, larger), rate)
        prior = Prior(rate, weight)
    elif prior is None:
        stands, prior = _settled(tree, evidence, (smaller, larger))
    else:
        likely = evidence >= math.log10(prior.weight / prior.rate)
        stands = _whole(tree, likely)
    top = np.arange(tree.n + len(tree.left))
    for row in np.flatnonzero(stands)[::-1]:
        top[tree.left[row]] = top[tree.right[row]] = top[tree.n + row]
    return Cut(top[: tree.n], prior)


def _settled(
    tree: Tree, evidence: FloatColumn, sizes: tuple[FloatColumn, FloatColumn]
) -> tuple[npt.NDArray[np.bool_], Prior]:
    """Which merges stand with the rate that they show."""
    rate = PRIOR_RATE
    for _ in range(ROUNDS):
        stands, weight, n_clusters = _stands(tree, evidence, sizes, rate)
        counted = _rate(tree, stands, n_clusters)
        if abs(math.log(counted / rate)) < 0.01:
            break
        rate = counted
    return stands, Prior(rate, weight)


def _whole(tree: Tree, likely: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which merges are likely and rest on likely ones only."""
    whole = np.ones(tree.n + len(tree.left), bool)
    for row, (left, right) in enumerate(np.column_stack([tree.left, tree.right]).tolist()):
        whole[tree.n + row] = likely[row] and whole[left] and whole[right]
    return whole[tree.n :]


def _stands(
    tree: Tree, evidence: FloatColumn, sizes: tuple[FloatColumn, FloatColumn], rate: float
) -> tuple[npt.NDArray[np.bool_], float, int]:
    """Which merges stand, and n * mean(1 / size) and the number of the clusters that are left."""
    smaller, larger = sizes
    gone = 1 / smaller + 1 / larger - 1 / (smaller + larger)  # of the sum of 1 / size, by a merge
    whole = [True] * (tree.n + len(tree.left))
    inverse, n_clusters = float(tree.n), tree.n
    prior = math.log10(rate)
    sides = np.column_stack([tree.left, tree.right]).tolist()
    for row, (left, right) in enumerate(sides):
        likely = prior + evidence[row] >= math.log10(tree.n * inverse / n_clusters)
        whole[tree.n + row] = likely and whole[left] and whole[right]
        if whole[tree.n + row]:
            inverse, n_clusters = inverse - gone[row], n_clusters - 1
    return np.array(whole[tree.n :], bool), tree.n * inverse / max(n_clusters, 1), n_clusters


def _rate(tree: Tree, stands: npt.NDArray[np.bool_], n_clusters: int) -> float:
    """Merges per cluster and deviation that chance does not explain, where few are by chance."""
    start = -NORMAL.inv_cdf(min(0.4, 1 / max(n_clusters, 1))) + OPEN_FROM
    stop = start + OPEN_WIDTH
    open_ = stands & ~tree.given & (tree.closeness >= start) & (tree.closeness < stop)
    by_chance = n_clusters**2 / 2 * (NORMAL.cdf(-start) - NORMAL.cdf(-stop))
    genuine = max(float(open_.sum()) - by_chance, 0.0)
    counted = 2 * genuine / OPEN_WIDTH + PRIOR_RATE * PRIOR_CLUSTERS
    return min(max(counted / (n_clusters + PRIOR_CLUSTERS), MIN_RATE), MAX_RATE)
