"""What is known of faces before they are grouped, as links for `kernels.median_linkage`."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fastface.types import FloatArray, IntArray

# Of known people, so many that resemble someone most are told apart from them.
ALIKE: Final = 32


class Links(NamedTuple):
    """What is known beforehand, (k, 2) pairs each: of one person, of two people."""

    together: IntArray
    apart: IntArray


def link(faces: FloatArray, known: IntArray) -> Links:
    """A chain through the faces of everyone who is known; people by the first face of each.

    faces: (n, d) float32.  known: (n,) int64, who a face is known to be, 0 where it is not known.

    >>> link(np.eye(4, dtype="f4"), np.array([7, 0, 9, 7])).together.tolist()
    [[0, 3]]
    """
    order = np.argsort(known, kind="stable")
    order = order[known[order] > 0]
    first = order[np.flatnonzero(np.diff(known[order], prepend=0))]
    return Links(
        chain(np.where(known > 0, known, -1)),
        first[_neighbours(_means(faces[order], known[order]))],
    )


def chain(groups: IntArray) -> IntArray:
    """(k, 2) pairs of rows that hold each group together; negative is no group.

    >>> chain(np.array([3, -1, 0, 3, -1, 3])).tolist()
    [[0, 3], [3, 5]]
    """
    order = np.argsort(groups, kind="stable")
    order = order[groups[order] >= 0]
    one = groups[order[1:]] == groups[order[:-1]]
    pairs: IntArray = np.column_stack([order[:-1], order[1:]])[one]
    return pairs


def _neighbours(means: FloatArray) -> IntArray:
    """(k, 2) pairs of rows, all or, of many, each with those most like it: others never meet."""
    pairs = [np.empty((0, 2), np.int64)]
    for start in range(0, len(means), 1024):
        alike = means[start : start + 1024] @ means.T
        rows = np.arange(len(alike))
        alike[rows, start + rows] = -np.inf
        near = np.argsort(-alike, axis=1, kind="stable")[:, : min(ALIKE, len(means) - 1)]
        pairs.append(np.column_stack([np.repeat(start + rows, near.shape[1]), near.ravel()]))
    return np.unique(np.sort(np.concatenate(pairs)), axis=0)


def _means(faces: FloatArray, known: IntArray) -> FloatArray:
    """The mean direction of each person's faces, (people, d); `known` ascending."""
    starts = np.flatnonzero(np.diff(known, prepend=0))
    if not len(starts):
        return faces[:0]
    sums = np.add.reduceat(faces, starts, axis=0)
    means: FloatArray = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return means


def known_alike(known: IntArray, pairs: IntArray) -> npt.NDArray[np.bool_]:
    """(k,) pairs that are one known person twice: somebody and their picture on the wall."""
    one: npt.NDArray[np.bool_] = known[pairs[:, 0]] == known[pairs[:, 1]]
    return one & (known[pairs[:, 0]] > 0)
