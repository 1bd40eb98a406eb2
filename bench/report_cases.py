"""What bench/report.py measures: one candidate at one size, in a process of its own.

    PYTHONPATH=.:bench python bench/report_cases.py edges fastface 20000

Prints JSON: CPU seconds on one thread, MB of memory beyond the data, and, where a method may be
better or worse, BCubed F.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import bench_distances
import bench_lasso
from face_mixtures import face_mixture
from fastface.kernels import crowd_edges, fused_distances, median_linkage, pairwise_edges
from fastface.metrics import bcubed_scores

TIMES = 3
SHORT, LONG = 0.1, 2.0  # seconds: repeated until a reading takes as long; measured once

Run = Callable[[], Any]
THREADS = {"threads": 1}

# --- pairs of faces within .5, d = 128

EDGES = {
    "fastface": bench_distances.fastface_edges,
    "NumPy, by blocks": bench_distances.numpy_edges,
    "scikit-learn": bench_distances.sklearn_edges,
    "faiss": bench_distances.faiss_edges,
}


def edges(candidate: str, n: int) -> tuple[Run, None]:
    faces = bench_distances.embeddings(n, 128, 0)
    return lambda: EDGES[candidate](faces, None), None


# --- codes of 256 queries, d = 512

CODES = {
    "fastface": bench_lasso.fastface_cd,
    "fastface, prepared": bench_lasso.fastface_dictionary,
    "spams": bench_lasso.spams_lars,
    "one product, by BLAS": lambda dictionary, queries, lam: queries @ dictionary.T,
}


def lasso(candidate: str, n: int) -> tuple[Run, None]:
    dictionary, queries, lam = bench_lasso.gallery(n, 256)
    if candidate == "fastface, prepared":
        bench_lasso.prepared(n, 256)
    return lambda: CODES[candidate](dictionary, queries, lam), None


# --- groups of hard512's faces, from the faces themselves


def median_exact(X: np.ndarray, threshold: float) -> np.ndarray:
    edges = pairwise_edges(X, threshold, **THREADS)
    return median_linkage(len(X), edges, threshold, **THREADS).labels


def median_bounded(X: np.ndarray, threshold: float) -> np.ndarray:
    found = crowd_edges(X, threshold, first_sample=max(len(X) // 16, 1), **THREADS)
    return median_linkage(
        len(X), found.edges, threshold, voters=found.voters, joined=found.joined, **THREADS
    ).labels


def scipy_form(X: np.ndarray) -> np.ndarray:
    return fused_distances(X, **THREADS)[np.triu_indices(len(X), 1)].astype(np.float64)


def by_fastcluster(method: str) -> Callable[[np.ndarray, float], np.ndarray]:
    def run(X: np.ndarray, threshold: float) -> np.ndarray:
        import fastcluster
        from scipy.cluster.hierarchy import fcluster

        return fcluster(fastcluster.linkage(scipy_form(X), method), threshold, "distance")

    return run


def scipy_average(X: np.ndarray, threshold: float) -> np.ndarray:
    from scipy.cluster.hierarchy import fcluster, linkage

    return fcluster(linkage(scipy_form(X), "average"), threshold, "distance")


def dbscan(X: np.ndarray, threshold: float) -> np.ndarray:
    from sklearn.cluster import DBSCAN

    labels = DBSCAN(np.sqrt(2 * threshold), min_samples=3, algorithm="brute").fit_predict(X)
    noise = labels < 0
    labels[noise] = labels.max() + 1 + np.arange(noise.sum())
    return labels


GROUPINGS = {
    "fastface exact": median_exact,
    "fastface bounded": median_bounded,
    "fastcluster average": by_fastcluster("average"),
    "fastcluster complete": by_fastcluster("complete"),
    "fastcluster single": by_fastcluster("single"),
    "SciPy average": scipy_average,
    "scikit-learn DBSCAN": dbscan,
}


def best_threshold(run: Callable[[np.ndarray, float], np.ndarray]) -> float:
    """Of a grid, on a draw of its own that is small enough for everybody."""
    X, people = face_mixture("hard512", 2000, seed=1)
    grid = np.linspace(0.4, 0.95, 23)
    return max(grid, key=lambda threshold: bcubed_scores(run(X, threshold), people).f)


def grouping(candidate: str, n: int) -> tuple[Run, Callable[[Any], float]]:
    run = GROUPINGS[candidate]
    threshold = best_threshold(run)
    X, people = face_mixture("hard512", n)
    return lambda: run(X, threshold), lambda labels: bcubed_scores(labels, people).f


KERNELS = {"edges": edges, "lasso": lasso, "grouping": grouping}


def status_kb(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def measure(run: Run, quality: Callable[[Any], float] | None) -> dict[str, Any]:
    """The first run is for memory, and for time if it was long; short ones are timed anew.

    Linux only: glibc and /proc tell of memory.
    """
    ctypes.CDLL(None).malloc_trim(0)  # else what was freed before is used again, and not seen
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = status_kb("VmRSS")
    began = time.process_time()
    result = run()
    seconds = [time.process_time() - began]
    peak_mb = (status_kb("VmHWM") - before) / 1024
    if seconds[0] < LONG:
        repeats = max(1, int(SHORT / max(seconds[0], 1e-4)))
        seconds = []
        for _ in range(TIMES):
            began = time.process_time()
            for _ in range(repeats):
                run()
            seconds.append((time.process_time() - began) / repeats)
    return {"seconds": seconds, "peak_mb": peak_mb, "f": quality(result) if quality else None}


def main() -> None:
    kernel, candidate, n = sys.argv[1:]
    with threadpool_limits(1):
        print(json.dumps(measure(*KERNELS[kernel](candidate, int(n)))))


if __name__ == "__main__":
    main()
