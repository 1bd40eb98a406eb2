"""How every kernel takes its arrays and its number of threads."""

from __future__ import annotations

from operator import index

import numpy as np
import numpy.typing as npt

from fastface.types import FloatArray


def as_rows(array: npt.ArrayLike) -> FloatArray:
    """C-contiguous float32; borrowed where it already is."""
    with np.errstate(over="ignore"):  # what overflows float32 is refused as infinite, by name
        return np.ascontiguousarray(array, np.float32)


def thread_count(threads: int | None) -> int:
    """As the core counts them: 0 is one per core."""
    if threads is None:
        return 0
    if index(threads) < 1:
        raise ValueError(f"threads: expected None or at least 1, got {threads}")
    return index(threads)
