"""Libraries of every earlier format, stored as SQL, open with everything the user said in them.

The dumps hold made-up photos of `fake_engine`, no real faces.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fastface.cli import main
from fastface.errors import LibraryError
from fastface.library import Library
from fastface.store.database import Database
from fastface.store.migrations import MIGRATIONS
from tests import mortal
from tests.fake_engine import FakeEngine, paint, who

DATA = Path(__file__).parent / "data"


def stored(version: int, folder: Path) -> Path:
    path = folder / f"library-{version}.db"
    connection = sqlite3.connect(path)
    connection.executescript((DATA / f"library_{version}.sql").read_text())
    connection.close()
    return path


def schema(path: Path) -> set[str]:
    database = Database(path)
    rows = database.rows("SELECT type, name, sql FROM sqlite_master")
    database.close()
    return {f"{kind} {name} {' '.join((sql or '').split())}" for kind, name, sql in rows}


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_every_earlier_format_has_a_dump_and_ends_alike(version: int, tmp_path: Path) -> None:
    assert schema(stored(version, tmp_path)) == schema(tmp_path / "new.db")


AFTER_NAMING = {
    "p1": ("Ada", {"0.png", "1.png", "3.png", "5.png"}),
    "p2": ("Bea King", {"2.png", "3.png"}),
    "p4": ("Gone", {"4.png"}),
    "p5": ("Cleo", {"6.png"}),
    "p6": (None, {"1.png"}),
}


def test_names_given_in_format_1(tmp_path: Path) -> None:
    """Ada is two clusters joined by name, Bea was renamed."""
    with Library(stored(1, tmp_path), engine=FakeEngine()) as library:
        assert who(library) == AFTER_NAMING
        library.recluster()
        now = who(library)
        assert now == AFTER_NAMING
        assert [a.kind for a in library.history("Bea King")] == ["name", "name"]
        library.undo(3)
        assert who(library)["p2"][0] == "Bea"
        library.undo(1)
        # The second naming of what was joined still stands.
        assert who(library)["p1"][0] == "Ada"
        assert library.name("p6", "Dora").id == "p6"


def test_names_of_photos_that_were_gone_are_kept(tmp_path: Path) -> None:
    """As when every photo of a person was deleted before: no person is left to have the name."""
    path = stored(1, tmp_path)
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM membership WHERE person_id = 5")
    connection.execute("DELETE FROM person WHERE id = 5")
    connection.commit()
    connection.close()
    with Library(path, engine=FakeEngine()) as library:
        library.recluster()
        found = {name for name, photos in who(library).values() if photos == {"6.png"}}
        assert found == {"Cleo"}


def test_a_read_only_library_of_an_earlier_format_is_left_alone(tmp_path: Path) -> None:
    path = stored(1, tmp_path)
    before = path.read_bytes()
    with pytest.raises(LibraryError, match="older format 1"):
        Library(path, read_only=True, engine=FakeEngine())
    assert path.read_bytes() == before


def test_a_command_that_reads_brings_it_up_to_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = stored(1, tmp_path)
    assert main(["people", "--json", "--library", str(path)]) == 0
    assert "Bea King" in capsys.readouterr().out
    with Library(path, read_only=True, engine=FakeEngine()) as library:
        assert who(library) == AFTER_NAMING


def test_what_was_said_in_format_2(tmp_path: Path) -> None:
    with Library(stored(2, tmp_path), engine=FakeEngine()) as library:
        expected = {
            "p1": ("Ada Lovelace", {"1.png", "2.png", "5.png", "7.png"}),
            "p2": ("Bea", {"1.png", "5.png"}),
            "p4": (None, {"4.png"}),
        }
        assert who(library) == expected
        said = library.history()
        assert [(a.kind, a.stands) for a in said[7:]] == [
            ("same", False),
            ("undo", True),
            ("name", True),
        ]
        library.recluster()
        assert who(library) == expected and library.history() == said
        library.undo()
        assert library.unhide("p3").kind == "unhide"
        assert {p.name for p in library.people()} == {"Ada", "Bea", None}


def test_answers_given_in_format_3(tmp_path: Path) -> None:
    """Ada was split, a face of Bea's rejected, one of Ada's confirmed, the hiding of p3 undone."""
    expected = {
        "p1": ("Ada", {"1.png", "2.png", "5.png"}),
        "p2": ("Bea", {"1.png", "5.png", "8.png"}),
        "p3": (None, {"9.png"}),
        "p4": (None, {"0.png", "7.png"}),
        "p5": (None, {"4.png"}),
    }
    with Library(stored(3, tmp_path), engine=FakeEngine()) as library:
        assert who(library) == expected
        library.recluster()
        assert who(library) == expected
        assert [a.stands for a in library.history()] == [True] * 5 + [False, True]


def test_who_is_who_in_format_4(tmp_path: Path) -> None:
    """Ada has a confirmed face, one was rejected of Bea; nobody has a portrait yet."""
    expected = {
        "p1": ("Ada", {"0.png", "1.png", "2.png", "5.png", "7.png"}),
        "p2": ("Bea", {"1.png", "5.png"}),
        "p3": (None, {"6.png"}),
        "p4": (None, {"3.png"}),
        "p5": (None, {"4.png"}),
    }
    with Library(stored(4, tmp_path), engine=FakeEngine()) as library:
        assert who(library) == expected
        known = [face.person for face in library.identify(paint(tmp_path / "new.png", [0, 2, 9]))]
        assert known == ["p1", "p4", None]
        library.recluster()
        assert who(library) == expected


def test_portraits_in_format_5(tmp_path: Path) -> None:
    """Nothing in it is a video's."""
    expected = {
        "p1": ("Ada", {"0.png", "1.png", "2.png", "5.png", "7.png"}),
        "p2": ("Bea", {"1.png", "4.png"}),
        "p3": (None, {"2.png"}),
        "p4": (None, {"3.png"}),
        "p5": (None, {"5.png"}),
    }
    with Library(stored(5, tmp_path), engine=FakeEngine()) as library:
        assert who(library) == expected
        assert {face.at_s for face in library.faces()} == {None}
        assert {person.n_videos for person in library.people()} == {0}
        known = [face.person for face in library.identify(paint(tmp_path / "new.png", [0, 2, 9]))]
        assert known == ["p1", "p3", None]
        library.recluster()
        assert who(library) == expected
        assert [a.kind for a in library.history()] == ["name", "name", "confirm", "reject"]


