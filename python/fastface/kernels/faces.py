"""The face detector's network, photo to cells, without anything between its layers in memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from fastface import _core
from fastface.types import FloatArray, ImageArray

# mix (n_in, n_out), its bias (n_out,), filter (3, 3, n_out), its bias (n_out,).
SeparableWeights: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, FloatArray]

STRIDES: Final = (8, 16, 32)
_MULTIPLE: Final = 32  # sides of what the network sees; the rest is black

# Which of a cell's 16 values are which output.
_VALUES: Final = {
    "cls": slice(0, 1),
    "obj": slice(1, 2),
    "bbox": slice(2, 6),
    "kps": slice(6, 16),
}
_LOWEST: Final = np.float32(-80)  # of what a sigmoid is taken; its exponential fits into float32
_MARGIN: Final = 0.01  # what rounding may do to the inverse of a sigmoid, and far more


class Cells(NamedTuple):
    """Cells of the network's grids, one a row, and what it says of each; all float32.

    places: (n, 3), column, row and stride.  certain: (n, 2), class and object, 0..1.
    boxes: (n, 4).  landmarks: (n, 10).
    """

    places: FloatArray
    certain: FloatArray
    boxes: FloatArray
    landmarks: FloatArray


class FaceNetwork:
    """YuNet (Wu, Peng, Yu, MIR 2023) in kernels of its own; thread-safe.

    stem, stem_bias: (27, 16) of a convolution of 3 by 3 pixels of RGB, two apart, and (16,).
    layers: 17, as they run: 12 from fine to coarse, two back, then the heads of `STRIDES`, whose
    16 values are class, object, box and landmarks.  All float32.
    Raises ValueError where shapes do not fit together.
    """

    def __init__(
        self, stem: FloatArray, stem_bias: FloatArray, layers: Sequence[SeparableWeights]
    ) -> None:
        self._network = _core.FaceNetwork(stem, stem_bias, list(layers))

    def see(self, pixels: ImageArray) -> dict[str, FloatArray]:
        """What the network says of a photo, by the names of its outputs, (1, cells, n) float32.

        pixels: (h, w, 3) uint8 RGB.  Raises ValueError, naming the argument, for anything else.
        """
        outputs = {}
        for stride, cells in zip(STRIDES, self._network.run(*_padded(pixels)), strict=True):
            cells[:, :2] = _sigmoid(cells[:, :2])
            for name, columns in _VALUES.items():
                outputs[f"{name}_{stride}"] = cells[None, :, columns]
        return outputs

    def find(self, pixels: ImageArray, min_score: float) -> Cells:
        """Those cells of a photo whose class and object may have a geometric mean of `min_score`.

        Fine cells first, then by row and column.  Which others are among them is not said.
        Raises as `see`.
        """
        # As neither is over 1, each is at least the square.
        square = min(max(min_score, 0.0) ** 2, 0.5)
        least = math.log(square / (1 - square)) - _MARGIN if square else -math.inf
        places, values = self._network.find(*_padded(pixels), least)
        return Cells(places, _sigmoid(values[:, :2]), values[:, 2:6], values[:, 6:])


def _padded(pixels: ImageArray) -> tuple[ImageArray, int, int]:
    """A photo, and the height and width that the network sees it in."""
    if pixels.dtype != np.uint8:
        raise ValueError(f"pixels: expected uint8, got {pixels.dtype}")
    height, width = (-(-side // _MULTIPLE) * _MULTIPLE for side in pixels.shape[:2])
    return pixels, height, width


def _sigmoid(values: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-np.maximum(values, _LOWEST))))
