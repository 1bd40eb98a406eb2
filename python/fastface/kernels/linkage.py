"""Agglomerative clustering whose linkage is the median distance of the members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from fastface import _core
from fastface.kernels.arguments import Progress, as_floats, as_unit_rows, thread_count
from fastface.types import FloatArray

Edges: TypeAlias = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], FloatArray]
EdgesLike: TypeAlias = tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]
Threshold: TypeAlias = float | Sequence[tuple[int, float]]

MAX_MEMBERS = 32
FIRST_SAMPLE = 2048


class CrowdEdges(NamedTuple):
    """edges: (i int32, j int32, d float32) between voters, sorted by (i, j).

    voters: (n,) bool, who is in no crowd, and up to `max_members` of each crowd.
    joined: (i, j, d) like edges: who came together in crowds, and at which height; a tree each.
    """

    edges: Edges
    voters: npt.NDArray[np.bool_]
    joined: Edges


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
    voters: npt.NDArray[np.bool_] | None = None,
    joined: EdgesLike | None = None,
    must_link: npt.ArrayLike | None = None,
    cannot_link: npt.ArrayLike | None = None,
    soft_cannot_link: npt.ArrayLike | None = None,
    soft_votes: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
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

    voters, joined: those of `crowd_edges`, to which the edges belong. voters: (n,) bool, whose
    distances count; None: everyone's. joined: (i, j, d), pairs that are together from the start
    like `must_link`, at heights of their own. What is together from the start speaks through its
    voters, or through all its members if none votes.

    Cost: memory and time grow with the edges, not with n * n; one counter for every pair of
    clusters with an edge between them, and each edge moves O(log n) times.

    Ties: at one distance the pair goes first whose clusters' largest members are lowest. Same
    result for any order of edges and any `threads` (None: one per core).

    progress: called with the share that is done, about, 0 to 1, in the calling thread, some twenty
    times a second, and with 1 at the end. What it raises, like Ctrl-C, stops the call within 0.2 s.

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
    if n < 0:
        raise ValueError(f"n: expected at least 0, got {n}")
    if not 1 <= soft_votes <= 1_000_000:
        raise ValueError(f"soft_votes: expected 1 to 1,000,000, got {soft_votes}")
    labels, matrix, n_clusters = _core.median_linkage(
        n,
        *_edge_arrays(edges),
        [(1, threshold)] if isinstance(threshold, int | float | np.number) else list(threshold),
        _pairs(must_link),
        _pairs(cannot_link),
        _pairs(soft_cannot_link),
        soft_votes,
        None if voters is None else np.ascontiguousarray(voters, dtype=bool),
        None if joined is None else _edge_arrays(joined),
        thread_count(threads),
        progress,
    )
    return LinkageResult(labels, matrix, n_clusters)


def crowd_edges(
    faces: npt.ArrayLike,
    threshold: float,
    *,
    crowd_threshold: float | None = None,
    max_members: int = MAX_MEMBERS,
    first_sample: int = FIRST_SAMPLE,
    random_state: int = 0,
    groups: npt.ArrayLike | None = None,
    together: npt.ArrayLike | None = None,
    apart: npt.ArrayLike | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> CrowdEdges:
    """Finds the crowds among faces and the edges between all others: for `median_linkage`.

    faces: (n, d) float32, unit norm; rows of zeros have no edges.  threshold: edges are
    D = 1 - <x_i, x_j> up to it.  crowd_threshold: up to which crowds form, at most `threshold`;
    None: the same.  max_members: how many members speak for a crowd.  first_sample: see below.
    random_state: seeds the order of visits.  groups: (n,) integers; edges and crowds stay inside a
    group.  together: (n,) integers; rows of one id are known to be in one cluster, and the first
    visited decides which crowd takes them in; link them by `must_link` as well.  apart: (n,) bool,
    rows that no crowd takes in, because more is known of them than their distances: all rows of
    one id of `together`, or none.

    A sample of `first_sample` rows in random order is clustered exactly; clusters of eight or more
    are crowds. A row joins the crowd to whose voters it has the smallest median distance, of the
    four that are nearest on average, if that is within `crowd_threshold` and no smaller cluster, of
    four or more, is nearer. The same goes on
    with those left and twice the sample, until that is half of them. So up to 2 * first_sample rows
    nothing but the edges happens, and of more the pairs inside crowds, most of all pairs, are never
    made. Of more than 16 * first_sample that are in no crowd, only those are compared that lie in
    cells near each other, so not every edge is found.

    progress: as in `median_linkage`; the share is a guess, as nobody knows how many crowds there
    are.

    Cost and memory: see cpp/algorithms/crowd_edges.hpp. Same bits for any `threads`.
    Raises ValueError, naming the argument, for wrong shapes and values that are not finite.

    >>> faces = np.repeat(np.eye(3, dtype="f4"), [6000, 2000, 1], axis=0)
    >>> edges, voters, joined = crowd_edges(faces, 0.5, max_members=8)
    >>> len(edges[0]), int(voters.sum()), len(joined[0])
    (0, 17, 7998)
    >>> median_linkage(8001, edges, 0.5, voters=voters, joined=joined).n_clusters
    3
    """
    for name, value in (("max_members", max_members), ("first_sample", first_sample)):
        if value < 1:
            raise ValueError(f"{name}: expected at least 1, got {value}")
    if not 0 <= random_state < 2**64:
        raise ValueError(f"random_state: expected 0 to 2**64 - 1, got {random_state}")
    edges, voters, joined = _core.crowd_edges(
        as_unit_rows("faces", faces),
        threshold,
        threshold if crowd_threshold is None else crowd_threshold,
        None if groups is None else np.asarray(groups),
        None if together is None else np.asarray(together),
        None if apart is None else np.ascontiguousarray(apart, dtype=bool),
        max_members,
        first_sample,
        random_state,
        thread_count(threads),
        progress,
    )
    return CrowdEdges(edges, voters.view(bool), joined)


def _indices(values: npt.ArrayLike) -> npt.NDArray[np.integer]:
    """As an array; an empty list, which numpy takes for floats, as integers."""
    array = np.asarray(values)
    return array if array.size else array.astype(np.int32)


def _edge_arrays(
    edges: EdgesLike,
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    i, j, d = edges
    return _indices(i), _indices(j), as_floats("d", d)


def _pairs(pairs: npt.ArrayLike | None) -> npt.NDArray[np.integer] | None:
    if pairs is None:
        return None
    array = _indices(pairs)
    return array if array.size else array.reshape(0, 2)
