"""The library with the real models on real photos."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

from fastface.library import Library
from fastface.types import Box

pytestmark = [pytest.mark.models, pytest.mark.photos]


def part(photos_dir: Path, first: int, step: int) -> list[Path]:
    return sorted((photos_dir / "album").iterdir())[first::step]


@pytest.fixture(scope="module")
def album(photos_dir: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every sixth photo of the album, in a folder of its own."""
    folder = tmp_path_factory.mktemp("album")
    for photo in part(photos_dir, 0, 6):
        shutil.copy2(photo, folder)
    return folder


@pytest.fixture(scope="module")
def library(album: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("library") / "library.db"
    with Library(path) as library:
        summary = library.scan(album, workers=2)
        assert (summary.n_new, summary.n_failed) == (25, 0)
        assert summary.n_people >= 2
    return path


def test_workers_do_not_change_a_bit(library: Path, album: Path, tmp_path: Path) -> None:
    with Library(library, read_only=True) as one, Library(tmp_path / "other.db") as other:
        other.scan(album, workers=1)
        assert other.people() == one.people()
        assert other.faces() == one.faces()


def test_people_of_the_library_are_recognised(library: Path, photos_dir: Path) -> None:
    labels = json.loads((photos_dir / "album_labels.json").read_text())

    def label(photo: Path, box: Box) -> str | None:
        """Who the labels say is nearest to the middle of a face, within half its width."""
        width, height = labels[photo.name]["size"]
        x, y = (box.left + box.width / 2) * width, (box.top + box.height / 2) * height
        for face in labels[photo.name]["faces"]:
            left, top, w, h = face["box"]
            if math.hypot(left + w / 2 - x, top + h / 2 - y) < w / 2:
                return str(face["person"])
        return None

    with Library(library) as known:
        ada = known.name(known.people()[0].id, "Ada")
        truth = label(ada.cover.photo, ada.cover.box)
        right = {True: 0, False: 0}
        for photo in part(photos_dir, 2, 10):
            for face in known.identify(photo):
                assert 0.0 <= face.confidence <= 1.0
                if label(photo, face.box) == truth or face.name == "Ada":
                    right[face.name == "Ada" and label(photo, face.box) == truth] += 1
    assert right[True] >= 5
    assert right[False] <= 1
