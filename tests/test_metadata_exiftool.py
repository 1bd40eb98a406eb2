"""The real exiftool agrees, on every orientation: it reads what we write, and we what it writes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from fastface.metadata import outward, regions
from fastface.metadata.embedded import read_embedded
from fastface.metadata.outward import NamedFace
from fastface.metadata.sidecars import read_sidecar
from fastface.types import Box

pytestmark = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="needs exiftool (Debian: libimage-exiftool-perl)"
)

SIZE = 80, 60  # as stored
DARK = Box(16 / 80, 12 / 60, 24 / 80, 12 / 60)  # where the face is, on the stored picture


def exiftool(*arguments: str | Path) -> list[dict[str, Any]]:
    """What exiftool prints; an error fails the test."""
    command = ["exiftool", "-json", "-struct", "-n", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout) if done.stdout.startswith("[") else []


@pytest.fixture(params=range(1, 9))
def turned(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, int, Box]:
    """A photo of each orientation, and where its dark rectangle is when it is looked at."""
    pixels = np.full((*SIZE[::-1], 3), 255, np.uint8)
    pixels[12:24, 16:40] = 0
    exif = Image.Exif()
    exif[274] = request.param
    path = tmp_path / f"turned {request.param}.jpg"
    Image.fromarray(pixels).save(path, exif=exif, quality=100)
    with Image.open(path) as image:
        shown = np.asarray(ImageOps.exif_transpose(image).convert("L")) < 128
    (top, bottom), (left, right) = (np.flatnonzero(shown.any(axis=a))[[0, -1]] for a in (1, 0))
    height, width = shown.shape
    size = (right + 1 - left) / width, (bottom + 1 - top) / height
    return path, request.param, Box(left / width, top / height, *size)


def is_dark(read: dict[str, Any], name: str) -> None:
    """exiftool's view: both forms name the dark rectangle of the stored picture."""
    info = read["RegionInfo"]
    assert (info["AppliedToDimensions"]["W"], info["AppliedToDimensions"]["H"]) == SIZE
    (region,) = info["RegionList"]
    area = region["Area"]
    centre = DARK.left + DARK.width / 2, DARK.top + DARK.height / 2
    found = area["X"], area["Y"], area["W"], area["H"]
    assert found == pytest.approx((*centre, DARK.width, DARK.height), abs=1e-4)
    assert (region["Name"], region["Type"], area["Unit"]) == (name, "Face", "normalized")
    (corner,) = read["RegionInfoMP"]["Regions"]
    rectangle = [float(edge) for edge in corner["Rectangle"].split(",")]
    assert rectangle == pytest.approx(DARK, abs=1e-4) and corner["PersonDisplayName"] == name
    assert read["PersonInImage"] == [name] and read["TagsList"] == [f"People/{name}"]


@pytest.mark.parametrize("embed", [False, True])
def test_exiftool_reads_what_we_write(turned: tuple[Path, int, Box], embed: bool) -> None:
    photo, orientation, box = turned
    named = [NamedFace('Zoë "Z" & <Co>', box)]
    if embed:
        change = outward.for_photo(photo, named, keywords=False)
    else:
        change = outward.for_sidecar(photo, named, "full", keywords=False)
    outward.apply(change, photo)
    (read,) = exiftool(change.target)
    is_dark(read, 'Zoë "Z" & <Co>')
    if embed:
        assert read["Orientation"] == orientation
        assert "Warning" not in read and "Error" not in read
    validated = exiftool("-validate", "-warning", "-a", change.target)[0]
    assert "XMP" not in str(validated.get("Warning", ""))


def test_we_read_what_exiftool_writes(turned: tuple[Path, int, Box]) -> None:
    photo, orientation, box = turned
    x, y = DARK.left + DARK.width / 2, DARK.top + DARK.height / 2
    area = f"X={x},Y={y},W={DARK.width},H={DARK.height},Unit=normalized"
    info = (
        f"{{AppliedToDimensions={{W={SIZE[0]},H={SIZE[1]},Unit=pixel}},"
        f"RegionList=[{{Area={{{area}}},Name=Zoë,Type=Face}}]}}"
    )
    sidecar = photo.with_name(photo.name + ".xmp")
    for target in (photo, sidecar):
        exiftool("-q", "-overwrite_original", f"-RegionInfo={info}", "-Subject=Zoë", target)
    for properties in (read_embedded(photo).properties(), read_sidecar(sidecar).properties()):
        names = regions.read(properties)
        assert names.size == SIZE
        (region,) = names.regions
        assert region.name == "Zoë" and region.box is not None
        assert regions.upright(region.box, orientation) == pytest.approx(box, abs=0.02)


def test_there_and_back_through_exiftool(turned: tuple[Path, int, Box]) -> None:
    """exiftool copies our sidecar into the photo and adds a tag of its own; nothing is lost."""
    photo, _, box = turned
    change = outward.for_sidecar(photo, [NamedFace("Ada", box)], "full", keywords=True)
    outward.apply(change, photo)
    sidecar = photo.with_name(photo.name + ".xmp")
    exiftool("-q", "-overwrite_original", "-tagsfromfile", sidecar, "-xmp:all", photo)
    exiftool("-q", "-overwrite_original", "-xmp:rating=5", photo, sidecar)
    is_dark(exiftool(photo)[0], "Ada")
    change = outward.for_sidecar(photo, [], "full", keywords=False)
    assert change.outcome == outward.WRITTEN
    outward.apply(change, photo)
    (read,) = exiftool(sidecar)
    assert read["Rating"] == 5
    assert not {"RegionInfo", "RegionInfoMP", "PersonInImage", "TagsList", "Subject"} & read.keys()
