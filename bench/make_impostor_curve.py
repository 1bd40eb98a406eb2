"""Measures a pack's impostor curve and writes it into the package.

    python bench/make_impostor_curve.py --data DIR [--pack PACK]

Only aggregates are written: the false match rate at 49 distances and three variances. For the
default pack DIR holds `train_embeddings.npz` (`sface128`: raw embeddings, `label`: who it is). For
another pack it holds `lfw/PERSON/*.jpg`; the most central face of each photo of every second person
counts, so that the other half can tell how good the curve is. Where so close a pair is too rare to
be counted, or more likely a wrong label, the curve is the tail of a normal distribution.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.stats import norm

from accuracy_lfw import central_face
from fastface.analysis import Analyzer
from fastface.models import DEFAULT, recipe

TARGET = Path(__file__).parents[1] / "python" / "fastface" / "impostors"
# The normal tail is fitted where a share of this size lies: enough pairs to count, and at the lower
# end still more impostors than wrong labels.
TAIL = (2e-6, 3e-4)
BLOCK = 1024
# The variances come from people with so many faces; of no one are more than so many looked at.
FACES_PER_PERSON = (4, 64)


def labelled_faces(data: Path, pack: str) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors and who they show."""
    if pack == DEFAULT:
        archive = np.load(data / "train_embeddings.npz")
        faces = archive["sface128"].astype(np.float32)
        return faces / np.linalg.norm(faces, axis=1, keepdims=True), archive["label"]
    analyzer = Analyzer(pack)
    faces, people = [], []
    for person in sorted(path for path in (data / "lfw").iterdir() if path.is_dir())[::2]:
        for photo in sorted(person.glob("*.jpg")):
            if (face := central_face(analyzer, photo)) is not None:
                faces.append(face)
                people.append(person.name)
    return np.array(faces), np.unique(people, return_inverse=True)[1]


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
    fewest, most = FACES_PER_PERSON
    everyone = [rng.permutation(np.flatnonzero(people == person)) for person in set(people)]
    rows = [mine[:most] for mine in everyone if len(mine) >= fewest]
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
    parser.add_argument("--pack", default=DEFAULT)
    args = parser.parse_args()
    faces, people = labelled_faces(args.data, args.pack)

    edges, rates = false_match_rates(faces, people)
    tail = (rates > TAIL[0]) & (rates < TAIL[1])
    slope, offset = np.polyfit(edges[tail], norm.isf(rates[tail]), 1)
    mean, variance = variances(faces, people)
    distances = np.linspace(0.0, 1.25 * mean, 49)
    measured = norm.isf(np.interp(distances, edges, rates))
    z = np.where(distances < edges[tail][0], slope * distances + offset, measured)
    name = recipe(args.pack).curve or args.pack
    table = {
        "embedder": name,
        "n_people": len(set(people.tolist())),
        "n_faces": len(faces),
        "mean": round(mean, 4),
        "variance": {name: round(value, 7) for name, value in variance.items()},
        "distance": [round(float(d), 4) for d in distances],
        "log10_fmr": [round(float(v), 4) for v in norm.logsf(z) / np.log(10.0)],
    }
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in table.items())
    (TARGET / f"{name}.json").write_text(f"{{\n{lines}\n}}\n")
    print(f"{name}: mean {table['mean']}, variance {table['variance']}")


if __name__ == "__main__":
    main()
