"""Median linkage beside what a user would pick, on real faces: speed and quality.

    FASTFACE_TEST_DATA=DIR pytest bench/bench_linkage.py --benchmark-only --benchmark-group-by=group
    FASTFACE_TEST_DATA=DIR python bench/bench_linkage.py      # the table of quality, peers included

Thresholds are chosen here, on the faces for development; they say nothing about other libraries.
Peers get the distances ready-made in the form they want, which is not timed.
"""

from __future__ import annotations

import os
from pathlib import Path
from time import process_time

import fastcluster
import numpy as np
import pytest
from scipy.cluster import hierarchy
from sklearn.cluster import AgglomerativeClustering

from fastface.kernels import crowd_edges, fused_distances, median_linkage, pairwise_edges
from fastface.metrics import bcubed_scores, pairwise_scores

# For each linkage a threshold near its best on all 16,046 faces (main() below).
MEDIAN, AVERAGE = 0.725, 0.725
DATA = Path(os.environ.get("FASTFACE_TEST_DATA", "../shared/data")) / "train_embeddings.npz"


def load(n=None):
    """Unit rows and people of the first n faces in a fixed random order."""
    archive = np.load(DATA)
    X = archive["sface128"].astype(np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    chosen = np.random.default_rng(0).permutation(len(X))[:n]
    return X[chosen], archive["label"][chosen]


@pytest.fixture(scope="module", params=[4000])
def faces(request):
    if not DATA.exists():
        pytest.skip("needs train_embeddings.npz under FASTFACE_TEST_DATA")
    return load(request.param)


def condensed(X):
    return fused_distances(X)[np.triu_indices(len(X), 1)].astype(np.float64)


def average(distances):
    return hierarchy.fcluster(fastcluster.linkage(distances, "average"), AVERAGE, "distance")


def check(labels, people):
    assert bcubed_scores(labels, people).f > 0.9


@pytest.mark.benchmark(group="linkage, distances given")
def test_exact(benchmark, faces):
    X, people = faces
    edges = pairwise_edges(X, MEDIAN)
    check(benchmark(lambda: median_linkage(len(X), edges, MEDIAN, threads=1).labels), people)


@pytest.mark.benchmark(group="linkage, distances given")
@pytest.mark.parametrize("max_members", [64, 256])
def test_bounded(benchmark, faces, max_members):
    X, people = faces
    edges, voters, joined = crowd_edges(X, MEDIAN, max_members=max_members, first_sample=512)
    options = {"voters": voters, "joined": joined, "threads": 1}
    check(benchmark(lambda: median_linkage(len(X), edges, MEDIAN, **options).labels), people)


@pytest.mark.benchmark(group="linkage, distances given")
def test_fastcluster_average(benchmark, faces):
    X, people = faces
    distances = condensed(X)
    check(benchmark.pedantic(lambda: average(distances), rounds=3), people)


@pytest.mark.benchmark(group="linkage, distances given")
def test_scipy_average(benchmark, faces):
    X, people = faces
    distances = condensed(X)

    def run():
        return hierarchy.fcluster(hierarchy.average(distances), AVERAGE, "distance")

    check(benchmark.pedantic(run, rounds=3), people)


@pytest.mark.benchmark(group="from embeddings")
def test_exact_from_embeddings(benchmark, faces):
    X, people = faces

    def run():
        return median_linkage(len(X), pairwise_edges(X, MEDIAN, threads=1), MEDIAN, threads=1)

    check(benchmark(run).labels, people)


@pytest.mark.benchmark(group="from embeddings")
def test_sklearn_average_from_embeddings(benchmark, faces):
    X, people = faces
    model = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=AVERAGE
    )
    check(benchmark.pedantic(lambda: model.fit_predict(X), rounds=3), people)


@pytest.mark.benchmark(group="one crowd of 20,000 in 40,000, bounded")
def test_a_crowd(benchmark):
    """Exact mode would hold 200 million edges here."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((4001, 64))
    people = np.concatenate([np.zeros(20_000, int), np.repeat(np.arange(1, 4001), 5)])
    X = (centres[people] + 0.6 * rng.standard_normal((len(people), 64))).astype(np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)

    def run():
        edges, voters, joined = crowd_edges(X, 0.55, max_members=64)
        return median_linkage(len(X), edges, 0.55, voters=voters, joined=joined)

    labels = benchmark.pedantic(run, rounds=2).labels
    assert bcubed_scores(labels, people).f > 0.97


def main() -> None:
    """Quality at every threshold, and CPU seconds, on all faces; needs 5 GB for the peers."""
    X, people = load()
    thresholds = np.arange(0.6, 0.8001, 0.0125)
    runs: dict[str, list[tuple[float, np.ndarray]]] = {}

    began = process_time()
    everything = pairwise_edges(X, float(thresholds[-1]), threads=1)
    print(f"edges to {thresholds[-1]:.2f}: {len(everything[0]):,}, {process_time() - began:.2f} s")
    for threshold in map(float, thresholds):
        began = process_time()
        labels = median_linkage(len(X), everything, threshold, threads=1).labels
        runs.setdefault("exact", []).append((process_time() - began, labels))
        for max_members in (16, 32, 64):
            edges, voters, joined = crowd_edges(X, threshold, max_members=max_members, threads=1)
            began = process_time()
            options = {"voters": voters, "joined": joined}
            labels = median_linkage(len(X), edges, threshold, threads=1, **options).labels
            name = f"bounded, {max_members}"
            runs.setdefault(name, []).append((process_time() - began, labels))
    distances = condensed(X)
    began = process_time()
    tree = fastcluster.linkage(distances, "average", preserve_input=False)
    seconds = process_time() - began
    runs["fastcluster average"] = [
        (seconds, hierarchy.fcluster(tree, threshold, "distance")) for threshold in thresholds
    ]
    print(
        "linkage                best at   CPU s    BCubed P     R     F    pairwise P     R     F"
    )
    for name, results in runs.items():
        best = max(range(len(results)), key=lambda k: bcubed_scores(results[k][1], people).f)
        seconds, labels = results[best]
        cubed, pairs = bcubed_scores(labels, people), pairwise_scores(labels, people)
        print(
            f"{name:<22} {thresholds[best]:>7.4f} {seconds:>7.2f}     "
            f"{cubed.precision:.4f} {cubed.recall:.4f} {cubed.f:.4f}    "
            f"{pairs.precision:.4f} {pairs.recall:.4f} {pairs.f:.4f}"
        )


if __name__ == "__main__":
    main()
