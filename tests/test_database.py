"""The library's file: private, guarded, and never harmed by what goes wrong around it."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import pytest

from fastface.errors import LibraryError
from fastface.library import Library
from fastface.store import database
from fastface.store.database import Database
from fastface.store.migrations import MIGRATIONS
from tests.fake_engine import FakeEngine, paint

if TYPE_CHECKING:
    from _typeshed import TraceFunction

POSIX_ONLY = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")


def parts(path: Path) -> list[Path]:
    return sorted(path.parent.glob(path.name + "*"))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "library.db"


@pytest.fixture
def filled(path: Path, tmp_path: Path) -> Path:
    """A library with two photos of one named person."""
    for seed in range(2):
        paint(tmp_path / "album" / f"{seed}.png", [0], seed)
    with Library(path, engine=FakeEngine()) as library:
        library.scan(tmp_path / "album")
        library.name("p1", "Ada")
    return path


# -- private -------------------------------------------------------------------------------------


@POSIX_ONLY
@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_all_files_are_private(path: Path, tmp_path: Path, umask: int) -> None:
    paint(tmp_path / "album" / "0.png", [0])
    before = os.umask(umask)
    try:
        with Library(path, engine=FakeEngine()) as library:
            library.scan(tmp_path / "album")
            names = {part.name.removeprefix("library.db") for part in parts(path)}
            assert names == {"", "-wal", "-shm", "-lock"}
            assert {mode(part) for part in parts(path)} == {0o600}
            assert mode(path.parent) == 0o700
    finally:
        os.umask(before)


@POSIX_ONLY
def test_a_restored_backup_is_made_private(filled: Path) -> None:
    filled.chmod(0o644)
    Library(filled, engine=FakeEngine()).close()
    assert mode(filled) == 0o600


def test_nothing_but_the_database_stays_after_closing(filled: Path) -> None:
    assert {part.name for part in parts(filled)} == {"library.db", "library.db-lock"}


# -- what is not a library -----------------------------------------------------------------------


def refuse(path: Path, match: str) -> None:
    """Opening says why it cannot, and leaves the file as it is."""
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(LibraryError, match=match):
            Library(path, read_only=read_only, engine=FakeEngine())
    assert path.read_bytes() == before


def change(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(sql)
    connection.commit()
    connection.close()


def test_newer_library_is_refused_unharmed(filled: Path) -> None:
    change(filled, "PRAGMA user_version = 99")
    refuse(filled, "newer fastface .format 99")
    assert not filled.with_name("library.db-wal").exists()


def test_other_files_are_refused_unharmed(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, and long enough to be looked at\n" * 40)
    refuse(text, "is not a library")
    other = tmp_path / "other.db"
    change(other, "CREATE TABLE bookmarks (url TEXT)")
    refuse(other, "another program")


def test_damaged_library_is_refused(filled: Path) -> None:
    content = bytearray(filled.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    filled.write_bytes(content)
    with (
        pytest.raises(LibraryError, match="damaged"),
        Library(filled, engine=FakeEngine()) as library,
    ):
        library.people()


def test_text_that_is_no_utf8_is_damage(filled: Path) -> None:
    sound = filled.read_bytes()
    for text in (b"Ada", b"CREATE TABLE content"):  # a value, and the schema
        filled.write_bytes(sound.replace(text, b"\xe7" + text[1:]))
        with (
            pytest.raises(LibraryError, match="damaged"),
            Library(filled, engine=FakeEngine()) as library,
        ):
            library.history()


@pytest.mark.parametrize("name", ["a?mode=ro#b%20.db", os.fsdecode(b"caf\xe9.db")])
def test_any_name_of_a_file_will_do(tmp_path: Path, name: str) -> None:
    for read_only in (False, True):
        Database(tmp_path / name, read_only=read_only).close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_no_library_to_read(path: Path, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="no library at"):
        Library(path, read_only=True, engine=FakeEngine())
    assert not path.parent.exists()
    with pytest.raises(LibraryError, match="is not a file"):
        Library(tmp_path, engine=FakeEngine())
    (tmp_path / "file").touch()
    with pytest.raises(LibraryError, match="cannot make a library"):
        Library(tmp_path / "file" / "library.db", engine=FakeEngine())


def test_an_empty_file_becomes_a_library(path: Path) -> None:
    """As a crash between creating the file and its first table leaves it."""
    path.parent.mkdir()
    path.touch()
    with pytest.raises(LibraryError, match="is empty"):
        Library(path, read_only=True, engine=FakeEngine())
    with Library(path, engine=FakeEngine()) as library:
        assert library.people() == []


def test_failed_migration_changes_nothing(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(execute: object) -> None:
        execute("CREATE TABLE half (x)")  # type: ignore[operator]
        raise RuntimeError("stop")

    monkeypatch.setattr("fastface.store.database.MIGRATIONS", (*MIGRATIONS, fails))
    with pytest.raises(LibraryError, match=f"older format {len(MIGRATIONS)}"):
        Library(filled, read_only=True, engine=FakeEngine())
    with pytest.raises(RuntimeError, match="stop"):
        Library(filled, engine=FakeEngine())
    monkeypatch.undo()
    with Library(filled, engine=FakeEngine()) as library:
        assert library.people()[0].name == "Ada"
    database = Database(filled)
    assert database.rows("SELECT * FROM sqlite_master WHERE name = 'half'") == []
    database.close()


def test_rolling_back_that_is_cut_short_holds_no_lock(filled: Path) -> None:
    database = Database(filled)
    strokes = iter([True])

    def fail() -> None:
        with database.atomic():
            database._connection.set_progress_handler(lambda: next(strokes, False), 1)
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert next(strokes, None) is None, "it was cut short"
    database._connection.set_progress_handler(None, 0)
    with database.atomic():
        pass
    database.close()


class Interruptions:
    """Ctrl-C within the database's code: after so many lines, and after so many more."""

    def __init__(self, *lines: int) -> None:
        self.left = [*lines]

    def __call__(self, frame: FrameType, _event: str, _arg: object) -> TraceFunction | None:
        return self._at if frame.f_code.co_filename == database.__file__ else None

    def _at(self, _frame: FrameType, event: str, _arg: object) -> TraceFunction:
        if event == "line" and self.left:
            self.left[0] -= 1
            if self.left[0] < 0:
                del self.left[0]
                raise KeyboardInterrupt
        return self._at


