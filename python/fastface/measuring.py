"""How long things take, how much energy and how much memory, on this machine.

What is compared takes turns within one process, so that all share the machine's mood; memory is
measured in a fresh process for each, where nothing else grows.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fastface import machine
from fastface.energy import WATTS_PER_CORE, Energy, Meter
from fastface.inference import OrtSession, load_runtime

_WARM_UP = 5


class Latency(NamedTuple):
    """Milliseconds of one run, median and 95th percentile, by the clock and of processor time."""

    wall_ms: float
    wall_p95_ms: float
    cpu_ms: float
    cpu_p95_ms: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run takes.  per_s: runs a second, by the clock, one after the other."""

    latency: Latency
    per_s: float
    energy: Energy


def in_turns(
    tasks: Sequence[Callable[[], object]],
    *,
    runs: int = 100,
    watts_per_core: float = WATTS_PER_CORE,
    progress: Callable[[int, int], None] | None = None,
) -> list[Cost]:
    """What each of some tasks costs.

    runs: timed runs of each, after a few that do not count.  progress: called with (runs done, runs
    in all).
    """
    records = [_Record() for _ in tasks]
    for turn in range(-_WARM_UP, runs):
        for task, record in zip(tasks, records, strict=True):
            if turn < 0:
                task()
            else:
                record.run(task, watts_per_core)
        if progress is not None and turn >= 0:
            progress(turn + 1, runs)
    return [record.cost() for record in records]


class _Record:
    """What the runs of one task took."""

    def __init__(self) -> None:
        self._wall_ms: list[float] = []
        self._cpu_ms: list[float] = []
        self._energy: list[Energy] = []

    def run(self, task: Callable[[], object], watts_per_core: float) -> None:
        meter, wall, cpu = Meter(watts_per_core), time.perf_counter(), time.process_time()
        task()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        self._energy.append(Energy(*meter.joules()))
        self._wall_ms.append(1000 * wall)
        self._cpu_ms.append(1000 * cpu)

    def cost(self) -> Cost:
        joules = float(np.median([energy.joules for energy in self._energy]))
        return Cost(
            Latency(*_spread(self._wall_ms), *_spread(self._cpu_ms)),
            1000 * len(self._wall_ms) / sum(self._wall_ms),
            Energy(joules, self._energy[0].source),
        )


def _spread(values: list[float]) -> tuple[float, float]:
    return float(np.median(values)), float(np.quantile(values, 0.95))


def model_bytes(path: Path, sha256: str, shape: Sequence[int], *, threads: int = 1) -> int:
    """How much a fresh process grows by loading a model and running it three times.

    shape: of its one input.  Weights, maps and the engine's arena; 0 where the system does not
    tell.
    """
    arguments = json.dumps([str(path), sha256, list(shape), threads])
    run = subprocess.run(
        [sys.executable, "-c", _GROWTH, arguments], capture_output=True, text=True, check=True
    )
    return int(run.stdout)


_GROWTH = """
import json, sys
from pathlib import Path
from fastface.measuring import growth
path, *rest = json.loads(sys.argv[1])
print(growth(Path(path), *rest))
"""


def growth(path: Path, sha256: str, shape: Sequence[int], threads: int) -> int:
    """What `model_bytes` does inside the fresh process."""
    image = np.ones(shape, np.float32)
    load_runtime()
    before = machine.resident_bytes()
    session = OrtSession(path, sha256=sha256, threads=threads)
    for _ in range(3):
        session.run({session.input: image})
    return max(machine.resident_bytes() - before, 0)
