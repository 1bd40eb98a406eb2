"""Greedy non-maximum suppression, one pair at a time."""

from __future__ import annotations

import numpy as np


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes (left, top, width, height)."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = a[2] * a[3] + b[2] * b[3] - shared
    return shared / union if union else 0.0


def suppress(boxes: np.ndarray, scores: np.ndarray, max_overlap: float = 0.3) -> list[int]:
    order = sorted(range(len(scores)), key=lambda row: (-scores[row], row))
    kept: list[int] = []
    for row in order:
        if all(overlap(boxes[row], boxes[other]) <= max_overlap for other in kept):
            kept.append(row)
    return kept
