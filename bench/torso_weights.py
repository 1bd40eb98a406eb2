"""Chooses the weights of face and torso inside a moment: D = min(F, alpha * F + beta * T).

    python bench/torso_weights.py --data DIR

F of pairs of one person and of two comes from `train_embeddings.npz`, T from the quantiles that
bench/torso_market.py measures within one camera (one person: median 0.13, 95 % below 0.30; two:
median 0.36, 1 % below 0.16), drawn independently; a share of strangers is dressed alike, as in a
uniform, and has the T of one person. Printed are the weights that gain most true pairs at
pass 1's thresholds while false matches at most double.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

THRESHOLDS = (0.57, 0.60, 0.63)  # pass 1 in moments of about 80, 30 and 10 faces
DRESSED_ALIKE = (0.05, 0.10, 0.20)
MOST_FALSE = 2.0


def face_distances(
    faces: np.ndarray, people: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Of pairs of one person, and of two."""
    shuffled = rng.permutation(len(people))
    order = shuffled[np.argsort(people[shuffled], kind="stable")]  # mates are neighbours
    mates = [1 - np.einsum("nd,nd->n", faces[order[:-k]], faces[order[k:]]) for k in range(1, 12)]
    alike = [people[order[:-k]] == people[order[k:]] for k in range(1, 12)]
    strangers = []
    for _ in range(200):
        other = rng.permutation(len(people))
        apart = people != people[other]
        strangers.append(1 - np.einsum("nd,nd->n", faces[apart], faces[other[apart]]))
    return np.concatenate([m[a] for m, a in zip(mates, alike, strict=True)]), np.concatenate(
        strangers
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    archive = np.load(parser.parse_args().data / "train_embeddings.npz")
    faces = archive["sface128"].astype(np.float32)
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    rng = np.random.default_rng(0)
    same, different = face_distances(faces, archive["label"], rng)

    def torso_of_one(n: int) -> np.ndarray:
        return 0.13 * np.exp(np.log(0.30 / 0.13) / 1.645 * rng.standard_normal(n))

    torso_same = torso_of_one(len(same))
    torso_apart = np.clip(rng.normal(0.36, 0.086, len(different)), 0.02, 1.0)
    torso_uniform = torso_of_one(len(different))
    chance = rng.random(len(different))
    print("dressed alike  alpha  beta   false matches  true pairs gained")
    for share in DRESSED_ALIKE:
        torso_different = np.where(chance < share, torso_uniform, torso_apart)
        rows = []
        for alpha in np.arange(0.50, 1.0, 0.05):
            for beta in np.arange(0.1, 1.01, 0.1):
                gained, worse = [], []
                for tau in THRESHOLDS:
                    near = (different <= tau).mean()
                    fused = np.minimum(different, alpha * different + beta * torso_different)
                    worse.append((fused <= tau).mean() / near)
                    fused = np.minimum(same, alpha * same + beta * torso_same)
                    gained.append((fused <= tau).mean() - (same <= tau).mean())
                if max(worse) <= MOST_FALSE:
                    rows.append((np.mean(gained), alpha, beta, max(worse)))
        for gain, alpha, beta, worst in sorted(rows, reverse=True)[:3]:
            print(f"{share:>13.2f} {alpha:>6.2f} {beta:>5.2f} {worst:>14.2f}x {gain:>+17.3f}")


if __name__ == "__main__":
    main()
