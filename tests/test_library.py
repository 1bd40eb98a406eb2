"""The library as its users see it, with an engine that needs no models."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fastface.errors import LibraryError, NotFoundError, PhotoError
from fastface.images import decode
from fastface.library import Library, default_path
from tests.fake_engine import (
    UNCLEAR,
    FakeEngine,
    again,
    paint,
    who,
)

# -- names ---------------------------------------------------------------------------------------


def test_names_survive_reclustering(library: Library, album: Path, engine: FakeEngine) -> None:
    library.scan(album)
    ada = library.name("p2", "  Ada ")
    assert (ada.id, ada.name, ada.n_photos) == ("p2", "Ada", 4)
    before = who(library)
    engine.relabel = lambda person: 7 - person
    library.recluster()
    assert who(library) == before
    assert library.faces("Ada") == library.faces("p2")


def test_renaming_and_joining(library: Library, album: Path) -> None:
    library.scan(album)
    library.name("p1", "Ada")
    library.name("Ada", "Adah")
    assert library.people()[0].name == "Adah"
    joined = library.name("p2", "Adah")
    assert (joined.id, joined.n_photos, joined.n_faces) == ("p1", 7, 9)
    library.recluster()
    assert [(p.id, p.name) for p in library.people()] == [("p1", "Adah")]


def test_merged_clusters_lose_no_name(library: Library, album: Path, engine: FakeEngine) -> None:
    library.scan(album)
    library.name("p1", "Ada")
    library.name("p2", "Bea")
    before = who(library)
    engine.relabel = lambda person: 0
    library.recluster()
    assert who(library) == before


def test_names_and_people_are_checked(library: Library, album: Path) -> None:
    library.scan(album)
    for bad in ("", "  ", "p12", "\u200b", "Ada\x1b[2J", "Ada\udcff", "A" * 201):
        with pytest.raises(ValueError, match="name"):
            library.name("p1", bad)
    for nobody in ("p99", "Nobody", ""):
        with pytest.raises(NotFoundError):
            library.photos(nobody)
    emoji = "李雷 \U0001f469\u200d\U0001f52c"
    assert library.name("p2", emoji).name == emoji
    assert library.name("p1", "Zoë").name == "Zoë"
    assert library.photos("Zoe\u0308")  # the same name, decomposed


# -- identifying ---------------------------------------------------------------------------------


def test_identify_knows_people_and_strangers(
    library: Library, album: Path, engine: FakeEngine, tmp_path: Path
) -> None:
    library.scan(album)
    library.name("p2", "Ada")
    photo = paint(tmp_path / "new.png", [1, 9, UNCLEAR, 0], seed=50)
    faces = library.identify(photo)
    assert [(face.person, face.name) for face in faces] == [
        ("p2", "Ada"),
        (None, None),
        (None, None),
        ("p1", None),
    ]
    assert faces[0].confidence == 0.9
    assert faces[0].distance < 0.1
    assert library.identify(decode(photo).pixels) == faces
    assert engine.n_galleries == 1
    library.name("p1", "Bea")
    assert library.identify(photo)[3].name == "Bea"
    assert library.identify(paint(tmp_path / "nobody.png", [])) == []
    assert library.stats().n_photos == 9


def test_identify_in_an_empty_library(library: Library, tmp_path: Path) -> None:
    (face,) = library.identify(paint(tmp_path / "new.png", [1]))
    assert (face.person, face.name, face.distance) == (None, None, float("inf"))
    with pytest.raises(PhotoError):
        library.identify(tmp_path / "gone.jpg")


def test_identify_does_not_mix_models(library: Library, album: Path) -> None:
    library.scan(album)
    with (
        again(library, FakeEngine(model_tag="fake-2")) as library,
        pytest.raises(LibraryError, match="scan again"),
    ):
        library.identify(album / "0.png")


def test_default_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FASTFACE_LIBRARY", str(tmp_path / "mine.db"))
    assert default_path() == tmp_path / "mine.db"
    monkeypatch.delenv("FASTFACE_LIBRARY")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert default_path() == tmp_path / "fastface" / "library.db"
