"""Boxes under every orientation, and names to faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fastface import exif
from fastface.metadata import matching
from fastface.metadata.matching import find_company, place
from fastface.metadata.regions import Names, Region, stored, upright
from fastface.types import Box, Face


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_turn_as_the_pixels_do(orientation: int) -> None:
    pixels = np.zeros((12, 20), np.uint8)
    pixels[2:5, 3:9] = 255
    shown = Image.fromarray(pixels)
    if orientation in exif.TRANSPOSE:
        shown = shown.transpose(exif.TRANSPOSE[orientation])
    left, top, right, bottom = shown.getbbox() or (0, 0, 0, 0)
    width, height = shown.size
    seen = Box(left / width, top / height, (right - left) / width, (bottom - top) / height)
    there = Box(3 / 20, 2 / 12, 6 / 20, 3 / 12)
    assert upright(there, orientation) == pytest.approx(seen)
    assert stored(seen, orientation) == pytest.approx(there)


@given(st.integers(1, 8), st.tuples(*[st.floats(0.01, 0.5)] * 4))
def test_there_and_back(orientation: int, edges: tuple[float, ...]) -> None:
    box = Box(*edges)
    assert stored(upright(box, orientation), orientation) == pytest.approx(box)


def face(left: float, person: str | None = "p1", number: int = 0) -> Face:
    photo = Path(f"/{number}.jpg")
    return Face(f"{number:016x}-{left}", photo, Box(left, 0.2, 0.2, 0.25), person, 0.9, False)


def test_each_face_gets_the_region_that_fits_best() -> None:
    faces = [face(0.1), face(0.25), face(0.7)]
    names = Names(
        (
            Region("Ada", Box(0.12, 0.2, 0.2, 0.25)),
            Region("Bea", Box(0.24, 0.15, 0.22, 0.35)),
            Region("Cleo", Box(0.4, 0.8, 0.1, 0.1)),
            Region("Dora"),
        )
    )
    matches, unmatched = place(names, faces, 1)
    assert [(m.name, m.face) for m in matches] == [("Ada", faces[0]), ("Bea", faces[1])]
    assert [u.name for u in unmatched] == ["Cleo"]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_regions_of_the_upright_picture_are_understood(orientation: int) -> None:
    """Some programs place regions on what they show, and leave the orientation as it is."""
    faces = [face(0.1)]
    region = Region("Ada", Box(0.1, 0.2, 0.2, 0.25))
    for box in (region.box, stored(faces[0].box, orientation)):
        matches, _ = place(Names((Region("Ada", box),)), faces, orientation)
        assert [m.face for m in matches] == faces


def test_a_face_inside_the_head_fits_and_a_person_does_not() -> None:
    head, person = Box(0.05, 0.05, 0.3, 0.5), Box(0.0, 0.0, 0.6, 1.0)
    assert matching.fit(head, Box(0.12, 0.25, 0.15, 0.2)) > 0
    assert matching.fit(person, Box(0.12, 0.25, 0.1, 0.1)) == 0


def test_names_by_company() -> None:
    """Ada is p1 and Bea p2 on photos of both; a name that goes with both of two stays open."""
    photos = [
        (["Ada", "Bea"], [face(0.1, "p1", k), face(0.5, "p2", k), face(0.8, f"p{k + 5}", k)])
        for k in range(2)
    ]
    photos += [(["Ada", "Cleo"], [face(0.1, "p1", k), face(0.5, "p3", k)]) for k in range(2, 5)]
    photos += [(["Bea"], [face(0.5, "p2", k), face(0.1, None, k)]) for k in range(5, 7)]
    photos += [(["Zoe"], [face(0.1, "p9", 7)]), (["Eve"], [])]
    matches, left = find_company(photos, {})
    found = {(m.name, m.face.person, m.how) for _, m in matches}
    assert found == {
        ("Ada", "p1", "company"),
        ("Bea", "p2", "company"),
        ("Cleo", "p3", "company"),
        ("Zoe", "p9", "only face"),
    }
    assert [(photos[k][0], name.name) for k, name in left] == [(["Eve"], "Eve")]


def test_twins_at_every_party_stay_open() -> None:
    photos = [(["Ada", "Bea"], [face(0.1, "p1", k), face(0.5, "p2", k)]) for k in range(6)]
    matches, left = find_company(photos, {})
    assert matches == [] and len(left) == 12
    matches, left = find_company(photos, {"Ada": "p1"})
    assert {(m.name, m.face.person) for _, m in matches} == {("Ada", "p1"), ("Bea", "p2")}
