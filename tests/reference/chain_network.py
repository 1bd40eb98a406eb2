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


def rounded(x: np.ndarray, scale: np.ndarray, zero: int) -> np.ndarray:
    """x as bytes can say it, channels last."""
    return (np.clip(np.rint(x / scale + zero), 0, 255) - zero) * scale


def rounded_weights(weights: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(n_in, n_out), in 127 steps for each output, of inputs in steps of `scale`."""
    steps = weights.astype(np.float64) * scale[:, None]
    unit = np.abs(steps).max(axis=0) / 127
    return np.rint(steps / unit) * unit / scale[:, None]


def round_network(
    layers: Sequence[ChainLayer], dense: np.ndarray, scales: Sequence[np.ndarray]
) -> tuple[list[ChainLayer], np.ndarray]:
    """Weights as a network in 8 bits has them."""
    changed = [
        layer._replace(weights=rounded_weights(layer.weights, scale))
        if layer.weights.ndim == 2
        else layer
        for layer, scale in zip(layers, [np.ones(3), *scales[:-1]], strict=True)
    ]
    dims, n_channels, n_pixels = dense.shape
    rows = dense.transpose(1, 2, 0).reshape(-1, dims)
    rows = rounded_weights(rows, np.repeat(scales[-1], n_pixels))
    return changed, rows.reshape(n_channels, n_pixels, dims).transpose(2, 0, 1)


def run(
    mean: float,
    layers: Sequence[ChainLayer],
    dense: np.ndarray,
    dense_bias: np.ndarray,
    crops: np.ndarray,
    rounding: Sequence[tuple[np.ndarray, int]] = (),
) -> np.ndarray:
    """(n, dims) of (n, side, side, 3)."""
    if rounding:
        layers, dense = round_network(layers, dense, [scale for scale, _ in rounding])
    vectors = []
    for crop in crops:
        outputs: list[np.ndarray] = []
        x = crop.astype(np.float64) - mean
        for layer in layers:
            x = curve(layer_sums(x, layer), layer.slope.astype(np.float64))
            if layer.added is not None:
                x = x + outputs[layer.added]
            if rounding:
                x = rounded(x, *rounding[len(outputs)])
            outputs.append(x)
        flat = x.transpose(2, 0, 1).reshape(-1)  # channels by pixels
        vectors.append(dense.reshape(len(dense), -1).astype(np.float64) @ flat + dense_bias)
    return np.array(vectors)
