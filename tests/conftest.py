"""Fixtures that several test files share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastface import _core, demo
from fastface import models as model_packs
from fastface.errors import ModelError


@pytest.fixture(scope="session")
def photos_dir() -> Path:
    """Labelled research photos, never part of the project; skips where they are absent."""
    folder = os.environ.get("FASTFACE_TEST_DATA")
    path = Path(folder) if folder else Path(__file__).parents[2] / "shared" / "data"
    if not (path / "INDEX.md").is_file():
        pytest.skip(f"needs the labelled photos; none in {path} (set FASTFACE_TEST_DATA)")
    return path


@pytest.fixture(scope="session")
def models() -> Path:
    """Folder of the installed default pack; skips where it is not installed."""
    try:
        model_packs.verify()
    except ModelError as error:
        pytest.skip(f"needs the models: {error}")
    return model_packs.models_folder() / "default"


@pytest.fixture(params=_core.available_targets())
def target(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test once on every SIMD target of this machine."""
    _core.select_target(request.param)
    yield request.param
    _core.select_target("")


@pytest.fixture(scope="session")
def demo_photos(models: Path) -> Path:
    """Folder of the demonstration's seven public-domain photos, fetched once into the cache."""
    try:
        return demo.fetch_photos()
    except ModelError as error:
        pytest.skip(f"needs the demonstration's photos: {error}")
