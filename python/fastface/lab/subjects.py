"""What is judged: an installed pack's embedder, an ONNX file, or a training's folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastface import models
from fastface.embedding import Embedder
from fastface.errors import ModelError
from fastface.graphs import INPUT, OUTPUT
from fastface.inference import OrtSession
from fastface.templates import ARCFACE, Template
from fastface.types import FloatArray, ImageArray

_CHUNK = 64


@dataclass(frozen=True, slots=True)
class Subject:
    """An embedder to be judged: where its file is and what its crops look like."""

    name: str
    path: Path
    template: Template = ARCFACE

    def embed(self, crops: ImageArray, *, threads: int = 1) -> FloatArray:
        """Unit vectors of (n, side, side, 3) uint8 aligned crops."""
        session = session_of(self.path, threads=threads)
        probe = np.zeros((1, 3, self.template.side, self.template.side), np.float32)
        dims = session.run_checked({INPUT: probe})[OUTPUT].shape[1]
        embedder = Embedder(session, self.template, dims)
        chunks = range(0, len(crops), _CHUNK)
        return np.concatenate([embedder.embed(np.array(crops[k : k + _CHUNK]))[0] for k in chunks])


def find_subject(text: str, cache: Path) -> Subject:
    """The subject that a user names: a pack, an .onnx file, or a folder that `lab train` wrote.

    A training's network is exported to `cache`.  Raises ModelError if it is none of these.
    """
    path = Path(text)
    if path.suffix == ".onnx":
        return Subject(path.stem, path)
    checkpoint = path / "checkpoint.pt"
    if checkpoint.is_file():
        return Subject(path.name, _exported(checkpoint, cache))
    if path.exists():
        raise ModelError(f"{text} is neither an .onnx file nor a folder with a checkpoint.pt")
    return Subject(text, models.installed(text)["embedder"].path, models.recipe(text).template)


def session_of(
    path: Path, providers: Sequence[str] | None = None, *, threads: int = 1
) -> OrtSession:
    """A session of a file that nobody vouches for: it is what it is."""
    return OrtSession(path, sha256=sha256_of(path), providers=providers, threads=threads)


def sha256_of(path: Path) -> str:
    """Hex digits; ModelError if the file cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error


def _exported(checkpoint: Path, cache: Path) -> Path:
    from fastface.files import write_private
    from fastface.lab.export import to_onnx
    from fastface.lab.train import load_network

    content = to_onnx(load_network(checkpoint))
    path = cache / f"exported-{hashlib.sha256(content).hexdigest()[:16]}.onnx"
    if not path.is_file():
        write_private(path, content)
    return path
