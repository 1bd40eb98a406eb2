"""MP4 and MOV files through PyAV, keyframe by keyframe: the one place where it is imported.

Only the formats that cameras and phones write are opened, by their first bytes, and from an open
file: of FFmpeg's demuxers some read playlists, which name other files and addresses.
"""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

import numpy as np

from fastface import heif
from fastface.errors import PhotoError
from fastface.images import reduction_to
from fastface.memory import MemoryBudget
from fastface.photos import display_name, open_photo
from fastface.types import ImageArray, PhotoMetadata
from fastface.video import tags

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

HOW_TO_READ: Final = "pip install av"

# What a QuickTime file begins with, where it does not begin with its type, `ftyp`.
_ATOMS: Final = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_CODECS: Final = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4", "h263", "mjpeg", "prores"})
MAX_PIXELS: Final = 8192 * 8192 // 2  # 8k, and a little more
# Of a decoder's pictures and ours: 7 were measured with H.264 (4k), 16 with HEVC in 10 bits (2k).
_BYTES_PER_PIXEL: Final = 20

# Looked at are keyframes so far apart, and in a long video at most so many.
MIN_GAP_S: Final = 2.0
_NEARLY: Final = 0.95  # clocks of cameras are not exact
MAX_KEYFRAMES: Final = 1800
# The index is whole if it reaches so near to the end; a file in fragments has a part of it.
_SLACK_S: Final = 15.0
_ROUNDED_S: Final = 0.002  # more than what is lost when times are rounded


class NoReaderError(PhotoError):
    """Not a broken video: with PyAV it can be read."""


class Keyframe(NamedTuple):
    """A picture of a video.  at_s: seconds from the start.  pixels: as of `images.decode`."""

    at_s: float
    pixels: ImageArray


def is_readable() -> bool:
    """Whether PyAV is installed."""
    return importlib.util.find_spec("av") is not None


def is_video(path: str | Path) -> bool:
    """Whether a file is an MP4 or MOV by its first bytes.  PhotoError if it cannot be opened."""
    with open_photo(path) as file:
        prefix = file.read(64)
    if prefix[4:8] == b"ftyp":
        return not heif.brands(prefix) & (heif.HEIC_BRANDS | heif.AVIF_BRANDS)
    return prefix[4:8] in _ATOMS


class Video:
    """An open video.  metadata: what it says of itself."""

    def __init__(
        self, name: str, container: InputContainer, stream: VideoStream, min_side: int
    ) -> None:
        self._name, self._container, self._stream = name, container, stream
        self._min_side = min_side
        context = self._stream.codec_context
        context.thread_count = 1  # the scan runs several videos at a time
        context.skip_frame = "NONKEY"
        self.duration_s = self._seconds(self._stream.duration) or (container.duration or 0) / 1e6
        first = self._first()
        width, height = self._upright_size(first)
        self.metadata: PhotoMetadata = tags.metadata(
            container.metadata, width, height, self.duration_s
        )

    def keyframes(self) -> Iterator[Keyframe]:
        """Keyframes from the first on, at least MIN_GAP_S apart; those that are damaged left out.

        Of a video with more than MAX_KEYFRAMES of them those are further apart.
        """
        gap_s = max(MIN_GAP_S, self.duration_s / MAX_KEYFRAMES)
        due = -math.inf
        with _translated(self._name):
            for packet in self._key_packets(gap_s):
                at_s = self._at_s(packet)
                if at_s < due:
                    continue
                for frame in self._decoded(packet):
                    yield Keyframe(at_s, self._upright(frame))
                    due = at_s + _NEARLY * gap_s

    def keyframe(self, at_s: float) -> Keyframe:
        """The keyframe at a time that `keyframes` gave.  PhotoError if there is none."""
        with _translated(self._name):
            self._seek(at_s)
            for packet in self._packets():
                for frame in self._decoded(packet):
                    return Keyframe(self._at_s(packet), self._upright(frame))
                break
        raise PhotoError(f"{self._name}: no picture can be decoded at {at_s:.1f} s")

    def _first(self) -> VideoFrame:
        for packet in self._packets():
            for frame in self._decoded(packet):
                return frame
        raise PhotoError("none of its pictures can be decoded")

    def _key_packets(self, gap_s: float) -> Iterator[Packet[VideoStream]]:
        """By the index, so that only what is looked at is read; without one, all is read."""
        entries = [entry for entry in self._stream.index_entries if entry.is_keyframe]
        start = entries[0].timestamp if entries else 0  # before 0 where pictures are reordered
        times = [self._seconds(entry.timestamp - start) for entry in entries]
        if not times or times[-1] + max(_SLACK_S, self.duration_s / 4) < self.duration_s:
            self._seek(0.0)
            yield from self._packets()
            return
        due, last = -math.inf, -math.inf
        for time in times:
            if time < due:
                continue
            self._seek(time)
            packet = next(self._packets(), None)
            if packet is not None and self._at_s(packet) > last:
                last = self._at_s(packet)
                yield packet
            due = time + _NEARLY * gap_s

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        for packet in self._container.demux(self._stream):
            if packet.is_keyframe and packet.pts is not None:
                yield packet

    def _decoded(self, packet: Packet[VideoStream]) -> Iterator[VideoFrame]:
        """The picture of one packet, whatever comes after it; none if it is damaged."""
        import av

        context = self._stream.codec_context
        context.flush_buffers()
        try:
            frames = [*context.decode(packet), *context.decode(None)]
        except av.FFmpegError:
            frames = []
        yield from [frame for frame in frames if not frame.is_corrupt][:1]

    def _seek(self, at_s: float) -> None:
        start = self._stream.start_time or 0
        at = start + round((at_s + _ROUNDED_S) / float(self._stream.time_base or 1))
        self._container.seek(at, stream=self._stream)

    def _seconds(self, ticks: int | None) -> float:
        return float((ticks or 0) * (self._stream.time_base or 0))

    def _at_s(self, packet: Packet[VideoStream]) -> float:
        return round(self._seconds((packet.pts or 0) - (self._stream.start_time or 0)), 3)

    def _upright_size(self, frame: VideoFrame) -> tuple[int, int]:
        aspect = self._stream.sample_aspect_ratio or 1  # old cameras' pixels are not square
        width, height = round(frame.width * float(aspect)), frame.height
        return (height, width) if frame.rotation % 180 else (width, height)

    def _upright(self, frame: VideoFrame) -> ImageArray:
        width, height = self._upright_size(frame)
        if frame.rotation % 180:
            width, height = height, width
        smaller = reduction_to(width, height, self._min_side)
        pixels = frame.to_ndarray(
            format="rgb24",
            width=max(1, width // smaller),
            height=max(1, height // smaller),
            interpolation="AREA",
        )
        return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))


