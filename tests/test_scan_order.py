"""A scan in any order, by any workers, stopped at any time, beside any other: one outcome."""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from fastface.errors import LibraryError, ScanInterrupted
from fastface.library import Library
from fastface.pipeline import Gallery
from fastface.store import PersonRow, Store
from tests.fake_engine import (
    FakeAnalyzer,
    FakeEngine,
    again,
    paint,
    scanning,
    who,
)


class ShuffledExecutor(ThreadPoolExecutor):
    """Finishes photos in a random order."""

    def submit(self, fn, /, *args, **kwargs) -> Future:  # type: ignore[no-untyped-def]
        def later() -> object:
            time.sleep(random.random() / 100)
            return fn(*args, **kwargs)

        return super().submit(later)


def outcome(library: Library) -> object:
    return [
        (person, library.faces(person.id), library.photos(person.id)) for person in library.people()
    ]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_workers_and_order_change_nothing(
    library: Library, album: Path, tmp_path: Path, workers: int
) -> None:
    library.scan(album, workers=1)
    other = FakeEngine()
    with Library(tmp_path / "other.db", engine=other) as shuffled:
        with ShuffledExecutor(workers) as executor:
            shuffled.scan(album, workers=workers, executor=executor)
        assert outcome(shuffled) == outcome(library)


def test_photos_added_in_any_order_give_the_same_people(
    library: Library, album: Path, tmp_path: Path
) -> None:
    library.scan(album)
    late = tmp_path / "late"
    late.mkdir()
    for number in (3, 8, 5):
        (album / f"{number}.png").rename(late / f"{number}.png")
    with Library(tmp_path / "other.db", engine=FakeEngine()) as other:
        for number in (8, 5, 3):
            (late / f"{number}.png").rename(album / f"{number}.png")
            other.scan(album)
        assert {ph for _, ph in who(other).values()} == {ph for _, ph in who(library).values()}


class PicklableEngine(FakeEngine):
    make_analyzer = FakeAnalyzer  # type: ignore[assignment]  # a class can be sent to a process


def test_processes_may_do_the_work(library: Library, album: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with (
        again(library, PicklableEngine()) as library,
        ProcessPoolExecutor(1, mp_context=context) as executor,
    ):
        assert library.scan(album, executor=executor).n_new == 9
        assert library.people()[0].n_photos == 5


# -- interruptions -------------------------------------------------------------------------------


def test_ctrl_c_keeps_what_is_finished(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    for number in range(40):
        paint(folder / f"{number:02}.png", [number % 3], seed=number)

    def stop(done: int, total: int, path: Path | None) -> None:
        if done == 16:
            raise KeyboardInterrupt

    with pytest.raises(ScanInterrupted, match=r"of 40 photos; they are kept"):
        library.scan(folder, progress=stop, workers=2)
    engine = FakeEngine()
    with again(library, engine) as library:
        summary = library.scan(folder)
    assert summary.n_unchanged >= 16
    assert summary.n_unchanged + engine.analyzer.n_calls == 40
    assert summary.n_people == 3


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_killed_scan_resumes(tmp_path: Path, sent: signal.Signals) -> None:
    folder = tmp_path / "many"
    for number in range(60):
        paint(folder / f"{number:02}.png", [number % 3], seed=number)
    path = tmp_path / "library.db"
    process = scanning(path, folder, seconds=0.02)
    try:
        wait_for(lambda: path.exists() and n_analysed(path) >= 16)
        process.send_signal(sent)
        assert process.wait(10) != 0
    finally:
        process.kill()
        process.communicate()
    kept = n_analysed(path)
    engine = FakeEngine()
    with Library(path, engine=engine) as library:
        summary = library.scan(folder)
        assert (summary.n_unchanged, summary.n_new) == (kept, 60 - kept)
        assert engine.analyzer.n_calls == 60 - kept
        assert summary.n_people == 3


def n_analysed(path: Path) -> int:
    try:
        store = Store(path, read_only=True)
    except LibraryError:
        return 0
    try:
        return store.count("fake-1")["n_photos"]
    finally:
        store.close()


def wait_for(true: object, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


# -- two at a time -------------------------------------------------------------------------------


def test_second_scan_says_locked_and_readers_go_on(tmp_path: Path, album: Path) -> None:
    path = tmp_path / "library.db"
    with Library(path, engine=FakeEngine()) as first, Library(path, engine=FakeEngine()) as second:
        first.scan(album)

        def meanwhile(done: int, total: int, photo: Path | None) -> None:
            with pytest.raises(LibraryError, match="another scan"):
                second.scan(album)
            assert len(second.people()) == 2
            second.name("p1", f"Ada {done}")

        first.scan(album, progress=meanwhile)
        assert first.people()[0].name == "Ada 9"


def test_reader_sees_one_state(
    tmp_path: Path, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another process writes between two queries of one answer does not show half way."""
    path = tmp_path / "library.db"
    photo = paint(tmp_path / "new.png", [0, 1], seed=50)
    with Library(path, engine=FakeEngine()) as reader, Library(path, engine=FakeEngine()) as writer:
        writer.scan(album)
        rows, gallery = reader._store.person_rows, reader._recogniser.gallery

        def rows_before_a_scan() -> dict[int, PersonRow]:
            before = rows()
            paint(album / "late.png", [2], seed=70)
            writer.scan(album)
            return before

        def gallery_before_a_join(model: str) -> Gallery:
            before = gallery(model)
            writer.name("p1", "Ada")
            writer.name("p2", "Ada")
            return before

        with monkeypatch.context() as patch:
            patch.setattr(reader._store, "person_rows", rows_before_a_scan)
            assert [person.id for person in reader.people()] == ["p1", "p2"]
        with monkeypatch.context() as patch:
            patch.setattr(reader._recogniser, "gallery", gallery_before_a_join)
            assert [face.person for face in reader.identify(photo)] == ["p1", "p2"]
        assert [person.name for person in reader.people()] == ["Ada", None]


def test_two_processes_share_a_library(tmp_path: Path, album: Path) -> None:
    """Both open a new library at once; one scans, the other scans too or says that it is locked."""
    path = tmp_path / "library.db"
    processes = [scanning(path, album, seconds=0.01) for _ in range(3)]
    endings = [(*process.communicate(timeout=30), process.returncode) for process in processes]
    assert any(code == 0 for _, _, code in endings)
    for _, errors, code in endings:
        assert code == 0 or "another scan" in errors
    with Library(path, engine=FakeEngine()) as library:
        assert library.scan(album).n_unchanged == 9
        assert len(library.faces()) == 9
