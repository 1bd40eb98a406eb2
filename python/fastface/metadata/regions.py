"""Where a name is in a picture, in every way in which programs write that down.

Programs place regions on the picture as it is stored, before its orientation is applied (MWG,
Guidelines for Handling Image Metadata 2.0, section 5.9); our boxes are on the upright one.  The
two are related by `stored` and `upright`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from fastface.metadata.xmp import Value, texts
from fastface.types import Box

# EXIF orientation -> (axes swapped, u mirrored, v mirrored), u and v on the upright picture.
_TURNS: Final = {
    1: (False, False, False),
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}
FACE_TYPES: Final = ("", "face")  # a region's type; pets, focus points and bar codes are no faces


@dataclass(frozen=True, slots=True)
class Region:
    """A name, as found in a file.

    box: fractions of the stored picture; None where only the photo is known.
    """

    name: str
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """What one source says of one photo.

    size: (width, height) of the picture that the regions are placed on; None where it does not say.
    n_unnamed: regions of faces without a name, which are left out.
    """

    regions: tuple[Region, ...] = ()
    size: tuple[int, int] | None = None
    n_unnamed: int = 0


def stored(box: Box, orientation: int) -> Box:
    """A box of the upright picture, on the stored one.

    >>> stored(Box(0.0, 0.0, 0.5, 0.25), 6)  # upright top left is stored bottom left
    Box(left=0.0, top=0.5, width=0.25, height=0.5)
    """
    swapped, mirror_u, mirror_v = _TURNS[orientation]
    left, top, width, height = box
    if mirror_u:
        left = 1.0 - left - width
    if mirror_v:
        top = 1.0 - top - height
    return Box(top, left, height, width) if swapped else Box(left, top, width, height)


def upright(box: Box, orientation: int) -> Box:
    """A box of the stored picture, on the upright one.

    >>> upright(Box(0.0, 0.5, 0.25, 0.5), 6)
    Box(left=0.0, top=0.0, width=0.5, height=0.25)
    """
    swapped, mirror_u, mirror_v = _TURNS[orientation]
    left, top, width, height = box
    if swapped:
        left, top, width, height = top, left, height, width
    if mirror_u:
        left = 1.0 - left - width
    if mirror_v:
        top = 1.0 - top - height
    return Box(left, top, width, height)


def read(properties: dict[str, Value]) -> Names:
    """The names in an XMP packet's properties, each region once.

    MWG regions (digiKam, Lightroom, Picasa, Tag That Photo), Microsoft People tags (Windows Live
    Photo Gallery, digiKam), IPTC image regions, and names without a place: PersonInImage and the
    tag hierarchies of digiKam, Lightroom and Microsoft below `People`.
    """
    found: dict[str, list[Region]] = {}
    n_unnamed = 0
    for name, box in [*_mwg(properties), *_microsoft(properties), *_iptc(properties)]:
        if not name:
            n_unnamed += 1
            continue
        same = found.setdefault(name, [])
        if not any(is_close(region.box, box) for region in same):
            same.append(Region(name, box))
    for name in without_place(properties, found):
        found.setdefault(name, [Region(name)])
    regions = tuple(region for same in found.values() for region in same)
    return Names(regions, size=_size(properties), n_unnamed=n_unnamed)


def without_place(properties: dict[str, Value], placed: Iterable[str] = ()) -> list[str]:
    """Names that are said to be in the photo, wherever.  placed: names that have a place in it."""
    names = [*filter(None, map(str.strip, texts(properties.get("Iptc4xmpExt:PersonInImage"))))]
    whole = sorted({*placed, *names}, key=len, reverse=True)
    for key, separator in (
        ("digiKam:TagsList", "/"),
        ("lr:hierarchicalSubject", "|"),
        ("MicrosoftPhoto:LastKeywordXMP", "/"),
    ):
        for tag in texts(properties.get(key)):
            root, _, path = tag.partition(separator)
            name = _named_by(path.strip(), separator, whole)
            if root.strip().casefold() == "people" and name.casefold() not in _NOBODY:
                names.append(name)
    return list(dict.fromkeys(names))


def _named_by(path: str, separator: str, whole: Sequence[str]) -> str:
    """The name at the end of a tag's path; whole: names, some of which may hold separators."""
    for name in whole:
        for spelled in (name, as_tag(name, separator)):
            if path == spelled or path.endswith(separator + spelled):
                return name
    # Below People there may be groups: People/Family/Ada.
    return path.rpartition(separator)[2].strip()


