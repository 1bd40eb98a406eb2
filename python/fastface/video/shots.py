"""Where one shot of a video ends and the next begins."""

from __future__ import annotations

from typing import Final

import numpy as np

from fastface.types import FloatArray, ImageArray

LEVELS: Final = 8  # of each of red, green and blue
STRIDE: Final = 4  # every fourth pixel, across and down, says the same
# Two keyframes with less than half of their colours in common are two shots. Cuts between the
# photos of bench/video_people.py share .27 of them (median), pans and zooms on one .90.
CUT: Final = 0.4


def colours(pixels: ImageArray) -> FloatArray:
    """(512,) float32: which share of a picture has which colour, coarsely.  Movement keeps it.

    >>> float(colours(np.zeros((8, 8, 3), np.uint8))[0])
    1.0
    """
    coarse = pixels[::STRIDE, ::STRIDE].reshape(-1, 3) // (256 // LEVELS)
    index = coarse.astype(np.int64) @ np.array([LEVELS * LEVELS, LEVELS, 1])
    counts = np.bincount(index, minlength=LEVELS**3)
    return (counts / len(index)).astype(np.float32)


def is_cut(before: FloatArray, after: FloatArray) -> bool:
    """Whether a cut lies between two successive keyframes: their colours differ by more than CUT.

    before, after: as of `colours`.  The difference is 1 - sum(min(before, after)), 0..1 (Swain and
    Ballard, Color Indexing, 1991).
    """
    return bool(1.0 - np.minimum(before, after).sum() > CUT)
