"""A folder of made-up crops, for training in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.lab.painting import paint_crop


@pytest.fixture(scope="session")
def crops_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six people of eight photos in one set, eight photos of nobody known in another."""
    folder = tmp_path_factory.mktemp("crops")
    for person in range(7):
        known = person < 6
        place = folder / (f"known/p{person}" if known else "unknown")
        place.mkdir(parents=True)
        for photo in range(8):
            Image.fromarray(paint_crop(person, photo)).save(place / f"{photo}.png")
    return folder
