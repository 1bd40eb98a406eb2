"""An engine of real models that remembers what it saw, for benches that scan more than once.

What was seen is kept in a folder the caller names. Embeddings are biometric data: the files are
readable by their owner only, and belong outside the repository.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

import fastface
from fastface.pipeline import Grouping, PackEngine
from fastface.reading import Analyzer
from fastface.store import Facts
from fastface.types import ImageArray, IntArray, Observation


class Memory:
    """An analyzer that looks at the same pixels once; a file of the folder for each photo."""

    def __init__(self, analyzer: Analyzer, folder: Path) -> None:
        self._analyzer, self._folder = analyzer, folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def analyze(self, pixels: ImageArray) -> list[Observation]:
        file = self._folder / hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest()
        if file.exists():
            seen: list[Observation] = pickle.loads(file.read_bytes())
            return seen
        seen = self._analyzer.analyze(pixels)
        half = file.with_suffix(f".{os.getpid()}")
        half.touch(mode=0o600)
        half.write_bytes(pickle.dumps(seen))
        half.replace(file)
        return seen


@dataclass(frozen=True)
class Remembering(PackEngine):
    """A pack's engine, or a constant threshold in its place that heeds nothing the user said."""

    cache: Path = field(kw_only=True)
    threshold: float | None = field(default=None, kw_only=True)

    @property
    def grouping_tag(self) -> str:
        return f"{super().grouping_tag} {self.threshold}"

    def make_analyzer(self) -> Analyzer:
        # An observation of another form than today's cannot be read.
        form = len(fields(Observation))
        return Memory(super().make_analyzer(), self.cache / f"seen-{self.model_tag}-{form}")

    def group(self, facts: Facts, said: IntArray, **part: Any) -> Grouping:
        if self.threshold is None:
            return super().group(facts, said, **part)
        labels = np.full(len(facts.ids), -1)
        clear = ~facts.unclear
        labels[clear] = fastface.MedianLinkage(self.threshold).fit(facts.faces[clear]).labels_
        return Grouping(np.zeros(len(facts.hashes), np.int64), labels, self.threshold)
