"""From a video to its people: keyframes, faces, shots, tracks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from fastface.errors import PhotoError
from fastface.memory import MemoryBudget
from fastface.types import ImageArray, Observation, PhotoMetadata
from fastface.video.container import open_video
from fastface.video.shots import colours, is_cut
from fastface.video.tracks import Tracker


class StoppedError(PhotoError):
    """Not a broken video: its reading was stopped."""


class Stopper:
    """Tells those who read videos, in this process, to stop."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __reduce__(self) -> tuple[type[Stopper], tuple[()]]:
        return Stopper, ()

    def stop(self) -> None:
        self._event.set()

    def check(self) -> None:
        """Raises StoppedError once `stop` was called."""
        if self._event.is_set():
            raise StoppedError("stopped")


def read_video(
    path: str | Path,
    analyze: Callable[[ImageArray], list[Observation]],
    *,
    min_side: int,
    same_face: float,
    budget: MemoryBudget | None = None,
    stopper: Stopper | None = None,
) -> tuple[PhotoMetadata, list[Observation]]:
    """Everybody in a video, one observation for each shot that they are in.

    analyze: finds people in pixels.  min_side, budget: as of `images.decode`.  same_face: cosine
    distance under which two faces are likely one person's.  stopper: asked before every keyframe.
    Raises PhotoError as `open_video`, StoppedError.
    """
    tracker = Tracker(same_face)
    before = None
    with open_video(path, min_side=min_side, budget=budget) as video:
        for at_s, pixels in video.keyframes():
            if stopper is not None:
                stopper.check()
            now = colours(pixels)
            if before is not None and is_cut(before, now):
                tracker.cut()
            tracker.add(at_s, analyze(pixels))
            before = now
        return video.metadata, tracker.observations()
