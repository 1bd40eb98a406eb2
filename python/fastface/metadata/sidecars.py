"""XMP files beside photos: where they are, reading and writing them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastface.errors import MetadataError
from fastface.files import is_file
from fastface.metadata.documents import MAX_BYTES
from fastface.metadata.xmp import Packet
from fastface.photos import display_name

# photo.jpg.xmp is digiKam's, darktable's and Immich's; photo.xmp is Adobe's, one for all formats.
STYLES: Final = ("full", "lightroom")


def sidecar_path(photo: Path, style: str = "full") -> Path:
    """Where a photo's sidecar is.

    >>> sidecar_path(Path("a.jpg")).name, sidecar_path(Path("a.jpg"), "lightroom").name
    ('a.jpg.xmp', 'a.xmp')
    """
    return (
        photo.with_suffix(".xmp") if style == "lightroom" else photo.with_name(photo.name + ".xmp")
    )


def sidecars_of(photo: Path) -> list[Path]:
    """The sidecars there are, the photo's own first; suffixes may be in capitals."""
    found: dict[tuple[int, int], Path] = {}
    for path in (sidecar_path(photo), sidecar_path(photo, "lightroom")):
        for spelled in (path, path.with_suffix(".XMP")):
            if is_file(spelled):
                status = spelled.stat()
                found.setdefault((status.st_dev, status.st_ino), spelled)
    return list(found.values())


def read_sidecar(path: Path) -> Packet:
    """Raises MetadataError, naming the file, for one that cannot be read."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise MetadataError(f"{size} bytes; the limit is {MAX_BYTES}")
        return Packet.parse(path.read_bytes())
    except MetadataError as error:
        raise MetadataError(f"{display_name(path)}: {error}") from error
    except OSError as error:
        raise MetadataError(f"{display_name(path)}: {error.strerror}") from error
