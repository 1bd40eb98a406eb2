"""PNG and TIFF read in bands of rows, each made smaller at once: no large photo is held whole.

Pillow decodes a file as a whole.  So each band is given to it as a small file of its own: inflated
rows of a PNG, behind the last row before them, which their filters count from; some strips of a
TIFF, or rows of its tiles, under a header that names no others.  The pixels are Pillow's, bit by
bit.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Final

import numpy as np
from PIL import Image, PngImagePlugin, TiffImagePlugin, TiffTags

from fastface.types import ImageArray

_ROWS: Final = 32  # of a band, where the file leaves the choice
_MODES: Final = ("L", "RGB", "RGBA")  # 8 bits a value
_READ_BYTES: Final = 1 << 16

# Bytes of a pixel of a band: inflated, in a file of its own, in Pillow, joined and made smaller.
_BYTES_PER_PIXEL: Final = 20

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PNG_COLOURS: Final = {"L": 0, "RGB": 2, "RGBA": 6}

# Tags of a TIFF: its size; then what its strips or tiles are like, and are not to be left out.
_WIDTH, _HEIGHT, _ORIENTATION, _ROWS_PER_STRIP, _TILE_HEIGHT = 256, 257, 274, 278, 323
_STRIPS, _TILES = (273, 279), (324, 325)  # where each begins, and its bytes
_TIFF_LAYOUT: Final = (258, 259, 262, 266, 277, 284, 317, 322, _TILE_HEIGHT, 338, 339)
_TIFF_HEADER: Final = 8  # bytes
_TIFF_COMPRESSIONS: Final = (1, 5, 8, 32773, 32946)  # none, LZW, deflate, PackBits: without tables


@dataclass(frozen=True, slots=True)
class Bands:
    """A photo as images of some of its rows, from the top.  rows: at most in one of them.

    read: starts over at each call; raises OSError where the file ends early, zlib.error or what
    Pillow raises where it is damaged.
    """

    width: int
    height: int
    rows: int
    read: Callable[[], Iterator[Image.Image]]

    def n_bytes(self, factor: int) -> int:
        """At least what `shrunk` takes at its peak."""
        result = -(-self.width // factor) * -(-self.height // factor) * 3
        return result + (self.rows + factor) * self.width * _BYTES_PER_PIXEL

    def shrunk(self, factor: int, flat: Callable[[Image.Image], Image.Image]) -> ImageArray:
        """The photo, each `factor` by `factor` pixels averaged, as by Pillow's reduce().

        flat: makes RGB of an image.  Returns (height, width, 3) uint8.
        """
        width, height = -(-self.width // factor), -(-self.height // factor)
        pixels = np.empty((height, width, 3), np.uint8)
        top = 0
        for band in _whole_blocks(self.read(), factor):
            part = np.asarray(flat(band.reduce(factor)))
            pixels[top : top + len(part)] = part
            top += len(part)
        if top != height:
            raise OSError("image file is truncated")
        return pixels


def bands_of(image: Image.Image) -> Bands | None:
    """The bands of a PNG or TIFF whose header Pillow has read, not yet its pixels.

    None for other formats, and for what comes in no bands or not as plain 8-bit values: an
    interlaced PNG, one with transparent colours, or with tags after its pixels; a TIFF in planes,
    with tables, or not upright.
    """
    if image.mode not in _MODES:
        return None
    if isinstance(image, PngImagePlugin.PngImageFile):
        return _png_bands(image)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return _tiff_bands(image)
    return None


def _whole_blocks(bands: Iterator[Image.Image], factor: int) -> Iterator[Image.Image]:
    """The same rows, in bands of a multiple of `factor`, but for the last."""
    rest: Image.Image | None = None
    for band in bands:
        whole = band
        if rest is not None:
            whole = Image.new(band.mode, (band.width, rest.height + band.height))
            whole.paste(rest, (0, 0))
            whole.paste(band, (0, rest.height))
        cut = whole.height // factor * factor
        rest = whole.crop((0, cut, whole.width, whole.height)) if cut < whole.height else None
        if cut:
            yield whole.crop((0, 0, whole.width, cut)) if rest else whole
    if rest is not None:
        yield rest


def _png_bands(image: PngImagePlugin.PngImageFile) -> Bands | None:
    file, info = image.fp, image.info
    if file is None or "transparency" in info or "Raw profile type exif" in info:
        return None
    place = file.tell()
    in_bands = _is_plain_png(file)
    file.seek(place)
    if not in_bands:
        return None
    info.setdefault("exif", b"")  # else Pillow reads to the end to find some
    (width, height), mode = image.size, image.mode
    return Bands(width, height, _ROWS, lambda: _read_png(file, width, height, mode))


def _is_plain_png(file: IO[bytes]) -> bool:
    """Of 8 bits, not interlaced, nothing behind the pixels."""
    after_pixels = False
    for kind, _, start in _png_chunks(file):
        if kind == b"IHDR":
            file.seek(start)
            _, depth, _, _, _, interlaced = struct.unpack(">QBBBBB", file.read(13))
            if depth != 8 or interlaced:
                return False
        after_pixels |= kind == b"IDAT"
        if after_pixels and kind not in (b"IDAT", b"IEND"):
            return False
    return after_pixels


def _png_chunks(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Kind, size and first byte of each chunk, as far as the file goes."""
    place = len(_PNG_SIGNATURE)
    while True:
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head)
        yield kind, size, place + 8
        if kind == b"IEND":
            return
        place += 12 + size


