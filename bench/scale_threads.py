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
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import bench_distances
from face_mixtures import face_mixture
from fastface.kernels import lasso, median_linkage, pairwise_edges
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
    readings = time.perf_counter, time.process_time, time.thread_time
    before = [read() for read in readings]
    run(threads)
    wall, cpu, own = (read() - then for read, then in zip(readings, before, strict=True))
    return wall, cpu, own


@dataclass(frozen=True)
class Gain:
    """turn by turn; cores that were had; CPU time by that on one thread; seconds on one; what the
    serial parts would allow."""

    turns: list[float]
    cores: float
    cost: float
    seconds: float
    limit: float

    @classmethod
    def of(cls, run: Run, threads: int, repeats: int) -> Gain:
        run(threads)
        turns = [(clocks(run, 1), clocks(run, threads)) for _ in range(repeats)]
        return cls(
            [one[0] / several[0] for one, several in turns],
            statistics.median(several[1] / several[0] for _, several in turns),
            statistics.median(several[1] / one[1] for one, several in turns),
            statistics.median(one[0] for one, _ in turns),
            statistics.median(one[1] / several[2] for one, several in turns),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    print("                         rows   one thread  gain (least to most)     cores   CPU  limit")
    for name, (make, full) in WORKLOADS.items():
        n = round(options.scale * full)
        gain = Gain.of(make(n), options.threads, options.repeats)
        print(
            f"{name:<20} {n:>8} {gain.seconds:>10.3f} s  {statistics.median(gain.turns):.2f}"
            f" ({min(gain.turns):.2f} to {max(gain.turns):.2f}) {gain.cores:>9.2f}"
            f" {gain.cost:>6.2f} {gain.limit:>6.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
