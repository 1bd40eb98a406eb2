"""Many Python threads calling the kernels at once: the same bits, and how much more is done.

    python bench/python_threads.py [--threads 1 2 4 8] [--turns 5] [--calls 60]

Each Python thread takes the next call, of one thread each, of a list in which all kernels take
turns, until the list is empty. What they return is compared with what they return alone. Calls a
second are those of the clock, by turns; `cores` is CPU time by the clock.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from face_mixtures import face_mixture
from fastface.kernels import (
    LassoDictionary,
    crowd_edges,
    edges_between,
    fused_distances,
    lasso,
    median_linkage,
    nearest,
    neighbour_counts,
    pairwise_edges,
)

Call = Callable[[], Any]


def calls() -> dict[str, Call]:
    """Every kernel at a size of some ten milliseconds."""
    X, _ = face_mixture("arc512", 6000, 0)
    torsos, _ = face_mixture("arc512", 6000, 1)
    few = pairwise_edges(X[:4000], 0.74)
    dictionary = LassoDictionary(512)
    dictionary.add(X[:1000])
    halves = X[:3000].astype(np.float16)
    one = {"threads": 1}
    return {
        "pairwise_edges": lambda: pairwise_edges(
            X[:2500], 0.5, torsos=torsos[:2500], alpha=0.8, **one
        ),
        "pairwise_edges, float16": lambda: pairwise_edges(halves, 0.5, **one),
        "neighbour_counts": lambda: neighbour_counts(X[:3000], 0.5, **one),
        "edges_between": lambda: edges_between(X[:2000], X[2000:], 0.5, **one),
        "fused_distances": lambda: fused_distances(X[:1500], **one),
        "nearest": lambda: nearest(X[:1000], X, 5, **one),
        "crowd_edges": lambda: crowd_edges(X, 0.74, first_sample=500, **one),
        "median_linkage": lambda: median_linkage(4000, few, 0.74, **one),
        "lasso": lambda: lasso(X[:1000], X[1000:1400], 0.2, **one),
        "LassoDictionary.lasso": lambda: dictionary.lasso(X[1000:1400], 0.2, **one),
    }


def arrays(result: Any) -> list[np.ndarray]:
    if isinstance(result, tuple):
        return [array for part in result for array in arrays(part)]
    if hasattr(result, "indptr"):
        return [result.indptr, result.indices, result.values, result.gap]
    return [np.asarray(result)]


def differ(found: Any, expected: Any) -> bool:
    pairs = zip(arrays(found), arrays(expected), strict=True)
    return not all(np.array_equal(ours, alone) for ours, alone in pairs)


def turn(work: list[Call], expected: list[Any], threads: int) -> tuple[float, float, int]:
    """Calls a second, cores that were had, and how many results differ from those alone."""
    wall, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda call: call(), work))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return len(work) / wall, cpu / wall, sum(map(differ, found, expected))


def measure(
    counts: list[int], turns: int, n_calls: int
) -> dict[int, list[tuple[float, float, int]]]:
    kernels = list(calls().values())
    work = list(itertools.islice(itertools.cycle(kernels), n_calls))
    alone = [call() for call in kernels]
    expected = list(itertools.islice(itertools.cycle(alone), n_calls))
    found: dict[int, list[tuple[float, float, int]]] = {count: [] for count in counts}
    for _ in range(turns):
        for count in counts:
            found[count].append(turn(work, expected, count))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--calls", type=int, default=60)
    options = parser.parse_args()
    found = measure(options.threads, options.turns, options.calls)
    first = [rate for rate, _, _ in found[options.threads[0]]]
    print("threads   calls a second   gain (least to most)    cores   results that differ")
    for count, turns in found.items():
        gains = [rate / base for (rate, _, _), base in zip(turns, first, strict=True)]
        rates, cores, different = zip(*turns, strict=True)
        print(
            f"{count:>7} {statistics.median(rates):>16.1f}   {statistics.median(gains):.2f}"
            f" ({min(gains):.2f} to {max(gains):.2f}) {statistics.median(cores):>11.2f}"
            f" {sum(different):>10} of {len(turns) * options.calls}"
        )


if __name__ == "__main__":
    main()