def as_tag(name: str, separator: str) -> str:
    """A name as one step of a tag's path, in which the separator would begin another.

    >>> as_tag("Ada/Bea", "/")
    'Ada\u2215Bea'
    """
    return name.replace(separator, _LOOK_ALIKES[separator])


def is_close(a: Box | None, b: Box | None) -> bool:
    """Whether two boxes are one, written with fewer digits once."""
    if a is None or b is None:
        return a is b
    return all(abs(one - other) < 0.005 for one, other in zip(a, b, strict=True))


_NOBODY: Final = frozenset({"", "unknown", "unconfirmed", "ignored"})  # tags of digiKam's own

_LOOK_ALIKES: Final = {"/": "\u2215", "|": "\u2223"}  # division slash, divides

Found: TypeAlias = tuple[str, Box]  # a name, maybe empty, and its box


def _mwg(properties: dict[str, Value]) -> list[Found]:
    found = []
    for region in _structs(_field(properties.get("mwg-rs:Regions"), "mwg-rs:RegionList")):
        kind = _text(region.get("mwg-rs:Type"))
        numbers = _numbers(
            _text(_field(region.get("mwg-rs:Area"), f"stArea:{side}")) for side in "xywh"
        )
        if kind.casefold() not in FACE_TYPES or numbers is None:
            continue
        x, y, width, height = numbers
        found += _checked(region.get("mwg-rs:Name"), x - width / 2, y - height / 2, width, height)
    return found


def _microsoft(properties: dict[str, Value]) -> list[Found]:
    found = []
    for region in _structs(_field(properties.get("MP:RegionInfo"), "MPRI:Regions")):
        numbers = _numbers(_text(region.get("MPReg:Rectangle")).split(","))
        if numbers is not None and len(numbers) == 4:
            found += _checked(region.get("MPReg:PersonDisplayName"), *numbers)
    return found


def _iptc(properties: dict[str, Value]) -> list[Found]:
    """IPTC Photo Metadata 2019.1: rectangles from the top left, in fractions."""
    found = []
    for region in _structs(properties.get("Iptc4xmpExt:ImageRegion")):
        edge = region.get("Iptc4xmpExt:RegionBoundary")
        if _text(_field(edge, "Iptc4xmpExt:rbUnit")) != "relative":
            continue
        numbers = _numbers(
            _text(_field(edge, f"Iptc4xmpExt:{side}")) for side in ("rbX", "rbY", "rbW", "rbH")
        )
        who = texts(region.get("Iptc4xmpExt:PersonInImage"))
        if numbers is not None and len(who) == 1:
            found += _checked(who[0], *numbers)
    return found


def _checked(
    name: Value | None, left: float, top: float, width: float, height: float
) -> list[Found]:
    """The region, if it is inside the picture or nearly so."""
    inside = all(-0.5 < edge < 1.5 for edge in (left, top, left + width, top + height))
    if not inside or width <= 0 or height <= 0:
        return []
    return [(" ".join(_text(name).split()), Box(left, top, width, height))]


def _size(properties: dict[str, Value]) -> tuple[int, int] | None:
    applied = _field(properties.get("mwg-rs:Regions"), "mwg-rs:AppliedToDimensions")
    numbers = _numbers(_text(_field(applied, f"stDim:{side}")) for side in "wh")
    return None if numbers is None or min(numbers) < 1 else (int(numbers[0]), int(numbers[1]))


def _structs(value: Value | None) -> list[dict[str, Value]]:
    return [field for field in value if isinstance(field, dict)] if isinstance(value, list) else []


def _field(value: Value | None, name: str) -> Value | None:
    return value.get(name) if isinstance(value, dict) else None


def _text(value: Value | None) -> str:
    """The text, of alternatives in several languages the first."""
    if isinstance(value, list):
        value = value[0] if value else ""
    return value.strip() if isinstance(value, str) else ""


def _numbers(values: Iterable[str]) -> list[float] | None:
    """All of them as finite numbers, or None."""
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return None
    return numbers if numbers and all(map(math.isfinite, numbers)) else None