def read_and_write(here: Database, value: int) -> None:
    """Writes x and z, and y in between, which is taken back."""
    with here.snapshot():
        here.rows("SELECT count(*) FROM state")
    with here.atomic():
        here.run("REPLACE INTO state VALUES ('x', ?)", (value,))
        with contextlib.suppress(ValueError), here.atomic():
            here.run("REPLACE INTO state VALUES ('y', ?)", (value,))
            raise ValueError
        here.run("REPLACE INTO state VALUES ('z', ?)", (value,))


def test_ctrl_c_between_any_two_steps_leaves_nothing_open(filled: Path) -> None:
    here, elsewhere = Database(filled), Database(filled, busy_s=0)
    for again in (None, 0, 1, 2, 3, 5):
        for line in itertools.count():
            stops = Interruptions(line, *([] if again is None else [again]))
            before = sys.gettrace()
            try:
                sys.settrace(stops)
                read_and_write(here, line)
            except KeyboardInterrupt:
                pass
            finally:
                sys.settrace(before)
            kept = dict(here.rows("SELECT key, value FROM state WHERE key IN ('x', 'y', 'z')"))
            assert "y" not in kept and kept.get("x") == kept.get("z"), "all or nothing"
            with elsewhere.atomic():
                elsewhere.run("DELETE FROM state WHERE key IN ('x', 'z')")
            with here.atomic():
                assert here.is_changing
            if len(stops.left) > (again is not None):
                break
        assert line > 50, "every step was cut short once"
    here.close()
    elsewhere.close()


@pytest.mark.parametrize("instructions", [1, 2, 5])
def test_a_statement_cut_short_leaves_nothing_open(filled: Path, instructions: int) -> None:
    here, elsewhere = Database(filled), Database(filled, busy_s=0)
    n_cut = 0
    for after in range(40):
        strokes = itertools.count()
        here._connection.set_progress_handler(
            lambda s=strokes, after=after: next(s) == after, instructions
        )
        try:
            read_and_write(here, after)
        except sqlite3.OperationalError as error:
            assert "interrupted" in str(error)
            n_cut += 1
        here._connection.set_progress_handler(None, 0)
        with elsewhere.atomic():
            pass
    assert n_cut > 5
    here.close()
    elsewhere.close()


def test_a_snapshot_only_reads(filled: Path) -> None:
    with Library(filled, engine=FakeEngine()) as library:
        with library.snapshot(), pytest.raises(LibraryError, match="as a snapshot"):
            library.name("Ada", "Bea")
        assert library.name("Ada", "Bea").name == "Bea"


# -- read-only -----------------------------------------------------------------------------------


def test_read_only_reads_and_never_writes(filled: Path, tmp_path: Path) -> None:
    before = filled.read_bytes()
    with Library(filled, read_only=True, engine=FakeEngine()) as library:
        assert library.people()[0].name == "Ada"
        assert (library.stats().n_photos, len(library.photos("Ada"))) == (2, 2)
        for write in (
            lambda: library.name("Ada", "Bea"),
            lambda: library.scan(tmp_path / "album"),
            library.recluster,
        ):
            with pytest.raises(LibraryError, match="read-only"):
                write()
    assert filled.read_bytes() == before


