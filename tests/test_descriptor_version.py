"""What the detector and the embedder make of a drawn photo, written down with the version that says
so: where this test fails for any reason but the last digits, raise `analysis._DESCRIPTOR_VERSION`
and write the new figures down.  Then every library looks at its photos again, and says so; without
that, photos of before and after would be mixed in silence.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastface import Library, analysis
from fastface import models as model_packs
from fastface.errors import ModelError
from fastface.mobile.drawing import drawn_photo
from fastface.types import ImageArray
from tests.fake_engine import FakeEngine, paint

# Left and top of the photo, a face's width and score, and its vector along a fixed direction.
SEEN = {
    2: [
        (0.0906, 0.1848, 0.0612, 0.9326, -0.0595),
        (0.1765, 0.7488, 0.0123, 0.8912, -0.0462),
        (0.1987, 0.7427, 0.0081, 0.7507, 0.1020),
        (0.2036, 0.1503, 0.0372, 0.9302, -0.0684),
        (0.2047, 0.299, 0.0248, 0.9198, -0.0675),
        (0.5204, 0.1658, 0.0244, 0.9293, -0.0810),
        (0.5634, 0.2059, 0.0141, 0.7707, -0.0394),
        (0.5646, 0.1488, 0.0157, 0.8918, -0.0390),
        (0.7628, 0.7032, 0.0172, 0.8971, -0.0549),
        (0.7932, 0.6926, 0.01, 0.8357, -0.0168),
    ],
}

# The last figure of each, of the pack int8: targets differ by .005, ONNX Runtime's 8 bits by .02.
IN_BYTES = {
    3: [-0.0571, -0.0453, 0.1005, -0.0688, -0.0676, -0.0862, -0.0333, -0.0397, -0.0559, -0.0167]
}


def crowd() -> ImageArray:
    """Drawn people from large to so small that only a closer look sees them."""
    sheet = Image.fromarray(drawn_photo(600))
    photo = np.full((1800, 2400, 3), 120, np.uint8)
    for side, top, left in ((600, 100, 100), (240, 200, 1200), (160, 1200, 1800), (120, 1300, 400)):
        photo[top : top + side, left : left + side] = np.asarray(sheet.resize((side, side)))
    return photo


DIRECTION = np.cos(np.arange(128, dtype=np.float32)) / 8  # of unit length


@pytest.mark.models
def test_a_change_of_what_is_seen_raises_the_version(models: Path) -> None:
    rows = [
        (*o.box[:3], o.score, float(o.face @ DIRECTION))
        for o in analysis.Analyzer().analyze(crowd())
    ]
    expected = np.array(SEEN[analysis._DESCRIPTOR_VERSION])
    assert len(rows) == len(expected)
    np.testing.assert_allclose(rows, expected, atol=5e-3)


@pytest.mark.models
def test_a_change_of_vectors_in_bytes_raises_the_version_of_their_pack(models: Path) -> None:
    try:
        model_packs.installed("int8")
    except ModelError:
        pytest.skip("the pack int8 is not installed")
    found = [float(o.face @ DIRECTION) for o in analysis.Analyzer("int8").analyze(crowd())]
    np.testing.assert_allclose(found, IN_BYTES[analysis._DESCRIPTOR_VERSION_OF["int8"]], atol=1e-2)


def test_vectors_in_bytes_of_before_are_compared_with_none_of_now(tmp_path: Path) -> None:
    """They were ONNX Runtime's, under the tag int8-1.2."""
    for seed in range(4):
        paint(tmp_path / "photos" / f"{seed}.png", [seed % 2, 2], seed)
    path = tmp_path / "library.db"
    with Library(path, engine=FakeEngine(model_tag="int8-1.2")) as before:
        before.scan(tmp_path / "photos")
        before.name("p1", "Ada")
        n_faces = len(before.faces())
    with Library(path, engine=FakeEngine(model_tag=analysis.model_tag("int8"))) as library:
        assert library.count_outdated() == 4
        assert library.scan(tmp_path / "photos").n_new == 4
        assert library.count_outdated() == 0
        assert len(library.faces()) == n_faces
        assert [person.name for person in library.people()].count("Ada") == 1
