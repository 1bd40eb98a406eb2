"""The faces that stand for a person: clear, unlike each other, spread over the years."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from fastface.types import FloatArray, IntArray

# With 60 known people and 36 strangers (bench/accuracy_gallery.py), 20 exemplars do within half a
# point of 40, at half the cost.
MAX_EXEMPLARS: Final = 20
# Exemplars are chosen among so many of a person's faces, so that choosing stays cheap in a library
# where one person has thousands.
MAX_CANDIDATES: Final = 256
# A face taken so many years away counts as less like by FADING: children grow.
YEARS: Final = 10.0
FADING: Final = 0.2
SECONDS_A_YEAR: Final = 365.25 * 86_400


def choose(
    faces: FloatArray,
    quality: npt.NDArray[np.floating],
    *,
    most: int = MAX_EXEMPLARS,
    confirmed: npt.NDArray[np.bool_] | None = None,
    taken_at: npt.NDArray[np.float64] | None = None,
) -> IntArray:
    """Rows of at most `most` of one person's faces, the most telling first.

    faces: (n, d) float32, unit rows.  quality: (n,) at least 0, higher is clearer.  confirmed:
    (n,) bool, faces that the user looked at; they come before all others.  taken_at: (n,) seconds,
    NaN where unknown.

    One after another comes the face that brings all faces of the person, weighted by quality,
    nearest to a chosen one (greedy k-medoids): canonical first, then other looks. Faces years
    apart count as less like, so that every age has its exemplar.

    >>> faces = np.eye(3, dtype="f4")[[0, 0, 0, 1, 2]]
    >>> choose(faces, np.array([0.9, 0.5, 0.5, 0.5, 0.6]), most=3).tolist()
    [0, 4, 3]
    """
    sure = np.zeros(len(faces), bool) if confirmed is None else confirmed
    years = None if taken_at is None else taken_at / SECONDS_A_YEAR
    rows = _candidates(quality, sure, years, MAX_CANDIDATES)
    likeness = faces[rows] @ faces[rows].T
    if years is not None:
        apart = np.abs(np.subtract.outer(years[rows], years[rows]))
        likeness -= np.float32(FADING) * np.minimum(np.nan_to_num(apart) / YEARS, 1.0)
    weight = np.asarray(quality, np.float32)[rows]
    covered = np.full(len(rows), likeness.min(initial=-1.0))
    better = np.empty_like(likeness)
    waiting, first = np.ones(len(rows), bool), sure[rows]
    chosen: list[int] = []
    while len(chosen) < min(most, len(rows)):
        gain = np.maximum(likeness, covered, out=better) @ weight
        among = waiting & first if (waiting & first).any() else waiting
        best = int(np.where(among, gain, -np.inf).argmax())
        chosen.append(best)
        waiting[best] = False
        covered = np.maximum(covered, likeness[best])
    return np.asarray(rows[chosen], np.int64)


def _candidates(
    quality: npt.NDArray[np.floating],
    confirmed: npt.NDArray[np.bool_],
    years: npt.NDArray[np.float64] | None,
    most: int,
) -> IntArray:
    """Rows of the clearest faces of each stretch of a life, the confirmed of all; ascending."""
    n = len(quality)
    if n <= most:
        return np.arange(n)
    # Where the confirmed are too many, the others of their stretch are left out by them.
    order = np.arange(n) if years is None else np.argsort(years, kind="stable")
    stretch = np.empty(n, np.int64)
    stretch[order] = np.arange(n) * most // n
    by_worth = np.lexsort((-quality, ~confirmed, stretch))
    _, best = np.unique(stretch[by_worth], return_index=True)
    return np.sort(by_worth[best])
