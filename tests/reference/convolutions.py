"""A chain of convolutions in float64, one tap at a time."""

from __future__ import annotations

import numpy as np

from fastface.graphs.eight_bits import Chain, Layer


def convolve(x: np.ndarray, layer: Layer) -> np.ndarray:
    """(n, channels, h, w) -> the layer before its PReLU."""
    n_out, n_in, height, width = layer.weight.shape
    x = np.pad(x, ((0, 0), (0, 0), *[(layer.pad, layer.pad)] * 2))
    rows = (x.shape[2] - height) // layer.stride + 1
    columns = (x.shape[3] - width) // layer.stride + 1
    out = np.zeros((len(x), n_out, rows, columns)) + layer.bias[:, None, None]
    for i in range(height):
        for j in range(width):
            seen = x[:, :, i :: layer.stride, j :: layer.stride][:, :, :rows, :columns]
            taps = layer.weight[:, :, i, j]
            if n_in == 1 and x.shape[1] == n_out:  # each channel its own
                out += seen * taps[:, 0, None, None]
            else:
                out += np.einsum("oc,nchw->nohw", taps, seen)
    return out


def run_chain(chain: Chain, crops: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Values of each layer before its PReLU, and the vectors."""
    x = (crops.astype(np.float64) - chain.mean) * chain.scale
    values = []
    for layer in chain.layers:
        x = convolve(x, layer)
        values.append(x)
        x = np.where(x > 0, x, layer.slope[:, None, None] * x)
    weight = chain.weight.reshape(len(chain.weight), -1)
    return values, x.reshape(len(x), -1) @ weight.T + chain.bias
