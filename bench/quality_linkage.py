"""How good groupings are beside fastcluster average, each at a threshold from another draw.

    python bench/quality_linkage.py --data DIR [--faces 10000] [--seed 0] [--draws 3]

BCubed F on made-up faces (face_mixtures.py) and on train_embeddings.npz: whole, by halves of the
people, and its power-law subset, with thresholds from other faces of the same people in other
numbers. Every method takes the threshold of a fine grid that is best on the one draw and is scored
on the other. `bounded` is crowd_edges, which up to 4,096 faces is exact; these two have one cut for
all clusters. MedianLinkage as it comes is the last with a lower cut where there are few pairs of
members, which was chosen on hard512. F is the mean over the draws. Average linkage needs all
distances: 1.2 GB at 10,000 faces.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import fastcluster
import numpy as np
from scipy.cluster import hierarchy

from face_mixtures import KINDS, face_mixture
from fastface.estimators import MedianLinkage
from fastface.kernels import crowd_edges, fused_distances, median_linkage, pairwise_edges
from fastface.metrics import bcubed_scores

Faces = tuple[np.ndarray, np.ndarray]  # unit rows, the person of each

GRIDS = {
    "arc512": np.linspace(0.64, 0.84, 21),
    "hard512": np.linspace(0.70, 0.90, 21),
    "dlib128": np.linspace(0.20, 0.36, 17),
    "train": np.linspace(0.60, 0.80, 21),
    "train, power law": np.linspace(0.60, 0.80, 21),
}


def average(X: np.ndarray, grid: np.ndarray) -> Iterator[np.ndarray]:
    distances = fused_distances(X)[np.triu_indices(len(X), 1)].astype(np.float64)
    tree = fastcluster.linkage(distances, "average", preserve_input=False)
    for threshold in grid:
        yield hierarchy.fcluster(tree, threshold, "distance")


def exact(X: np.ndarray, grid: np.ndarray) -> Iterator[np.ndarray]:
    edges = pairwise_edges(X, float(grid[-1]))
    for threshold in map(float, grid):
        yield median_linkage(len(X), edges, threshold).labels


def bounded(X: np.ndarray, grid: np.ndarray) -> Iterator[np.ndarray]:
    for threshold in map(float, grid):
        edges, voters, joined = crowd_edges(X, threshold)
        yield median_linkage(len(X), edges, threshold, voters=voters, joined=joined).labels


def as_it_comes(X: np.ndarray, grid: np.ndarray) -> Iterator[np.ndarray]:
    for threshold in map(float, grid):
        yield MedianLinkage(threshold, threads=1).fit_predict(X)


METHODS: dict[str, Callable[[np.ndarray, np.ndarray], Iterator[np.ndarray]]] = {
    "fastcluster average": average,
    "median, exact": exact,
    "median, bounded": bounded,
    "MedianLinkage": as_it_comes,
}


def training_faces(data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n, 128) unit rows, the person of each, the rows of the power-law subset."""
    archive = np.load(data / "train_embeddings.npz")
    X = archive["sface128"].astype(np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X, np.unique(archive["label"], return_inverse=True)[1], archive["powerlaw_subset"]


def draws_of(name: str, options: argparse.Namespace, seed: int) -> tuple[Faces, Faces]:
    """The draw that the threshold is chosen on, and the one that is scored."""
    if name in KINDS:
        chosen, scored = (face_mixture(name, options.faces, 2 * seed + k) for k in (1, 0))
        return chosen, scored
    rng = np.random.default_rng(seed)
    X, people, subset = training_faces(options.data)
    if name == "train":
        half = np.isin(people, rng.permutation(people.max() + 1)[: (people.max() + 1) // 2])
        return (X[half], people[half]), (X[~half], people[~half])
    others = np.setdiff1d(np.arange(len(X)), subset)
    sizes = rng.permutation(np.bincount(people[subset]))
    rows = [rng.permutation(others[people[others] == p])[:size] for p, size in enumerate(sizes)]
    other = np.concatenate(rows)
    return (X[other], people[other]), (X[subset], people[subset])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first draw")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--sets", nargs="+", choices=GRIDS, default=list(GRIDS))
    options = parser.parse_args()
    print("set               method                 threshold  BCubed F  beside average, each draw")
    for name in options.sets:
        grid, scores, thresholds = GRIDS[name], {}, {}
        for seed in range(options.seed, options.seed + options.draws):
            (X, people), (Y, others) = draws_of(name, options, seed)
            for method, run in METHODS.items():
                chosen = [bcubed_scores(labels, people).f for labels in run(X, grid)]
                best = grid[int(np.argmax(chosen))]
                labels = next(run(Y, np.array([best])))
                scores.setdefault(method, []).append(bcubed_scores(labels, others).f)
                thresholds.setdefault(method, []).append(best)
        for method in METHODS:
            gains = np.subtract(scores[method], scores["fastcluster average"])
            print(
                f"{name:<17} {method:<22} {np.median(thresholds[method]):>8.3f}"
                f" {np.mean(scores[method]):>9.4f}   {' '.join(f'{gain:+.4f}' for gain in gains)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
