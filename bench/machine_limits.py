"""C++ programs of the bench, compiled for this machine: what one of its cores can do at most."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Self


class Program:
    """One of the .cpp beside this file, compiled for this machine, while the context lasts."""

    def __init__(self, source: Path) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._program = Path(self._folder.name, source.stem)
        options = ["-O3", "-march=native", "-mprefer-vector-width=512", "-ffp-contract=fast"]
        paths = [f"-I{source.parents[1] / 'cpp'}", source, "-o", self._program]
        subprocess.run(["c++", "-std=c++20", *options, *paths], check=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def run(self, *arguments: str) -> str:
        return subprocess.run(
            [self._program, *arguments], check=True, stdout=subprocess.PIPE, text=True
        ).stdout


class Limits(Program):
    """machine_limits.cpp."""

    def __init__(self) -> None:
        super().__init__(Path(__file__).with_suffix(".cpp"))

    def all(self) -> dict[str, float]:
        """By unit: float32 GFLOP/s, 8-bit GOP/s (VNNI, and by tiles AMX), reading GB/s."""
        return json.loads(self.run())

    def measure(self, what: str) -> float:
        """float32: GFLOP/s.  bytes, matrix: GOP/s of 8-bit products.  reading: GB/s."""
        (value,) = json.loads(self.run(what)).values()
        return value


def machine_limits() -> dict[str, float]:
    """`Limits.all`; empty without a compiler."""
    try:
        with Limits() as limits:
            return limits.all()
    except (OSError, subprocess.CalledProcessError):
        return {}
