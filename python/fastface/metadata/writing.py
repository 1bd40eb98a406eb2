"""Names into an XMP packet, beside what others wrote there.

What we add is listed in a property of our own, so that it can be taken back later, and only that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element

from fastface.boxes import overlap
from fastface.metadata import regions
from fastface.metadata.regions import Region
from fastface.metadata.xmp import Packet, Value, item, items, texts
from fastface.types import Box
from fastface.verdicts.names import folded
from fastface.verdicts.places import SAME_PLACE_IOU

WRITTEN: Final = "fastface:Written"
MWG: Final = "mwg-rs:Regions/mwg-rs:RegionList"
MICROSOFT: Final = "MP:RegionInfo/MPRI:Regions"


class _Array(NamedTuple):
    """An array that names go to, alone or below People.  separator: of the steps of its tags."""

    path: str
    kind: str
    separator: str | None

    def spelled(self, name: str) -> str:
        """A text of its own."""
        if self.separator is None:
            return name
        return f"People{self.separator}{regions.as_tag(name, self.separator)}"


_TEXTS: Final = (
    _Array("Iptc4xmpExt:PersonInImage", "Bag", None),
    _Array("digiKam:TagsList", "Seq", "/"),
)
_KEYWORDS: Final = (
    _Array("dc:subject", "Bag", None),
    _Array("lr:hierarchicalSubject", "Bag", "|"),
)


def put_names(
    packet: Packet, named: Sequence[Region], size: tuple[int, int], *, keywords: bool = False
) -> list[tuple[Region, str]]:
    """Makes a packet say who is where, in place of what we said earlier.

    named: with boxes on the stored picture, or without any place.  size: its width and height.
    keywords: as keywords too.  Returns the regions that were not written, each with the other name
    that is there.
    """
    take_back(packet)
    theirs = regions.read(packet.properties()).regions
    refused = [(region, other) for region in named for other in _rivals(region, theirs)[:1]]
    dropped = [region for region, _ in refused]
    kept = [region for region in named if region not in dropped]
    written: list[str] = []
    for region in kept:
        if region.box is None:
            continue
        # Who has the face in one of the two forms gets the other form of the same rectangle.
        box = next((other.box for other in theirs if _same(region, other)), region.box)
        assert box is not None  # as theirs is the same
        for path, value in (
            (MWG, _mwg(region.name, box)),
            (MICROSOFT, _microsoft(region.name, box)),
        ):
            if not any(_same(region, other) for _, other in _regions_in(packet, path)):
                _add(packet, path, "Bag", value)
                written.append(f"{path} {_spelled(box)} {region.name}")
    if any(line.startswith(MWG) for line in written) and not _has_size(packet):
        _put_size(packet, size)
    names = list(dict.fromkeys(region.name for region in kept))
    for array in (*_TEXTS, *(_KEYWORDS if keywords else ())):
        there = {value for _, value in items(packet.array(array.path, array.kind)) if value}
        for text in map(array.spelled, names):
            if text not in there:
                _add(packet, array.path, array.kind, text)
                written.append(f"{array.path} {text}")
    if written:
        packet.put(WRITTEN, list(written))
    return refused


def take_back(packet: Packet) -> None:
    """Removes what we wrote earlier, if it is still as we wrote it."""
    for line in texts(packet.properties().get(WRITTEN)):
        path, _, rest = line.partition(" ")
        for element, own in _own(packet, path, rest):
            array = packet.array(path, "Bag")
            if own and array is not None:
                array.remove(element)
                break
    packet.remove(WRITTEN)
    for path in (MWG, MICROSOFT, *(array.path for array in (*_TEXTS, *_KEYWORDS))):
        array = packet.array(path, "Bag")
        if array is not None and not items(array):
            packet.remove(path.partition("/")[0])


def touches(packet: Packet) -> bool:
    """Whether a packet holds a property that names are written to."""
    paths = (MWG, MICROSOFT, WRITTEN, *(array.path for array in (*_TEXTS, *_KEYWORDS)))
    return not {path.partition("/")[0] for path in paths}.isdisjoint(packet.properties())


def is_ours_alone(packet: Packet) -> bool:
    """Whether nothing would be left if what we wrote were taken back."""
    rest = Packet.parse(packet.serialise())
    take_back(rest)
    return rest.is_empty()


def _own(packet: Packet, path: str, rest: str) -> Iterable[tuple[Element, bool]]:
    """The items of an array, and whether each is the one that a line is about."""
    if path not in (MWG, MICROSOFT):
        for element, value in items(packet.array(path, "Bag")):
            yield element, value == rest
        return
    *numbers, name = rest.split(" ", 4)
    try:
        written = Region(name, Box(*map(float, numbers)))
    except (TypeError, ValueError):  # not a line of ours
        return
    for element, region in _regions_in(packet, path):
        yield element, region.name == name and regions.is_close(written.box, region.box)


def _regions_in(packet: Packet, path: str) -> list[tuple[Element, Region]]:
    """The named regions of one array, each with its element."""
    first, _, rest = path.partition("/")
    found = []
    for element, value in items(packet.array(path, "Bag")):
        alone: dict[str, Value] = {first: {rest: [value]}}
        found += [(element, region) for region in regions.read(alone).regions]
    return found


def _rivals(region: Region, theirs: Sequence[Region]) -> list[str]:
    """Other names that are at the same place."""
    return [
        other.name
        for other in theirs
        if other.box is not None
        and region.box is not None
        and overlap(region.box, other.box) >= SAME_PLACE_IOU
        and folded(other.name) != folded(region.name)
    ]


def _same(one: Region, other: Region) -> bool:
    if one.box is None or other.box is None or folded(one.name) != folded(other.name):
        return False
    return overlap(one.box, other.box) >= SAME_PLACE_IOU


def _add(packet: Packet, path: str, kind: str, value: Value) -> None:
    array = packet.array(path, kind, make=True)
    assert array is not None
    array.append(item(value))


def _mwg(name: str, box: Box) -> Value:
    """The centre, with width and height."""
    centre = box.left + box.width / 2, box.top + box.height / 2
    area = zip("xywh", (*centre, box.width, box.height), strict=True)
    return {
        "mwg-rs:Name": name,
        "mwg-rs:Type": "Face",
        "mwg-rs:Area": {
            **{f"stArea:{side}": f"{number:.6f}" for side, number in area},
            "stArea:unit": "normalized",
        },
    }


def _microsoft(name: str, box: Box) -> Value:
    """The corner at the top left, with width and height."""
    rectangle = ", ".join(f"{number:.6f}" for number in box)
    return {"MPReg:Rectangle": rectangle, "MPReg:PersonDisplayName": name}


def _spelled(box: Box) -> str:
    return " ".join(f"{number:.6f}" for number in box)


def _has_size(packet: Packet) -> bool:
    return regions.read(packet.properties()).size is not None


def _put_size(packet: Packet, size: tuple[int, int]) -> None:
    width, height = map(str, size)
    packet.put_field(
        "mwg-rs:Regions",
        "mwg-rs:AppliedToDimensions",
        {"stDim:w": width, "stDim:h": height, "stDim:unit": "pixel"},
    )
