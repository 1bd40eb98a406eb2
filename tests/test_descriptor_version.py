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

from fastface import analysis
from fastface.mobile.drawing import drawn_photo
from fastface.types import ImageArray

pytestmark = pytest.mark.models

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


def crowd() -> ImageArray:
    """Drawn people from large to so small that only a closer look sees them."""
    sheet = Image.fromarray(drawn_photo(600))
    photo = np.full((1800, 2400, 3), 120, np.uint8)
    for side, top, left in ((600, 100, 100), (240, 200, 1200), (160, 1200, 1800), (120, 1300, 400)):
        photo[top : top + side, left : left + side] = np.asarray(sheet.resize((side, side)))
    return photo


def test_a_change_of_what_is_seen_raises_the_version(models: Path) -> None:
    direction = np.cos(np.arange(128, dtype=np.float32)) / 8  # of unit length
    rows = [
        (*o.box[:3], o.score, float(o.face @ direction))
        for o in analysis.Analyzer().analyze(crowd())
    ]
    expected = np.array(SEEN[analysis._DESCRIPTOR_VERSION])
    assert len(rows) == len(expected)
    np.testing.assert_allclose(rows, expected, atol=5e-3)