def _read_png(file: IO[bytes], width: int, height: int, mode: str) -> Iterator[Image.Image]:
    stride = 1 + width * len(mode)  # a byte for the filter
    above = bytes(stride)  # with filter 0: as it is
    inflated = _inflated(file, stride * _ROWS)
    for top in range(0, height, _ROWS):
        n_rows = min(_ROWS, height - top)
        rows = next(inflated, b"")[: n_rows * stride]
        if len(rows) < n_rows * stride:
            raise OSError("image file is truncated")
        band = _png_of(width, n_rows + 1, mode, above + rows)
        above = b"\0" + band.crop((0, n_rows, width, n_rows + 1)).tobytes()
        yield band.crop((0, 1, width, n_rows + 1))


def _inflated(file: IO[bytes], n_bytes: int) -> Iterator[bytes]:
    """What a PNG's pixels inflate to, so many bytes at a time; less at the end."""
    inflate, held = zlib.decompressobj(), bytearray()
    for packed in _packed(file):
        rest = packed
        while more := inflate.decompress(rest, n_bytes - len(held)):
            held += more
            rest = inflate.unconsumed_tail
            if len(held) == n_bytes:
                yield bytes(held)
                held.clear()
    yield bytes(held)


def _packed(file: IO[bytes]) -> Iterator[bytes]:
    for kind, size, start in _png_chunks(file):
        for offset in range(0, size if kind == b"IDAT" else 0, _READ_BYTES):
            file.seek(start + offset)
            yield file.read(min(_READ_BYTES, size - offset))


def _png_of(width: int, height: int, mode: str, rows: bytes) -> Image.Image:
    """The image of filtered rows."""
    header = struct.pack(">IIBBBBB", width, height, 8, _PNG_COLOURS[mode], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b""))
    content = BytesIO()
    content.write(_PNG_SIGNATURE)
    for kind, data in chunks:
        content.write(struct.pack(">I", len(data)) + kind)
        content.write(data)
        content.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))
    content.seek(0)
    band = PngImagePlugin.PngImageFile(content)
    band.load()
    return band


def _tiff_bands(image: TiffImagePlugin.TiffImageFile) -> Bands | None:
    tags, file = image.tag_v2, image.fp
    in_tiles = _TILES[0] in tags
    starts, sizes = (tags.get(tag, ()) for tag in (_TILES if in_tiles else _STRIPS))
    depths = tags.get(258, (1,))
    if (
        file is None
        or any(depth != 8 for depth in depths)
        or tags.get(259, 1) not in _TIFF_COMPRESSIONS
        or tags.get(284, 1) != 1
        or tags.get(_ORIENTATION, 1) != 1
        or not starts
        or len(starts) != len(sizes)
    ):
        return None
    width, height = image.size
    tall = min(height, tags.get(_TILE_HEIGHT if in_tiles else _ROWS_PER_STRIP, height))
    if tall < 1:
        return None
    n_down = -(-height // tall)
    across, odd = divmod(len(starts), n_down)
    if odd or (not in_tiles and across != 1):
        return None
    down = max(1, _ROWS // tall)  # strips or rows of tiles of a band

    def read() -> Iterator[Image.Image]:
        for first in range(0, n_down, down):
            parts = slice(first * across, (first + down) * across)
            top = first * tall
            size = (width, min(height - top, down * tall))
            yield _tiff_of(tags, file, size, starts[parts], sizes[parts], in_tiles)

    return Bands(width, height, min(height, down * tall), read)


def _tiff_of(
    tags: TiffImagePlugin.ImageFileDirectory_v2,
    file: IO[bytes],
    size: tuple[int, int],
    starts: tuple[int, ...],
    sizes: tuple[int, ...],
    in_tiles: bool,
) -> Image.Image:
    """The image of some strips or tiles of a file, alike in all but where they lie."""
    header = {tag: tags[tag] for tag in _TIFF_LAYOUT if tag in tags}
    header[_WIDTH], header[_HEIGHT] = size
    if not in_tiles:
        header[_ROWS_PER_STRIP] = tags.get(_ROWS_PER_STRIP, size[1])
    packed, places = bytearray(), []
    for start, n_bytes in zip(starts, sizes, strict=True):
        file.seek(start)
        places.append(_TIFF_HEADER + len(packed))
        packed += file.read(n_bytes)
        if len(packed) != places[-1] - _TIFF_HEADER + n_bytes:
            raise OSError("image file is truncated")
    packed += bytes(len(packed) % 2)  # a directory begins at an even byte
    places_tag, sizes_tag = _TILES if in_tiles else _STRIPS
    header[places_tag], header[sizes_tag] = tuple(places), sizes
    end = _TIFF_HEADER + len(packed)
    content = b"".join((b"II*\0", struct.pack("<I", end), packed, _directory(header, end)))
    band = TiffImagePlugin.TiffImageFile(BytesIO(content))
    band.load()
    return band


def _directory(tags: Mapping[int, int | tuple[int, ...]], place: int) -> bytes:
    """A directory of a little-endian TIFF, all numbers of 32 bits.  place: where it will be."""
    beyond = place + 2 + 12 * len(tags) + 4
    entries, outside = struct.pack("<H", len(tags)), b""
    for tag, value in sorted(tags.items()):
        values = value if isinstance(value, tuple) else (value,)
        data = struct.pack(f"<{len(values)}I", *values)
        if len(values) > 1:
            data, outside = struct.pack("<I", beyond + len(outside)), outside + data
        entries += struct.pack("<HHI", tag, TiffTags.LONG, len(values)) + data
    return entries + bytes(4) + outside
