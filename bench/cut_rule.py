"""Where the cut rule's constants come from: libraries of many kinds drawn from 96 people.

    python bench/cut_rule.py --data DIR

Draws libraries from `train_embeddings.npz` (seeded) by size law, clusters each by the default rule,
by the rule without the embedder's curve, and with each constant varied, and prints mean BCubed F by
kind, beside the best constant threshold of each library.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from fastface import across, cut
from fastface.calibration import Calibration
from fastface.cohort import Strangers
from fastface.kernels import median_linkage, pairwise_edges
from fastface.metrics import bcubed_scores

VARIATIONS = {
    "OPEN_FROM": (0.25, 1.0),
    "OPEN_WIDTH": (1.5, 3.0),
    "PRIOR_RATE": (0.05, 0.2),
    "PRIOR_CLUSTERS": (5.0, 20.0),
    "MIN_RATE": (0.0, 0.05, 0.1),
}
TAUS = np.arange(0.40, 0.8001, 0.0125)
N_LIBRARIES, N_TINY = 5, 100


def libraries(people: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Kind, and rows of the archive."""
    rows_of = [np.flatnonzero(people == person) for person in np.unique(people)]
    for seed in range(N_LIBRARIES):
        rng = np.random.default_rng(seed)
        kinds = {
            "zipf": np.minimum(rng.zipf(1.7, 96), 140),
            "singletons": np.where(rng.random(96) < 0.7, 1, rng.integers(2, 5, 96)),
            "strangers": np.ones(96, np.int64),
            "small": rng.integers(1, 8, 96),
            "few": rng.integers(60, 100, 8),
            "family": np.concatenate([rng.integers(60, 95, 5), rng.integers(1, 6, 60)]),
            "even": np.full(60, 12),
        }
        for kind, sizes in kinds.items():
            yield kind, _draw(rows_of, sizes, rng)
    for seed in range(N_TINY):
        rng = np.random.default_rng(1000 + seed)
        n = int(rng.integers(5, 51))
        k = int(rng.integers(1, n + 1))
        extra = rng.choice(k, n - k, p=rng.dirichlet(np.ones(k)))
        yield "tiny", _draw(rows_of, 1 + np.bincount(extra, minlength=k), rng)


def _draw(rows_of: list[np.ndarray], sizes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    chosen = rng.permutation(len(rows_of))[: len(sizes)]
    return np.concatenate(
        [rng.permutation(rows_of[p])[:size] for p, size in zip(chosen, sizes, strict=True)]
    )


def scores(faces: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    n, prior = len(faces), Calibration.of_pack().strangers
    edges = pairwise_edges(faces, float(TAUS[-1]))
    constant = (bcubed_scores(median_linkage(n, edges, float(tau))[0], truth).f for tau in TAUS)
    found = {"best constant": max(constant)}

    def rule(name: str, beforehand: Strangers | None, **constants: float) -> None:
        with constants_of_the_rule(**constants):
            labels = across.group(faces, prior=beforehand).labels
        found[name] = bcubed_scores(labels, truth).f

    rule("default", prior)
    rule("no curve", None)
    for name, values in VARIATIONS.items():
        for value in values:
            rule(f"{name} {value:g}", prior, **{name: value})
    return found


@contextmanager
def constants_of_the_rule(**constants: float) -> Iterator[None]:
    before = {name: getattr(cut, name) for name in constants}
    for name, value in constants.items():
        setattr(cut, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(cut, name, value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    archive = np.load(options.data / "train_embeddings.npz")
    faces = archive["sface128"].astype(np.float32)
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    people, subset = archive["label"].astype(np.int64), archive["powerlaw_subset"]

    by_kind: dict[str, list[dict[str, float]]] = {}
    for kind, rows in [("power law", subset), *libraries(people)]:
        by_kind.setdefault(kind, []).append(scores(faces[rows], people[rows]))
    print(f"{'':<20}" + "".join(f"{kind:>11}" for kind in by_kind) + f"{'mean':>11}")
    for rule in by_kind["power law"][0]:
        means = [np.mean([found[rule] for found in sets]) for sets in by_kind.values()]
        print(f"{rule:<20}" + "".join(f"{value:11.3f}" for value in [*means, np.mean(means)]))


if __name__ == "__main__":
    main()
