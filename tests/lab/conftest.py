"""Made-up aligned crops, for training in seconds: nobody's face, but told apart by eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def paint_crop(person: int, photo: int) -> np.ndarray:
    """A smooth pattern of that person's, with the photo's own noise."""
    blobs = np.random.default_rng(person).integers(0, 256, (4, 4, 3), np.uint8)
    smooth = np.asarray(Image.fromarray(blobs).resize((112, 112), Image.Resampling.BICUBIC))
    noise = np.random.default_rng((person, photo)).normal(0, 20, smooth.shape)
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)


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
