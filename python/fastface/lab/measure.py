"""What networks cost on this machine: what their files say, and what running them takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from fastface.energy import WATTS_PER_CORE, Energy
from fastface.graphs import INPUT
from fastface.lab.costs import Costs, read_costs
from fastface.lab.subjects import Subject, session_of, sha256_of
from fastface.measuring import Latency, in_turns, model_bytes


@dataclass(frozen=True, slots=True)
class Measurement:
    """One model on one provider with so many threads.

    resident_bytes: what a process grows by when it loads and runs the model.  latency: of one face.
    faces_per_s: by the clock.
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
    sessions = [session_of(subject.path, providers, threads=threads) for subject in subjects]
    shapes = [(1, 3, subject.template.side, subject.template.side) for subject in subjects]
    rng = np.random.default_rng(0)
    tasks = [
        partial(session.run, {INPUT: rng.uniform(0, 255, shape).astype(np.float32)})
        for session, shape in zip(sessions, shapes, strict=True)
    ]
    costs = in_turns(tasks, runs=runs, watts_per_core=watts_per_core, progress=progress)
    return [
        Measurement(
            name=subject.name,
            provider="+".join(session.placement.obtained),
            threads=threads,
            costs=read_costs(subject.path),
            file_bytes=subject.path.stat().st_size,
            resident_bytes=model_bytes(
                subject.path, sha256_of(subject.path), shape, threads=threads
            ),
            latency=cost.latency,
            faces_per_s=cost.per_s,
            energy=cost.energy,
        )
        for subject, session, shape, cost in zip(subjects, sessions, shapes, costs, strict=True)
    ]
