"""How clear a face is, from what detection and embedding already know; nothing more is computed."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Fitted by bench/calibrate_quality.py on degraded copies of training crops.
_OFFSET, _PER_NORM, _PER_LOG_SIZE, _HALF_SIZE_PX = -3.33, 0.46, 1.09, 12.0

# SFace's norm as the detector's score foretells it, from the same script: a correlation of 0.76.
_NORM_AT_BEST, _NORM_PER_DOUBT = 13.3, 34.5

# Below a norm of 7, two strangers' faces are over ten times likelier to match than usual (the same
# script): what is left of them is blur, and blurs look alike.  One training crop in 100 is below.
_MIN_QUALITY = 0.465


@dataclass(frozen=True, slots=True)
class Quality:
    """score: 0..1, higher is clearer. reason: why the face is unclear; "" when it is clear."""

    score: float
    reason: str

    @property
    def unclear(self) -> bool:
        return bool(self.reason)


def assess(norm: float, width_px: float) -> Quality:
    """Quality of one face: the cosine to expect between its embedding and that of the same face
    seen clearly.

    norm: length of the embedder's raw vector; it falls with blur, darkness, covered parts and
    turned heads alike, so that measures of each of these add nothing to it.  width_px: width of
    the face's box: what enlarging cannot bring back.

    >>> assess(11.0, 90.0)
    Quality(score=0.847, reason='')
    >>> assess(7.5, 14.0).reason
    'small'
    """
    clear = _OFFSET + _PER_NORM * norm
    small = _PER_LOG_SIZE * math.log1p((_HALF_SIZE_PX / max(width_px, 1e-3)) ** 2)
    score = round(_logistic(clear - small), 3)
    if score >= _MIN_QUALITY:
        return Quality(score, "")
    return Quality(score, "small" if _logistic(clear) >= _MIN_QUALITY else "blurred or covered")


def assess_without_norm(score: float, width_px: float) -> Quality:
    """Quality where the norm of the embedder's vector says nothing: from what the detector saw.

    score: the detector's, 0..1.  width_px: as above.

    >>> assess_without_norm(0.9, 90.0).unclear, assess_without_norm(0.9, 5.0).reason
    (False, 'small')
    """
    return assess(_NORM_AT_BEST - _NORM_PER_DOUBT * (1 - score), width_px)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))
