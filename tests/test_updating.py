"""A large library: new faces are assigned at once, and grouped with the old later."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fastface import updating
from fastface.cli import main
from fastface.library import Library
from fastface.metrics import bcubed_scores
from fastface.pipeline import PackEngine
from fastface.store import Facts, Store
from fastface.types import Box, IntArray, Observation, PhotoMetadata
from tests import synthetic
from tests.fake_engine import UNCLEAR, FakeEngine, paint, who


@pytest.fixture(autouse=True)
def every_library_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updating, "QUICKLY_GROUPED", 0)
    monkeypatch.setattr(updating, "MOSTLY_KNOWN", 1)


class Counting(FakeEngine):
    """Counts the faces that are grouped each time."""

    grouped: list[int]

    def group(self, facts: Facts, said: IntArray, **part):  # type: ignore[no-untyped-def]
        self.grouped = [*getattr(self, "grouped", []), len(facts.ids)]
        return super().group(facts, said, **part)


@pytest.fixture
def engine() -> Counting:
    return Counting()


@pytest.fixture
def scanned(library: Library, album: Path) -> Library:
    """p1 on 0, 1, 2, 5 and 7; p2 on 1, 4, 5 and 8."""
    library.scan(album)
    return library


def test_new_faces_are_assigned_at_once(scanned: Library, album: Path, engine: Counting) -> None:
    scanned.name("p2", "Ada")
    before = who(scanned)
    paint(album / "a.png", [1, UNCLEAR, 0], seed=60)
    paint(album / "b.png", [1, 1, 9], seed=61)
    paint(album / "c.png", [9], seed=62)
    scanned.scan(album)
    assert engine.grouped == [9, 7], "the second time the new ones alone"
    after = who(scanned)
    assert after["p1"][1] == before["p1"][1] | {"a.png"}
    assert after["p2"] == ("Ada", before["p2"][1] | {"a.png", "b.png"})
    new = [photos for person, (_, photos) in after.items() if person not in before]
    assert sorted(map(sorted, new)) == [["b.png"], ["b.png", "c.png"]], "nobody is twice on a photo"
    assert after.keys() > before.keys()
    (unclear,) = (f for f in scanned.faces_in(album / "a.png") if f.unclear)
    assert unclear.person is None
    assert scanned.update_is_due()


def test_an_update_ends_as_a_scan_of_everything(
    scanned: Library, album: Path, engine: Counting, tmp_path: Path
) -> None:
    paint(album / "a.png", [1, 5, 0], seed=60)
    paint(album / "b.png", [5], seed=61)
    scanned.scan(album)
    (album / "2.png").unlink()
    scanned.scan(album)
    assert scanned.update() and not scanned.update_is_due() and not scanned.update()
    with Library(tmp_path / "other.db", engine=FakeEngine()) as other:
        other.scan(album)
        assert {photos for _, photos in who(scanned).values()} == {
            photos for _, photos in who(other).values()
        }
    assert scanned.stats().n_moments == 3


def test_only_what_changed_is_looked_at(scanned: Library, album: Path, engine: Counting) -> None:
    for number in range(20, 36):
        paint(album / f"{number}.png", [number % 2 + 6], seed=number)
    scanned.update(full=True)
    scanned.scan(album)
    scanned.update(full=True)
    everything = engine.grouped[-1]
    assert everything == 25
    faces = scanned.faces("p1")
    scanned.confirm("p1", [faces[0].id])
    assert scanned.update_is_due() and scanned.update()
    assert engine.grouped[-1] == len(faces), "answers touch those they are about"
    scanned.undo()
    assert scanned.update()
    assert engine.grouped[-1] == len(faces)


def test_photos_that_were_spoken_of_are_grouped(
    scanned: Library, album: Path, engine: Counting
) -> None:
    face = scanned.faces_in(album / "8.png")[0]
    scanned.name(scanned.split(face.person or "", [face.id]).id, "Bea")
    (album / "8.png").rename(album.parent / "8.png")
    scanned.scan(album)
    scanned.update(full=True)
    (album.parent / "8.png").rename(album / "8.png")
    scanned.scan(album)
    scanned.update()
    assert {"8.png"} in [photos for name, photos in who(scanned).values() if name == "Bea"]


def test_names_survive_assignments_and_updates(scanned: Library, album: Path) -> None:
    scanned.name("p1", "Ada")
    scanned.merge("p1", "p2")
    for number in range(40, 46):
        paint(album / f"{number}.png", [number % 2], seed=number)
        scanned.scan(album)
        if number % 3 == 0:
            scanned.update()
    scanned.name("Ada", "Adah")
    assert who(scanned)["p1"][0] == "Adah" and len(who(scanned)["p1"][1]) == 13
    scanned.recluster()
    assert len(who(scanned)["p1"][1]) == 13


# -- with the real grouping ----------------------------------------------------------------------


def fill(path: Path, faces: np.ndarray, first: int = 0) -> None:
    """A photo of each face, ten a day."""
    store = Store(path)
    with store.atomic():
        for number, face in enumerate(faces, start=first):
            seen = Observation(
                Box(0.3, 0.2, 0.3, 0.4),
                np.zeros((5, 2), np.float32),
                0.9,
                0.9,
                False,
                face,
                None,
                None,
            )
            metadata = PhotoMetadata(1000, 1000, 1e9 + 86_400 * (number // 10) + 60 * (number % 10))
            store.add_analysis(
                f"{number * 7919 % 99_991:064x}", metadata, PackEngine().model_tag, [seen]
            )
            store.put_file(
                f"/photos/{number:06}.jpg".encode(), 1, 1, f"{number * 7919 % 99_991:064x}"
            )
    store.close()


def test_an_update_is_close_to_a_full_run(tmp_path: Path) -> None:
    faces, truth = synthetic.people([40] * 30, cosine=0.6, seed=5)
    order = np.random.default_rng(0).permutation(len(faces))
    faces, truth = faces[order], truth[order]
    path, old = tmp_path / "library.db", 1050
    fill(path, faces[:old])
    with Library(path) as library:
        library.update()
        fill(path, faces[old:], old)
        assert library.update()
        numbers = {face.photo.name: int((face.person or "p0")[1:]) for face in library.faces()}
        some = [numbers[f"{k:06}.jpg"] for k in range(len(faces))]
        library.recluster()
        numbers = {face.photo.name: int((face.person or "p0")[1:]) for face in library.faces()}
        whole = [numbers[f"{k:06}.jpg"] for k in range(len(faces))]
    assert bcubed_scores(some, truth).f > 0.98
    assert bcubed_scores(some, whole).f > 0.99


# -- the command ---------------------------------------------------------------------------------


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "library.db"
    faces, _ = synthetic.people([4, 4], cosine=0.6)
    fill(path, faces)
    command = ["update", "--library", str(path)]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["grouped"] and (told["faces"], told["people"], told["scans"]) == (8, 2, [])
    assert main(command) == 0
    assert "Nothing has changed" in capsys.readouterr().err
    assert main([*command, "--full"]) == 0
    assert "8 faces, 2 people, in" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "gone")]) == 1


def test_a_photo_that_comes_back_to_another_model_is_seen_once(
    scanned: Library, album: Path, engine: Counting, tmp_path: Path
) -> None:
    photos = sorted(album.glob("*.png"))
    away = tmp_path / photos[0].name
    for model in ("fake-3", "fake-1", "fake-3"):
        photos[0].rename(away)
        scanned.scan(album)
        engine.model_tag = model
        scanned.scan(album)
        away.rename(photos[0])
        scanned.scan(album)
        members = scanned._store.members(model)
        assert members.present.all(), "what an earlier model saw there is let go"
        assert len(members.ids) == len(list(scanned.faces()))
