"""Pass 2: people across moments, from faces alone, by the median of the members' distances.

First whoever is near enough for any library is put together; beside these clusters it is measured
how close strangers come to each face (cohort.py); then the tree of all is made from how much closer
than that two clusters are, and cut where merges are more likely wrong than right (cut.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fastface import conflicts, cut
from fastface.cohort import NORMAL, Cohort, Strangers
from fastface.growing import Time, join
from fastface.kernels import crowd_edges, median_linkage, pairwise_edges
from fastface.kernels.linkage import Edges
from fastface.links import chain
from fastface.looks import Look, Witness, Witnesses
from fastface.rule import Rule
from fastface.types import FloatArray, IntArray

# First found together: pairs so near that of n faces a stranger comes so near to one in so many.
FIRST_FALSE_NEIGHBOURS: Final = 0.1
CROWD_FALSE_NEIGHBOURS: Final = 1.0  # as if it were a single face; see `_tree`
# Above so many faces, whoever is often seen is found first, and MAX_MEMBERS faces speak for each
# such crowd: pairs inside crowds are never made, however often one person was photographed.
MAX_EXACT: Final = 20_000
MAX_MEMBERS: Final = 32
SPOKESMEN: Final = 64
BLOCK: Final = 1_000_000  # edges whose closeness is computed at a time


class Known(NamedTuple):
    """What is known of faces beforehand.

    given: (n,) int64, 0 and up: faces of one number are together.  apart: (k, 2) int64, pairs that
    are two people.  together: (k, 2) int64, pairs in one photo, which speaks against their being
    one.
    """

    given: IntArray
    apart: IntArray
    together: IntArray

    @classmethod
    def nothing(cls, n: int) -> Known:
        no_pairs = np.empty((0, 2), np.int64)
        return cls(np.arange(n), no_pairs, no_pairs)

    def take(self, rows: IntArray) -> Known:
        """The same of some faces, which speak for all with their number."""
        speaks_for = np.zeros(int(self.given.max(initial=-1)) + 1, np.int64)
        speaks_for[self.given[rows]] = np.arange(len(rows))
        together = speaks_for[self.given[self.together]]
        together = together[together[:, 0] != together[:, 1]]
        return Known(self.given[rows], speaks_for[self.given[self.apart]], together)


class Part(NamedTuple):
    """Of what the faces are only a part.

    others: people beside those of the faces.  rule: what the library as a whole showed, if known.
    """

    others: int
    rule: Rule | None

    def prior(self, n: int) -> cut.Prior:
        """The odds of merges beforehand, of n faces or clusters in all."""
        return cut.Prior(cut.PRIOR_RATE, n) if self.rule is None else self.rule.prior


class People(NamedTuple):
    """labels: (n,) int64, by first appearance.  matrix: (n - 1, 4), SciPy's linkage matrix.

    Its heights are distances of faces that are like all others, infinite where no merge is likely.
    Of a library in which crowds speak through some of their faces, matrix is None.
    """

    labels: IntArray
    matrix: npt.NDArray[np.float64] | None
    rule: Rule


def group(
    faces: FloatArray,
    known: Known | None = None,
    *,
    prior: Strangers | None = None,
    part: Part | None = None,
    time: Time | None = None,
    earlier: Sequence[Look] = (),
    threads: int | None = None,
) -> People:
    """Who is one person.

    faces: (n, d) float32, unit rows.  prior: strangers' distances as the embedder's curve has them;
    None: as these faces alone show them.  part: None if these are all faces.  time: when
    they were taken; then the tree is cut with more caution for the young, and what grew up is
    joined afterwards, above the tree.  earlier: what models before this one saw of the same faces,
    as evidence beside theirs.  No threshold is needed.
    """
    n = len(faces)
    known = Known.nothing(n) if known is None else known
    n_all = n if part is None else n + part.others
    odds = None if part is None else part.prior(n_all)
    if part is not None and part.rule is not None:
        prior = part.rule.strangers
    near = -NORMAL.inv_cdf(min(FIRST_FALSE_NEIGHBOURS / max(n_all, 2), 0.05))
    first, _ = _tree(faces, known, Cohort.unknown(faces, prior), near, threads)
    cohort = Cohort.of_clusters(faces, first, prior, settled=part is not None)
    looks = _witnesses(Witness(np.arange(n), faces, cohort, first), earlier, near, threads)
    least = cut.least_closeness(n_all)
    _, matrix = _tree(faces, known, cohort, least, threads, looks)
    rate = None
    if n > MAX_EXACT and odds is None:
        # Crowds hide the merges that show how often one person is in two pieces; a sample has them.
        sample = np.linspace(0, n - 1, MAX_EXACT // 2).astype(np.int64)
        seen = [look.take(sample) for look in earlier]
        of_sample = group(faces[sample], prior=prior, earlier=seen, threads=threads)
        rate = of_sample.rule.prior.rate
    labels, rule = _cut(faces, matrix, known, cohort, odds, time, rate)
    if n > MAX_EXACT:
        # Members of a crowd whom no voter speaks for end up beside it. So the clusters are linked
        # once more, exactly, each through a few of its faces, each conflict through one of them.
        rows = spokesmen(labels)
        some = Known(labels, known.apart, known.together).take(rows)
        of_some = cohort.take(rows)
        of_looks = None if looks is None else looks.take(rows)
        _, tree = _tree(faces[rows], some, of_some, least, threads, of_looks, exact=True)
        when = None if time is None else time.take(rows)
        found, rule = _cut(faces[rows], tree, some, of_some, odds, when, rate)
        speaks_for = np.zeros(int(labels.max()) + 1, np.int64)
        speaks_for[labels[rows]] = np.arange(len(rows))
        labels = numbered(found[speaks_for[labels]])
    if time is not None:
        labels = join(faces, labels, time, rule, apart=known.apart, together=known.together)
    return People(numbered(labels), matrix if n <= MAX_EXACT else None, rule)


def _witnesses(
    present: Witness, earlier: Sequence[Look], near: float, threads: int | None
) -> Witnesses | None:
    """All models that saw the faces; None where that is the present one alone."""
    found = [present]
    for look in earlier:
        rows = look.rows
        if len(rows) > 1:
            row = np.full(len(present.row), -1)
            row[rows] = np.arange(len(rows))
            faces = look.faces[rows]
            alike = Cohort.unknown(faces, look.prior)
            first, _ = _tree(faces, Known.nothing(len(rows)), alike, near, threads)
            cohort = Cohort.of_clusters(faces, first, look.prior)
            found.append(Witness(row, faces, cohort, first))
    return Witnesses.of(found) if len(found) > 1 else None


def _tree(
    faces: FloatArray,
    known: Known,
    cohort: Cohort,
    least: float,
    threads: int | None,
    looks: Witnesses | None = None,
    *,
    exact: bool = False,
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Labels and linkage matrix of all merges of at least this closeness.

    looks: all models that saw the faces, if there are several.  exact: all pairs count, however
    many faces there are.
    """
    n, widest = len(faces), min(cohort.widest(least), 2.0)
    sample: dict[str, Any] = {}
    if exact or n <= MAX_EXACT:
        edges = pairwise_edges(faces, widest, threads=threads)
        if looks is not None:
            edges = looks.more(edges, least, threads)
    else:
        # The candidates of a single face are the crowds, and the median of their voters varies less
        # than one pair does.
        candidates = max(n / cut.FACES_PER_PERSON, 2)
        crowd = -NORMAL.inv_cdf(CROWD_FALSE_NEIGHBOURS / candidates)
        edges, voters, (i, j, d) = crowd_edges(
            faces,
            widest,
            crowd_threshold=min(float(cohort.pooled.distance(max(crowd, least))), widest),
            max_members=MAX_MEMBERS,
            together=known.given,
            apart=np.isin(known.given, known.given[known.apart]),
            threads=threads,
        )
        sample = {"voters": voters, "joined": (i, j, np.zeros_like(d))}  # no cut comes between
    edges, threshold = _normalised(edges, cohort, least, looks)
    found = median_linkage(
        n,
        edges,
        threshold,
        must_link=chain(known.given),
        cannot_link=known.apart,
        soft_cannot_link=np.unique(np.sort(known.together, axis=1), axis=0),
        threads=threads,
        **sample,
    )
    return found.labels, found.linkage_matrix


