"""Golden vectors: inputs and the outputs that they must give, as plain files.

A tensor is one file of float32, little-endian, in C order, without a header: every language reads
that.  An app runs its session on the inputs and writes its outputs under the same names;
`compare` says how near they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, cast

import numpy as np

from fastface.types import FloatArray

# Least cosine between a tensor and what it must be, and largest difference as a share of the
# largest value, for a cosine does not see that all values are twice as large.  Single precision
# only sums in another order; half precision, which neural accelerators compute in, keeps three
# digits.
_VECTORS: Final = {"exact": (0.99999, 0.01), "half": (0.999, 0.1)}
# Of probabilities the largest difference: where all are next to nothing, so is their direction.
_PROBABILITIES: Final = {"exact": 1e-4, "half": 2e-2}

Verdict = Literal["exact", "half", "wrong"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near an output is to what it must be.

    model: the file that made it, or the folder of a device's results.  case, output: which one.
    cosine, difference: see `compare`; NaN where they cannot be compared.  verdict: exact as in
    single precision, half as in half precision, or wrong.
    """

    model: str
    case: str
    output: str
    cosine: float
    difference: float
    verdict: Verdict


def compare(
    expected: FloatArray, found: FloatArray, *, probabilities: bool = False
) -> tuple[float, float, Verdict]:
    """Cosine, largest difference and verdict of two tensors; of probabilities the difference as it
    is, else as a share of the largest value.

    >>> compare(np.array([3.0, 4.0], np.float32), np.array([3.0, 4.0], np.float32))
    (1.0, 0.0, 'exact')
    >>> compare(np.array([1.0, 2.0], np.float32), np.array([2.0, 1.0], np.float32))[2]
    'wrong'
    """
    a, b = expected.astype(np.float64).ravel(), found.astype(np.float64).ravel()
    if a.size != b.size or not np.isfinite(b).all():
        return float("nan"), float("nan"), "wrong"
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    cosine = min(1.0, float(a @ b) / norms) if norms else float(np.array_equal(a, b))
    difference = float(np.abs(a - b).max())
    if probabilities:
        met = [verdict for verdict, most in _PROBABILITIES.items() if difference <= most]
    else:
        difference /= float(max(np.abs(a).max(), np.finfo(np.float32).tiny))
        met = [
            verdict
            for verdict, (least, most) in _VECTORS.items()
            if cosine >= least and difference <= most
        ]
    return cosine, difference, cast(Verdict, met[0] if met else "wrong")


def to_bytes(tensor: FloatArray) -> bytes:
    return np.ascontiguousarray(tensor, "<f4").tobytes()


def from_bytes(content: bytes) -> FloatArray:
    """The values of a file, flat; what is left over of a value is dropped."""
    return np.frombuffer(content[: len(content) // 4 * 4], "<f4").astype(np.float32)
