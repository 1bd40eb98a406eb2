"""What an installed embedder says about every crop, computed once: the targets of distillation.

A teacher sees each crop in a fixed set of views, so that its answers can be kept; the student is
shown the same views under augmentations that the teacher never sees, and must answer alike.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastface import models
from fastface.embedding import Embedder
from fastface.files import write_private
from fastface.inference import OrtSession
from fastface.lab.crops import Crops
from fastface.lab.views import VIEWS, seen
from fastface.types import FloatArray

Progress = Callable[[int, int], None]

_CHUNK = 64


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """embeddings: (views, n, d) float32, unit norm.  norms: (views, n) float32, the raw lengths."""

    embeddings: FloatArray
    norms: FloatArray


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
