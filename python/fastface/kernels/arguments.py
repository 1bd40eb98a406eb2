"""How every kernel takes its arrays, its number of threads and whom to tell how far it is."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from fastface.types import FloatArray

# Called with the share that is done, 0 to 1, in the thread that made the call, some twenty times a
# second, and with 1 at the end. What it raises stops the call.
Progress: TypeAlias = Callable[[float], object]

# Rows that the core widens where it uses them.
NARROW = (np.float16, np.int8)
Rows: TypeAlias = FloatArray | npt.NDArray[np.float16] | npt.NDArray[np.int8]


def as_floats(name: str, array: npt.ArrayLike) -> FloatArray:
    """C-contiguous, aligned float32, borrowed where it is that; ValueError naming the argument."""
    try:
        given = np.asarray(array)
        if given.dtype.kind in "biufO":
            with np.errstate(over="ignore"):  # what overflows float32 is refused as infinite
                return np.require(given, np.float32, ["C", "A"])
    except (TypeError, ValueError) as problem:  # ragged, or objects that are no numbers
        raise ValueError(f"{name}: expected an array of numbers: {problem}") from None
    raise ValueError(f"{name}: expected an array of real numbers, got dtype {given.dtype}")


def as_unit_rows(name: str, array: npt.ArrayLike) -> Rows:
    """The same for rows that say where something points; float16 and int8 stay what they are."""
    if isinstance(array, np.ndarray) and array.ndim == 2 and array.dtype.type in NARROW:
        return np.require(np.asarray(array), array.dtype.type, ["C", "A"])
    return as_floats(name, array)


def thread_count(threads: int | None) -> int:
    """As the core counts them: 0 is one per core."""
    if threads is None:
        return 0
    if index(threads) < 1:
        raise ValueError(f"threads: expected None or at least 1, got {threads}")
    return index(threads)
