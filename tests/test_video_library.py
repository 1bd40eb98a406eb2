"""Videos in a library, beside photos: scanned, named, forgotten, searched and shown."""

from __future__ import annotations

import shutil
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest

from fastface.cli import main
from fastface.errors import ScanInterrupted
from fastface.library import Library
from fastface.photos import LIVE_BYTES, iter_photos
from fastface.types import Observation
from tests import films
from tests.fake_engine import FakeEngine, paint, who
from tests.films import APPLE, CELLS, SIZE, FilmAnalyzer, Shot, film, film_engine, film_photos

RED, GREEN, BLUE = (200, 30, 30), (30, 200, 30), (30, 30, 200)


@pytest.fixture
def trip(tmp_path: Path) -> Path:
    """Two photos, a video of two shots, a broken video, and a live photo."""
    folder = tmp_path / "trip"
    paint(folder / "0.png", [0], seed=1)
    paint(folder / "1.png", [0, 1], seed=2)
    film(folder / "clip.mp4", [Shot([0, 1], 6, RED), Shot([2, 0], 8, GREEN)], tags=APPLE)
    (folder / "broken.mov").write_bytes(b"\0\0\0\x14ftypqt  " + bytes(50))
    paint(folder / "IMG_1.heic.png", [3], seed=3).rename(folder / "IMG_1.HEIC")
    film(folder / "IMG_1.MOV", [Shot([3])])
    return folder


def scanned(folder: Path, engine: FakeEngine | None = None) -> Library:
    library = Library(folder.parent / "library.db", engine=engine or film_engine())
    library.scan(folder)
    return library


ADA = frozenset({"0.png", "1.png", "clip.mp4"})  # person 0
BEA = frozenset({"1.png", "clip.mp4"})
CLEO = frozenset({"clip.mp4"})
DORA = frozenset({"IMG_1.HEIC"})


def ids(library: Library) -> dict[frozenset[str], str]:
    """Who is on which photos; the order of contents gives the numbers."""
    return {photos: person for person, (_, photos) in who(library).items()}


def test_photos_and_videos_are_one_library(trip: Path) -> None:
    with Library(trip.parent / "library.db", engine=film_engine()) as library:
        summary = library.scan(trip)
        counts = (summary.n_photos, summary.n_new, summary.n_failed)
        assert counts == (5, 4, 1)
        assert (summary.n_videos, summary.n_videos_left, summary.n_live) == (2, 0, 1)
        assert [path.name for path, _ in summary.failures] == ["broken.mov"]
        known = ids(library)
        assert known.keys() == {ADA, BEA, CLEO, DORA}
        counts = {p.id: (p.n_photos, p.n_faces, p.n_videos) for p in library.people()}
        assert counts[known[ADA]] == (3, 4, 1)
        assert counts[known[CLEO]] == (1, 1, 1) and counts[known[DORA]] == (1, 1, 0)
        times = [face.at_s for face in library.faces_in(trip / "clip.mp4")]
        assert times == [0.0, 0.0, 6.0, 6.0]
        (row,) = library.photos(known[CLEO])
        assert (row.duration_s, row.latitude, row.taken_at) == (14.0, 48.8577, 1685622605.0)
        again = library.scan(trip)
        assert (again.n_new, again.n_unchanged, again.n_videos) == (0, 4, 2)


