"""Libraries that are hard on the bounded linkage: seconds, memory and edges stay bounded.

    python bench/worst_linkage.py [--sizes 25000 50000 100000] [--threshold 0.5]

Rows of 128 dimensions to labels, on one thread, each in a process of its own. Memory is what the
call adds to the peak of a process that holds the rows, beside the rows' own. A first sample whose
rows are all near each other takes 250 MB, whatever the rows in all. Beyond 32,768
rows in no crowd those are compared that share a cell (cpp/algorithms/cells.hpp): `all far` and
`near everybody`, whose distances all lie about the threshold, grow with less than the square of the
rows.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time

import numpy as np

from fastface.kernels import crowd_edges, median_linkage
from scale_linkage import forget_peak, peak_bytes

DIMENSIONS = 128


def gauss(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.standard_normal((n, DIMENSIONS), dtype=np.float32)


def chain(rng: np.random.Generator, n: int) -> np.ndarray:
    """Each row is near the next ones and far from most."""
    steps = 0.15 * gauss(rng, n)
    X = np.empty_like(steps)
    X[0] = gauss(rng, 1)[0]
    for row in range(1, n):
        X[row] = 0.985 * X[row - 1] + steps[row]
    return X


def one_identity(rng: np.random.Generator, n: int) -> np.ndarray:
    """30 % are one person, the others strangers."""
    X = gauss(rng, n)
    X[: 3 * n // 10] = gauss(rng, 1) + 0.6 * X[: 3 * n // 10]
    return rng.permutation(X)


WORST = {
    "all equal": lambda rng, n: np.repeat(gauss(rng, 1), n, axis=0),
    "all far": gauss,
    "one identity of 30 %": one_identity,
    "a chain": chain,
    "every row ten times": lambda rng, n: rng.permutation(
        np.repeat(gauss(rng, n // 10), 10, axis=0)
    ),
    "near everybody": lambda rng, n: 0.9 * gauss(rng, 1) + gauss(rng, n),
}


def measure(name: str, n: int, threshold: float, answer: multiprocessing.Queue) -> None:
    X = WORST[name](np.random.default_rng(0), n)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    forget_peak()
    before, began = peak_bytes(), time.process_time()
    edges, voters, joined = crowd_edges(X, threshold, threads=1)
    options = {"voters": voters, "joined": joined, "threads": 1}
    found = median_linkage(len(X), edges, threshold, **options)
    seconds, memory = time.process_time() - began, (peak_bytes() - before) / X.nbytes
    answer.put((seconds, memory, len(edges[0]) / len(X), found.n_clusters))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[25_000, 50_000, 100_000])
    parser.add_argument("--threshold", type=float, default=0.5)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    print("                          rows   CPU s   memory  edges a row  clusters")
    for name in WORST:
        for n in options.sizes:
            answer = context.Queue()
            process = context.Process(target=measure, args=(name, n, options.threshold, answer))
            process.start()
            seconds, memory, edges, n_clusters = answer.get()
            process.join()
            print(
                f"{name:<22} {n:>7} {seconds:>7.2f} {memory:>6.2f} x {edges:>12.1f}"
                f" {n_clusters:>9}",
                flush=True,
            )


if __name__ == "__main__":
    main()
