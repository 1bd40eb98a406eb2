"""The XMP inside an image file: found in every format we read, replaced in JPEG and PNG.

Replacing copies every other byte: pixels are never encoded again.  In TIFF, WebP and HEIC offsets
and sizes elsewhere in the file would have to follow, so those are left alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from fastface.errors import MetadataError
from fastface.images import read_header
from fastface.metadata.documents import MAX_BYTES
from fastface.metadata.xmp import Packet, Value
from fastface.photos import display_name, open_photo

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_MAIN: Final = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION: Final = b"http://ns.adobe.com/xmp/extension/\0"
_KEYWORD: Final = b"XML:com.adobe.xmp"
_APP0, _APP1, _SCAN = 0xE0, 0xE1, 0xDA
_LONGEST_SEGMENT: Final = 0xFFFF - 2


class Embedded(NamedTuple):
    """The packets of a file.  extension: what did not fit into the first one, in JPEG."""

    main: Packet | None
    extension: Packet | None

    def properties(self) -> dict[str, Value]:
        """Those of both packets; the first one counts where they differ."""
        parts = [part.properties() for part in (self.extension, self.main) if part is not None]
        return {name: value for part in parts for name, value in part.items()}


def read_embedded(path: Path) -> Embedded:
    """The XMP in a photo.  Raises MetadataError where it is damaged, PhotoError as `decode`."""
    with open_photo(path) as file:
        start = file.read(8)
        file.seek(0)
        if start.startswith(_JPEG):
            main, extension = _jpeg_packets(file)
        else:
            main, extension = (read_header(path).xmp or b""), b""
    try:
        return Embedded(
            Packet.parse(main) if main else None, Packet.parse(extension) if extension else None
        )
    except MetadataError as error:
        raise MetadataError(f"{display_name(path)}: {error}") from error


def embed(data: bytes, packet: bytes) -> bytes:
    """An image file's bytes with this packet in place of the one that was there; empty for none.

    Raises MetadataError for formats that are left alone, damaged files and packets too long.
    """
    if data.startswith(_PNG):
        return _embed_png(data, packet)
    if data.startswith(_JPEG):
        return _embed_jpeg(data, packet)
    raise MetadataError("names are embedded into JPEG and PNG only; use a sidecar")


class _Segment(NamedTuple):
    """A JPEG marker segment.  content: without marker and length."""

    marker: int
    content: bytes


def _segments(file: BinaryIO) -> Iterator[_Segment]:
    """The segments before the first scan; ends early where the file is damaged."""
    file.seek(2)
    while True:
        marker = file.read(2)
        while marker[1:] == b"\xff":  # fill bytes
            marker = b"\xff" + file.read(1)
        if len(marker) < 2 or marker[0] != 0xFF or marker[1] == _SCAN:
            return
        length = int.from_bytes(file.read(2), "big")
        content = file.read(max(length - 2, 0))
        if length < 2 or len(content) < length - 2:
            return
        yield _Segment(marker[1], content)


def _jpeg_packets(file: BinaryIO) -> tuple[bytes, bytes]:
    """The main packet and the extension that it names (XMP specification part 3, 1.1.3.1)."""
    main, parts, length = b"", {}, {}
    for marker, content in _segments(file):
        if marker != _APP1:
            continue
        if content.startswith(_MAIN):
            main = main or content[len(_MAIN) :]
        elif content.startswith(_EXTENSION) and len(content) >= len(_EXTENSION) + 40:
            guid, rest = content[len(_EXTENSION) :][:32], content[len(_EXTENSION) + 32 :]
            length[guid] = int.from_bytes(rest[:4], "big")
            parts[guid, int.from_bytes(rest[4:8], "big")] = rest[8:]
    for guid, size in length.items():
        if guid in main and size <= MAX_BYTES:
            own = sorted((offset, part) for (of, offset), part in parts.items() if of == guid)
            extension = b"".join(part for _, part in own)
            if len(extension) == size:
                return main, extension
    return main, b""


def _embed_jpeg(data: bytes, packet: bytes) -> bytes:
    content = _MAIN + packet
    if len(content) > _LONGEST_SEGMENT:
        raise MetadataError(f"{len(packet)} bytes of XMP do not fit into a JPEG; use a sidecar")
    own = b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content if packet else b""
    file = BytesIO(data)
    out, rest, placed = [_JPEG], 2, False
    for marker, old in _segments(file):
        end = file.tell()
        is_main = marker == _APP1 and old.startswith(_MAIN)
        # JFIF and EXIF come first by their standards.
        if not placed and not (marker == _APP0 or (marker == _APP1 and old.startswith(b"Exif"))):
            out.append(own)
            placed = True
        if not is_main:
            out.append(data[rest:end])
        rest = end
    if not placed:
        raise MetadataError("damaged JPEG: no image in it")
    return b"".join([*out, data[rest:]])


def _embed_png(data: bytes, packet: bytes) -> bytes:
    """An iTXt chunk, not compressed, before the pixels (PNG specification, 11.3.4.5)."""
    body = b"iTXt" + _KEYWORD + b"\0\0\0\0\0" + packet
    own = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    own = own if packet else b""
    out, start, placed = [_PNG], len(_PNG), False
    while start < len(data):
        length = int.from_bytes(data[start : start + 4], "big")
        kind, end = data[start + 4 : start + 8], start + 12 + length
        if end > len(data):
            break
        if kind == b"IDAT" and not placed:
            out.append(own)
            placed = True
        if not (kind == b"iTXt" and data[start + 8 :].startswith(_KEYWORD + b"\0")):
            out.append(data[start:end])
        start = end
    if not placed:
        raise MetadataError("damaged PNG: no image in it")
    return b"".join([*out, data[start:]])
