"""The face detector's network, photo to cells, without anything between its layers in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

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
        if pixels.dtype != np.uint8:
            raise ValueError(f"pixels: expected uint8, got {pixels.dtype}")
        height, width = (-(-side // _MULTIPLE) * _MULTIPLE for side in pixels.shape[:2])
        outputs = {}
        for stride, cells in zip(STRIDES, self._network.run(pixels, height, width), strict=True):
            certain = cells[:, :2]
            certain[:] = 1 / (1 + np.exp(-np.maximum(certain, _LOWEST)))
            for name, columns in _VALUES.items():
                outputs[f"{name}_{stride}"] = cells[None, :, columns]
        return outputs
