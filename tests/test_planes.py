"""Photos by colour against the twin, on every SIMD target."""

from __future__ import annotations

import numpy as np
import pytest

from fastface.kernels import planes
from tests.reference import images as reference

WIDTHS = (1, 2, 15, 16, 17, 47, 64, 67, 131)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("padding", [(0, 0), (3, 0), (0, 5), (32, 32)])
def test_the_same_as_the_twin(target, width, padding):
    pixels = np.random.default_rng(width).integers(0, 256, (5, width, 3), np.uint8)
    size = 5 + padding[0], width + padding[1]
    found = planes(pixels, *size)
    assert found.dtype == np.float32 and found.flags.c_contiguous
    np.testing.assert_array_equal(found, reference.planes(pixels, *size))


def test_a_view_is_as_good_as_its_copy():
    view = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)[::-1, 7:]
    np.testing.assert_array_equal(planes(view, 20, 32), reference.planes(view, 20, 32))


@pytest.mark.parametrize(
    ("pixels", "size", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), (4, 4), "pixels: expected uint8"),
        (np.zeros((4, 4), np.uint8), (4, 4), r"pixels: expected \(height, width, 3\), got"),
        (np.zeros((4, 4, 3), np.uint8), (3, 4), "height: expected at least 4, got 3"),
        (np.zeros((4, 4, 3), np.uint8), (4, 3), "width: expected at least 4, got 3"),
        (np.zeros((4, 4, 3), np.uint8), (0, 4), "height: expected at least 1, got 0"),
    ],
)
def test_bad_input_is_named(pixels, size, message):
    with pytest.raises(ValueError, match=message):
        planes(pixels, *size)
