"""Photos made smaller against the twin, on every SIMD target, and against Pillow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fastface import _core
from fastface.kernels import shrink
from tests.reference import images as reference

SIZES = st.integers(1, 70)


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("size", "smaller"),
    [((48, 64), (48, 64)), ((37, 53), (1, 1)), ((61, 90), (31, 46)), ((200, 30), (7, 29))],
)
def test_matches_twin(target, size, smaller):
    pixels = photo(*size)
    difference = shrink(pixels, *smaller) - reference.shrink(pixels, *smaller)
    # Half a level by rounding; an eighth by rounding between the two passes; the weights' own.
    assert np.abs(difference).max() < 0.5 + 0.125 + 0.02


@given(SIZES, SIZES, st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 99))
def test_the_same_bits_on_every_target(height, width, tall, wide, seed):
    pixels = photo(height, width, seed)
    smaller = max(1, round(height * tall)), max(1, round(width * wide))
    try:
        results = []
        for name in _core.available_targets():
            _core.select_target(name)
            results.append(shrink(pixels, *smaller))
    finally:
        _core.select_target("")
    assert all(np.array_equal(results[0], result) for result in results)
    # As above, and the rounding of up to seventy weights along each axis.
    assert np.abs(results[0] - reference.shrink(pixels, *smaller)).max() < 1


@pytest.mark.parametrize("smaller", [(300, 400), (263, 391), (50, 399), (1, 2)])
def test_within_a_level_of_pillow(smaller):
    pixels = photo(300, 400)
    theirs = Image.fromarray(pixels).resize(smaller[::-1], Image.Resampling.BILINEAR)
    ours = shrink(pixels, *smaller).astype(int)
    assert np.abs(ours - np.asarray(theirs)).max() <= 1


@pytest.mark.parametrize("level", [0, 1, 127, 254, 255])
def test_an_even_surface_stays_even(target, level):
    assert (shrink(np.full((45, 67, 3), level, np.uint8), 13, 29) == level).all()


def test_a_view_is_as_good_as_its_copy():
    view = photo(60, 80)[::-1, 10:]
    assert np.array_equal(shrink(view, 20, 30), shrink(view.copy(), 20, 30))


@pytest.mark.parametrize(
    ("pixels", "size", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), (2, 2), "pixels: expected uint8"),
        (np.zeros((4, 4), np.uint8), (2, 2), r"pixels: expected \(height, width, 3\), got"),
        (np.zeros((4, 4, 4), np.uint8), (2, 2), r"pixels: expected \(height, width, 3\), got"),
        (np.zeros((4, 4, 3), np.uint8), (5, 2), "height: expected 1 to 4, got 5"),
        (np.zeros((4, 4, 3), np.uint8), (2, 5), "width: expected 1 to 4, got 5"),
        (np.zeros((4, 4, 3), np.uint8), (0, 2), "height: expected at least 1, got 0"),
        (np.zeros((4, 4, 3), np.uint8), (2, -1), "width: expected at least 1, got -1"),
        (np.zeros((0, 4, 3), np.uint8), (1, 1), "height: expected 1 to 0"),
    ],
)
def test_bad_input_is_named(pixels, size, message):
    with pytest.raises(ValueError, match=message):
        shrink(pixels, *size)
