"""Photos made smaller and taken apart by colour: what stands between decoding and detection."""

from __future__ import annotations

from operator import index

import numpy as np

from fastface import _core
from fastface.types import FloatArray, ImageArray


def shrink(pixels: ImageArray, height: int, width: int) -> ImageArray:
    """A photo in fewer pixels, by the filter that Pillow calls BILINEAR.

    pixels: (h, w, 3) uint8, C-contiguous or else copied.  height, width: at least 1, at most h and
    w.  Each new pixel is a mean weighted by a triangle two new pixels wide.

    Returns (height, width, 3) uint8, within one level of Pillow's, by the same bits on every SIMD
    target.  Raises ValueError, naming the argument, for another shape, dtype or size.

    >>> shrink(np.full((4, 6, 3), 9, np.uint8), 2, 3).tolist()[0]
    [[9, 9, 9], [9, 9, 9], [9, 9, 9]]
    """
    _check(pixels, height, width)
    return _core.shrink(pixels, index(height), index(width))


def planes(pixels: ImageArray, height: int, width: int) -> FloatArray:
    """A photo as networks take it: one colour after the other, 0 below and to the right of it.

    pixels: (h, w, 3) uint8, C-contiguous or else copied.  height, width: at least h and w.

    Returns (3, height, width) float32 of 0..255.  Raises ValueError, naming the argument, for
    another shape, dtype or size.

    >>> planes(np.array([[[1, 2, 3]]], np.uint8), 1, 2).tolist()
    [[[1.0, 0.0]], [[2.0, 0.0]], [[3.0, 0.0]]]
    """
    _check(pixels, height, width)
    return _core.planes(pixels, index(height), index(width))


def _check(pixels: ImageArray, height: int, width: int) -> None:
    if pixels.dtype != np.uint8:
        raise ValueError(f"pixels: expected uint8, got {pixels.dtype}")
    for name, size in (("height", height), ("width", width)):
        if index(size) < 1:
            raise ValueError(f"{name}: expected at least 1, got {size}")
