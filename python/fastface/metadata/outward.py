"""Names from the library to one photo's files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from fastface.errors import MetadataError
from fastface.files import is_file, write_whole
from fastface.images import read_header
from fastface.metadata import sidecars, writing
from fastface.metadata.embedded import embed, read_embedded
from fastface.metadata.regions import Region, stored
from fastface.metadata.xmp import Packet
from fastface.photos import display_name
from fastface.types import Box
from fastface.video import is_video

WRITTEN: Final = "written"
REMOVED: Final = "removed"
UNCHANGED: Final = "unchanged"


class NamedFace(NamedTuple):
    """A name at a place of the upright photo."""

    name: str
    box: Box


class Change(NamedTuple):
    """What is to become of a file: new content, None to delete it.  other_names: (ours, theirs)."""

    target: Path
    outcome: str
    content: bytes | None
    other_names: tuple[tuple[str, str], ...]


def for_sidecar(photo: Path, named: Sequence[NamedFace], style: str, *, keywords: bool) -> Change:
    """How a photo's sidecar is to change; what others wrote in it stays.  A video's has no regions.

    Raises MetadataError for a sidecar that cannot be read, PhotoError for such a photo.
    """
    target = sidecars.sidecar_path(photo, style)
    exists = is_file(target)
    if not exists and not named:
        return Change(target, UNCHANGED, None, ())
    packet = sidecars.read_sidecar(target) if exists else Packet()
    before = packet.serialise() if exists else b""
    others = _put(packet, photo, named, keywords)
    if packet.is_empty() or (not named and writing.is_ours_alone(packet)):
        return Change(target, REMOVED if exists else UNCHANGED, None, others)
    content = packet.serialise()
    return Change(target, UNCHANGED if content == before else WRITTEN, content, others)


def for_photo(photo: Path, named: Sequence[NamedFace], *, keywords: bool) -> Change:
    """How a photo is to change so that the names are in it; the pixels are copied as they are.

    Raises MetadataError for a format or a file in which that cannot be done safely.
    """
    if is_video(photo):
        if named:
            raise MetadataError(
                f"{display_name(photo)}: names are not embedded into videos; use a sidecar"
            )
        return Change(photo, UNCHANGED, None, ())
    there = read_embedded(photo)
    packet = there.main or Packet()
    before = packet.serialise()
    if there.main is None and not named:
        return Change(photo, UNCHANGED, None, ())
    if there.extension is not None and writing.touches(there.extension):
        raise MetadataError(f"{display_name(photo)}: its people are in extended XMP; use a sidecar")
    others = _put(packet, photo, named, keywords)
    if packet.serialise() == before:
        return Change(photo, UNCHANGED, None, others)
    try:
        left = b"" if packet.is_empty() else packet.serialise(wrapped=True)
        content = embed(photo.read_bytes(), left)
    except MetadataError as error:
        raise MetadataError(f"{display_name(photo)}: {error}") from error
    except OSError as error:
        raise MetadataError(f"{display_name(photo)}: {error.strerror}") from error
    return Change(photo, WRITTEN, content, others)


def apply(change: Change, photo: Path) -> None:
    """Writes or deletes the file, whole or not at all.  Raises MetadataError, naming it."""
    try:
        if change.outcome == REMOVED:
            change.target.unlink()
        elif change.outcome == WRITTEN and change.content is not None:
            # In place of a link's target, not of the link; `resolve` fails where links go round.
            target = Path(os.path.realpath(change.target))
            mode = (target if target.exists() else photo).stat().st_mode & 0o666
            write_whole(target, change.content, mode | 0o600)
    except OSError as error:
        raise MetadataError(f"{display_name(change.target)}: {error.strerror}") from error


def _put(
    packet: Packet, photo: Path, named: Sequence[NamedFace], keywords: bool
) -> tuple[tuple[str, str], ...]:
    if is_video(photo):  # a place would need a time, which no program's regions have
        alone = [Region(name) for name in dict.fromkeys(face.name for face in named)]
        writing.put_names(packet, alone, (0, 0), keywords=keywords)
        return ()
    header = read_header(photo)
    regions = [Region(face.name, stored(_clipped(face.box), header.orientation)) for face in named]
    size = header.width, header.height
    refused = writing.put_names(packet, regions, size, keywords=keywords)
    return tuple((region.name, other) for region, other in refused)


def _clipped(box: Box) -> Box:
    """The part of a box that is inside the picture."""
    left, top = max(box.left, 0.0), max(box.top, 0.0)
    right, bottom = min(box.left + box.width, 1.0), min(box.top + box.height, 1.0)
    return Box(left, top, max(right - left, 0.0), max(bottom - top, 0.0))
