"""What a scan makes of a folder, with an engine that needs no models."""

from __future__ import annotations

import os
import shutil
import time
import weakref
from pathlib import Path

import pytest

from fastface.errors import ModelError, NotFoundError, PhotoError
from fastface.library import Library
from fastface.types import FloatArray, ImageArray, Observation
from tests.fake_engine import (
    BROKEN_MODEL,
    BUG,
    UNCLEAR,
    FakeAnalyzer,
    FakeEngine,
    again,
    paint,
    who,
)


def test_scan_finds_people(library: Library, album: Path) -> None:
    summary = library.scan(album)
    assert (summary.n_photos, summary.n_new, summary.n_faces) == (9, 9, 9)
    assert (summary.n_people, summary.n_failed, summary.failures) == (2, 0, ())
    first, second = library.people()
    assert (first.id, first.name, first.n_photos, first.n_faces) == ("p1", None, 5, 5)
    assert (second.id, second.n_photos) == ("p2", 4)
    assert first.cover in library.faces("p1")
    assert [row.path.name for row in library.photos("p2")] == ["1.png", "4.png", "5.png", "8.png"]
    assert len(library.faces()) == 9
    stats = library.stats()
    assert (stats.n_photos, stats.n_people, stats.n_named, stats.n_moments) == (9, 2, 0, 3)
    assert (stats.model, stats.threshold) == ("fake-1", 0.5)
    assert stats.last_scan["n_new"] == 9


def test_second_scan_does_no_model_work(library: Library, album: Path) -> None:
    library.scan(album)
    idle = FakeEngine()
    with again(library, idle) as library:
        summary = library.scan(album)
    assert (summary.n_new, summary.n_unchanged, summary.n_faces) == (0, 9, 9)
    assert (idle.n_made, idle.analyzer.n_calls, idle.n_groupings) == (0, 0, 0)


def test_moved_and_copied_photos_are_not_analysed_again(
    library: Library, album: Path, engine: FakeEngine
) -> None:
    library.scan(album)
    people = library.people()
    (album / "0.png").rename(album / "renamed.png")
    (album / "deep").mkdir()
    shutil.copy2(album / "1.png", album / "deep" / "copy.png")
    summary = library.scan(album)
    assert (summary.n_new, summary.n_moved, summary.n_unchanged) == (0, 2, 8)
    assert summary.n_missing == 0  # one was renamed
    assert engine.analyzer.n_calls == 9
    assert [(p.id, p.n_photos) for p in library.people()] == [(p.id, p.n_photos) for p in people]
    assert "renamed.png" in {face.photo.name for face in library.faces("p1")}


def test_renamed_scan_folder_leaves_no_dead_paths(
    library: Library, album: Path, engine: FakeEngine
) -> None:
    library.scan(album)
    library.name("p1", "Ada")
    n_calls = engine.analyzer.n_calls
    for name, outcome in (("zoo", "n_moved"), ("aaa", "n_moved"), ("zoo", "n_unchanged")):
        album = album.rename(album.with_name(name))
        assert getattr(library.scan(album), outcome) == 9
        assert {row.path.parent for row in library.photos("Ada")} == {album}
    assert engine.analyzer.n_calls == n_calls
    assert library.stats().n_photos == 9


def test_copies_within_one_scan_are_analysed_once(
    library: Library, album: Path, engine: FakeEngine
) -> None:
    shutil.copytree(album, album / "backup")
    summary = library.scan(album, workers=4)
    assert (summary.n_new, summary.n_moved, engine.analyzer.n_calls) == (9, 9, 9)
    assert library.people()[0].n_photos == 5


def test_touched_photo_is_hashed_but_not_analysed(
    library: Library, album: Path, engine: FakeEngine
) -> None:
    library.scan(album)
    os.utime(album / "0.png", (1, 1))
    summary = library.scan(album)
    assert (summary.n_unchanged, summary.n_moved) == (9, 0)
    assert engine.analyzer.n_calls == 9


def test_changed_photo_is_analysed(library: Library, album: Path) -> None:
    library.scan(album)
    paint(album / "0.png", [1, 2], seed=99)
    summary = library.scan(album)
    assert (summary.n_new, summary.n_unchanged) == (1, 8)
    assert sorted(p.n_photos for p in library.people()) == [1, 4, 5]


