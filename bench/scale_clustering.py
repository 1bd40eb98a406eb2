"""Time, memory and quality of the default grouping as a library grows.

    python bench/scale_clustering.py --data DIR --sizes 10000 20000 60000 100000

Synthetic faces with the covariances, between people and within them, of the training embeddings;
numbers of photos follow a power law and the most photographed person is on 15 % of all faces. Every
photo is a moment of its own. Each size runs in a process of its own, on one thread; memory is what
grouping adds to the process that holds the faces. --exact links all pairs whatever the size, which
is what large libraries are spared (5 GB at 100,000 faces).
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from pathlib import Path

import numpy as np

from fastface import across, clustering
from fastface.metrics import bcubed_scores


def library(data: Path, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 128) float32 unit rows and the person of each."""
    rng = np.random.default_rng(0)
    sizes = power_law(n)
    people = np.repeat(np.arange(len(sizes)), sizes)
    rng.shuffle(people)
    return faces_of(data, people, rng), people


def power_law(n: int) -> np.ndarray:
    """The number of faces of each person, n in all: 15 % for the first."""
    sizes = np.maximum(1, 0.15 * n / np.arange(1, n + 1) ** 1.1).astype(np.int64)
    ends = np.minimum(np.cumsum(sizes), n)
    sizes = np.diff(ends, prepend=0)
    return sizes[sizes > 0]


def faces_of(data: Path, people: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, 128) float32 unit rows for the person of each, as the training embeddings vary."""
    archive = np.load(data / "train_embeddings.npz")
    known = archive["sface128"].astype(np.float32)
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    _, person = np.unique(archive["label"], return_inverse=True)
    means = np.stack([known[person == p].mean(axis=0) for p in range(person.max() + 1)])
    ridge = 1e-6 * np.eye(known.shape[1])
    between = np.linalg.cholesky(np.cov(means.T) + ridge)
    within = np.linalg.cholesky(np.cov((known - means[person]).T) + ridge)
    centres = means.mean(axis=0) + rng.standard_normal((people.max() + 1, len(ridge))) @ between.T
    faces = centres[people] + rng.standard_normal((len(people), len(ridge))) @ within.T
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    return faces.astype(np.float32)


def peak_mb() -> float:
    scale = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def measure(data: Path, n: int, exact: bool) -> None:
    if exact:
        across.MAX_EXACT = n
    faces, people = library(data, n)
    memory, cpu = peak_mb(), time.process_time()
    found = clustering.cluster(faces, moments=np.arange(n), photos=np.arange(n), threads=1)
    cpu, memory = time.process_time() - cpu, peak_mb() - memory
    score = bcubed_scores(found.labels, people)
    print(
        f"{n:>8} {people.max() + 1:>8} {found.n_clusters:>8} {cpu:>8.1f} {memory:>8.0f}"
        f"   {score.precision:.4f} {score.recall:.4f} {score.f:.4f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 20_000, 60_000, 100_000])
    parser.add_argument("--exact", action="store_true", help="all pairs, whatever the size")
    options = parser.parse_args()
    print("   faces   people    found    CPU s       MB   BCubed P      R      F")
    context = multiprocessing.get_context("spawn")
    for n in options.sizes:
        process = context.Process(target=measure, args=(options.data, n, options.exact))
        process.start()
        process.join()


if __name__ == "__main__":
    main()
