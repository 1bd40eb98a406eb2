"""An engine without models: a photo's first pixels say who is in it; see `paint`.

Run as a program it scans, and takes its time for every photo, so that it can be interrupted:
`python -m tests.fake_engine LIBRARY FOLDER SECONDS`.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from fastface.library import Library
from fastface.pipeline import Grouping
from fastface.store import Facts
from fastface.types import Box, FloatArray, ImageArray, IntArray, Observation

N_PEOPLE = 16
UNCLEAR, BROKEN_MODEL, BUG = 200, 201, 202


def paint(path: Path, people: Sequence[int], seed: int = 0) -> Path:
    """A small photo of these people; each seed gives other content."""
    pixels = np.zeros((24, 32, 3), np.uint8)
    pixels[0, : len(people), 0] = np.array(people, np.uint8) + 1
    pixels[1, :4, 1] = list(seed.to_bytes(4, "little"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        Image.fromarray(pixels).save(file, "PNG")
    return path


@dataclass
class FakeAnalyzer:
    """Counts its calls.  seconds: how long a photo takes.  shift: of every box it sees."""

    seconds: float = 0.0
    shift: float = 0.0
    n_calls: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def analyze(self, pixels: ImageArray) -> list[Observation]:
        with self.lock:
            self.n_calls += 1
        time.sleep(self.seconds)
        people = [int(p) - 1 for p in pixels[0, :, 0] if p]
        if BUG in people:
            raise RuntimeError("the model fell over")
        return [
            observation(person, place, pixels, self.shift) for place, person in enumerate(people)
        ]


def observation(person: int, place: int, pixels: ImageArray, shift: float = 0.0) -> Observation:
    jitter = np.random.default_rng(pixels[1, :4, 1].tolist()).uniform(-0.05, 0.05, N_PEOPLE)
    face = (np.eye(N_PEOPLE)[person % N_PEOPLE] + jitter).astype(np.float32)
    face /= np.linalg.norm(face)
    if person == BROKEN_MODEL:
        face[:] = np.nan
    left = 0.05 + 0.2 * place + shift
    return Observation(
        box=Box(left, 0.1, 0.15, 0.2),
        landmarks=np.full((5, 2), left, np.float32),
        score=0.9,
        quality=0.5 + 0.01 * float(jitter[0]),
        unclear=person == UNCLEAR,
        face=face,
        torso_box=None if place else Box(left, 0.3, 0.2, 0.5),
        torso=None if place else face[:4] / np.linalg.norm(face[:4]),
    )


class FakeMatch(NamedTuple):
    person: int | None
    confidence: float
    distance: float


class FakeGallery:
    """The person of the nearest face, if it is near."""

    impostors = ()

    def __init__(self, faces: FloatArray, people: IntArray) -> None:
        self.faces, self.people = faces, people
        self.n_people = len(np.unique(people))

    def within_reach(self, faces: FloatArray) -> list[int]:
        if not len(faces):
            return []
        return [match.person for match in self.identify(faces) if match.person is not None]

    def identify(
        self, queries: FloatArray, *, impossible: Sequence[Collection[int]] | None = None
    ) -> list[FakeMatch]:
        if not len(self.people):
            return [FakeMatch(None, 0.0, np.inf)] * len(queries)
        distances = 1.0 - queries @ self.faces.T
        for row, others in enumerate(impossible or ()):
            distances[row, np.isin(self.people, [*others])] = 2.0
        nearest = distances.argmin(axis=1)
        return [
            FakeMatch(int(self.people[row]), 0.9, float(d[row]))
            if d[row] < 0.5
            else FakeMatch(None, 0.1, 2)
            for row, d in zip(nearest, distances, strict=True)
        ]


@dataclass
class FakeEngine:
    """relabel: turns the person's number that a face shows into a cluster's."""

    analyzer: FakeAnalyzer = field(default_factory=FakeAnalyzer)
    relabel: Callable[[int], int] = lambda person: person
    model_tag: str = "fake-1"
    grouping_tag: str = "argmax-1"
    min_side: int = 32
    same_face: float = 0.3
    n_groupings: int = 0
    n_made: int = 0
    n_galleries: int = 0

    def make_analyzer(self) -> FakeAnalyzer:
        self.n_made += 1
        return self.analyzer

    def moments(self, photos: Facts) -> IntArray:
        return np.arange(len(photos.hashes)) // 4

    def group(self, facts: Facts, said: IntArray, **part: Any) -> Grouping:
        self.n_groupings += 1
        people = facts.faces.argmax(axis=1) if len(facts.ids) else np.zeros(0, np.int64)
        labels = [
            -1 if unclear else self.relabel(int(person))
            for person, unclear in zip(people, facts.unclear, strict=True)
        ]
        moments = part.get("moments")
        moments = self.moments(facts) if moments is None else moments
        return Grouping(moments, np.array(labels, np.int64), threshold=0.5)

    def choose_exemplars(
        self,
        faces: FloatArray,
        quality: FloatArray,
        confirmed: npt.NDArray[np.bool_],
        taken_at: npt.NDArray[np.float64],
    ) -> IntArray:
        return np.arange(len(faces))

    def make_gallery(
        self, exemplars: FloatArray, people: IntArray, impostors: Sequence[float] | None
    ) -> FakeGallery:
        self.n_galleries += 1
        return FakeGallery(exemplars, people)


def again(library: Library, engine: FakeEngine) -> Library:
    library.close()
    return Library(library.path, engine=engine)


def who(library: Library) -> dict[str, tuple[str | None, frozenset[str]]]:
    """Person id -> name and the photos' names."""
    return {
        person.id: (person.name, frozenset(row.path.name for row in library.photos(person.id)))
        for person in library.people()
    }


def scanning(path: Path, folder: Path, *, seconds: float) -> subprocess.Popen[str]:
    """Another process that scans, and takes its time for every photo."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fake_engine", path, folder, str(seconds)],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


if __name__ == "__main__":
    with Library(sys.argv[1], engine=FakeEngine(FakeAnalyzer(float(sys.argv[3])))) as library:
        library.scan(sys.argv[2], workers=2)
