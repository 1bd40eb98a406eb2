"""What a second thread brings: linkage, edges and lasso on one thread and on two, by turns.

    python bench/scale_threads.py [--threads 2] [--repeats 5] [--scale 1.0]

The gain is that of the clock, turn by turn, and means something on an idle machine alone: `cores`
is the CPU time of a call on several threads by its time on the clock, near the number of threads
where nobody else uses them. `CPU` is the CPU time on several threads by that on one: their price.
`limit` is the gain were all cores had (Amdahl): the CPU time of a call on one thread by what of one
on several the calling thread itself works, which is all serial parts and its share of the others.
--scale multiplies the rows.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

import bench_distances
from face_mixtures import face_mixture
from fastface.kernels import lasso, median_linkage, pairwise_edges
from interleave import spread
from scale_linkage import THRESHOLDS, link

Run = Callable[[int], object]


def bounded(n: int) -> Run:
    X, _ = face_mixture("arc512", n, 0)
    return lambda threads: link(X, THRESHOLDS["arc512"], threads)


def exact(n: int) -> Run:
    X, _ = face_mixture("dlib128", n, 0)
    cut = THRESHOLDS["dlib128"]
    return lambda threads: median_linkage(
        n, pairwise_edges(X, cut, threads=threads), cut, threads=threads
    )


def edges(n: int) -> Run:
    """Those of bench_distances.py, in which one pair in a thousand is near."""
    faces, torsos = (bench_distances.embeddings(n, 512, seed) for seed in (0, 1))
    options = {"torsos": torsos, "alpha": bench_distances.ALPHA, "beta": bench_distances.BETA}
    cut = bench_distances.THRESHOLD
    return lambda threads: pairwise_edges(faces, cut, threads=threads, **options)


def codes(n: int) -> Run:
    """Of n queries over 2,000 atoms."""
    X, _ = face_mixture("hard512", 2000 + n, 0)
    return lambda threads: lasso(X[:2000], X[2000:], 0.15, threads=threads)


WORKLOADS: dict[str, tuple[Callable[[int], Run], int]] = {
    "linkage, bounded": (bounded, 100_000),
    "linkage, exact": (exact, 13_000),
    "edges, 512 + 512": (edges, 20_000),
    "lasso, 2,000 atoms": (codes, 4096),
}


def clocks(run: Run, threads: int) -> tuple[float, float, float]:
    """Seconds of the clock, of the process's CPU, and of the calling thread's."""
    time.sleep(PAUSE)
    readings = time.perf_counter, time.process_time, time.thread_time
    before = [read() for read in readings]
    run(threads)
    wall, cpu, own = (read() - then for read, then in zip(readings, before, strict=True))
    return wall, cpu, own


# Before each call: a process that others wait for is itself made to wait after most of a second.
PAUSE = 0.3


def work(name: str, n: int, pipe: Connection) -> None:
    """Does a workload on one thread, and again each time it is told to; says when it is done."""
    run = WORKLOADS[name][0](n)
    while True:
        run(1)
        pipe.send(None)
        if not pipe.recv():
            return


@contextmanager
def processes(name: str, n: int, count: int) -> Iterator[Callable[[], float]]:
    """What returns the seconds in which so many processes all do a workload, on one thread each."""
    context = multiprocessing.get_context("spawn")
    pipes = []
    for _ in range(count):
        here, there = context.Pipe()
        context.Process(target=work, args=(name, n, there), daemon=True).start()
        pipes.append(here)

    def run() -> float:
        time.sleep(PAUSE)
        began = time.perf_counter()
        for pipe in pipes:
            pipe.send(True)
        for pipe in pipes:
            pipe.recv()
        return time.perf_counter() - began

    for pipe in pipes:
        pipe.recv()
    yield run
    for pipe in pipes:
        pipe.send(False)


@dataclass(frozen=True)
class Gain:
    """turns: times as fast by the clock.  apart: the same of processes of one thread each.

    cores: that were had.  cost: CPU time by that on one thread.  seconds: on one.  limit: what the
    serial parts would allow.
    """

    turns: list[float]
    apart: list[float]
    cores: float
    cost: float
    seconds: float
    limit: float

    @classmethod
    def of(cls, name: str, n: int, threads: int, repeats: int) -> Gain:
        run = WORKLOADS[name][0](n)
        with processes(name, n, threads) as together:
            run(threads)
            turns = [(clocks(run, 1), clocks(run, threads), together()) for _ in range(repeats)]
        return cls(
            [one[0] / several[0] for one, several, _ in turns],
            [threads * one[0] / seconds for one, _, seconds in turns],
            statistics.median(several[1] / several[0] for _, several, _ in turns),
            statistics.median(several[1] / one[1] for one, several, _ in turns),
            statistics.median(one[0] for one, _, _ in turns),
            statistics.median(one[1] / several[2] for one, several, _ in turns),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    print(f"{'':<20} {'rows':>8}   one thread  {'gain':<22} {'apart':<22} cores   CPU  limit")
    for name, (_, full) in WORKLOADS.items():
        n = round(options.scale * full)
        gain = Gain.of(name, n, options.threads, options.repeats)
        print(
            f"{name:<20} {n:>8} {gain.seconds:>10.3f} s  {spread(gain.turns, '.2f'):<22}"
            f" {spread(gain.apart, '.2f'):<22} {gain.cores:>5.2f} {gain.cost:>5.2f}"
            f" {gain.limit:>6.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
