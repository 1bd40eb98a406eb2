"""Agglomerative clustering whose linkage is the median distance of the members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from fastface import _core
from fastface.kernels.arguments import as_floats, thread_count
from fastface.types import FloatArray

Edges: TypeAlias = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], FloatArray]
EdgesLike: TypeAlias = tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]
Mode: TypeAlias = Literal["exact", "bounded"]
Threshold: TypeAlias = float | Sequence[tuple[int, float]]

MAX_MEMBERS = 256


class LinkageResult(NamedTuple):
    """labels: (n,) int64, 0 to n_clusters - 1 by first appearance.

    linkage_matrix: (n - 1, 4) float64, SciPy's form, heights ascending: must-links at 0, then what
    merged within the threshold, then one tree of the rest at infinity, because how far apart those
    clusters are was never looked at. `scipy.cluster.hierarchy.fcluster(linkage_matrix, t,
    "distance")` cuts it at any t up to the threshold.
    """

    labels: npt.NDArray[np.int64]
    linkage_matrix: npt.NDArray[np.float64]
    n_clusters: int


def median_linkage(
    n: int,
    edges: EdgesLike,
    threshold: Threshold,
    *,
    mode: Mode = "exact",
    max_members: int = MAX_MEMBERS,
    random_state: int = 0,
    voters: npt.NDArray[np.bool_] | None = None,
    must_link: npt.ArrayLike | None = None,
    cannot_link: npt.ArrayLike | None = None,
    soft_cannot_link: npt.ArrayLike | None = None,
    soft_votes: int = 1,
    threads: int | None = None,
) -> LinkageResult:
    """Merge the two closest clusters until none are within the threshold.

    The distance of two clusters is the lower median of the distances between their members (not
    SciPy's "median", which is a centroid method). Observations that no chain of edges connects are
    independent problems, solved in parallel: moments need no more than edges inside moments.

    n: number of observations.  edges: (i, j, d), each (m,): i < j int32, every pair once, in any
    order, d float32 its distance; a pair that is missing is farther apart than the threshold.
    threshold: the largest distance at which clusters merge; or steps (pairs, threshold), ascending,
    the first for 1 pair: clusters with at least that many pairs of members between them merge up
    to that threshold. With steps a pair may become near enough by growth; its height is then that
    of the merge before it, so heights ascend always.

    must_link: (k, 2) integers, pairs that are together from the start.
    cannot_link: (k, 2) integers, pairs that never share a cluster.
    soft_cannot_link: (k, 2) integers, evidence against: each counts as `soft_votes` pairs that are
    far apart, whatever its own distance, and can be outvoted by the other members.

    mode: "exact", or "bounded", in which a crowd speaks through a random sample. Observations are
    visited in an order seeded by `random_state`; one becomes a voter unless `max_members` of its
    neighbours within the threshold already are. Only distances to voters count. Who is no voter
    joins the voters' clusters as a single observation would, by the median of its distances to
    their voters, of whom it hears the 2 * max_members nearest. So at most 2 * max_members edges per
    observation count; where nobody has `max_members` neighbours both modes agree; and in a crowd
    those lose who resemble each other but not the voters. voters: (n,) bool with the edges of
    `voter_edges`, which never makes the others; None: chosen here.

    Cost: memory and time grow with the edges, not with n * n; one counter for every pair of
    clusters with an edge between them, and each edge moves O(log n) times.

    Ties: at one distance the pair goes first whose clusters' largest members are lowest. Same
    result for any order of edges and any `threads` (None: one per core).

    Raises ValueError for edges or pairs out of range or repeated, a NaN distance, a falling
    threshold, and must_link against cannot_link.

    >>> edges = [0, 0, 1, 2], [1, 2, 2, 3], [0.1, 0.3, 0.2, 0.4]
    >>> median_linkage(4, edges, 0.5).linkage_matrix
    array([[0. , 1. , 0.1, 2. ],
           [2. , 4. , 0.2, 3. ],
           [3. , 5. , inf, 4. ]])
    >>> median_linkage(4, edges, 0.5, cannot_link=[(0, 1)]).labels
    array([0, 1, 1, 1])
    """
    if mode not in ("exact", "bounded"):
        raise ValueError(f"mode: expected 'exact' or 'bounded', got {mode!r}")
    if n < 0:
        raise ValueError(f"n: expected at least 0, got {n}")
    _check_sample(max_members, random_state)
    if not 1 <= soft_votes <= 1_000_000:
        raise ValueError(f"soft_votes: expected 1 to 1,000,000, got {soft_votes}")
    i, j, d = edges
    labels, matrix, n_clusters = _core.median_linkage(
        n,
        _indices(i),
        _indices(j),
        as_floats("d", d),
        [(1, threshold)] if isinstance(threshold, int | float | np.number) else list(threshold),
        _pairs(must_link),
        _pairs(cannot_link),
        _pairs(soft_cannot_link),
        soft_votes,
        max_members if mode == "bounded" else 0,
        random_state,
        None if voters is None else np.ascontiguousarray(voters, dtype=bool),
        thread_count(threads),
    )
    return LinkageResult(labels, matrix, n_clusters)


def voter_edges(
    faces: npt.ArrayLike,
    threshold: float,
    *,
    max_members: int = MAX_MEMBERS,
    random_state: int = 0,
    groups: npt.ArrayLike | None = None,
    threads: int | None = None,
) -> tuple[Edges, npt.NDArray[np.bool_]]:
    """The edges that count in bounded mode, and who votes: for `median_linkage`.

    faces: (n, d) float32, unit norm, no row missing.  threshold: edges are D = 1 - <x_i, x_j> up to
    it.  max_members, random_state: as in `median_linkage`.  groups: (n,) integers; edges stay
    inside a group.

    Returns ((i int32, j int32, d float32), voters (n,) bool), sorted by (i, j): at most
    2 * max_members edges per row, however close all rows are. Compares rows with voters only: one
    crowd of n costs n * max_members comparisons, not n * n. Same bits for any `threads`.
    Raises ValueError for a row of zeros or of values that are not finite.

    >>> edges, voters = voter_edges(np.ones((1000, 4)) / 2, 0.5, max_members=3)
    >>> len(edges[0]), int(voters.sum())
    (2994, 3)
    """
    _check_sample(max_members, random_state)
    i, j, d, voters = _core.voter_edges(
        as_floats("faces", faces),
        threshold,
        None if groups is None else np.asarray(groups),
        max_members,
        random_state,
        thread_count(threads),
    )
    return (i, j, d), voters.astype(bool)


def _check_sample(max_members: int, random_state: int) -> None:
    if max_members < 1:
        raise ValueError(f"max_members: expected at least 1, got {max_members}")
    if not 0 <= random_state < 2**64:
        raise ValueError(f"random_state: expected 0 to 2**64 - 1, got {random_state}")


def _indices(values: npt.ArrayLike) -> npt.NDArray[np.integer]:
    """As an array; an empty list, which numpy takes for floats, as integers."""
    array = np.asarray(values)
    return array if array.size else array.astype(np.int32)


def _pairs(pairs: npt.ArrayLike | None) -> npt.NDArray[np.integer] | None:
    if pairs is None:
        return None
    array = _indices(pairs)
    return array if array.size else array.reshape(0, 2)