@POSIX_ONLY
def test_library_on_a_medium_that_cannot_be_written(unprivileged: Path) -> None:
    path = unprivileged / "library.db"
    album = unprivileged / "album"
    paint(album / "0.png", [0])
    with Library(path, engine=FakeEngine()) as library:
        library.scan(album)
    path.chmod(0o400)
    unprivileged.chmod(0o500)
    with Library(path, read_only=True, engine=FakeEngine()) as library:
        assert len(library.people()) == 1
    with (
        pytest.raises(LibraryError, match="check its permissions"),
        Library(path, engine=FakeEngine()) as library,
    ):
        library.scan(album)
    path.chmod(0o000)
    with pytest.raises(LibraryError, match="check its permissions"):
        Library(path, read_only=True, engine=FakeEngine())


# -- full disk -----------------------------------------------------------------------------------


def test_full_disk_keeps_what_was_committed(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    for seed in range(200):
        paint(folder / f"{seed:03}.png", [seed % 3, 3], seed)
    engine = FakeEngine()
    with Library(path, engine=engine) as library:
        database = library._store._database
        (n_pages,) = database.rows("PRAGMA page_count")[0]
        database.run(f"PRAGMA max_page_count = {n_pages + 12}")
        with pytest.raises(LibraryError, match="the disk is full"):
            library.scan(folder)
        kept = library._store.count("fake-1")["n_photos"]
        assert 16 <= kept < 200
    with Library(path, engine=FakeEngine()) as library:
        summary = library.scan(folder)
        assert (summary.n_unchanged, summary.n_new) == (kept, 200 - kept)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 384 KiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=384k", "none", str(folder)]
    if not shutil.which("mount") or subprocess.call(mount, stderr=subprocess.DEVNULL):
        pytest.skip("may not mount a tiny file system here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_really_full_disk(tiny_disk: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    for seed in range(400):
        paint(folder / f"{seed:03}.png", [seed % 3, 3], seed)
    path = tiny_disk / "library.db"
    with (
        Library(path, engine=FakeEngine()) as library,
        pytest.raises(LibraryError, match="the disk is full"),
    ):
        library.scan(folder)
    roomy = tmp_path / "roomy"
    roomy.mkdir()
    for part in parts(path):  # what could not be moved from the log to the database is in the log
        shutil.copy(part, roomy)
    with Library(roomy / "library.db", engine=FakeEngine()) as library:
        summary = library.scan(folder)
        assert summary.n_unchanged >= 16
        assert summary.n_new + summary.n_unchanged == 400


# -- transactions --------------------------------------------------------------------------------


def test_atomic_is_all_or_nothing_and_nests(path: Path) -> None:
    database = Database(path)
    with pytest.raises(RuntimeError), database.atomic():
        database.run("INSERT INTO state VALUES ('a', '1')")
        raise RuntimeError
    with database.atomic():
        database.run("INSERT INTO state VALUES ('b', '1')")
        with pytest.raises(RuntimeError), database.atomic():
            database.run("INSERT INTO state VALUES ('c', '1')")
            raise RuntimeError
    assert database.rows("SELECT key FROM state") == [("b",)]
    database.close()


def test_writer_waits_for_another_and_then_says_locked(path: Path) -> None:
    first, second = Database(path), Database(path, busy_s=0.05)
    with first.atomic(), pytest.raises(LibraryError, match="locked"), second.atomic():
        pass
    with second.atomic():
        second.run("INSERT INTO state VALUES ('a', '1')")
    first.close()
    second.close()


def test_use_after_closing_and_from_another_thread_is_explained(filled: Path) -> None:
    library = Library(filled, engine=FakeEngine())
    with (
        ThreadPoolExecutor(1) as other,
        pytest.raises(LibraryError, match="was opened in another thread"),
    ):
        other.submit(library.people).result()
    library.close()
    for use in (library.people, library.stats, library.recluster):
        with pytest.raises(LibraryError, match="is closed here"):
            use()


def test_facts_and_verdicts_cannot_be_edited(filled: Path) -> None:
    database = Database(filled)
    for sql in (
        "UPDATE observation SET quality = 1",
        "UPDATE verdict SET payload = '{}'",
        "DELETE FROM verdict",
        "DELETE FROM anchor",
        "UPDATE place SET box_left = 0",
        "DELETE FROM place",
    ):
        with pytest.raises(sqlite3.IntegrityError, match=r"never edited|append-only"):
            database.run(sql)
    database.close()


def test_only_one_module_knows_sqlite() -> None:
    package = Path(sys.modules["fastface"].__file__ or "").parent
    users = {
        source.relative_to(package).as_posix()
        for source in package.rglob("*.py")
        if "import sqlite3" in source.read_text()
    }
    assert users == {"store/database.py"}