@contextmanager
def open_video(
    path: str | Path, *, min_side: int, budget: MemoryBudget | None = None
) -> Iterator[Video]:
    """An open video.  min_side, budget: as of `images.decode`.

    Raises PhotoError, with one line that names the file, for one that is damaged, cut off, of
    another format or too large, or if PyAV is not installed; so do the video's methods.
    """
    name = display_name(path)
    if not is_readable():
        raise NoReaderError(f"{name}: a video; {HOW_TO_READ} lets fastface read it")
    with ExitStack() as stack:
        file = stack.enter_context(open_photo(path))
        with _translated(name):
            container = stack.enter_context(_opened(file))
            stream = _picture_stream(container)
            _check(stream, os.fstat(file.fileno()).st_size)
            if budget is not None:
                stack.enter_context(budget.reserve(_n_pixels(stream) * _BYTES_PER_PIXEL))
            video = Video(name, container, stream, min_side)
        yield video


def keyframe(path: str | Path, at_s: float, *, min_side: int) -> ImageArray:
    """The picture of a video at a time of `Face.at_s`.  PhotoError as `open_video`."""
    with open_video(path, min_side=min_side) as video:
        return video.keyframe(at_s).pixels


def _opened(file: BinaryIO) -> InputContainer:
    import av

    # PyAV 19 keeps what is not UTF-8 in a tag as lone surrogates; older ones do so when asked.
    older: dict[str, Any] = {"metadata_errors": "surrogateescape"}
    ours = {} if int(av.__version__.partition(".")[0]) >= 19 else older
    container: InputContainer = av.open(file, "r", format="mov", **ours)
    return container


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Whatever PyAV raises on damaged bytes leaves here as a PhotoError."""
    import av

    try:
        yield
    except PhotoError as error:
        raise type(error)(f"{name}: {error}") from error.__cause__
    except (av.FFmpegError, OSError, ValueError, IndexError, EOFError) as error:
        reason = display_name(getattr(error, "strerror", None) or str(error))
        raise PhotoError(f"{name}: cannot be decoded ({reason})") from error


def _picture_stream(container: InputContainer) -> VideoStream:
    """The video itself: covers and thumbnails are streams too."""
    for stream in container.streams.video:
        if not stream.disposition & stream.disposition.attached_pic:
            return stream
    raise PhotoError("there is no video in it")


def _n_pixels(stream: VideoStream) -> int:
    return stream.codec_context.width * stream.codec_context.height


def _check(stream: VideoStream, n_bytes: int) -> None:
    """Refuse what cannot be read, or not in memory, before anything is decoded."""
    codec, n_pixels = stream.codec_context.name, _n_pixels(stream)
    if codec not in _CODECS:
        raise PhotoError(f"its pictures are coded as {codec}, which is not supported")
    if not 0 < n_pixels <= MAX_PIXELS:
        raise PhotoError(f"{n_pixels / 1e6:.0f} megapixels, the limit is {MAX_PIXELS / 1e6:.0f}")
    end = max((entry.pos + entry.size for entry in stream.index_entries), default=0)
    if end > n_bytes:
        raise PhotoError(f"cut off: {n_bytes} of at least {end} bytes are there")
