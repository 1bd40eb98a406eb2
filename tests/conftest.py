"""Fixtures that several test files share."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
import tempfile
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from fastface import _core, demo
from fastface import models as model_packs
from fastface.errors import ModelError
from fastface.library import Library
from fastface.models import fetch
from fastface.store.database import Database
from tests.fake_engine import FakeEngine, paint
from tests.fakes import FakeLibrary

settings.register_profile("long", stateful_step_count=500)


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


@pytest.fixture(scope="session")
def published() -> dict[str, bytes]:
    """The published model files, from FASTFACE_TEST_PACKAGES (a folder with the pinned wheel)."""
    folder = os.environ.get("FASTFACE_TEST_PACKAGES")
    if not folder:
        pytest.skip("needs the published packages (set FASTFACE_TEST_PACKAGES to their folder)")
    return fetch.from_folder(model_packs.PACKS["default"].models, Path(folder))


@pytest.fixture(params=_core.available_targets())
def target(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test once on every SIMD target of this machine."""
    _core.select_target(request.param)
    yield request.param
    _core.select_target("")


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of a user who is not root: root may write anywhere."""
    if not hasattr(os, "geteuid"):
        pytest.skip("file modes are POSIX")
    folder = Path(tempfile.mkdtemp())
    try:
        if os.geteuid() == 0:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        yield folder
    finally:
        folder.chmod(0o700)
        if os.getuid() == 0:
            os.seteuid(0)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def demo_photos(models: Path) -> Path:
    """Folder of the demonstration's seven public-domain photos, fetched once into the cache."""
    try:
        return demo.fetch_photos()
    except ModelError as error:
        pytest.skip(f"needs the demonstration's photos: {error}")


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Nine photos: person 0 on five, person 1 on four, two without a face."""
    folder = tmp_path / "album"
    for number, people in enumerate([[0], [0, 1], [0], [], [1], [1, 0], [], [0], [1]]):
        paint(folder / f"{number}.png", people, seed=number)
    return folder


@pytest.fixture(autouse=True)
def libraries_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closes what a test leaves open, of which Python 3.13 and newer warn."""
    opened: list[Database] = []
    opens = Database.__init__

    def remembers(database: Database, *args: Any, **options: Any) -> None:
        opens(database, *args, **options)
        opened.append(database)

    monkeypatch.setattr(Database, "__init__", remembers)
    yield
    for database in opened:
        with contextlib.suppress(sqlite3.ProgrammingError):  # another thread's, which closes it
            database.close()


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def library(tmp_path: Path, engine: FakeEngine) -> Iterator[Library]:
    with Library(tmp_path / "private" / "library.db", engine=engine) as library:
        yield library


@pytest.fixture
def fake_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLibrary]:
    """The standard people, in the place of the user's own library."""
    module = types.ModuleType("fastface.library")
    module.Library = FakeLibrary  # type: ignore[attr-defined]
    module.default_path = lambda: Path("/nowhere/library.db")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fastface.library", module)
    FakeLibrary.opened.clear()
    yield FakeLibrary().fill()
    FakeLibrary.opened.clear()
