"""How the bounded linkage grows: seconds, memory and quality from 10,000 to a million faces.

    python bench/scale_linkage.py [--kind arc512] [--threads 1] [--repeats 5] [--sizes 50000 100000]

From unit rows to labels (crowd_edges, then median_linkage), each size in a process of its own.
Seconds are of the process's CPU on one thread and of the clock on several; the last column compares
them with one thread by turns. Memory is what the call adds to the peak of a process that holds the
rows, beside the rows' own. The exponent is that of seconds between the least size and this one.
--growth A B takes the exponent by turns of A and B faces in one process: the machine's mood is then
that of both. --peer N compares, by turns, with fastcluster's average linkage of N faces, whose
distances (3 GB at 20,000) it is given.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import fastcluster
import numpy as np

from face_mixtures import KINDS, face_mixture
from fastface.estimators import FEW_PAIRS
from fastface.kernels import crowd_edges, fused_distances, median_linkage
from fastface.linked_rows import stricter_for_few
from fastface.metrics import bcubed_scores
from interleave import Timing, interleaved, spread

# Near the best for each kind (quality_linkage.py).
THRESHOLDS = {"arc512": 0.74, "hard512": 0.80, "dlib128": 0.28}


def link(X: np.ndarray, threshold: float, threads: int) -> np.ndarray:
    edges, voters, joined = crowd_edges(X, threshold, threads=threads)
    cut = stricter_for_few(threshold, FEW_PAIRS)
    result = median_linkage(len(X), edges, cut, voters=voters, joined=joined, threads=threads)
    return result.labels


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """Of resident memory since forget_peak(); both are Linux's."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])


@dataclass(frozen=True)
class Measured:
    """memory: beside the rows' own.  f: BCubed.  gain: of the threads, median, least and most."""

    times: Timing
    gain: tuple[float, float, float]
    memory: float
    f: float


def measure(kind: str, n: int, threads: int, repeats: int, answer: multiprocessing.Queue) -> None:
    X, people = face_mixture(kind, n, 0)
    forget_peak()
    threshold, before = THRESHOLDS[kind], peak_bytes()
    labels = link(X, threshold, threads)
    added = peak_bytes() - before
    clock = time.process_time if threads == 1 else time.perf_counter
    counts = sorted({1, threads})
    runs = {str(t): lambda t=t: link(X, threshold, t) for t in counts}
    times = interleaved(runs, repeats=repeats, clock=clock)
    gain = times[str(threads)].ratio_to(times["1"])
    f = bcubed_scores(labels, people).f
    answer.put(Measured(times[str(threads)], gain, added / X.nbytes, f))


def measured_apart(kind: str, n: int, threads: int, repeats: int) -> Measured:
    """In a process of its own."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=measure, args=(kind, n, threads, repeats, answer))
    process.start()
    found = answer.get()
    process.join()
    return found


def exponents(kind: str, least: int, most: int, repeats: int) -> list[float]:
    """As which powers of the faces one thread's CPU seconds grow, a turn each.

    A turn is the least number some times, the most once, and the least again.
    """
    few, many = (face_mixture(kind, n, 0)[0] for n in (least, most))

    def seconds(X: np.ndarray) -> float:
        began = time.process_time()
        link(X, THRESHOLDS[kind], 1)
        return time.process_time() - began

    def turn() -> float:
        before = [seconds(few) for _ in range(5)]
        long = seconds(many)
        short = statistics.median(before + [seconds(few) for _ in range(5)])
        return math.log(long / short) / math.log(most / least)

    turn()
    return [turn() for _ in range(repeats)]


def peer_of(X: np.ndarray) -> Callable[[], object]:
    """fastcluster's average linkage of ready-made distances."""
    distances = fused_distances(X)[np.triu_indices(len(X), 1)].astype(np.float64)
    return lambda: fastcluster.linkage(distances, "average")


def beside_peer(kind: str, n: int, repeats: int) -> None:
    X, _ = face_mixture(kind, n, 0)
    times = interleaved(
        {"fastface": lambda: link(X, THRESHOLDS[kind], 1), "fastcluster": peer_of(X)},
        repeats=repeats,
    )
    middle, least, most = times["fastface"].ratio_to(times["fastcluster"])
    print(f"{n} faces, rows to labels: {times['fastface']}")
    print(f"fastcluster average, distances to tree: {times['fastcluster']}")
    print(f"ratio {middle:.0f} ({least:.0f} to {most:.0f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=KINDS, default="arc512")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 20_000, 50_000, 100_000])
    parser.add_argument("--growth", type=int, nargs=2, metavar=("A", "B"), help="by turns of both")
    parser.add_argument("--peer", type=int, metavar="N", help="beside fastcluster at N faces")
    options = parser.parse_args()
    if options.growth:
        print("exponent", spread(exponents(options.kind, *options.growth, options.repeats)))
        return
    if options.peer:
        beside_peer(options.kind, options.peer, options.repeats)
        return
    least = None
    print("    faces   seconds (least to most)          exponent    memory  BCubed F  threads gain")
    for n in options.sizes:
        found = measured_apart(options.kind, n, options.threads, options.repeats)
        least = least or (n, found.times.median)
        steps = math.log(n / least[0])
        exponent = f"{math.log(found.times.median / least[1]) / steps:8.2f}" if steps else " " * 8
        print(
            f"{n:>9}   {found.times!s:<32} {exponent}  {found.memory:>9.2f} x   {found.f:.4f}"
            "   {:.2f} ({:.2f} to {:.2f})".format(*found.gain),
            flush=True,
        )


if __name__ == "__main__":
    main()
