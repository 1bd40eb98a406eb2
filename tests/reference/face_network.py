"""YuNet's network in float64, one tap at a time; images are (height, width, channels)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int = 1) -> np.ndarray:
    """weight: (3, 3, n_in, n_out), or (3, 3, n) for a filter of each channel."""
    height, width = x.shape[0] // stride, x.shape[1] // stride
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    out = np.zeros((height, width, len(bias))) + bias
    for i in range(3):
        for j in range(3):
            seen = padded[i : i + x.shape[0] : stride, j : j + x.shape[1] : stride]
            out += seen * weight[i, j] if weight.ndim == 3 else seen @ weight[i, j]
    return out


def separable(x: np.ndarray, layer: Sequence[np.ndarray], *, rectified: bool = True) -> np.ndarray:
    mix, mix_bias, taps, taps_bias = (array.astype(np.float64) for array in layer)
    out = convolve(x @ mix + mix_bias, taps, taps_bias)
    return np.maximum(out, 0) if rectified else out


def pool(x: np.ndarray) -> np.ndarray:
    height, width, channels = x.shape
    return x.reshape(height // 2, 2, width // 2, 2, channels).max(axis=(1, 3))


def double(x: np.ndarray) -> np.ndarray:
    return x.repeat(2, axis=0).repeat(2, axis=1)


def run(
    stem: np.ndarray,
    stem_bias: np.ndarray,
    layers: Sequence[Sequence[np.ndarray]],
    pixels: np.ndarray,
) -> list[np.ndarray]:
    """(cells, 16) for each of the strides 8, 16 and 32, before any sigmoid."""
    height, width = (-(-side // 32) * 32 for side in pixels.shape[:2])
    x = np.zeros((height, width, 3))
    x[: pixels.shape[0], : pixels.shape[1]] = pixels
    x = np.maximum(convolve(x, stem.astype(float).reshape(3, 3, 3, 16), stem_bias, stride=2), 0)
    x = pool(separable(x, layers[0]))
    for layer in layers[1:5]:
        x = separable(x, layer)
    scales = []
    for first, count in ((5, 2), (7, 2), (9, 3)):
        x = pool(x)
        for layer in layers[first : first + count]:
            x = separable(x, layer)
        scales.append(x)
    fine, middle, coarse = scales
    middle = separable(middle + double(coarse), layers[12])
    fine = separable(fine + double(middle), layers[13])
    heads = zip((fine, middle, coarse), layers[14:], strict=True)
    return [separable(x, head, rectified=False).reshape(-1, 16) for x, head in heads]
