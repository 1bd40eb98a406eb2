"""Small videos made for tests, and an engine that sees who is in them.

Who is in a picture is said by the colours of its upper half, in four cells from left to right; the
lower half has the shot's own colour.  Both outlive any compression.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageOps

from fastface.types import Box, ImageArray, Observation
from tests.fake_engine import FakeAnalyzer, FakeEngine, observation

av = pytest.importorskip("av", reason="needs PyAV, which reads videos")

SIZE = 128, 96
CELLS = 4
STEP = 64  # between the levels of a colour

# What a telephone of Apple's writes into a video.
APPLE = {
    "creation_time": "2023-06-01T10:30:05.000000Z",
    "com.apple.quicktime.creationdate": "2023-06-01T12:30:05+0200",
    "com.apple.quicktime.location.ISO6709": "+48.8577+002.2950+035.000/",
    "com.apple.quicktime.make": "Apple",
    "com.apple.quicktime.model": "iPhone 15",
}


class Shot(NamedTuple):
    """people: who is in its pictures, from left to right.  ground: the colour of its lower half."""

    people: Sequence[int]
    seconds: float = 4.0
    ground: tuple[int, int, int] = (40, 40, 40)


def paint(shot: Shot) -> ImageArray:
    """A picture; person p of up to 26 has the colour p + 1, written with digits of 3."""
    pixels = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    pixels[SIZE[1] // 2 :] = shot.ground
    width = SIZE[0] // CELLS
    for cell, person in enumerate(shot.people):
        digits = np.array(np.unravel_index(person + 1, (4, 4, 4))) * STEP + STEP // 2
        pixels[: SIZE[1] // 2, cell * width : (cell + 1) * width] = digits
    return pixels


def film(
    path: Path,
    shots: Sequence[Shot],
    *,
    fps: int = 4,
    keyframe_s: float = 2.0,
    tags: Mapping[str, str] | None = None,
    matrix: Sequence[int] | None = None,
    options: Mapping[str, str] | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
) -> Path:
    """Writes a video.  matrix: the display matrix of ISO/IEC 14496-12, nine numbers."""
    frames = [(paint(shot), round(shot.seconds * fps)) for shot in shots]
    write(path, frames, fps, keyframe_s, tags, matrix, options, codec, pix_fmt)
    return path


def film_photos(path: Path, photos: Sequence[Path], seconds: float = 4.0) -> Path:
    """Writes a video that shows photos one after the other, 960 pixels wide."""
    size = (960, 720)
    frames = [
        (np.asarray(ImageOps.pad(Image.open(photo).convert("RGB"), size)), round(seconds * 4))
        for photo in photos
    ]
    write(path, frames)
    return path


def write(
    path: Path,
    pictures: Sequence[tuple[ImageArray, int]],
    fps: int = 4,
    keyframe_s: float = 2.0,
    tags: Mapping[str, str] | None = None,
    matrix: Sequence[int] | None = None,
    options: Mapping[str, str] | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
) -> None:
    """pictures: each with how many frames it is shown for."""
    flags = {"movflags": "use_metadata_tags"} | dict(options or {})
    with av.open(str(path), "w", format="mov", options=flags) as container:
        quick = {"preset": "ultrafast", "threads": "1"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=fps, options=quick)
        stream.height, stream.width = pictures[0][0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.codec_context.gop_size = int(fps * keyframe_s)
        if matrix is not None:
            stream.set_display_matrix(tuple(matrix))
        container.metadata.update(tags or {})
        for pixels, n_frames in pictures:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            for _ in range(n_frames):
                container.mux(stream.encode(frame))
        container.mux(stream.encode())


class FilmAnalyzer(FakeAnalyzer):
    """Sees who was painted."""

    def analyze(self, pixels: ImageArray) -> list[Observation]:
        height, width = pixels.shape[:2]
        if (width, height) != SIZE:
            return super().analyze(pixels)
        with self.lock:
            self.n_calls += 1
        time.sleep(self.seconds)
        found = []
        for cell in range(CELLS):
            colour = pixels[height // 4, int((cell + 0.5) * width / CELLS)].astype(int)
            person = int(np.ravel_multi_index(tuple(colour // STEP), (4, 4, 4))) - 1
            if person >= 0:
                seen = observation(person, cell, np.zeros((2, 4, 3), np.uint8), self.shift)
                found.append(seen)
        return found


def film_engine() -> FakeEngine:
    return FakeEngine(FilmAnalyzer(), min_side=SIZE[0])


def box(cell: int) -> Box:
    """Where a face of this cell is."""
    return Box(0.05 + 0.2 * cell, 0.1, 0.15, 0.2)
