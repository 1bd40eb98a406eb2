"""decode(): every accepted format comes out upright and RGB; everything else is one clear line."""

from __future__ import annotations

import os
import random
import resource
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from fastface.errors import PhotoError
from fastface.images import decode

RED, GREEN, BLUE, GREY = (200, 30, 30), (30, 180, 30), (30, 30, 200), (120, 120, 120)
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "MPO")


def quarters(width: int = 96, height: int = 64) -> Image.Image:
    """Red and green above, blue and grey below: every turn and flip of it looks different."""
    pixels = np.empty((height, width, 3), np.uint8)
    top, left = height // 2, width // 2
    pixels[:top, :left], pixels[:top, left:] = RED, GREEN
    pixels[top:, :left], pixels[top:, left:] = BLUE, GREY
    return Image.fromarray(pixels)


def corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    """Colours well inside the quarters: top left, top right, bottom left, bottom right."""
    height, width = pixels.shape[:2]
    rows, columns = (height // 4, height - height // 4 - 1), (width // 4, width - width // 4 - 1)
    return [tuple(int(v) for v in pixels[r, c]) for r in rows for c in columns]


def assert_colours(pixels: np.ndarray, expected: list[tuple[int, int, int]], within: int) -> None:
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    np.testing.assert_allclose(corners(pixels), expected, atol=within)


@cache
def encoded(kind: str, size: tuple[int, int] = (96, 64), orientation: int | None = None) -> bytes:
    image, buffer, options = quarters(*size), BytesIO(), {}
    if orientation is not None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif.tobytes()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(buffer, quality=90, **options)
    elif kind == "MPO":
        image.save(buffer, "MPO", save_all=True, append_images=[image.rotate(180)], **options)
    else:
        image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_formats(kind: str) -> None:
    photo = decode(encoded(kind))
    assert photo.pixels.shape == (64, 96, 3)
    assert (photo.metadata.width, photo.metadata.height) == (96, 64)
    assert_colours(photo.pixels, [RED, GREEN, BLUE, GREY], within=12)


@pytest.mark.parametrize("kind", ["JPEG", "MPO", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("tag", range(10))
def test_orientation(kind: str, tag: int) -> None:
    expected = {  # what the tag says, worked out by hand from the standard's figure
        2: [GREEN, RED, GREY, BLUE],
        3: [GREY, BLUE, GREEN, RED],
        4: [BLUE, GREY, RED, GREEN],
        5: [RED, BLUE, GREEN, GREY],
        6: [BLUE, RED, GREY, GREEN],
        7: [GREY, GREEN, BLUE, RED],
        8: [GREEN, GREY, RED, BLUE],
    }
    photo = decode(encoded(kind, orientation=tag))
    size = (64, 96) if 5 <= tag <= 8 else (96, 64)
    assert (photo.metadata.width, photo.metadata.height) == size
    assert photo.pixels.shape == (size[1], size[0], 3)
    assert_colours(photo.pixels, expected.get(tag, [RED, GREEN, BLUE, GREY]), within=12)


def test_heic_is_rotated_once() -> None:
    # pillow_heif writes the tag as the file's own rotation, which the decoder applies itself.
    photo = decode(encoded("HEIF", orientation=6))
    assert (photo.metadata.width, photo.metadata.height) == (64, 96)
    assert_colours(photo.pixels, [BLUE, RED, GREY, GREEN], within=12)


def test_orientation_of_a_reduced_jpeg() -> None:
    photo = decode(encoded("JPEG", (1600, 1200), orientation=6), min_side=400)
    assert photo.pixels.shape == (400, 300, 3)
    assert (photo.metadata.width, photo.metadata.height) == (1200, 1600)
    assert_colours(photo.pixels, [BLUE, RED, GREY, GREEN], within=12)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    ("min_side", "long_side"),
    [(None, 2000), (2001, 2000), (1001, 2000), (1000, 1000), (500, 500), (251, 500), (100, 125)],
)
def test_reduction(kind: str, min_side: int | None, long_side: int) -> None:
    photo = decode(encoded(kind, (2000, 1000)), min_side=min_side)
    assert photo.pixels.shape == (-(-long_side // 2), long_side, 3)  # halves are rounded up
    assert (photo.metadata.width, photo.metadata.height) == (2000, 1000)


def test_reduction_of_a_jpeg_beyond_an_eighth() -> None:
    assert decode(encoded("JPEG", (2000, 1000)), min_side=30).pixels.shape == (16, 32, 3)


@pytest.mark.parametrize("kind", ["JPEG", "MPO", "PNG"])
def test_sources_agree(kind: str, tmp_path: Path) -> None:
    data = encoded(kind, (300, 200), orientation=6)
    path = tmp_path / "photo.jpg"  # the name does not matter
    path.write_bytes(data)
    with Image.open(BytesIO(data)) as image:
        photos = [decode(s, min_side=None) for s in (path, str(path), data, image)]
    for photo in photos:
        np.testing.assert_array_equal(photo.pixels, photos[0].pixels)
        assert photo.metadata == photos[0].metadata
    array = decode(photos[0].pixels, min_side=None)
    np.testing.assert_array_equal(array.pixels, photos[0].pixels)


def test_callers_image_is_left_alone() -> None:
    with Image.open(BytesIO(encoded("JPEG", (2000, 1000)))) as image:
        assert decode(image, min_side=500).pixels.shape == (250, 500, 3)
        assert image.size == (2000, 1000)


@pytest.mark.parametrize(
    ("mode", "colours"),
    [
        ("L", [(82, 82, 82), (118, 118, 118), (49, 49, 49), GREY]),
        ("CMYK", [RED, GREEN, BLUE, GREY]),
        ("YCbCr", [RED, GREEN, BLUE, GREY]),
        ("1", None),
        ("LA", [(82, 82, 82), (118, 118, 118), (49, 49, 49), GREY]),
    ],
)
def test_modes(mode: str, colours: list[tuple[int, int, int]] | None) -> None:
    buffer = BytesIO()
    quarters().convert(mode).save(buffer, "TIFF")
    photo = decode(buffer.getvalue(), min_side=48)
    assert photo.pixels.shape == (32, 48, 3)
    if colours:
        assert_colours(photo.pixels, colours, within=3)


def test_palette() -> None:
    buffer = BytesIO()
    quarters().quantize(4).save(buffer, "PNG")
    assert_colours(decode(buffer.getvalue()).pixels, [RED, GREEN, BLUE, GREY], within=3)


def test_transparency_is_laid_on_white() -> None:
    image = quarters().convert("RGBA")
    image.putalpha(Image.fromarray(np.repeat(np.uint8([[255], [0]]), 32, 0).repeat(96, 1)))
    palette = quarters().quantize(4)
    clear = palette.getpixel((0, 0))
    for source, options, expected in [
        (image, {}, [RED, GREEN, (255,) * 3, (255,) * 3]),
        (palette, {"transparency": clear}, [(255,) * 3, GREEN, BLUE, GREY]),
    ]:
        buffer = BytesIO()
        source.save(buffer, "PNG", **options)
        assert_colours(decode(buffer.getvalue()).pixels, expected, within=3)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits(kind: str) -> None:
    grey = np.linspace(0, 65535, 96 * 64).reshape(64, 96).astype(np.uint16)
    buffer = BytesIO()
    Image.fromarray(grey).save(buffer, kind)
    pixels = decode(buffer.getvalue()).pixels
    np.testing.assert_array_equal(pixels, np.repeat((grey >> 8)[..., None], 3, axis=2))


def test_sixteen_bit_colour() -> None:
    rows = b"".join(b"\0" + struct.pack(">3H", 60000, 30000, 1000) * 4 for _ in range(4))
    pixels = decode(png_of(4, 4, rows, depth=16)).pixels
    np.testing.assert_allclose(pixels, np.broadcast_to([234, 117, 3], (4, 4, 3)), atol=1)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_first_frame_of_an_animation(kind: str) -> None:
    buffer = BytesIO()
    quarters().save(buffer, kind, save_all=True, append_images=[Image.new("RGB", (96, 64))])
    assert_colours(decode(buffer.getvalue()).pixels, [RED, GREEN, BLUE, GREY], within=20)


# --- what is not a photo -------------------------------------------------------------------------


def png_of(width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 2) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">2I5B", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body


def with_size(kind: str, width: int, height: int) -> bytes:
    """A small valid file whose header claims another size."""
    data = bytearray(encoded(kind))
    if kind == "JPEG":
        start = data.index(b"\xff\xc0") + 5
        data[start : start + 4] = struct.pack(">2H", height, width)
    elif kind == "PNG":
        return png_of(width, height, b"")
    elif kind == "TIFF":
        for tag, value in ((256, width), (257, height)):
            start = data.index(struct.pack("<2HI", tag, 4, 1)) + 8
            data[start : start + 4] = struct.pack("<I", value)
    else:
        start = data.index(b"ispe") + 8
        data[start : start + 8] = struct.pack(">2I", width, height)
    return bytes(data)


def assert_refused(source: object, *words: str) -> None:
    with pytest.raises(PhotoError) as caught:
        decode(source)
    message = str(caught.value)
    assert message.isprintable()
    for word in words:
        assert word in message, message


def test_empty_and_foreign_files(tmp_path: Path) -> None:
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n"
    gif = BytesIO()
    quarters().save(gif, "GIF")
    for name, data, reason in [
        ("empty.jpg", b"", "empty file"),
        ("script.jpg", postscript, "not a JPEG"),
        ("moving.jpg", gif.getvalue(), "not a JPEG"),
        ("words.png", b"hello", "not a JPEG"),
        ("film.heic", b"\0\0\0\x18ftypisom" + bytes(64), "not a JPEG"),
        ("zeros.jpg", bytes(10_000), "not a JPEG"),
        ("three.jpg", b"\xff\xd8\xff", "cannot be decoded"),
    ]:
        (tmp_path / name).write_bytes(data)
        assert_refused(tmp_path / name, name, reason)
        assert_refused(data, reason)


def test_postscript_never_reaches_ghostscript(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/was_run\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    eps = BytesIO()
    quarters().save(eps, "EPS")
    (tmp_path / "script.jpg").write_bytes(eps.getvalue())
    assert_refused(tmp_path / "script.jpg", "not a JPEG")
    assert not (tmp_path / "was_run").exists()


def test_missing_file_folder_pipe_and_odd_names(tmp_path: Path) -> None:
    assert_refused(tmp_path / "gone.jpg", "gone.jpg", "No such file")
    assert_refused(tmp_path, "not a file")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert_refused(tmp_path / "pipe.jpg", "pipe.jpg: not a file")
    assert_refused("nul\0.jpg", "nul\\x00.jpg")
    odd = os.fsencode(tmp_path) + b"/caf\xe9\n.jpg"
    Path(os.fsdecode(odd)).write_bytes(b"")
    assert_refused(os.fsdecode(odd), "caf\\udce9\\n.jpg: empty file")
    Path(os.fsdecode(odd)).write_bytes(encoded("JPEG"))
    assert decode(Path(os.fsdecode(odd))).metadata.width == 96


@pytest.mark.parametrize("kind", FORMATS)
def test_truncated_files(kind: str) -> None:
    data = encoded(kind, (320, 240))
    for share in (0.01, 0.1, 0.5, 0.9):
        # Half of a multi-picture file may hold the whole of its first picture.
        length = int(len(data) * share * (0.5 if kind == "MPO" else 1.0))
        assert_refused(data[:length])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "AVIF", "HEIF"])
def test_huge_header(kind: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert_refused(with_size(kind, 30_000, 30_000))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes


def test_large_png_is_refused_from_its_header() -> None:
    rows = bytes(20_000 * 2501)  # 400 megapixels of one bit, complete: 50 KB in the file
    data = png_of(20_000, 20_000, rows, depth=1, colour=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert_refused(data, "20000 x 20000 pixels", "128 megapixels")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_progressive_jpeg_counts_in_full() -> None:
    buffer = BytesIO()
    quarters().save(buffer, "JPEG", progressive=True)
    data = bytearray(buffer.getvalue())
    start = data.index(b"\xff\xc2") + 5
    data[start : start + 4] = struct.pack(">2H", 12_000, 12_000)
    assert_refused(bytes(data), "12000 x 12000 pixels")


def test_large_jpeg_is_decoded_reduced() -> None:
    buffer = BytesIO()
    Image.new("L", (16_000, 12_500), 77).save(buffer, "JPEG", quality=30)  # 200 megapixels
    photo = decode(buffer.getvalue())
    assert photo.pixels.shape == (1563, 2000, 3)
    assert photo.metadata.width == 16_000
    with pytest.raises(PhotoError, match="16000 x 12500"):
        decode(buffer.getvalue(), min_side=None)


def test_bad_arguments() -> None:
    for array in (
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ):
        with pytest.raises(ValueError, match="source: expected uint8"):
            decode(array)
    with pytest.raises(TypeError, match="source: expected a path"):
        decode(42)
    with pytest.raises(ValueError, match="min_side"):
        decode(np.zeros((4, 4, 3), np.uint8), min_side=0)
    grey = BytesIO()
    Image.new("F", (8, 8)).save(grey, "TIFF")
    assert_refused(grey.getvalue(), "32-bit grey")


def test_heic_item_type_that_would_crash_its_decoder() -> None:
    data = encoded("HEIF", orientation=6)
    damaged = data.replace(b"Exif\0", b"\xc5xif\0", 1)
    assert damaged != data
    assert_refused(damaged, "damaged list of items")


# --- mutated files, threads and warnings ---------------------------------------------------------


def mutants(n: int) -> list[bytes]:
    """Bytes flipped, overwritten, cut out, doubled and cut off, most of them near the header."""
    chance = random.Random(20)
    originals = [encoded(kind, (96, 64), 6) for kind in FORMATS]
    files = []
    for index in range(n):
        data = bytearray(originals[index % len(originals)])
        for _ in range(chance.randint(1, 6)):
            limit = len(data) if chance.random() < 0.5 else min(len(data), 200)
            at, length = chance.randrange(limit), chance.randint(1, 8)
            match chance.randrange(5):
                case 0:
                    data[at] ^= 1 << chance.randrange(8)
                case 1:
                    data[at : at + length] = chance.randbytes(length)
                case 2:
                    data[at : at + length] = b"\xff" * length
                case 3:
                    data[at:at] = data[at : at + length * 4]
                case _:
                    del data[at : at + length]
        files.append(bytes(data))
    return files


def test_thousand_mutants() -> None:
    n_refused = 0
    for data in mutants(1000):
        try:
            photo = decode(data)
        except PhotoError as error:
            n_refused += 1
            assert str(error).isprintable()
        else:
            assert photo.pixels.ndim == 3
            assert photo.pixels.shape[2] == 3
    assert 200 < n_refused < 1000


def test_threads_give_the_same_pixels_and_keep_the_warning_filters() -> None:
    files = [data for kind in FORMATS for data in (encoded(kind, (640, 480), 6), b"\xff\xd8\xff")]

    def outcome(data: bytes) -> bytes | str:
        try:
            return decode(data, min_side=100).pixels.tobytes()
        except PhotoError as error:
            return str(error)

    expected = [outcome(data) for data in files]
    filters = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(outcome, files * 10)) == expected * 10
    assert warnings.filters == filters


def test_warnings_of_decoders_stay_inside() -> None:
    # Tests run with warnings as errors, so one that escaped would turn this photo into an error.
    data = encoded("TIFF", orientation=6)
    start = data.index(struct.pack("<2HI", 274, 3, 1))
    damaged = data[: start + 4] + struct.pack("<I", 1_000_000) + data[start + 8 :]
    assert decode(damaged).metadata.width in (96, 64)
    with pytest.warns(UserWarning, match="ours"):
        warnings.warn("ours", stacklevel=1)
