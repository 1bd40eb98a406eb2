"""What a user can say, what becomes of it, and that it stays."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastface.errors import AmbiguousError, LibraryError, NotFoundError
from fastface.library import Library
from fastface.types import IntArray
from tests.fake_engine import FakeEngine, again, paint, who


def ids(library: Library, person: str, *photos: str) -> list[str]:
    """A person's faces in photos of these names."""
    return [face.id for face in library.faces(person) if face.photo.name in photos]


@pytest.fixture
def scanned(library: Library, album: Path) -> Library:
    """p1 on 0, 1, 2, 5 and 7; p2 on 1, 4, 5 and 8."""
    library.scan(album)
    return library


def shown(library: Library) -> dict[str, tuple[str | None, str]]:
    """Person -> name and the photos' numbers."""
    return {
        person: (name, "".join(sorted(photo[0] for photo in photos)))
        for person, (name, photos) in who(library).items()
    }


def test_merge_and_undo(scanned: Library) -> None:
    before = shown(scanned)
    scanned.name("p2", "Bea")
    merged = scanned.merge("p1", "Bea")
    assert (merged.id, merged.name, merged.n_photos) == ("p1", "Bea", 7)
    taken_back = scanned.undo()
    assert (taken_back.kind, taken_back.stands) == ("same", False)
    assert shown(scanned) == {**before, "p2": ("Bea", "1458")}
    scanned.undo()
    assert shown(scanned) == before
    with pytest.raises(ValueError, match="nothing to take back"):
        scanned.undo()


def test_undo_of_undo(scanned: Library) -> None:
    scanned.merge("p1", "p2")
    merged = shown(scanned)
    scanned.undo()
    scanned.undo(scanned.history()[-1].number)
    assert shown(scanned) == merged
    assert [(a.number, a.stands) for a in scanned.history()] == [(1, True), (2, False), (3, True)]
    with pytest.raises(ValueError, match="taken back already"):
        scanned.undo(2)
    with pytest.raises(ValueError, match="no answer 9"):
        scanned.undo(9)


def test_split_outlives_another_grouping(scanned: Library, engine: FakeEngine) -> None:
    scanned.name("p1", "Ada")
    new = scanned.split("Ada", ids(scanned, "Ada", "0.png", "7.png"))
    assert (new.id, new.name, new.n_photos) == ("p3", None, 2)
    with pytest.raises(ValueError, match="is not a face of p2"):
        scanned.split("p2", ids(scanned, "p1", "1.png"))
    expected = {"p1": ("Ada", "125"), "p2": (None, "1458"), "p3": (None, "07")}
    assert shown(scanned) == expected
    engine.relabel = lambda person: 5
    scanned.recluster()
    assert shown(scanned)["p3"] == expected["p3"]
    assert set("125") < set(shown(scanned)["p1"][1]), "the machine takes p2 for Ada now"
    engine.relabel = lambda person: person
    scanned.recluster()
    assert sorted(shown(scanned).values(), key=str) == sorted(expected.values(), key=str)
    with pytest.raises(ValueError, match="all of them"):
        scanned.split("p3", ids(scanned, "p3", "0.png", "7.png"))


def test_a_rejected_face_does_not_come_back(scanned: Library, engine: FakeEngine) -> None:
    scanned.reject("p1", ids(scanned, "p1", "0.png"))
    assert shown(scanned) == {"p1": (None, "1257"), "p2": (None, "1458"), "p3": (None, "0")}
    engine.relabel = lambda person: 9 - person
    scanned.recluster()
    assert shown(scanned)["p3"] == (None, "0")
    scanned.confirm("p2", ids(scanned, "p3", "0.png"))
    assert shown(scanned)["p2"] == (None, "01458")
    scanned.undo()
    assert shown(scanned)["p3"] == (None, "0")


def test_what_is_no_face_is_left_out(scanned: Library, album: Path) -> None:
    scanned.not_face(ids(scanned, "p2", "1.png", "4.png"))
    assert shown(scanned)["p2"] == (None, "58")
    assert len(scanned.faces()) == scanned.stats().n_faces == 7
    assert len(scanned.faces_in(album / "1.png")) == 1
    scanned.undo()
    assert len(scanned.faces()) == 9


