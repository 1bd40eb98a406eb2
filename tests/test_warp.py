"""Squares cut out of photos: the bits of Pillow, which is the twin."""

from __future__ import annotations

import cmath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fastface.kernels import warp


def by_pillow(pixels, window, factor, matrix, side):
    top, bottom, left, right = window
    image = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))
    if factor > 1:
        image = image.reduce(factor)
    size = (side, side)
    moved = image.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return np.asarray(moved)


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def turned(scale: float, angle: float, x: float, y: float) -> tuple[float, ...]:
    a = cmath.rect(scale, angle)
    return (a.real, -a.imag, x, a.imag, a.real, y)


@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(*[st.floats(0, 1)] * 4),
    st.integers(1, 9),
    st.tuples(st.floats(0.05, 3), st.floats(-3.2, 3.2), st.floats(-9, 40), st.floats(-9, 40)),
    st.integers(1, 40),
)
def test_the_bits_of_pillow(size, parts, factor, placed, side):
    pixels = photo(*size)
    rows, columns = (sorted(int(p * n) for p in parts[k : k + 2]) for k, n in ((0, 60), (2, 60)))
    top, bottom = min(rows[0], size[0] - 1), max(min(rows[1], size[0]), 1)
    left, right = min(columns[0], size[1] - 1), max(min(columns[1], size[1]), 1)
    window = (top, max(bottom, top + 1), left, max(right, left + 1))
    matrix = turned(*placed)
    found = warp(pixels, window, factor, matrix, side)
    np.testing.assert_array_equal(found, by_pillow(pixels, window, factor, matrix, side))


@pytest.mark.parametrize("factor", [1, 2, 3, 7])
def test_the_bits_of_pillow_on_a_whole_face(factor):
    pixels = photo(700, 900)
    matrix = turned(4.0 / factor, 0.3, 150.2 / factor, 60.7 / factor)
    window = (11, 690, 5, 871)
    found = warp(pixels, window, factor, matrix, 112)
    assert found.shape == (112, 112, 3) and found.any(axis=2).mean() > 0.9
    np.testing.assert_array_equal(found, by_pillow(pixels, window, factor, matrix, 112))


def test_a_view_is_as_good_as_its_copy():
    view = photo(60, 80)[::-1, 10:]
    arguments = ((3, 50, 2, 60), 2, turned(0.4, 0.1, 1, 2), 30)
    np.testing.assert_array_equal(warp(view, *arguments), warp(view.copy(), *arguments))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pixels": np.zeros((9, 9, 3), np.float32)}, "pixels: expected uint8"),
        ({"pixels": np.zeros((9, 9), np.uint8)}, r"pixels: expected \(height, width, 3\)"),
        ({"window": (4, 4, 0, 9)}, "window: empty"),
        ({"window": (0, 10, 0, 9)}, "window: empty, or not inside"),
        ({"window": (0, 9, 0, 10)}, "window: empty, or not inside"),
        ({"window": (0, 9, -1, 9)}, "window: expected no negative"),
        ({"factor": 0}, "factor: expected at least 1"),
        ({"factor": 5000}, "factor: expected 1 to 2048"),
        ({"side": 0}, "side: expected at least 1"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {
        "pixels": np.zeros((9, 9, 3), np.uint8),
        "window": (0, 9, 0, 9),
        "factor": 1,
        "matrix": turned(1, 0, 0, 0),
        "side": 9,
    } | change
    with pytest.raises(ValueError, match=message):
        warp(**arguments)
