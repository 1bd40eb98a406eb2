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


def warp(
    pixels: ImageArray,
    window: tuple[int, int, int, int],
    factor: int,
    matrix: tuple[float, float, float, float, float, float],
    side: int,
) -> ImageArray:
    """A square cut out of a photo, by the bits of Pillow's reduce() and transform().

    pixels: (h, w, 3) uint8, C-contiguous or else copied.  window: top, bottom, left and right of
    the part to cut from, ends left out.  factor: it is first made smaller by averaging so many by
    so many pixels.  matrix: row by row, from the square to what that gives, both counted from
    their corners in pixels.  side: of the square.

    Returns (side, side, 3) uint8, bilinear, black outside the window.  Raises ValueError, naming
    the argument, for another shape or dtype, a window that is empty or leaves the photo, a factor
    outside 1 to 2048 and a side below 1.

    >>> grey = np.full((4, 4, 3), 9, np.uint8)
    >>> warp(grey, (0, 4, 0, 4), 2, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), 3)[..., 0].tolist()
    [[9, 9, 0], [9, 9, 0], [0, 0, 0]]
    """
    if pixels.dtype != np.uint8:
        raise ValueError(f"pixels: expected uint8, got {pixels.dtype}")
    if min(window) < 0:
        raise ValueError(f"window: expected no negative number, got {window}")
    for name, value in (("factor", factor), ("side", side)):
        if index(value) < 1:
            raise ValueError(f"{name}: expected at least 1, got {value}")
    return _core.warp(pixels, window, index(factor), matrix, index(side))


def _check(pixels: ImageArray, height: int, width: int) -> None:
    if pixels.dtype != np.uint8:
        raise ValueError(f"pixels: expected uint8, got {pixels.dtype}")
    for name, size in (("height", height), ("width", width)):
        if index(size) < 1:
            raise ValueError(f"{name}: expected at least 1, got {size}")