def test_deleted_photos_leave_and_come_back(
    library: Library, album: Path, engine: FakeEngine, tmp_path: Path
) -> None:
    library.scan(album)
    library.name("p2", "Ada")
    for number in (1, 4, 5, 8):
        (album / f"{number}.png").rename(tmp_path / f"{number}.png")
    (album / "0.png").rename(album / "renamed.png")
    summary = library.scan(album)
    assert (summary.n_missing, summary.n_photos, summary.n_people) == (4, 5, 1)
    (album / "renamed.png").rename(album / "0.png")
    assert library.stats().n_missing == 4
    assert [p.id for p in library.people()] == ["p1"]
    with pytest.raises(NotFoundError, match="missing"):
        library.name("Ada", "Bea")
    for number in (1, 4, 5, 8):
        (tmp_path / f"{number}.png").rename(album / f"{number}.png")
    summary = library.scan(album)
    assert (summary.n_new, summary.n_unchanged) == (0, 9)
    assert engine.analyzer.n_calls == 9
    assert {p.id: p.name for p in library.people()} == {"p1": None, "p2": "Ada"}


def test_missing_is_only_said_of_the_scanned_folder(library: Library, tmp_path: Path) -> None:
    for seed, folder in enumerate(("a", "a0", "b")):
        paint(tmp_path / folder / "x.png", [0], seed)
        library.scan(tmp_path / folder)
    (tmp_path / "a" / "x.png").unlink()
    (tmp_path / "a0" / "x.png").unlink()
    assert library.scan(tmp_path / "a").n_missing == 1
    assert library.people()[0].n_photos == 2


