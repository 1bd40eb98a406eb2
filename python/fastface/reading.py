"""What a worker does with a photo or video: decode, analyse, check.  Fit for threads, processes."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from fastface.errors import PhotoError
from fastface.images import decode
from fastface.memory import MemoryBudget
from fastface.photos import PhotoFile
from fastface.types import ImageArray, Observation, PhotoMetadata, Placement
from fastface.video import Stopper, is_video, read_video

UNIT_NORM_TOLERANCE: Final = 1e-3


class Analyzer(Protocol):
    """Finds people in pixels; safe to call from many threads."""

    def analyze(self, pixels: ImageArray) -> list[Observation]: ...


class LazyAnalyzer:
    """Makes the analyzer when the first photo needs it; threads share it, each process has one.

    make: makes the analyzer; for an executor of processes, a function that can be pickled.
    """

    def __init__(self, make: Callable[[], Analyzer]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._analyzer: Analyzer | None = None

    def __reduce__(self) -> tuple[Callable[..., LazyAnalyzer], tuple[Callable[[], Analyzer]]]:
        return _of_this_process, (self._make,)

    def analyze(self, pixels: ImageArray) -> list[Observation]:
        with self._lock:
            if self._analyzer is None:
                self._analyzer = self._make()
        return self._analyzer.analyze(pixels)

    @property
    def placements(self) -> Mapping[str, Placement]:
        """Where each model runs, by role; empty where this process has not made any."""
        return getattr(self._analyzer, "placements", {})


@functools.cache
def _of_this_process(make: Callable[[], Analyzer]) -> LazyAnalyzer:
    return LazyAnalyzer(make)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a photo says of itself, and what the models see in it."""

    metadata: PhotoMetadata
    observations: list[Observation]


class ChangedWhileReadError(PhotoError):
    """Not a broken photo: the next scan sees the new content."""


def look(
    path: str | Path,
    analyze: Callable[[ImageArray], list[Observation]],
    *,
    min_side: int,
    same_face: float,
    budget: MemoryBudget | None = None,
    stopper: Stopper | None = None,
) -> Reading:
    """Everybody in a photo or video file; arguments and errors as of `decode` and `read_video`."""
    if is_video(path):
        metadata, observations = read_video(
            path,
            analyze,
            min_side=min_side,
            same_face=same_face,
            budget=budget,
            stopper=stopper,
        )
        return Reading(metadata, observations)
    decoded = decode(path, min_side=min_side, budget=budget)
    return Reading(decoded.metadata, analyze(decoded.pixels))


def read_photo(
    photo: PhotoFile,
    *,
    analyzer: LazyAnalyzer,
    min_side: int,
    same_face: float,
    budget: MemoryBudget | None = None,
    stopper: Stopper | None = None,
) -> Reading:
    """Everything that the models see in a photo or video file, see `look`.

    Raises PhotoError if it cannot be decoded, ChangedWhileReadError if it is not the file any more
    that the walk met, ValueError if the analyzer returned something that is no measurement.
    """
    reading = look(
        photo.path,
        analyzer.analyze,
        min_side=min_side,
        same_face=same_face,
        budget=budget,
        stopper=stopper,
    )
    for number, observation in enumerate(reading.observations):
        _check(observation, number)
    try:
        now = photo.path.stat()
    except OSError as error:
        raise ChangedWhileReadError(f"vanished while it was read ({error.strerror})") from error
    if (now.st_size, now.st_mtime_ns) != (photo.size, photo.mtime_ns):
        raise ChangedWhileReadError("changed while it was read; the next scan tries it again")
    return reading


def _check(observation: Observation, number: int) -> None:
    """What is stored is a fact for ever: nothing that is no measurement gets in."""
    for name in ("face", "torso"):
        embedding = getattr(observation, name)
        if embedding is None and name == "torso":
            continue
        norm = np.linalg.norm(np.asarray(embedding, np.float64))
        if embedding.ndim != 1 or not abs(norm - 1.0) <= UNIT_NORM_TOLERANCE:  # NaN fails too
            raise ValueError(f"face {number}: the {name} embedding is not a vector of unit norm")
    numbers = (*observation.box, *(observation.torso_box or ()), observation.score)
    if not np.isfinite((*numbers, observation.quality)).all():
        raise ValueError(f"face {number}: box, score or quality is not finite")
    if observation.landmarks.shape != (5, 2) or not np.isfinite(observation.landmarks).all():
        raise ValueError(f"face {number}: expected five finite landmarks")
