"""Umeyama's similarity by SVD, and a bilinear warp pixel by pixel."""

from __future__ import annotations

import numpy as np


def umeyama(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(2, 3) similarity that maps `source` to `target` best (PAMI 1991, eq. 34-43)."""
    mean_s, mean_t = source.mean(axis=0), target.mean(axis=0)
    s, t = source - mean_s, target - mean_t
    u, d, vt = np.linalg.svd(t.T @ s / len(s))
    sign = np.diag([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ sign @ vt
    scale = np.trace(np.diag(d) @ sign) / s.var(axis=0).sum()
    return np.column_stack([scale * rotation, mean_t - scale * rotation @ mean_s])


def warp(pixels: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """(size, size, 3) float64: `matrix` maps the output's pixel centres to those of `pixels`.

    NaN where a neighbour is outside.
    """
    height, width = pixels.shape[:2]
    out = np.full((size, size, 3), np.nan)
    for v in range(size):
        for u in range(size):
            x, y = matrix @ [u, v, 1.0]
            left, top = int(np.floor(x)), int(np.floor(y))
            if 0 <= left < width - 1 and 0 <= top < height - 1:
                fx, fy = x - left, y - top
                patch = pixels[top : top + 2, left : left + 2].astype(float)
                rows = patch[:, 0] * (1 - fx) + patch[:, 1] * fx
                out[v, u] = rows[0] * (1 - fy) + rows[1] * fy
    return out
