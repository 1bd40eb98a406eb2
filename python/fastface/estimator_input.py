"""What estimators are given: rows brought to unit length, groups and pairs, checked once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastface.kernels.arguments import Rows
from fastface.types import FloatArray


def narrow_rows(X: Any) -> Rows:
    """(n, d) of X's dtype if the core reads that, else float32: no copy of X is wider than X.

    Of unit length, float16 to within its own rounding; int8 as they are, which the core scales.
    """
    rows = _checked(X)
    if rows.dtype == np.int8:
        return rows.copy()
    return _scaled_blocks(rows, np.float16 if rows.dtype == np.float16 else np.float32)


def unit_rows(X: Any) -> FloatArray:
    """(n, d) float32; rows of zeros stay so."""
    return _scaled_blocks(_checked(X), np.float32)


def _checked(X: Any) -> npt.NDArray[Any]:
    """(n, d) of any real dtype."""
    if hasattr(X, "tocsr"):
        raise TypeError("X: sparse input is not supported, pass X.toarray()")
    rows = np.asarray(X)
    if rows.dtype.kind == "c":
        raise ValueError("X: Complex data not supported")
    if rows.ndim != 2:
        raise ValueError(
            f"X: expected a 2-D array, got shape {rows.shape}. Reshape your data: one row each"
        )
    for count, what in zip(rows.shape, ("sample", "feature"), strict=True):
        if count == 0:
            raise ValueError(
                f"X: 0 {what}(s) (shape={rows.shape}) while a minimum of 1 is required."
            )
    return rows.astype(np.float64) if rows.dtype == object else rows


def _scaled_blocks(rows: npt.NDArray[Any], dtype: type[np.floating[Any]]) -> npt.NDArray[Any]:
    unit = np.empty(rows.shape, dtype)
    block = max(1, 2**16 // rows.shape[1])  # a large X has no room for itself in float64
    for begin in range(0, len(rows), block):
        unit[begin : begin + block] = _scaled(rows[begin : begin + block].astype(np.float64))
    return unit


def _scaled(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if not np.isfinite(rows).all():
        raise ValueError("X: contains NaN or infinity")
    # By the largest value first: squares of huge or tiny ones would leave the range.
    rows /= np.maximum(np.abs(rows).max(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


def rows_named(n: int, *pairs: npt.ArrayLike | None) -> npt.NDArray[np.bool_]:
    """(n,) bool: the rows that constraints speak of. What is no row is left to `median_linkage`."""
    named = np.zeros(n, dtype=bool)
    for given in pairs:
        rows = np.asarray([] if given is None else given).ravel()
        if rows.dtype.kind in "iu":
            named[rows[(rows >= 0) & (rows < n)]] = True
    return named


def more_pairs(
    name: str, before: npt.ArrayLike | None, pairs: npt.ArrayLike | None
) -> npt.ArrayLike | None:
    """Two lists of pairs as one."""
    if before is None or pairs is None:
        return pairs if before is None else before
    old, new = np.asarray(before), np.asarray(pairs)
    if not (old.size and new.size):
        return new if new.size else old
    if new.ndim != 2 or new.shape[1] != 2:
        raise ValueError(f"{name}: expected shape (pairs, 2), got {new.shape}")
    return np.concatenate([old, new])


def column_of(name: str, values: npt.ArrayLike, n: int) -> npt.NDArray[Any]:
    """(n,) values, one a row."""
    column = np.asarray(values)
    if column.shape != (n,):
        raise ValueError(f"{name}: expected shape ({n},), got {column.shape}")
    return column