def _normalised(
    edges: Edges, cohort: Cohort, least: float, looks: Witnesses | None
) -> tuple[Edges, float]:
    """Edges of at least this closeness, as far as two faces like all others would be; the limit."""
    # What is given is at height 0, and nothing else.
    limit = np.float32(max(float(cohort.pooled.distance(least)), 1e-6))
    all_i, all_j, all_distances = edges
    kept: list[Edges] = []
    for start in range(0, max(len(all_i), 1), BLOCK):
        block = slice(start, start + BLOCK)
        i, j, distance = all_i[block], all_j[block], all_distances[block]
        closeness = cohort.closeness(i, j, distance)
        if looks is not None:
            closeness = looks.closeness(i, j, closeness)
        near = closeness >= least
        typical = cohort.pooled.distance(closeness[near])
        kept.append((i[near], j[near], np.clip(typical, 1e-6, limit).astype(np.float32)))
    rows = np.concatenate([i for i, _, _ in kept]), np.concatenate([j for _, j, _ in kept])
    return (*rows, np.concatenate([distance for _, _, distance in kept])), float(limit)


def _cut(
    faces: FloatArray,
    matrix: npt.NDArray[np.float64],
    known: Known,
    cohort: Cohort,
    prior: cut.Prior | None,
    time: Time | None,
    rate: float | None,
) -> tuple[IntArray, Rule]:
    n, merges = len(faces), matrix[np.isfinite(matrix[:, 2])]
    left, right = merges[:, 0].astype(np.int64), merges[:, 1].astype(np.int64)
    sizes = np.concatenate([np.ones(n), merges[:, 3]])
    shared = conflicts.count(merges, n, known.together)
    tree = cut.Tree(
        n,
        left,
        right,
        cohort.pooled.closeness(merges[:, 2]),
        conflicts.against(shared, np.minimum(sizes[left], sizes[right])),
        merges[:, 2] <= 0,
    )
    found = cut.read_off(tree, prior, rate=rate)
    if time is not None:
        tree = tree._replace(against=tree.against + time.held(faces, merges))
        found = cut.read_off(tree, found.prior)
    return numbered(found.labels), Rule(cohort.pooled, found.prior)


def spokesmen(labels: IntArray) -> IntArray:
    """Rows of at most SPOKESMEN faces of each cluster, evenly spread over its members."""
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    count = np.repeat(counts, counts)
    # Every rank where the running share of SPOKESMEN reaches a next whole number.
    spread = rank * SPOKESMEN // count != (rank - 1) * SPOKESMEN // count
    return np.sort(order[(count <= SPOKESMEN) | spread])


def numbered(labels: IntArray) -> IntArray:
    """The same groups, numbered from 0 by first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    found: IntArray = rank[inverse]
    return found
