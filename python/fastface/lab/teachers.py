"""What an installed embedder says about crops: the targets of distillation.

Asked beforehand, a teacher sees each crop in a fixed set of views, so that its answers can be kept;
the student is shown the same views under augmentations that the teacher never sees, and must answer
alike.  Asked live, it sees the very pixels that the student sees, and tells what it makes of them
at every stage: far more is learnt from few photos, for more milliseconds a step.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from fastface import models
from fastface.embedding import Embedder
from fastface.files import write_private
from fastface.graphs import expose_stages
from fastface.inference import OrtSession
from fastface.lab.batches import Batch
from fastface.lab.crops import Crops
from fastface.lab.views import VIEWS, seen
from fastface.types import FloatArray, ImageArray, IntArray

Progress = Callable[[int, int], None]

STAGES = (14, 7)  # the sides of the maps that a live teacher tells, where networks agree

_CHUNK = 64
_LIVE_CHUNK = 4  # as many at a time as stay in the cache


class Answers(NamedTuple):
    """embeddings: (n, d) float32, unit norm.  stages: side -> (n, side, side, c) float32, the maps
    before the next stride; empty from a teacher who was asked beforehand."""

    embeddings: FloatArray
    stages: Mapping[int, FloatArray]


class Teacher(Protocol):
    """stages: side -> channels of the maps that its answers hold."""

    @property
    def stages(self) -> Mapping[int, int]: ...

    def answer(self, batch: Batch) -> Answers:
        """What to learn from a batch."""
        ...

    def embed(self, crops: Crops, rows: IntArray) -> FloatArray:
        """(n, d) unit vectors of crops as they are."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Answers given beforehand.

    embeddings: (views, n, d) float32, unit norm.  norms: (views, n) float32, the raw lengths."""

    embeddings: FloatArray
    norms: FloatArray

    @property
    def stages(self) -> Mapping[int, int]:
        return {}

    def answer(self, batch: Batch) -> Answers:
        """What was said of its crops in its views, whatever was done to the pixels since."""
        return Answers(self.embeddings[batch.views, batch.rows], {})

    def embed(self, _crops: Crops, rows: IntArray) -> FloatArray:
        """(n, d) unit vectors of crops as they are."""
        return self.embeddings[0, rows]


class LiveTeacher:
    """A pack's embedder, asked while training goes on.

    cache: where its network with more outputs is kept.  threads: of the processor.
    Raises ModelError if the pack is not installed or its network has no such stages.
    """

    def __init__(self, cache: Path, *, pack: str = "default", threads: int = 1) -> None:
        content = expose_stages(models.installed(pack)["embedder"].path.read_bytes(), STAGES)
        sha256 = hashlib.sha256(content).hexdigest()
        path = cache / f"stages-{sha256[:8]}.onnx"
        if not path.is_file():
            cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(path, content)
        self._session = OrtSession(path, sha256=sha256, threads=threads)
        told = self._ask(np.zeros((1, 112, 112, 3), np.uint8))
        self.stages: Mapping[int, int] = {side: told[f"stage_{side}"].shape[3] for side in STAGES}

    def answer(self, batch: Batch) -> Answers:
        """What it makes of the clear faces."""
        return self._look(batch.clear)

    def embed(self, crops: Crops, rows: IntArray) -> FloatArray:
        """(n, d) unit vectors of crops as they are."""
        return self._look(crops.pixels[rows]).embeddings

    def _look(self, pixels: ImageArray) -> Answers:
        parts = [
            self._ask(pixels[start : start + _LIVE_CHUNK])
            for start in range(0, len(pixels), _LIVE_CHUNK)
        ]
        told = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        raw = told["fc1"]
        return Answers(
            raw / np.linalg.norm(raw, axis=1, keepdims=True),
            {side: told[f"stage_{side}"] for side in STAGES},
        )

    def _ask(self, pixels: ImageArray) -> dict[str, FloatArray]:
        planes = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32)
        return self._session.run({"data": planes})


def targets(
    crops: Crops, cache: Path, *, pack: str = "default", progress: Progress | None = None
) -> Targets:
    """The teacher's embeddings of every crop in every view, from the cache where they are.

    Raises ModelError if the pack is not installed.
    """
    file = models.installed(pack)["embedder"]
    embedder = Embedder(OrtSession(file.path, sha256=file.sha256))
    done = []
    for view, name in enumerate(VIEWS):
        path = cache / f"teacher-{file.sha256[:8]}-{crops.key}-{name}.npz"
        if not path.is_file():
            embeddings, norms = _embed(embedder, crops, view, progress)
            buffer = io.BytesIO()
            np.savez(buffer, embeddings=embeddings, norms=norms)
            write_private(path, buffer.getvalue())
        with np.load(path) as stored:
            done.append((stored["embeddings"], stored["norms"]))
    return Targets(np.stack([e for e, _ in done]), np.stack([n for _, n in done]))


def _embed(
    embedder: Embedder, crops: Crops, view: int, progress: Progress | None
) -> tuple[FloatArray, FloatArray]:
    n, parts = len(crops.pixels), []
    for start in range(0, n, _CHUNK):
        stop = min(start + _CHUNK, n)
        images = np.stack([seen(crops, row, view) for row in range(start, stop)])
        parts.append(embedder.embed(images))
        if progress is not None:
            progress(view * n + stop, len(VIEWS) * n)
    embeddings, norms = zip(*parts, strict=True)
    return np.concatenate(embeddings), np.concatenate(norms)
