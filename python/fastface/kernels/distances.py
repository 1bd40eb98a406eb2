"""Fused distances of faces and torsos: the whole matrix, close pairs, counts, nearest neighbours.

With unit rows f of faces and t of torsos::

    F = max(0, 1 - <f_i, f_j>)    T = max(0, 1 - <t_i, t_j>)    D = min(F, alpha * F + beta * T)

so a torso can only bring two observations closer, and only if alpha < 1. A row of zeros or of NaN
is a missing face or torso. A torso missing on either side: D = F. A face missing on either side:
D = beta * T between rows of one group where groups are given, else infinite. Both missing:
infinite.

Rows are taken to be of unit norm; that is not checked. NaN among other values, infinities and rows
of a norm above 1e18 raise ValueError. Any real array is accepted. C-contiguous float32, float16 and
int8 are not copied: rows of the narrow ones are widened where they are used, a few at a time, and
rows of int8, which are quantised and have lost their length, are scaled to unit norm. A pair has
the same bits in every function and for any `threads` (None: one per core).

progress: called with the share that is done, 0 to 1, in the calling thread, some twenty times a
second, and with 1 at the end. What it raises, like Ctrl-C, stops the call within 0.2 s.
"""

from __future__ import annotations

from operator import index

import numpy as np
import numpy.typing as npt

from fastface import _core
from fastface.kernels.arguments import Progress, as_unit_rows, thread_count
from fastface.types import FloatArray, IntArray


def pairwise_edges(
    faces: npt.ArrayLike,
    threshold: float,
    *,
    torsos: npt.ArrayLike | None = None,
    alpha: float = 1.0,
    beta: float = 1.0,
    groups: npt.ArrayLike | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], FloatArray]:
    """Every pair of rows within `threshold` of each other.

    faces: (n, d) float32.  threshold: keep D <= threshold.  torsos: (n, d') float32.  alpha, beta:
    weights of the face and of the torso, >= 0.  groups: (n,) integers; only pairs of one group are
    looked at, at a cost of the sum of the squares of the groups' sizes: all moments in one call.

    Returns (i int32, j int32, d float32) with i < j, sorted by (i, j). Memory is linear in rows and
    edges; no n x n matrix is made.
    Raises ValueError, naming the argument, for wrong shapes, weights and values.

    >>> faces = np.array([[1, 0], [0, 1], [0.6, 0.8], [0, 0]], np.float32)
    >>> i, j, d = pairwise_edges(faces, 0.5)
    >>> i, j, d.round(3)
    (array([0, 1], dtype=int32), array([2, 2], dtype=int32), array([0.4, 0.2], dtype=float32))
    """
    return _core.pairwise_edges(
        as_unit_rows("faces", faces),
        float(threshold),
        None if torsos is None else as_unit_rows("torsos", torsos),
        float(alpha),
        float(beta),
        None if groups is None else np.asarray(groups),
        thread_count(threads),
        progress,
    )


def neighbour_counts(
    faces: npt.ArrayLike,
    threshold: float,
    *,
    torsos: npt.ArrayLike | None = None,
    alpha: float = 1.0,
    beta: float = 1.0,
    groups: npt.ArrayLike | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> IntArray:
    """How many other rows each row has within `threshold`.

    What `pairwise_edges` finds with the same arguments, counted: (n,) int64. The pairs are not
    kept, so memory is linear in rows however many there are.

    >>> neighbour_counts(np.array([[1, 0], [0, 1], [0.6, 0.8], [0, 0]]), 0.5)
    array([1, 1, 2, 0])
    """
    return _core.neighbour_counts(
        as_unit_rows("faces", faces),
        float(threshold),
        None if torsos is None else as_unit_rows("torsos", torsos),
        float(alpha),
        float(beta),
        None if groups is None else np.asarray(groups),
        thread_count(threads),
        progress,
    )


def edges_between(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    threshold: float,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], FloatArray]:
    """Every pair of a row on the left and one on the right within `threshold` of each other.

    left: (n, d) float32.  right: (m, d) float32.  threshold: keep F <= threshold.

    Returns (i int32, j int32, F float32), i a row of left and j of right, sorted by (i, j). Memory
    is linear in rows and edges; no n x m matrix is made.
    Raises ValueError, naming the argument, for wrong shapes and values.

    >>> i, j, d = edges_between([[1, 0], [0, 1]], [[0.6, 0.8]], 0.3)
    >>> i, j, d.round(3)
    (array([1], dtype=int32), array([0], dtype=int32), array([0.2], dtype=float32))
    """
    return _core.edges_between(
        as_unit_rows("left", left),
        as_unit_rows("right", right),
        float(threshold),
        thread_count(threads),
        progress,
    )


def fused_distances(
    faces: npt.ArrayLike,
    torsos: npt.ArrayLike | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> FloatArray:
    """The whole symmetric matrix of distances.

    faces: (n, d) float32.  torsos: (n, d') float32.  alpha, beta: weights of the face and of the
    torso, >= 0.

    Returns (n, n) float32. The diagonal is 0 where there is a face, else infinite.
    Raises ValueError, naming the argument, for wrong shapes, weights and values.

    >>> faces = np.array([[1, 0], [0, 1]], np.float32)
    >>> torsos = np.array([[1, 0, 0], [1, 0, 0]], np.float32)
    >>> fused_distances(faces, torsos, alpha=0.5, beta=0.5)
    array([[0. , 0.5],
           [0.5, 0. ]], dtype=float32)
    """
    return _core.fused_distances(
        as_unit_rows("faces", faces),
        None if torsos is None else as_unit_rows("torsos", torsos),
        float(alpha),
        float(beta),
        thread_count(threads),
        progress,
    )


def nearest(
    queries: npt.ArrayLike,
    gallery: npt.ArrayLike,
    k: int,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[IntArray, FloatArray]:
    """The `k` rows of a gallery nearest to each query by face distance F.

    queries: (n, d) float32.  gallery: (m, d) float32.  k: 1 <= k <= m.

    Returns (indices (n, k) int64, distances (n, k) float32), nearest first, ties by lower index. A
    missing row is at infinite distance. No n x m matrix is made.
    Raises ValueError, naming the argument, for wrong shapes, values and k.

    >>> nearest(np.eye(2), np.eye(2), 1)
    (array([[0],
           [1]]), array([[0.],
           [0.]], dtype=float32))
    """
    return _core.nearest(
        as_unit_rows("queries", queries),
        as_unit_rows("gallery", gallery),
        index(k),
        thread_count(threads),
        progress,
    )
