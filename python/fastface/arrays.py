"""What clustering and the gallery ask of the arrays they are given, checked once; and sets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fastface.types import FloatArray, IntArray


def finite_rows(name: str, rows: npt.ArrayLike) -> FloatArray:
    """C-contiguous (n, d) float32, or ValueError naming the argument."""
    array = np.ascontiguousarray(rows, np.float32)
    if array.ndim != 2:
        raise ValueError(f"{name}: expected a 2-D array, got {array.ndim}-D")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity")
    return array


def integer_column(name: str, column: npt.ArrayLike, n: int) -> IntArray:
    """(n,) int64, or ValueError naming the argument."""
    array = np.asarray(column)
    if array.shape != (n,) or (n and array.dtype.kind not in "iu"):
        raise ValueError(f"{name}: expected {n} integers, got {array.dtype} of shape {array.shape}")
    return array.astype(np.int64)


def distinct(numbers: IntArray) -> IntArray:
    """The different numbers, ascending.

    `np.unique` alone hashes them since NumPy 2.3, which takes 40 times as long for 100,000.
    """
    ordered = np.sort(numbers, axis=None)
    found: IntArray = ordered[np.diff(ordered, prepend=ordered[:1] - 1) != 0]
    return found
