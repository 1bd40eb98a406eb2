"""Photos decoded, made smaller and by colour, against Pillow and NumPy twins; one thread, process
CPU time.

    python -m pytest bench/bench_images.py --benchmark-only --benchmark-columns=min,median,rounds

The photo is what is decoded of 12 megapixels; the smaller one is what detection looks at first.
"""

from __future__ import annotations

import time
from functools import cache
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from fastface.images import decode
from fastface.kernels import planes, shrink
from tests.reference import images as twin

SIZE, SMALLER = (1500, 2000), (768, 1024)

pytestmark = pytest.mark.benchmark(timer=time.process_time, min_rounds=3, max_time=1, warmup=False)


@cache
def photo() -> np.ndarray:
    """Noise on a slope, so that neither filter has an easy time."""
    rows, columns = np.indices(SIZE)
    slope = (rows + columns)[..., None] * np.array([0.05, 0.04, 0.03])
    noise = np.random.default_rng(0).normal(0, 20, (*SIZE, 3))
    return np.clip(slope + noise, 0, 255).astype(np.uint8)


def pillow_shrink(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


@pytest.mark.parametrize("candidate", [shrink, pillow_shrink, twin.shrink])
def test_shrink(benchmark, candidate):
    benchmark.group = f"shrink {SIZE} to {SMALLER}"
    smaller = benchmark(candidate, photo(), *SMALLER)
    assert np.abs(smaller - shrink(photo(), *SMALLER).astype(float)).max() <= 1


@pytest.mark.parametrize("candidate", [planes, twin.planes])
def test_planes(benchmark, candidate):
    benchmark.group = f"planes {SMALLER}"
    pixels = shrink(photo(), *SMALLER)
    found = benchmark(candidate, pixels, *SMALLER)
    np.testing.assert_array_equal(found, twin.planes(pixels, *SMALLER))


@cache
def twelve_megapixels() -> bytes:
    content = BytesIO()
    Image.fromarray(photo()).resize((4000, 3000)).effect_spread(1).save(content, "JPEG", quality=92)
    return content.getvalue()


def ours(content: bytes) -> np.ndarray:
    return decode(content, min_side=1600).pixels


def pillow(content: bytes) -> np.ndarray:
    image = Image.open(BytesIO(content))
    image.draft(None, (2000, 1500))
    return np.asarray(image)


@pytest.mark.parametrize("candidate", [ours, pillow])
def test_decode(benchmark, candidate):
    benchmark.group = "a JPEG of 12 megapixels at a half"
    pixels = benchmark(candidate, twelve_megapixels())
    np.testing.assert_array_equal(pixels, pillow(twelve_megapixels()))
