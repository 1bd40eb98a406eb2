"""PNG and TIFF in bands: the pixels that Pillow gives of the whole, in little memory."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from contextlib import AbstractContextManager, nullcontext
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin, TiffTags

from fastface import images
from fastface.bands import bands_of
from fastface.errors import PhotoError
from fastface.images import decode
from fastface.memory import MemoryBudget

SIZE = (331, 203)  # neither a multiple of a reduction nor of a band


def noise(mode: str = "RGB", size: tuple[int, int] = SIZE) -> Image.Image:
    """Smooth and rough, so that writers take every filter of PNG."""
    rng = np.random.default_rng(0)
    shape = (size[1], size[0], len(mode))
    slope = np.add.outer(np.arange(size[1]), np.arange(size[0]))[..., None] // 2
    values = slope + rng.integers(0, rng.integers(1, 90, (size[1], 1, 1)), shape)
    return Image.fromarray((values % 256).astype(np.uint8).squeeze())


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    content = BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def opened(content: bytes) -> Image.Image:
    return images._open(BytesIO(content))


class NoRoom(MemoryBudget):
    """Has no room for the whole of anything."""

    def __init__(self) -> None:
        super().__init__(0)

    def allows(self, n_bytes: int) -> bool:
        return False

    def reserve(self, n_bytes: int) -> AbstractContextManager[None]:
        return nullcontext()


def in_bands(content: bytes, min_side: int) -> images.DecodedPhoto:
    assert bands_of(opened(content)) is not None
    return decode(content, min_side=min_side, budget=NoRoom())


def tiff(image: Image.Image, **tags: int) -> bytes:
    named = {"rows": 278, "tile_width": 322, "tile_height": 323, "predictor": 317}
    info = TiffImagePlugin.ImageFileDirectory_v2()
    compression = tags.pop("compression", "tiff_lzw")
    for name, value in tags.items():
        info[named[name]] = value
    return saved(image, "TIFF", compression=compression, tiffinfo=info)


FILES = {
    "PNG": lambda: saved(noise(), "PNG"),
    "PNG, grey": lambda: saved(noise("L"), "PNG"),
    "PNG, transparent": lambda: saved(noise("RGBA"), "PNG"),
    "PNG, a stored stream": lambda: saved(noise(), "PNG", compress_level=0),
    "PNG, one row": lambda: saved(noise(size=(400, 1)), "PNG"),
    "PNG, a multiple of bands": lambda: saved(noise(size=(300, 128)), "PNG"),
    "TIFF, plain": lambda: saved(noise(), "TIFF"),
    "TIFF, LZW": lambda: tiff(noise()),
    "TIFF, strips of 7": lambda: tiff(noise(), rows=7),
    "TIFF, strips of 64": lambda: tiff(noise(), rows=64),
    "TIFF, one strip": lambda: tiff(noise(), rows=203),
    "TIFF, predicted": lambda: tiff(noise(), rows=5, predictor=2),
    "TIFF, deflated": lambda: tiff(noise(), rows=5, compression="tiff_adobe_deflate"),
    "TIFF, PackBits": lambda: tiff(noise(), rows=5, compression="packbits"),
    "TIFF, grey": lambda: tiff(noise("L"), rows=5),
    "TIFF, transparent": lambda: tiff(noise("RGBA"), rows=5),
}


@pytest.mark.parametrize("min_side", [165, 60, 20])
@pytest.mark.parametrize("name", FILES)
def test_the_same_pixels_as_of_the_whole(name, min_side):
    content = FILES[name]()
    found, whole = in_bands(content, min_side), decode(content, min_side=min_side)
    np.testing.assert_array_equal(found.pixels, whole.pixels)
    assert (found.metadata.width, found.metadata.height) == opened(content).size


def test_tiles():
    """Written by hand: Pillow writes none."""
    pixels = np.asarray(noise())
    padded = np.pad(pixels, ((0, 224 - 203), (0, 384 - 331), (0, 0)))
    info = TiffImagePlugin.ImageFileDirectory_v2()
    tiles = [
        padded[y : y + 32, x : x + 64].tobytes()
        for y in range(0, 224, 32)
        for x in range(0, 384, 64)
    ]
    for tag, value in ((256, 331), (257, 203), (258, (8, 8, 8)), (259, 1), (262, 2), (277, 3)):
        info[tag] = value
    info[322], info[323] = 64, 32
    info.tagtype[324] = info.tagtype[325] = TiffTags.LONG
    info[324] = tuple(8 + k * len(tiles[0]) for k in range(len(tiles)))
    info[325] = (len(tiles[0]),) * len(tiles)
    end = 8 + len(tiles) * len(tiles[0])
    content = b"II*\0" + end.to_bytes(4, "little") + b"".join(tiles) + info.tobytes(end)
    np.testing.assert_array_equal(np.asarray(opened(content)), pixels)
    found, whole = in_bands(content, 100), decode(content, min_side=100)
    np.testing.assert_array_equal(found.pixels, whole.pixels)


@pytest.mark.parametrize("tag", range(1, 9))
def test_a_turned_png(tag):
    exif = Image.Exif()
    exif[0x0112] = tag
    content = saved(noise(), "PNG", exif=exif)
    found, whole = in_bands(content, 100), decode(content, min_side=100)
    np.testing.assert_array_equal(found.pixels, whole.pixels)
    assert (found.metadata.width > found.metadata.height) == (tag < 5)


def late_exif() -> bytes:
    pixels, end = saved(noise(), "PNG"), 12  # bytes of the last chunk
    body = _turned().tobytes()[6:]
    exif = struct.pack(">I", len(body)) + b"eXIf" + body
    exif += struct.pack(">I", zlib.crc32(exif[4:]))
    return pixels[:-end] + exif + pixels[-end:]


OTHERS = {
    "a palette": lambda: saved(noise().quantize(8), "PNG"),
    "16 bits": lambda: saved(Image.fromarray(np.zeros((90, 120), np.uint16)), "PNG"),
    "a transparent colour": lambda: saved(noise(), "PNG", transparency=(0, 0, 0)),
    "Exif behind the pixels": late_exif,
    "a JPEG in a TIFF": lambda: tiff(noise(), compression="jpeg"),
    "CMYK": lambda: saved(noise().convert("CMYK"), "TIFF"),
    "a turned TIFF": lambda: saved(noise(), "TIFF", exif=_turned()),
    "JPEG": lambda: saved(noise(), "JPEG"),
}


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@pytest.mark.parametrize("name", OTHERS)
def test_others_are_decoded_as_a_whole(name):
    content = OTHERS[name]()
    assert bands_of(opened(content)) is None
    assert max(decode(content, min_side=50, budget=NoRoom()).pixels.shape) < 120


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_are_refused(name):
    content = FILES[name]()
    pixels_end = len(content) * 2 // 3
    with pytest.raises(PhotoError):
        decode(content[:pixels_end], min_side=20, budget=NoRoom())


@pytest.mark.parametrize("name", ["PNG", "TIFF, strips of 7"])
def test_no_byte_can_be_wrong_and_raise_something_else(name):
    content = FILES[name]()
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(content), 150):
        broken = bytearray(content)
        broken[place] ^= 1 << rng.integers(8)
        try:
            pixels = decode(bytes(broken), min_side=20, budget=NoRoom()).pixels
            assert pixels.ndim == 3
        except PhotoError:
            pass


CHILD = """
import sys
from fastface.images import decode
from fastface.memory import MemoryBudget
def peak():
    return int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) * 1024
decode(sys.argv[2], min_side=1600)
before = peak()
shape = decode(sys.argv[1], min_side=1600, budget=MemoryBudget(0)).pixels.shape
print(shape[1], peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak")
@pytest.mark.parametrize("kind", ["png", "tif"])
def test_a_large_one_takes_no_more_than_an_ordinary_one(kind, tmp_path):
    options = {"compression": "tiff_lzw"} if kind == "tif" else {"compress_level": 1}
    large, small = tmp_path / f"large.{kind}", tmp_path / f"small.{kind}"
    Image.new("RGB", (8000, 6000), (90, 120, 30)).save(large, **options)
    noise().save(small, **options)
    told = subprocess.run(
        [sys.executable, "-c", CHILD, large, small], capture_output=True, text=True, check=True
    )
    width, n_bytes = map(int, told.stdout.split())
    assert width == 2000 and n_bytes < 32e6  # 192 MB, if Pillow held it


def test_a_budget_that_is_too_small_says_so():
    content = tiff(noise(size=(6000, 4000)), rows=4000)  # in one strip, which is one band
    with pytest.raises(PhotoError, match="memory limit"):
        decode(content, min_side=1600, budget=MemoryBudget(0))