def test_ctrl_c_does_not_wait_for_a_long_video(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    paint(folder / "a.png", [0])
    film(folder / "b.mp4", [Shot([0], 80)], fps=1)
    analyzer = FilmAnalyzer(seconds=0.1)

    def stop(done: int, _n_photos: int, _path: Path | None) -> None:
        if done:
            while analyzer.n_calls < 3:
                time.sleep(0.01)
            raise KeyboardInterrupt

    with Library(tmp_path / "library.db", engine=FakeEngine(analyzer, min_side=SIZE[0])) as library:
        with pytest.raises(ScanInterrupted, match="stopped after 1 of 2 photos"):
            library.scan(folder, progress=stop, workers=1)
        assert analyzer.n_calls < 1 + 40
        analyzer.seconds = 0.0
        assert library.scan(folder).n_new == 1
        assert who(library) == {"p1": (None, frozenset({"a.png", "b.mp4"}))}


def test_it_is_the_same_whatever_the_number_of_workers(trip: Path) -> None:
    found = []
    for workers in (1, 3):
        with Library(trip.parent / f"{workers}.db", engine=film_engine()) as library:
            library.scan(trip, workers=workers)
            found.append([(f.id, f.box, f.at_s, f.quality, f.person) for f in library.faces()])
    assert found[0] == found[1]


def test_without_pyav_videos_are_counted_and_nothing_is_lost(
    trip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fastface.scan.is_readable", lambda: False)
    with Library(trip.parent / "library.db", engine=film_engine()) as library:
        summary = library.scan(trip)
        assert (summary.n_photos, summary.n_videos, summary.n_videos_left) == (3, 0, 2)
        assert not summary.failures
        monkeypatch.undo()
        assert library.scan(trip).n_new == 1
        # What was read before stays, if PyAV goes.
        monkeypatch.setattr("fastface.scan.is_readable", lambda: False)
        assert library.scan(trip).n_missing == 0
        assert ids(library).keys() == {ADA, BEA, CLEO, DORA}


def test_without_pyav_another_model_leaves_videos_for_later(
    trip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is called a photo, too: both are read as soon as they can be."""
    (trip / "clip.mp4").rename(trip / "clip.jpg")
    film(trip / "more.mp4", [Shot([5])])
    scanned(trip).close()
    engine = FakeEngine(FilmAnalyzer(), min_side=SIZE[0], model_tag="other-1")
    with Library(trip.parent / "library.db", engine=engine) as library:
        for place in ("scan", "video.container"):
            monkeypatch.setattr(f"fastface.{place}.is_readable", lambda: False)
        summary = library.scan(trip)
        assert (summary.n_videos_left, summary.n_missing) == (2, 0)
        assert "pip install av" in dict(summary.failures)[trip / "clip.jpg"]
        monkeypatch.undo()
        assert library.scan(trip).n_new == 2
        assert frozenset({"clip.jpg"}) in ids(library) and frozenset({"more.mp4"}) in ids(library)


def test_a_still_beside_a_long_video_is_no_live_photo(tmp_path: Path) -> None:
    paint(tmp_path / "a.jpg", [1])
    paint(tmp_path / "B.JPG", [1])
    for name, size in (("a.mov", LIVE_BYTES + 1), ("b.mp4", 1000), ("c.mov", 1000)):
        (tmp_path / name).write_bytes(b"")
        with (tmp_path / name).open("r+b") as file:
            file.truncate(size)
    live = {photo.path.name: photo.is_live for photo in iter_photos(tmp_path)}
    assert live == {"B.JPG": False, "a.jpg": False, "a.mov": False, "b.mp4": True, "c.mov": False}


class OtherAnalyzer(FilmAnalyzer):
    """Another model, to which the last picture of a shot is the clearest."""

    def analyze(self, pixels: np.ndarray) -> list[Observation]:
        self.n_looks = getattr(self, "n_looks", 0) + 1
        from dataclasses import replace

        return [
            replace(seen, quality=0.5 + self.n_looks / 1000) for seen in super().analyze(pixels)
        ]


def test_names_outlive_another_model_that_prefers_another_picture(trip: Path) -> None:
    with scanned(trip) as library:
        known = ids(library)
        library.name(known[CLEO], "Cleo")
        bea = [f for f in library.faces_in(trip / "clip.mp4") if f.person == known[BEA]]
        library.reject(known[BEA], [bea[0].id])
        before = {face.id: face.at_s for face in library.faces_in(trip / "clip.mp4")}
    engine = FakeEngine(OtherAnalyzer(), min_side=SIZE[0], model_tag="other-1")
    with Library(trip.parent / "library.db", engine=engine) as library:
        library.scan(trip)
        now = library.faces_in(trip / "clip.mp4")
        assert {face.id: face.at_s for face in now} != before
        (cleo,) = [face for face in now if face.person == known[CLEO]]
        assert library.names()[known[CLEO]] == "Cleo"
        assert cleo.at_s == 12.0
        rejected = [face for face in now if face.at_s == 4.0 and face.box == films.box(1)]
        assert rejected[0].person != known[BEA]


def test_who_is_forgotten_in_a_video_is_not_seen_again(trip: Path) -> None:
    with scanned(trip) as library:
        library.forget(ids(library)[ADA])
        assert ADA not in ids(library)
        assert [face.at_s for face in library.faces_in(trip / "clip.mp4")] == [0.0, 6.0]
    engine = FakeEngine(OtherAnalyzer(), min_side=SIZE[0], model_tag="other-1")
    with Library(trip.parent / "library.db", engine=engine) as library:
        library.scan(trip)
        assert [face.at_s for face in library.faces_in(trip / "clip.mp4")] == [4.0, 12.0]


def test_two_shots_of_a_video_may_show_one_person(trip: Path) -> None:
    """But two faces of one picture speak against it."""
    from fastface import pictures

    with scanned(trip) as library:
        facts = library._store.facts("fake-1")
    numbers = pictures.of_anchors(facts.photo_index, facts.anchors)
    clip = [k for k, anchor in enumerate(facts.anchors) if anchor.sightings]
    first, second = numbers[clip[:2]].tolist(), numbers[clip[2:]].tolist()
    assert first[0] == first[1] != second[0] == second[1]


def test_identify_and_why_name_the_moment(trip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with scanned(trip) as library:
        new = film(trip.parent / "new.mp4", [Shot([5], 4, RED), Shot([1], 70, BLUE)])
        found = library.identify(new)
        known = ids(library)
        assert [(one.person, one.at_s) for one in found] == [(None, 0.0), (known[BEA], 4.0)]
        from fastface.wording import in_words

        clip = [face.id for face in library.faces_in(trip / "clip.mp4")]
        assert (
            f"the face in clip.mp4 at 0:06 ({known[ADA]})"
            in in_words(library.why(clip[0], clip[3]))[0]
        )


def test_the_commands_tell_the_moment(trip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with scanned(trip) as opened:
        cleo = ids(opened)[CLEO]
    library = ["--library", str(trip.parent / "library.db")]
    assert main(["people", *library]) == 0
    assert "VIDEOS" in capsys.readouterr().out
    assert main(["faces", cleo, *library]) == 0
    assert "at 0:06" in capsys.readouterr().out
    assert main(["photos", cleo, *library, "--json"]) == 0
    assert '"at_s": 6.0' in capsys.readouterr().out
    assert main(["photos", cleo, *library]) == 0
    assert capsys.readouterr().out == f"{trip / 'clip.mp4'}\n"


def test_sidecars_of_videos_hold_names_without_places(trip: Path) -> None:
    with scanned(trip) as library:
        library.name(ids(library)[CLEO], "Cleo")
        report = library.export_names()
        assert trip / "clip.mp4.xmp" in report.written and not report.problems
        text = (trip / "clip.mp4.xmp").read_text()
        assert "Cleo" in text and "PersonInImage" in text and "Region" not in text
        assert library.export_names().n_unchanged == report.n_files
        again = library.import_names(dry_run=True)
        assert not again.problems
        embedded = library.export_names(embed=True, dry_run=True)
        assert "not embedded into videos" in str(embedded.problems)


def test_the_report_shows_pictures_of_videos(trip: Path) -> None:
    from fastface.report import write_report

    with scanned(trip) as library:
        write_report(library, trip.parent / "report.html")
    page = (trip.parent / "report.html").read_text()
    assert "clip.mp4 at 0:06" in page and page.count("gone or unreadable") == 0


@pytest.mark.models
def test_real_people_in_a_real_video(demo_photos: Path, models: Path, tmp_path: Path) -> None:
    """Obama's photos, and a video of others of his and one of Biden's."""
    obama = sorted(demo_photos.glob("obama*.jpg"))
    biden = demo_photos / "biden.jpg"
    folder = tmp_path / "folder"
    folder.mkdir()
    for photo in (obama[0], obama[1], biden):
        shutil.copy(photo, folder / photo.name)
    film_photos(folder / "news.mov", [obama[2], biden])
    with Library(tmp_path / "library.db") as library:
        library.scan(folder)
        found = {photos for _, photos in who(library).values()}
        assert {obama[0].name, obama[1].name, "news.mov"} in found
        assert {"biden.jpg", "news.mov"} in found
        seen = library.faces_in(folder / "news.mov")
        assert max(face.at_s or 0.0 for face in seen if not face.unclear) >= 4.0


def test_a_photo_s_places_have_no_time(trip: Path) -> None:
    scanned(trip).close()
    connection = sqlite3.connect(trip.parent / "library.db")
    rows = connection.execute(
        "SELECT duration_s IS NULL, at_s IS NULL, sightings IS NULL FROM content"
        " JOIN observation ON content.id = content_id"
    ).fetchall()
    connection.close()
    assert set(rows) == {(1, 1, 1), (0, 0, 0)}
    assert CELLS == 4
