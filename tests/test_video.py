"""Videos: what the container says, which pictures are looked at, who is followed through them."""

from __future__ import annotations

import shutil
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest

from fastface.cli import main
from fastface.errors import PhotoError, ScanInterrupted
from fastface.library import Library
from fastface.memory import MemoryBudget, MemoryLimitError
from fastface.photos import LIVE_BYTES, iter_photos
from fastface.types import Box, Observation, Sighting
from fastface.video import is_video, keyframe, read_video, shots
from fastface.video.container import MAX_KEYFRAMES, open_video
from fastface.video.tracks import Tracker
from tests import films
from tests.fake_engine import FakeEngine, paint, who
from tests.films import CELLS, SIZE, FilmAnalyzer, Shot, film, film_engine, film_photos

RED, GREEN, BLUE = (200, 30, 30), (30, 200, 30), (30, 30, 200)


def read(path: Path, **options: object) -> list[Observation]:
    asked = {"min_side": SIZE[0], "same_face": 0.3, **options}
    return read_video(path, FilmAnalyzer().analyze, **asked)[1]  # type: ignore[arg-type]


def people(seen: list[Observation]) -> list[int]:
    return [int(observation.face.argmax()) for observation in seen]


# -- tracks --------------------------------------------------------------------------------------


def test_one_face_for_somebody_in_a_shot(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", [Shot([3, 5], 10, RED), Shot([5], 4, GREEN)])
    seen = read(path)
    assert people(seen) == [3, 5, 5]
    assert [len(one.sightings) for one in seen] == [5, 5, 2]
    assert [one.at_s for one in seen] == [0.0, 0.0, 10.0]
    assert seen[1].sightings[0].box == films.box(1) and seen[2].sightings[0].box == films.box(0)


def test_who_goes_and_comes_back_is_one_and_who_changes_seats_too(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", [Shot([3, 5], 4), Shot([5, 3], 4), Shot([5], 4), Shot([3], 4)])
    assert people(read(path)) == [3, 5]  # the ground stays: one shot


def test_two_faces_of_one_picture_are_never_one_track() -> None:
    """Twins, as alike as can be."""
    analyzer = FilmAnalyzer()
    pixels = films.paint(Shot([4, 4]))
    tracker = Tracker(0.3)
    for at_s in (0.0, 2.0, 4.0):
        tracker.add(at_s, analyzer.analyze(pixels))
    found = tracker.observations()
    assert [len(one.sightings) for one in found] == [3, 3]
    assert len({one.box for one in found}) == 2


def seen_with(face: np.ndarray, quality: float, *, unclear: bool = False) -> Observation:
    landmarks = np.zeros((5, 2), np.float32)
    unit = (face / np.linalg.norm(face)).astype(np.float32)
    box = Box(quality / 2, 0.1, 0.2, 0.2)
    return Observation(box, landmarks, 0.9, quality, unclear, unit, None, None)


def test_the_clearest_picture_is_shown_and_the_clear_faces_are_averaged() -> None:
    rng = np.random.default_rng(0)
    true = rng.standard_normal(128)
    looks = [
        seen_with(true + 0.5 * rng.standard_normal(128), quality)
        for quality in (0.3, 0.9, 0.5, 0.7)
    ]
    looks.append(seen_with(true + 0.9 * rng.standard_normal(128), 0.1, unclear=True))
    tracker = Tracker(0.7)
    for number, look in enumerate(looks):
        tracker.add(2.0 * number, [look])
    (found,) = tracker.observations()
    assert (found.at_s, found.quality, found.box) == (2.0, 0.9, looks[1].box)
    assert found.sightings == tuple(Sighting(2.0 * k, one.box) for k, one in enumerate(looks))
    expected = np.sum([one.face for one in looks[:4]], axis=0)
    np.testing.assert_allclose(found.face, expected / np.linalg.norm(expected), atol=1e-6)
    truth = true / np.linalg.norm(true)
    assert found.face @ truth > max(one.face @ truth for one in looks)


def test_cuts_are_seen_and_movement_is_none() -> None:
    rng = np.random.default_rng(1)
    scene = np.kron(rng.integers(0, 256, (12, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    moved = np.roll(scene, (5, 24), axis=(0, 1))
    dimmed = (scene * 0.9).astype(np.uint8)
    other = films.paint(Shot([1, 2, 3, 4], ground=BLUE))
    colours = [shots.colours(pixels) for pixels in (scene, moved, dimmed, other)]
    assert colours[0].sum() == pytest.approx(1)
    assert not shots.is_cut(colours[0], colours[1])
    assert shots.is_cut(colours[0], colours[3]) and shots.is_cut(colours[3], colours[2])


# -- the container -------------------------------------------------------------------------------

APPLE = {
    "creation_time": "2023-06-01T10:30:05.000000Z",
    "com.apple.quicktime.creationdate": "2023-06-01T12:30:05+0200",
    "com.apple.quicktime.location.ISO6709": "+48.8577+002.2950+035.000/",
    "com.apple.quicktime.make": "Apple",
    "com.apple.quicktime.model": "iPhone 15",
}


def test_time_place_and_camera(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mov", [Shot([1])], tags=APPLE)
    with open_video(path, min_side=SIZE[0]) as video:
        told = video.metadata
    assert told.taken_at == 1685622605.0  # by the clock of the place
    assert (told.latitude, told.longitude, told.camera) == (48.8577, 2.295, "Apple iPhone 15")
    assert (told.width, told.height, told.duration_s) == (*SIZE, 4.0)


def test_greenwich_time_alone_is_moved_by_the_place(tmp_path: Path) -> None:
    tags = {"creation_time": "2023-06-01T10:30:05.000000Z"}
    path = film(tmp_path / "a.mov", [Shot([1])], tags=tags)
    with open_video(path, min_side=SIZE[0]) as video:
        assert video.metadata.taken_at == 1685615405.0
    there = {**tags, "com.apple.quicktime.location.ISO6709": "+35.6895+139.6917/"}
    with open_video(film(tmp_path / "b.mov", [Shot([1])], tags=there), min_side=SIZE[0]) as video:
        assert video.metadata.taken_at == 1685615405.0 + 9 * 3600


@pytest.mark.parametrize("year", ["1904-01-01", "1970-01-01"])
def test_a_clock_that_was_never_set(year: str, tmp_path: Path) -> None:
    tags = {"com.apple.quicktime.creationdate": f"{year}T00:00:01+0000"}
    with open_video(film(tmp_path / "a.mov", [Shot([1])], tags=tags), min_side=SIZE[0]) as video:
        assert video.metadata.taken_at is None


ONE = 1 << 16
MATRICES = {  # as in a track's header: (a, b, u, c, d, v, x, y, w)
    0: (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30),
    90: (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30),  # a phone held upright
    180: (-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30),
    270: (0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30),
}


@pytest.mark.parametrize("clockwise", MATRICES)
def test_pictures_stand_upright(clockwise: int, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mov", [Shot([3], ground=RED)], matrix=MATRICES[clockwise])
    upright = np.rot90(films.paint(Shot([3], ground=RED)), -clockwise // 90)
    with open_video(path, min_side=SIZE[0]) as video:
        assert (video.metadata.height, video.metadata.width) == upright.shape[:2]
        pixels = next(video.keyframes()).pixels
    assert pixels.shape == upright.shape
    assert np.abs(pixels.astype(int) - upright).mean() < 12


def test_keyframes_two_seconds_apart_whatever_the_file_holds(tmp_path: Path) -> None:
    often = film(tmp_path / "a.mov", [Shot([1], 8)], keyframe_s=0.5)
    seldom = film(tmp_path / "b.mov", [Shot([1], 8)], keyframe_s=4)
    pieces = film(
        tmp_path / "c.mp4",
        [Shot([1], 8)],
        keyframe_s=0.5,
        options={"movflags": "frag_keyframe+empty_moov"},
    )
    for path, times in ((often, [0, 2, 4, 6]), (seldom, [0, 4]), (pieces, [0, 2, 4, 6])):
        with open_video(path, min_side=SIZE[0]) as video:
            found = [frame.at_s for frame in video.keyframes()]
        assert found == pytest.approx(times, abs=0.3), path


def test_a_long_video_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_KEYFRAMES == 1800
    path = film(tmp_path / "a.mov", [Shot([1], 60)], fps=2, keyframe_s=1)
    monkeypatch.setattr("fastface.video.container.MAX_KEYFRAMES", 6)
    with open_video(path, min_side=SIZE[0]) as video:
        assert len([*video.keyframes()]) == 6


def test_the_picture_of_a_time_again(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mov", [Shot([1], 4, RED), Shot([2], 4, GREEN)], fps=7)
    with open_video(path, min_side=SIZE[0]) as video:
        for at_s, pixels in video.keyframes():
            np.testing.assert_array_equal(keyframe(path, at_s, min_side=SIZE[0]), pixels)


def test_large_pictures_are_made_smaller(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mov", [Shot([1])])
    assert keyframe(path, 0, min_side=64).shape == (SIZE[1] // 2, SIZE[0] // 2, 3)


def test_the_memory_limit_holds_for_videos(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mov", [Shot([1])])
    with open_video(path, min_side=SIZE[0], budget=MemoryBudget(0)):
        pass  # an ordinary one
    with (
        pytest.MonkeyPatch.context() as patched,
        pytest.raises(MemoryLimitError, match=r"a\.mov: .*--max-memory"),
    ):
        patched.setattr("fastface.video.container._BYTES_PER_PIXEL", 10_000)
        with open_video(path, min_side=SIZE[0], budget=MemoryBudget(0)):
            pass


def damaged(path: Path, how: str) -> Path:
    data = path.read_bytes()
    start = data.find(b"moov")
    cut = {
        "empty": b"",
        "of text": b"#EXTM3U\nhttp://example.org/a.ts\n" * 9,
        "cut off": data[: len(data) * 2 // 3],
        "without an index": data[: start - 4],
        "of zeros": data[:32] + bytes(len(data) - 32),
    }[how]
    path.write_bytes(cut)
    return path


@pytest.mark.parametrize("how", ["empty", "of text", "without an index", "of zeros"])
def test_a_broken_video_is_an_error_of_one_line(how: str, tmp_path: Path) -> None:
    path = damaged(film(tmp_path / "a.mov", [Shot([1], 8)]), how)
    with pytest.raises(PhotoError, match=r"a\.mov: ") as caught, open_video(path, min_side=SIZE[0]):
        pass
    assert "\n" not in str(caught.value)


def test_a_video_that_is_cut_off_says_so(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mov", [Shot([1], 8)], options={"movflags": "faststart"})
    damaged(path, "cut off")
    with pytest.raises(PhotoError, match=r"cut off: .* of at least .* bytes are there"):
        read(path)


def test_damaged_pictures_are_left_out(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mov", [Shot([1, 2, 3], 8)])
    data = bytearray(path.read_bytes())
    middle = data.find(b"moov") // 3
    data[middle : middle + 40] = b"\xff" * 40
    path.write_bytes(data)
    assert people(read(path))  # what else there is


def test_what_is_no_camera_s_video_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mov", [Shot([1])], codec="png", pix_fmt="rgb24")
    with pytest.raises(PhotoError, match="coded as png, which is not supported"):
        read(path)


def test_videos_by_their_first_bytes(tmp_path: Path) -> None:
    moved = film(tmp_path / "a.mov", [Shot([1])]).rename(tmp_path / "a.jpg")
    assert is_video(moved) and not is_video(paint(tmp_path / "b.mov", [1]))
    with pytest.raises(PhotoError, match="No such file"):
        is_video(tmp_path / "none.mov")


# -- the library ---------------------------------------------------------------------------------


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
