"""An embedder's network, crop to vector, where it is a chain of small layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from fastface import _core
from fastface.types import FloatArray, ImageArray

# weights, bias (n_out,), slope (n_out,) of the PReLU behind it, stride, pad, and the number of the
# layer whose output is added behind that.
Layer: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, int, int, int | None]


class ChainNetwork:
    """A chain of small layers (Howard et al., MobileNets, 2017) in kernels of its own; thread-safe.

    side: of crops.  mean: taken off their values, 0..255.  layers: the first, (3, 3, 3, n_out),
    sees the crop; (n_in, n_out) mixes the channels of each pixel, (size, size, n) filters each
    channel by itself.  Numbers of channels are multiples of 16.  dense: (dims, channels, pixels)
    of the last layer, dense_bias: (dims,).  All float32.
    rounding: scale (n_out,) and zero of each layer's output, which then lies in bytes, x / scale +
    zero, as weights do that mix channels; filters are of 3 by 3 pixels, and nothing is added.
    Raises ValueError where shapes do not fit together.
    """

    def __init__(
        self,
        side: int,
        mean: float,
        layers: Sequence[Layer],
        dense: FloatArray,
        dense_bias: FloatArray,
        rounding: Sequence[tuple[FloatArray, int]] = (),
    ) -> None:
        self._network = _core.ChainNetwork(side, mean, layers, dense, dense_bias, rounding)

    def run(self, crops: ImageArray) -> FloatArray:
        """The vectors of crops, (n, dims) float32: the same bits however crops are batched.

        crops: (n, side, side, 3) uint8 RGB.  Raises ValueError for anything else.
        """
        if crops.dtype != np.uint8:
            raise ValueError(f"crops: expected uint8, got {crops.dtype}")
        return self._network.run(crops)
