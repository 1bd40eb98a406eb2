"""A photo made smaller, in real numbers, every new pixel a mean weighted by a triangle; a photo by
colour."""

from __future__ import annotations

import numpy as np


def weights(size: int, smaller: int) -> np.ndarray:
    """(smaller, size): what each old pixel counts in each new one."""
    scale = size / smaller
    centres = (np.arange(smaller) + 0.5) * scale
    away = np.abs(np.arange(size) + 0.5 - centres[:, None]) / scale
    triangle = np.maximum(1 - away, 0)
    return triangle / triangle.sum(axis=1, keepdims=True)


def shrink(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """(h, w, 3) -> (height, width, 3) float64."""
    rows, columns = weights(pixels.shape[0], height), weights(pixels.shape[1], width)
    return np.einsum("yh,xw,hwc->yxc", rows, columns, pixels.astype(float), optimize=True)


def planes(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """(h, w, 3) -> (3, height, width) float32."""
    result = np.zeros((3, height, width), np.float32)
    result[:, : pixels.shape[0], : pixels.shape[1]] = pixels.transpose(2, 0, 1)
    return result
