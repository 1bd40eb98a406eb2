"""Names that Picasa left beside the photos, in a file `.picasa.ini` of each folder.

    [Contacts2]
    8e62398ebda8c1a5=Ada Lovelace;;
    [photo.jpg]
    faces=rect64(3f845bcb59418507),8e62398ebda8c1a5

A rectangle is left, top, right and bottom of the stored picture, four hexadecimal digits each, as
parts of 65535; zeros in front are left out.  Earlier versions keep the names of contacts in
`contacts.xml`, in the user's Picasa folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fastface.errors import MetadataError
from fastface.metadata.documents import parse_xml
from fastface.metadata.regions import Names, Region
from fastface.photos import display_name
from fastface.types import Box

INI_NAMES: Final = (".picasa.ini", "Picasa.ini", "picasa.ini")
MAX_BYTES: Final = 64 << 20

_FACE = re.compile(r"rect64\(([0-9a-fA-F]{1,16})\)\s*,\s*([0-9a-fA-F]+)")
_UNNAMED: Final = "f" * 16


def read_folder(folder: Path, contacts: Mapping[str, str] | None = None) -> dict[str, Names]:
    """The names in a folder's photos, by file name in small letters; empty if there are none.

    contacts: more names of contacts, see `read_contacts`.  Raises MetadataError, naming the file,
    for one that cannot be read.
    """
    found = next((folder / name for name in INI_NAMES if (folder / name).is_file()), None)
    if found is None:
        return {}
    sections = _sections(_text_of(found))
    known = {key.lower(): name for key, name in (contacts or {}).items()}
    # Of [Contacts] only the ids of a web account are there, so the names of [Contacts2] count.
    for key, value in sections.get("contacts2", {}).items():
        if name := " ".join(value.partition(";")[0].split()):
            known[key.lower()] = name
    return {
        section: _names(entries["faces"], known)
        for section, entries in sections.items()
        if "faces" in entries
    }


def read_contacts(path: Path) -> dict[str, str]:
    """Contact id -> name, of Picasa's `contacts.xml`; MetadataError if it cannot be read."""
    try:
        root, _ = parse_xml(path.read_bytes())
    except OSError as error:
        raise MetadataError(f"{display_name(path)}: {error.strerror}") from error
    except MetadataError as error:
        raise MetadataError(f"{display_name(path)}: {error}") from error
    contacts = (
        (c.get("id", ""), c.get("name") or c.get("display") or "") for c in root.iter("contact")
    )
    return {key: " ".join(name.split()) for key, name in contacts if key and name.strip()}


def rectangle(digits: str) -> Box | None:
    """The box of a `rect64`; None for one without an area.

    >>> rectangle("40000000c0008000")
    Box(left=0.25, top=0.0, width=0.5, height=0.5)
    """
    number = int(digits, 16)
    left, top, right, bottom = (((number >> shift) & 0xFFFF) / 65535 for shift in (48, 32, 16, 0))
    if right <= left or bottom <= top:
        return None
    return Box(*(round(edge, 4) for edge in (left, top, right - left, bottom - top)))


def _names(faces: str, contacts: Mapping[str, str]) -> Names:
    regions, n_unnamed = [], 0
    for digits, contact in _FACE.findall(faces):
        name, box = contacts.get(contact.lower().zfill(16)), rectangle(digits)
        name = name or contacts.get(contact.lower())
        if name and box and contact.lower() != _UNNAMED:
            regions.append(Region(name, box))
        else:
            n_unnamed += 1
    return Names(tuple(regions), n_unnamed=n_unnamed)


def _sections(text: str) -> dict[str, dict[str, str]]:
    """Section -> key -> value; sections and keys in small letters, one section's parts together."""
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            current = sections.setdefault(line[1:-1].lower(), {})
        elif "=" in line:
            key, _, value = line.partition("=")
            current[key.strip().lower()] = value.strip()
    return sections


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise MetadataError(f"{display_name(path)}: larger than {MAX_BYTES} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise MetadataError(f"{display_name(path)}: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:  # written before Picasa 3.5
        return data.decode("cp1252", "replace")
