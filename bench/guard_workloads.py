"""What bench/guard.py times: each kernel at a size that takes tenths of a second.

    python bench/guard_workloads.py --site SITE NAME

A process of its own for each measurement, so that two builds of fastface can take turns. Only
public names are used, and only as they were in the oldest version that one may want to compare
with. Prints the CPU seconds of the fastest of a few runs; exits with MISSING if this build lacks
what is to be timed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

RUNS = 3
MISSING = 3  # exit status


def embeddings(n: int, d: int, seed: int = 0, spread: float = 0.7) -> np.ndarray:
    """(n, d) float32 unit rows: 20 of each person in turn."""
    rng = np.random.default_rng([seed, n, d])
    centres = rng.standard_normal((n // 20 + 1, d), np.float32)
    rows = centres[np.arange(n) // 20] + spread * rng.standard_normal((n, d), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def edges() -> Callable[[], object]:
    from fastface import pairwise_edges

    faces = embeddings(12_000, 128)
    return lambda: pairwise_edges(faces, 0.5, threads=1)


def edges_with_torsos() -> Callable[[], object]:
    from fastface import pairwise_edges

    faces, torsos = embeddings(6_000, 512), embeddings(6_000, 512, seed=1)
    return lambda: pairwise_edges(faces, 0.5, torsos=torsos, alpha=0.85, beta=0.3, threads=1)


def dense_distances() -> Callable[[], object]:
    from fastface import fused_distances

    faces = embeddings(3_000, 512)
    return lambda: fused_distances(faces, threads=1)


def nearest_ten() -> Callable[[], object]:
    from fastface import nearest

    gallery, queries = embeddings(20_000, 128), embeddings(2_000, 128, seed=1)
    return lambda: nearest(queries, gallery, 10, threads=1)


def clustering() -> Callable[[], object]:
    from fastface import MedianLinkage

    faces = embeddings(8_000, 128)
    return lambda: MedianLinkage(0.5, threads=1).fit(faces)


def exact_clustering() -> Callable[[], object]:
    from fastface import MedianLinkage

    faces = embeddings(8_000, 128)
    return lambda: MedianLinkage(0.5, mode="exact", threads=1).fit(faces)


def lasso_of(n_atoms: int, n_queries: int) -> Callable[[], Callable[[], object]]:
    def prepare() -> Callable[[], object]:
        from fastface import lasso

        atoms, queries = embeddings(n_atoms, 512), embeddings(n_queries, 512, seed=1)
        queries[::2] = atoms[: len(queries[::2])]
        queries = queries + 0.03 * embeddings(n_queries, 512, seed=2)
        return lambda: lasso(atoms, queries, 0.2, threads=1)

    return prepare


WORKLOADS = {
    "edges": edges,
    "edges_with_torsos": edges_with_torsos,
    "dense_distances": dense_distances,
    "nearest": nearest_ten,
    "clustering": clustering,
    "exact_clustering": exact_clustering,
    "lasso_200": lasso_of(200, 2_000),
    "lasso_2000": lasso_of(2_000, 1_000),
    "lasso_one_query": lasso_of(2_000, 1),
}


def take_from(site: Path) -> None:
    """Import fastface from `site`, whatever this environment has installed."""
    # An editable install is a finder that comes before every path.
    sys.meta_path[:] = [f for f in sys.meta_path if "Redirecting" not in type(f).__name__]
    sys.path.insert(0, str(site))
    import fastface

    if not Path(fastface.__file__).is_relative_to(site):
        raise RuntimeError(f"imported {fastface.__file__}, not from {site}")


def seconds_of(run: Callable[[], object]) -> float:
    """CPU seconds of the fastest of some runs, each long enough for the clock."""
    began = time.process_time()
    run()
    repeats = max(1, round(0.1 / max(time.process_time() - began, 1e-6)))
    best = float("inf")
    for _ in range(RUNS):
        began = time.process_time()
        for _ in range(repeats):
            run()
        best = min(best, (time.process_time() - began) / repeats)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=WORKLOADS)
    parser.add_argument("--site", type=Path, required=True)
    arguments = parser.parse_args()
    take_from(arguments.site.resolve())
    try:
        run = WORKLOADS[arguments.name]()
        run()
    except (ImportError, TypeError) as problem:  # no such name, or no such argument
        print(problem, file=sys.stderr)
        sys.exit(MISSING)
    print(seconds_of(run))


if __name__ == "__main__":
    main()
