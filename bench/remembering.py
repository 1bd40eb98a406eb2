"""An engine of real models that remembers what it saw, for benches that scan more than once.

What was seen is kept in a folder the caller names. Embeddings are biometric data: the files are
readable by their owner only, and belong outside the repository.
"""

from __future__ import annotations

import hashlib
import pickle
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import fastface
from fastface.pipeline import Gallery, Grouping, PackEngine
from fastface.reading import Analyzer
from fastface.store import Facts
from fastface.types import FloatArray, ImageArray, IntArray, Observation


class Memory:
    """An analyzer that looks at the same pixels once; `keep` writes what it saw."""

    def __init__(self, analyzer: Analyzer, file: Path) -> None:
        self._analyzer, self._file = analyzer, file
        self._lock = threading.Lock()
        self._seen: dict[bytes, list[Observation]] = {}
        if file.exists():
            self._seen = pickle.loads(file.read_bytes())
        self._n_kept = len(self._seen)

    def analyze(self, pixels: ImageArray) -> list[Observation]:
        key = hashlib.sha256(np.ascontiguousarray(pixels)).digest()
        if key not in self._seen:
            found = self._analyzer.analyze(pixels)
            with self._lock:
                self._seen[key] = found
        return self._seen[key]

    def keep(self) -> None:
        if len(self._seen) > self._n_kept:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file.touch(mode=0o600)
            self._file.write_bytes(pickle.dumps(self._seen))
            self._n_kept = len(self._seen)


@dataclass
class Remembering:
    """A pack's engine, or a constant threshold in its place that heeds nothing the user said."""

    cache: Path
    pack: str = "default"
    threshold: float | None = None

    def __post_init__(self) -> None:
        self._engine = PackEngine(self.pack)
        self._memory: Memory | None = None

    def __reduce__(self) -> tuple[type[Remembering], tuple[Path, str, float | None]]:
        # Another process loads models of its own.
        return Remembering, (self.cache, self.pack, self.threshold)

    @property
    def model_tag(self) -> str:
        return self._engine.model_tag

    @property
    def grouping_tag(self) -> str:
        return f"{self._engine.grouping_tag} {self.threshold}"

    @property
    def min_side(self) -> int:
        return self._engine.min_side

    def make_analyzer(self) -> Memory:
        if self._memory is None:
            stored = self.cache / f"seen-{self.model_tag}.pickle"
            self._memory = Memory(self._engine.make_analyzer(), stored)
        return self._memory

    def group(self, facts: Facts, said: IntArray) -> Grouping:
        if self._memory is not None:
            self._memory.keep()
        if self.threshold is None:
            return self._engine.group(facts, said)
        labels = np.full(len(facts.ids), -1)
        clear = ~facts.unclear
        labels[clear] = fastface.MedianLinkage(self.threshold).fit(facts.faces[clear]).labels_
        return Grouping(np.zeros(len(facts.hashes), np.int64), labels, self.threshold)

    def make_gallery(self, faces: FloatArray, people: IntArray, quality: FloatArray) -> Gallery:
        return self._engine.make_gallery(faces, people, quality)