def test_broken_photos_are_reported_and_not_tried_again(
    library: Library, album: Path, engine: FakeEngine
) -> None:
    (album / "empty.jpg").touch()
    (album / "noise.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    paint(album / "nan.png", [BROKEN_MODEL], seed=7)
    paint(album / "bug.png", [BUG], seed=8)
    summary = library.scan(album)
    assert (summary.n_photos, summary.n_new, summary.n_failed) == (13, 9, 4)
    reasons = {path.name: reason for path, reason in summary.failures}
    assert "unit norm" in reasons["nan.png"]
    assert "internal error" in reasons["bug.png"] and "fell over" in reasons["bug.png"]
    assert len(library.faces()) == 9
    n_calls = engine.analyzer.n_calls
    (album / "nan.png").unlink()
    (album / "bug.png").unlink()
    failures = library.scan(album).failures
    assert {path.name for path, _ in failures} == {"empty.jpg", "noise.png"}
    assert library.failures() == list(failures)
    assert engine.analyzer.n_calls == n_calls
    paint(album / "noise.png", [0], seed=9)
    summary = library.scan(album)
    assert (summary.n_new, summary.n_failed) == (1, 1)


def test_photo_that_breaks_later_loses_its_faces_only(library: Library, album: Path) -> None:
    library.scan(album)
    (album / "1.png").write_bytes(b"not a photo any more")
    summary = library.scan(album)
    assert (summary.n_failed, summary.n_unchanged, summary.n_faces) == (1, 8, 7)


def test_names_of_files_need_not_be_utf8(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    name = os.fsdecode(b"\xff\xfe.png")
    paint(folder / name, [0])
    assert library.scan(folder).n_new == 1
    assert library.scan(folder).n_unchanged == 1
    assert library.faces()[0].photo == folder / name


def test_unclear_faces_are_kept_apart(library: Library, album: Path) -> None:
    paint(album / "blur.png", [UNCLEAR], seed=5)
    summary = library.scan(album)
    assert (summary.n_faces, summary.n_unclear, summary.n_people) == (10, 1, 2)
    (unclear,) = (face for face in library.faces() if face.unclear)
    assert unclear.person is None


def test_empty_folder_and_no_folder(library: Library, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert library.scan(tmp_path / "none").n_photos == 0
    assert library.people() == []
    assert library.faces() == []
    with pytest.raises(PhotoError, match="no such folder"):
        library.scan(tmp_path / "nowhere")


def test_progress_reaches_the_total(library: Library, album: Path) -> None:
    seen: list[tuple[int, int]] = []
    library.scan(album, progress=lambda done, total, path: seen.append((done, total)))
    assert seen == [(done, 9) for done in range(10)]
    seen.clear()
    library.scan(album, progress=lambda done, total, path: seen.append((done, total)))
    assert seen == [(9, 9)]


def test_scan_forgets_what_is_committed(
    library: Library, tmp_path: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded by the photos in flight, not by the folder."""
    n = 120
    for number in range(n):
        paint(tmp_path / "many" / f"{number:03}.png", [number % 8], seed=number)
    seen: list[weakref.ref[FloatArray]] = []
    analyze = engine.analyzer.analyze

    def remember(pixels: ImageArray) -> list[Observation]:
        observations = analyze(pixels)
        seen.extend(weakref.ref(observation.face) for observation in observations)
        return observations

    monkeypatch.setattr(engine.analyzer, "analyze", remember)
    alive: list[int] = []
    library.scan(
        tmp_path / "many",
        workers=1,
        progress=lambda done, total, path: alive.append(sum(face() is not None for face in seen)),
    )
    assert len(seen) == n
    assert max(alive) < n // 2


def test_new_model_sees_all_photos_again_and_people_keep_names(
    library: Library, album: Path
) -> None:
    library.scan(album)
    library.name("p2", "Ada")
    before = who(library)
    better = FakeEngine(model_tag="fake-2")
    with again(library, better) as library:
        assert library.scan(album).n_new == 9
        assert who(library) == before


def test_new_model_may_come_folder_by_folder(library: Library, tmp_path: Path) -> None:
    for seed in range(6):
        paint(tmp_path / "ab"[seed % 2] / f"{seed}.png", [seed % 2, 2], seed)
    library.scan(tmp_path)
    library.name("p2", "Ada")
    before = who(library)
    assert library.count_outdated() == 0
    with again(library, FakeEngine(model_tag="fake-2")) as library:
        assert library.count_outdated() == 6
        assert library.scan(tmp_path / "b").n_outdated == 3
        assert len(library.faces()) == 6
        assert library.scan(tmp_path / "a").n_outdated == 0
        assert who(library) == before


def test_missing_models_stop_the_scan(library: Library, album: Path) -> None:
    class NoModels(FakeEngine):
        def make_analyzer(self) -> FakeAnalyzer:
            raise ModelError("run: fastface models install")

    with again(library, NoModels()) as library, pytest.raises(ModelError, match="install"):
        library.scan(album)


def test_photo_that_changes_while_it_is_read_is_tried_again(library: Library, album: Path) -> None:
    (album / "0.png").unlink()

    class Meddler(FakeAnalyzer):
        def analyze(self, pixels: ImageArray) -> list[Observation]:
            if self.n_calls == 0:
                paint(album / "1.png", [2, 2], seed=77)
            return super().analyze(pixels)

    with again(library, FakeEngine(Meddler())) as library:
        summary = library.scan(album, workers=1)
        assert [(path.name, "changed" in reason) for path, reason in summary.failures] == [
            ("1.png", True)
        ]
        assert library.failures() == []
        assert library.scan(album).n_new == 1
        assert sorted(p.n_photos for p in library.people()) == [1, 3, 3]


def test_folder_that_cannot_be_read_is_not_taken_for_empty(
    unprivileged: Path, engine: FakeEngine
) -> None:
    folder = unprivileged / "album"
    for seed, name in enumerate(["0.png", "locked/1.png", "locked/deep/2.png"]):
        paint(folder / name, [0], seed)
    with Library(unprivileged / "library.db", engine=engine) as library:
        library.scan(folder)
        (folder / "0.png").unlink()
        (folder / "locked").chmod(0)
        summary = library.scan(folder)
        (folder / "locked").chmod(0o700)
        assert [path for path, _ in summary.failures] == [folder / "locked"]
        assert (summary.n_photos, summary.n_missing, summary.n_failed) == (0, 1, 0)
        assert library.people()[0].n_photos == 2


def test_photo_that_cannot_be_opened_is_tried_again(unprivileged: Path, engine: FakeEngine) -> None:
    photo = paint(unprivileged / "album" / "0.png", [0])
    photo.chmod(0)
    with Library(unprivileged / "library.db", engine=engine) as library:
        assert library.scan(photo.parent).failures == ((photo, "Permission denied"),)
        photo.chmod(0o600)
        assert library.scan(photo.parent).n_new == 1


def test_analyzer_is_made_once_for_all_threads(library: Library, album: Path) -> None:
    class Slow(FakeEngine):
        def make_analyzer(self) -> FakeAnalyzer:
            time.sleep(0.05)
            return super().make_analyzer()

    engine = Slow()
    with again(library, engine) as library:
        library.scan(album, workers=4)
    assert engine.n_made == 1
