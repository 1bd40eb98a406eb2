"""HEIC and HEIF through pi_heif, with a check that its decoder cannot do without.

Boxes and items as in ISO/IEC 14496-12 (the file format) and 23008-12 (images in it).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from PIL import Image

from fastface.errors import PhotoError

HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
AVIF_BRANDS = frozenset({b"avif", b"avis"})


def brands(prefix: bytes) -> frozenset[bytes]:
    """Major and compatible brands of a file by its first bytes; none if it has no brand.

    >>> sorted(brands(b"\\0\\0\\0\\x18ftypheic\\0\\0\\0\\0mif1heic...."))
    [b'heic', b'mif1']
    """
    if prefix[4:8] != b"ftyp":
        return frozenset()
    end = min(max(16, int.from_bytes(prefix[:4], "big")), len(prefix) - 3)
    return frozenset(prefix[at : at + 4] for at in (8, *range(16, end, 4)))  # 12: minor version


def open_heic(file: BinaryIO) -> Image.Image:
    """An image whose header is read; upright once loaded, as the decoder applies its rotation.

    Pillow's registry is left alone: it belongs to the process, which may have its own plugin.
    """
    from pi_heif.as_plugin import HeifImageFile  # slow to load, and few libraries need it

    data = file.read()
    _check_item_names(data)
    image: Image.Image = HeifImageFile(BytesIO(data))
    return image


def _check_item_names(data: bytes) -> None:
    """Refuse items whose type or name is not UTF-8: on these pi_heif (1.4, its last) crashes."""
    for meta in _boxes(data, b"meta"):
        for entry in re.finditer(rb"(?s)(.{4})infe(.).{3}", meta):
            size = int.from_bytes(entry[1], "big")
            end = entry.start() + size if size else len(meta)
            number_and_protection = 6 if entry[2] >= b"\3" else 4
            try:
                if size == 1:  # a 64-bit size, which no writer needs here
                    raise ValueError
                meta[entry.end() + number_and_protection : end].decode()
            except ValueError as error:
                raise PhotoError("damaged list of items") from error


def _boxes(data: bytes, kind: bytes) -> Iterator[bytes]:
    """The contents of each top-level box of one kind."""
    at = 0
    while at + 8 <= len(data):
        size, header = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif size == 0:
            size = len(data) - at
        if size < header:
            return
        if data[at + 4 : at + 8] == kind:
            yield data[at + header : at + size]
        at += size