def test_figures_in_format_6(tmp_path: Path) -> None:
    """Nothing was counted yet: what is shown is counted then, and kept from the next answer on."""
    with Library(stored(6, tmp_path), engine=FakeEngine()) as library:
        shown = library.people()
        assert [(p.id, p.n_photos, p.n_faces) for p in shown][:2] == [("p1", 5, 5), ("p2", 2, 2)]
        library.hide("p5")
        library.unhide("p5")
        assert library.people() == shown
        library.merge("p1", "p3")
        assert library.people()[0].n_photos == 5 and library.people()[0].n_faces == 6


def test_anchors_in_format_7(tmp_path: Path) -> None:
    """Each was a row with a box of its own; another model came since, somebody is forgotten."""
    expected = {
        "p1": ("Ada", {"0.png", "1.png", "2.png", "6.png", "7.png"}),
        "p2": ("Bea", {"4.png", "5.png"}),
        "p3": (None, {"7.png"}),
        "p6": (None, {"5.png"}),
        "p7": (None, {"1.png"}),
    }
    path = stored(7, tmp_path)
    connection = sqlite3.connect(path)
    columns = "verdict_id, person, content_hash, box_left, box_top, box_width, box_height, at_s"
    rows = connection.execute(f"SELECT {columns} FROM anchor").fetchall()
    connection.close()
    with Library(path, engine=FakeEngine(model_tag="fake-2")) as library:
        assert who(library) == expected
        now = [
            (verdict.id, person, anchor.content_hash, *anchor.box, anchor.at_s)
            for verdict in library._store.verdicts()
            for anchor, person in zip(verdict.anchors, verdict.people, strict=True)
        ]
        assert sorted(now) == sorted(rows)
        said = library.history()
        assert [a.n_faces for a in said] == [5, 4, 2, 5, 1, 1, 6, 0, 1, 6]
        assert library.people()[0].n_photos == 5
        library.recluster()
        assert who(library) == expected and library.history() == said
        library.undo()
        assert who(library)["p4"] == (None, {"2.png", "6.png"})


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_killed_while_migrating(tmp_path: Path) -> None:
    """At several moments of the way from the first format to today's."""
    n_ticks = mortal.count("open", stored(1, tmp_path))
    versions = set()
    for share in (0.2, 0.4, 0.6, 0.8, 0.95):
        (tmp_path / "library-1.db").unlink()
        path = stored(1, tmp_path)
        assert mortal.die("open", path, int(share * n_ticks))
        connection = sqlite3.connect(path)
        versions.add(connection.execute("PRAGMA user_version").fetchone()[0])
        connection.close()
        with Library(path, engine=FakeEngine()) as library:
            assert who(library) == AFTER_NAMING
    assert len(versions) > 1, "it was in the midst of different steps"


def test_opened_by_several_at_once(tmp_path: Path) -> None:
    path, together = stored(1, tmp_path), threading.Barrier(4)

    def people(_: int) -> object:
        together.wait()
        with Library(path, engine=FakeEngine()) as library:
            return who(library)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(people, range(4))) == [AFTER_NAMING] * 4
