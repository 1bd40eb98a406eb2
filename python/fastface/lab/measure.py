"""How long an ONNX model takes, how much memory and how much energy, on this machine.

Models are timed in turns within one process, so that all share the machine's mood; memory is
measured in a fresh process for each, where nothing else grows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fastface.graphs import INPUT
from fastface.inference import load_runtime
from fastface.lab.costs import Costs, read_costs
from fastface.lab.energy import WATTS_PER_CORE, Energy, Meter
from fastface.lab.subjects import Subject, session_of

_WARM_UP = 5


class Latency(NamedTuple):
    """Milliseconds of one face, median and 95th percentile, by the clock and of processor time."""

    wall_ms: float
    wall_p95_ms: float
    cpu_ms: float
    cpu_p95_ms: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """One model on one provider with so many threads.

    resident_bytes: what a process grows by when it loads and runs the model: weights, maps and the
    engine's arena; 0 where the system does not tell.  faces_per_s: by the clock.
    """

    name: str
    provider: str
    threads: int
    costs: Costs
    file_bytes: int
    resident_bytes: int
    latency: Latency
    faces_per_s: float
    energy: Energy


def measure(
    subjects: Sequence[Subject],
    *,
    providers: Sequence[str] | None = None,
    threads: int = 1,
    runs: int = 100,
    watts_per_core: float = WATTS_PER_CORE,
    progress: Callable[[int, int], None] | None = None,
) -> list[Measurement]:
    """Measure embedders, one face at a time.

    runs: timed runs of each, in turns.  Raises ModelError for what cannot be loaded.
    """
    runners = [_Runner(subject, providers, threads) for subject in subjects]
    for turn in range(-_WARM_UP, runs):
        for runner in runners:
            runner.run(watts_per_core, counts=turn >= 0)
        if progress is not None and turn >= 0:
            progress(turn + 1, runs)
    return [
        Measurement(
            name=runner.subject.name,
            provider="+".join(runner.session.placement.obtained),
            threads=threads,
            costs=read_costs(runner.subject.path),
            file_bytes=runner.subject.path.stat().st_size,
            resident_bytes=resident_bytes(runner.subject, threads),
            latency=Latency(*_spread(runner.wall_ms), *_spread(runner.cpu_ms)),
            faces_per_s=1000 * runs / sum(runner.wall_ms),
            energy=runner.median_energy(),
        )
        for runner in runners
    ]


class _Runner:
    """One subject's session and what its runs took."""

    def __init__(self, subject: Subject, providers: Sequence[str] | None, threads: int) -> None:
        self.subject = subject
        self.session = session_of(subject.path, providers, threads=threads)
        side = subject.template.side
        rng = np.random.default_rng(0)
        self._image = rng.uniform(0, 255, (1, 3, side, side)).astype(np.float32)
        self.wall_ms: list[float] = []
        self.cpu_ms: list[float] = []
        self._energy: list[Energy] = []

    def run(self, watts_per_core: float, *, counts: bool) -> None:
        meter, wall, cpu = Meter(watts_per_core), time.perf_counter(), time.process_time()
        self.session.run({INPUT: self._image})
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if counts:
            self._energy.append(Energy(*meter.joules()))
            self.wall_ms.append(1000 * wall)
            self.cpu_ms.append(1000 * cpu)

    def median_energy(self) -> Energy:
        joules = float(np.median([energy.joules for energy in self._energy]))
        return Energy(joules, self._energy[0].source)


def resident_bytes(subject: Subject, threads: int = 1) -> int:
    """How much a fresh process grows by loading the model and running it three times."""
    arguments = json.dumps([str(subject.path), subject.template.side, threads])
    run = subprocess.run(
        [sys.executable, "-c", _GROWTH, arguments], capture_output=True, text=True, check=True
    )
    return int(run.stdout)


_GROWTH = """
import json, sys
from pathlib import Path
from fastface.lab.measure import growth
path, side, threads = json.loads(sys.argv[1])
print(growth(Path(path), side, threads))
"""


def growth(path: Path, side: int, threads: int) -> int:
    """What `resident_bytes` does inside the fresh process."""
    image = np.ones((1, 3, side, side), np.float32)
    load_runtime()
    before = _resident()
    session = session_of(path, threads=threads)
    for _ in range(3):
        session.run({INPUT: image})
    return max(_resident() - before, 0)


def _resident() -> int:
    """Bytes of this process in memory; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _spread(values: list[float]) -> tuple[float, float]:
    return float(np.median(values)), float(np.quantile(values, 0.95))
