"""How clear a face is, from what detection and embedding already know; nothing more is computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastface.types import FloatArray

# Fitted by bench/calibrate_quality.py on degraded copies of training crops: the expected cosine
# between the embedding of a face and that of the same face seen clearly, by the raw norm.
_NORM_MIDDLE, _NORM_WIDTH = 4.9, 1.45

_MIN_QUALITY = 0.4
_MIN_WIDTH_PX = 20.0
_MAX_YAW = 0.75


@dataclass(frozen=True, slots=True)
class Quality:
    """score: 0..1, higher is clearer. reasons: why the face is unclear; empty when it is clear."""

    score: float
    reasons: tuple[str, ...]

    @property
    def unclear(self) -> bool:
        return bool(self.reasons)


def assess(norm: float, width_px: float, landmarks: FloatArray) -> Quality:
    """Quality of one face.

    norm: length of the embedder's raw vector.  width_px: width of the face's box.  landmarks:
    (5, 2) float32 in pixels.
    """
    score = float(1 / (1 + np.exp((_NORM_MIDDLE - norm) / _NORM_WIDTH)))
    reasons = []
    if score < _MIN_QUALITY:
        reasons.append("blurred, dark or covered")
    if width_px < _MIN_WIDTH_PX:
        reasons.append("small")
    if abs(yaw(landmarks)) > _MAX_YAW:
        reasons.append("turned away")
    return Quality(score, tuple(reasons))


def yaw(landmarks: FloatArray) -> float:
    """How far the head is turned, from -1 to 1: 0 is frontal, 1 a profile.

    The nose's place between the eyes and between the corners of the mouth, along the line of the
    eyes, so that a tilted head does not count as turned.
    """
    points = np.asarray(landmarks, np.float64)
    across = (points[1] - points[0]) + (points[4] - points[3])
    along = points @ (across / max(float(np.linalg.norm(across)), 1e-9))
    right, left = (along[0] + along[3]) / 2, (along[1] + along[4]) / 2
    if left - right < 1e-9:
        return 1.0
    return float(np.clip(2 * (along[2] - right) / (left - right) - 1, -1, 1))