def test_different_people_are_told_apart_however_they_are_grouped(
    scanned: Library, engine: FakeEngine
) -> None:
    scanned.different("p1", "p2")
    before = shown(scanned)
    engine.relabel = lambda person: 0
    scanned.recluster()
    assert shown(scanned) == before
    scanned.merge("p1", "p2")
    (apart, _) = scanned.history("p1")
    assert [(o.by, o.n_faces) for o in apart.overruled] == [(2, 0)]


def test_hidden_people_are_not_listed(scanned: Library) -> None:
    scanned.hide("p1")
    assert [p.id for p in scanned.people()] == ["p2"]
    assert [(p.id, p.hidden) for p in scanned.people(hidden=True)] == [("p1", True), ("p2", False)]
    scanned.unhide("p1")
    assert [p.id for p in scanned.people()] == ["p1", "p2"]


def test_favourite_is_the_cover(scanned: Library, album: Path) -> None:
    for photo in ("0.png", "7.png"):
        (face,) = ids(scanned, "p1", photo)
        scanned.favourite("p1", face)
        assert scanned.people()[0].cover.id == face
    (album / "7.png").unlink()
    scanned.scan(album)
    assert scanned.people()[0].cover.photo.name != "7.png"


def test_confirmed_faces_are_told_to_the_gallery(scanned: Library, engine: FakeEngine) -> None:
    asked = []

    def choose(faces: Any, quality: Any, confirmed: Any, taken_at: Any) -> IntArray:
        asked.append(confirmed.tolist())
        return np.arange(len(faces))

    engine.choose_exemplars = choose  # type: ignore[method-assign]
    scanned.confirm("p1", ids(scanned, "p1", "5.png"))
    scanned.identify(paint(scanned.path.with_name("new.png"), [0], seed=77))
    (confirmed,) = asked  # nobody else has changed since the scan
    assert sum(confirmed) == 1 and len(confirmed) == len(scanned.faces("p1"))


def test_people_are_found_by_most_of_their_name(scanned: Library) -> None:
    scanned.name("p1", "Ada Lovelace")
    scanned.name("p2", "Ada Byron")
    assert scanned.find_person("lovelace") == "p1"
    with pytest.raises(AmbiguousError, match=r"Ada Lovelace .p1. or Ada Byron .p2.") as error:
        scanned.photos("ada")
    assert error.value.candidates == ("p1", "p2")
    with pytest.raises(AmbiguousError, match="give the id"):
        scanned.photos("Ada Lovelase")


def test_wrong_answers_are_explained(scanned: Library, album: Path) -> None:
    face = ids(scanned, "p1", "0.png")
    for wrong in (
        lambda: scanned.merge("p1", "p1"),
        lambda: scanned.merge("p1"),
        lambda: scanned.different("p1", "p1"),
        lambda: scanned.reject("p1", []),
    ):
        with pytest.raises(ValueError, match=r"expected"):
            wrong()
    for nowhere in (
        lambda: scanned.reject("p1", ["0123456789abcdef-0"]),
        lambda: scanned.confirm("p1", ["nonsense"]),
        lambda: scanned.confirm("p9", face),
        lambda: scanned.faces_in(album / "nowhere.png"),
    ):
        with pytest.raises(NotFoundError):
            nowhere()
    assert scanned.history() == []


def test_a_rehearsal_changes_nothing(scanned: Library) -> None:
    before = shown(scanned)
    with scanned.rehearsal():
        scanned.merge("p1", "p2")
        assert len(scanned.people()) == 1
    assert shown(scanned) == before and scanned.history() == []
    scanned.name("p1", "Ada")
    assert shown(scanned) == {**before, "p1": ("Ada", "01257")}


# -- whatever happens ----------------------------------------------------------------------------


def say_something_of_everything(library: Library) -> None:
    library.name("p1", "Ada")
    library.name("p2", "Bea")
    library.split("Ada", ids(library, "Ada", "0.png"))
    library.reject("Bea", ids(library, "Bea", "4.png"))
    library.confirm("Ada", ids(library, "Ada", "2.png"))
    library.hide("p3")
    library.not_face(ids(library, "Bea", "8.png"))


