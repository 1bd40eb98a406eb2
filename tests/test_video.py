"""Videos: what the container says, which pictures are looked at, who is followed through them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fastface.errors import PhotoError
from fastface.memory import MemoryBudget, MemoryLimitError
from fastface.types import Box, Observation, Sighting
from fastface.video import is_video, keyframe, read_video, shots
from fastface.video.container import MAX_KEYFRAMES, open_video
from fastface.video.tracks import Tracker
from tests import films
from tests.fake_engine import paint
from tests.films import APPLE, SIZE, FilmAnalyzer, Shot, film

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


def test_a_tag_that_is_not_utf8_is_read_as_far_as_it_is(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mov", [Shot([1])], tags={"com.apple.quicktime.model": "Modele 4"})
    path.write_bytes(path.read_bytes().replace(b"Modele", b"Mod\xe8le"))  # Latin-1's e grave
    with open_video(path, min_side=SIZE[0]) as video:
        assert video.metadata.camera == "Mod\ufffdle 4"


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
