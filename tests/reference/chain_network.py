"""A chain of small layers in float64, one tap at a time; images are (height, width, channels)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastface.graphs import ChainLayer


def taps_of(x: np.ndarray, size: int, stride: int, pad: int) -> np.ndarray:
    """(height, width, size, size, channels): what each output sees."""
    padded = np.pad(x, ((pad, pad), (pad, pad), (0, 0)))
    seen = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(0, 1))
    return seen[::stride, ::stride].transpose(0, 1, 3, 4, 2)


def layer_sums(x: np.ndarray, layer: ChainLayer) -> np.ndarray:
    """A layer without its PReLU."""
    weights = layer.weights.astype(np.float64)
    if weights.ndim == 2:
        return x @ weights + layer.bias
    taps = taps_of(x, len(weights), layer.stride, layer.pad)
    if weights.ndim == 3:
        return np.einsum("yxijc,ijc->yxc", taps, weights) + layer.bias
    return np.einsum("yxijc,ijco->yxo", taps, weights) + layer.bias


def curve(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, x * slope)


def run(
    mean: float,
    layers: Sequence[ChainLayer],
    dense: np.ndarray,
    dense_bias: np.ndarray,
    crops: np.ndarray,
) -> np.ndarray:
    """(n, dims) of (n, side, side, 3)."""
    vectors = []
    for crop in crops:
        outputs: list[np.ndarray] = []
        x = crop.astype(np.float64) - mean
        for layer in layers:
            x = curve(layer_sums(x, layer), layer.slope.astype(np.float64))
            if layer.added is not None:
                x = x + outputs[layer.added]
            outputs.append(x)
        flat = x.transpose(2, 0, 1).reshape(-1)  # channels by pixels
        vectors.append(dense.reshape(len(dense), -1).astype(np.float64) @ flat + dense_bias)
    return np.array(vectors)