def grouped_otherwise(library: Library, album: Path, engine: FakeEngine) -> None:
    for relabel in (lambda p: 7 - p, lambda p: 0, lambda p: p):
        engine.relabel = relabel
        library.recluster()


def another_model(library: Library, album: Path, engine: FakeEngine) -> None:
    engine.model_tag = "fake-2"
    assert library.scan(album).n_new == 9


def moved(library: Library, album: Path, engine: FakeEngine) -> None:
    album = album.rename(album.with_name("renamed"))
    (album / "4.png").rename(album / "z.png")
    assert library.scan(album).n_moved == 9
    (album / "z.png").rename(album / "4.png")
    library.scan(album)


def deleted_and_restored(library: Library, album: Path, engine: FakeEngine) -> None:
    away = album.with_name("away")
    shutil.move(album, away)
    album.mkdir()
    library.scan(album)
    assert library.people() == []
    shutil.rmtree(album)
    shutil.move(away, album)
    library.scan(album)


def derived_lost(library: Library, album: Path, engine: FakeEngine) -> None:
    with library._store.atomic():
        library._store._database.run("DELETE FROM membership")
        library._store._database.run("DELETE FROM person")
        library._store.set_state("people_version", 1000)
    library.recluster()


Upheaval = Callable[[Library, Path, FakeEngine], None]


@pytest.mark.parametrize(
    "upheaval", [grouped_otherwise, another_model, moved, deleted_and_restored, derived_lost]
)
def test_what_was_said_survives(
    scanned: Library, album: Path, engine: FakeEngine, upheaval: Upheaval
) -> None:
    say_something_of_everything(scanned)
    before, said = shown(scanned), scanned.history()
    assert before == {"p1": ("Ada", "1257"), "p2": ("Bea", "15"), "p4": (None, "4")}
    upheaval(scanned, album, engine)
    assert shown(scanned) == before
    assert scanned.history() == said
    assert [p.id for p in scanned.people(hidden=True) if p.hidden] == ["p3"]


def test_two_processes_answer_in_turns(scanned: Library) -> None:
    with Library(scanned.path, engine=FakeEngine()) as other:
        for turn in range(4):
            scanned.name("p1", f"Ada {turn}")
            other.name("p2", f"Bea {turn}")
            assert shown(other) == shown(scanned)
        other.merge("p1", "p2")
        scanned.undo()
        assert shown(other) == shown(scanned)
        assert len(scanned.history()) == 10


def test_full_disk_keeps_every_answer(scanned: Library) -> None:
    scanned.name("p1", "Ada")
    before, said = shown(scanned), scanned.history()
    database = scanned._store._database
    (n_pages,) = database.rows("PRAGMA page_count")[0]
    database.run(f"PRAGMA max_page_count = {n_pages + 1}")
    with pytest.raises(LibraryError, match="the disk is full"):
        for turn in range(500):
            scanned.name("p2", f"Bea {turn}")
    database.run("PRAGMA max_page_count = 100000")
    assert shown(scanned)["p1"] == before["p1"]
    kept = scanned.history()
    assert kept[0] == said[0] and shown(scanned)["p2"][0] == kept[-1].name
    assert scanned.name("p2", "Bea").name == "Bea"


def test_killed_while_answering(scanned: Library, engine: FakeEngine) -> None:
    path = scanned.path
    scanned.close()
    script = (
        "import sys\nfrom fastface.library import Library\nfrom tests.fake_engine import *\n"
        "with Library(sys.argv[1], engine=FakeEngine()) as library:\n"
        "    for turn in range(10**6):\n"
        "        library.name('p1', f'Ada {turn}'); print(turn, flush=True)\n"
    )
    for _ in range(2):
        command = [sys.executable, "-c", script, path]
        with subprocess.Popen(
            command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            last = ["0", *process.stdout.read().split()][-1]
        with Library(path, engine=engine) as library:
            said = library.history()
            assert int(str(said[-1].name).split()[1]) >= int(last), "what was confirmed is kept"
            assert library.people()[0].name == said[-1].name
            with again(library, engine) as reopened:
                before = shown(reopened)
                reopened.recluster()
                assert shown(reopened) == before
