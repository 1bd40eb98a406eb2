"""Measures the impostor curve of the default pack and writes it into the package.

    python bench/make_impostor_curve.py --data DIR

DIR holds `train_embeddings.npz` (`sface128`: raw embeddings, `label`: who it is). Only aggregates
are written: the false match rate at 49 distances and three variances. The labels are about 98 %
clean, so below a distance of 0.5 the counts show mislabelled pairs of one person, not impostors;
there the curve is the normal tail fitted between 0.49 and 0.60.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.stats import norm

TARGET = Path(__file__).parents[1] / "python" / "fastface" / "impostors" / "sface.json"
STEP = 0.025
TAIL = (0.49, 0.60)  # rates 2e-6 to 3e-4: thousands of pairs, above the label noise
BLOCK = 1024
FACES_PER_PERSON = 64


def false_match_rates(faces: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upper bin edges and the share of different-person pairs at or under each."""
    edges = np.linspace(0.0, 1.6, 3201)
    counts = np.zeros(len(edges) - 1, np.int64)
    for start in range(0, len(faces), BLOCK):
        distances = 1.0 - faces[start : start + BLOCK] @ faces.T
        impostor = people[start : start + BLOCK, None] != people[None]
        counts += np.histogram(np.clip(distances[impostor], 0.0, 1.6), edges)[0]
    return edges[1:], np.cumsum(counts) / counts.sum()


def variances(faces: np.ndarray, people: np.ndarray) -> tuple[float, dict[str, float]]:
    """Mean impostor distance, and its variance by what two pairs share: people, a face, nothing.

    The method of moments for a two-way layout: for two people with m faces each, the mean of all
    m * m distances varies with the two people, the mean of a row also with one face.
    """
    rng = np.random.default_rng(0)
    rows = [rng.permutation(np.flatnonzero(people == p))[:FACES_PER_PERSON] for p in set(people)]
    cells, row_means, pair_means = [], [], []
    for a in range(len(rows)):
        for b in range(a):
            distances = 1.0 - faces[rows[a]] @ faces[rows[b]].T
            row_mean, column_mean, mean = distances.mean(1), distances.mean(0), distances.mean()
            cells.append(np.var(distances - row_mean[:, None] - column_mean[None] + mean))
            row_means.append((np.var(row_mean) + np.var(column_mean)) / 2)
            pair_means.append(mean)
    return float(np.mean(pair_means)), {
        "person": float(np.var(pair_means)),
        "face": float(np.mean(row_means)),
        "noise": float(np.mean(cells)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    archive = np.load(parser.parse_args().data / "train_embeddings.npz")
    faces = archive["sface128"].astype(np.float32)
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    people = archive["label"]

    edges, rates = false_match_rates(faces, people)
    tail = (edges > TAIL[0]) & (edges < TAIL[1])
    slope, offset = np.polyfit(edges[tail], norm.isf(rates[tail]), 1)
    distances = np.arange(0, 49) * STEP
    measured = norm.isf(np.interp(distances, edges, rates))
    z = np.where(distances < TAIL[0], slope * distances + offset, measured)
    mean, variance = variances(faces, people)
    table = {
        "embedder": "sface",
        "n_people": len(set(people.tolist())),
        "n_faces": len(faces),
        "mean": round(mean, 4),
        "variance": {name: round(value, 5) for name, value in variance.items()},
        "distance": [round(float(d), 3) for d in distances],
        "log10_fmr": [round(float(v), 4) for v in norm.logsf(z) / np.log(10.0)],
    }
    TARGET.parent.mkdir(exist_ok=True)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in table.items())
    TARGET.write_text(f"{{\n{lines}\n}}\n")
    print(f"{TARGET.name}: mean {table['mean']}, variance {table['variance']}")


if __name__ == "__main__":
    main()
