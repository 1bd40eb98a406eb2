"""JPEGs read past Pillow: the same bits, and whatever is odd is left to it."""

from __future__ import annotations

import sys
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fastface.errors import PhotoError
from fastface.images import decode
from fastface.jpeg import decode_jpeg

pytest.importorskip("simplejpeg", reason="has no wheel for this Python")

SIDES = st.integers(1, 90)


def jpeg(height: int, width: int, mode: str = "RGB", **options: object) -> bytes:
    rng = np.random.default_rng(height * 100 + width)
    smooth = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)).resize((width, height))
    noise = rng.integers(-20, 20, (height, width, 3))
    pixels = np.clip(np.asarray(smooth) + noise, 0, 255).astype(np.uint8)
    content = BytesIO()
    Image.fromarray(pixels).convert(mode).save(content, "JPEG", **options)
    return content.getvalue()


def fast(content: bytes, reduction: int) -> np.ndarray | None:
    return decode_jpeg(Image.open(BytesIO(content)), reduction)


@given(
    SIDES,
    SIDES,
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
    st.booleans(),
    st.sampled_from([40, 92]),
)
def test_the_same_bits_as_pillow(height, width, reduction, subsampling, progressive, quality):
    how = {"subsampling": subsampling, "progressive": progressive, "quality": quality}
    content = jpeg(height, width, **how)
    theirs = Image.open(BytesIO(content))
    theirs.draft(None, (max(1, width // reduction), max(1, height // reduction)))
    # Where a side is shorter than the reduction, Pillow takes less of it; `decode` asks for none.
    if theirs.size == (-(-width // reduction), -(-height // reduction)) and max(width, height) > 15:
        np.testing.assert_array_equal(fast(content, reduction), np.asarray(theirs))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_file_without_its_end_is_whole(progressive):
    content = jpeg(50, 70, progressive=progressive)
    assert content.endswith(b"\xff\xd9")
    np.testing.assert_array_equal(decode(content[:-2], min_side=None).pixels, fast(content, 1))
    for n_bytes in (1, 2, 20, len(content) // 2):
        with pytest.raises(PhotoError, match="cannot be decoded"):
            decode(content[: -2 - n_bytes], min_side=None)


@pytest.mark.parametrize("keep_rgb", [False, True])
def test_whether_colours_are_mixed_or_not(keep_rgb):
    content = jpeg(50, 70, keep_rgb=keep_rgb, subsampling=0)
    np.testing.assert_array_equal(fast(content, 1), np.asarray(Image.open(BytesIO(content))))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_modes_are_left_to_pillow(mode):
    content = jpeg(50, 70, mode)
    assert fast(content, 1) is None
    assert decode(content).pixels.shape == (50, 70, 3)


def test_damaged_files_are_left_to_pillow():
    content = jpeg(200, 300)
    cut = content[: len(content) // 2]
    assert fast(cut, 1) is None
    holed = bytearray(content)
    holed[len(content) // 2 : len(content) // 2 + 8] = b"\xff\xd9" * 4  # it ends too early
    assert fast(bytes(holed), 1) is None


def test_tiny_photos_are_left_to_pillow():
    assert fast(jpeg(3, 15), 2) is None and fast(jpeg(3, 16), 2) is not None


def test_large_files_are_left_to_pillow():
    content = jpeg(50, 70)
    assert fast(content + bytes(16_000_000 - len(content)), 1) is not None  # a video may follow
    assert fast(content + bytes(16_000_001 - len(content)), 1) is None


def test_the_file_is_left_as_it_was():
    image = Image.open(BytesIO(jpeg(40, 60)))
    first = decode_jpeg(image, 1)
    np.testing.assert_array_equal(decode_jpeg(image, 1), first)
    np.testing.assert_array_equal(np.asarray(image), first)


def test_without_simplejpeg_pillow_reads_the_same(monkeypatch):
    content = jpeg(333, 500)
    pixels = decode(content, min_side=200).pixels
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    assert fast(content, 2) is None
    np.testing.assert_array_equal(decode(content, min_side=200).pixels, pixels)
