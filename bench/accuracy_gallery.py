"""Telling known people from strangers: our score beside nearest exemplar, mean and plain lasso.

    python bench/accuracy_gallery.py --data DIR

60 people of `train_embeddings.npz` are known, 36 are strangers, 5 draws. Each person has 80 faces
to choose c exemplars from (c = 1 and 5: the first c at random, as a young library has them), and
20 others are asked for; each stranger asks 40 times. Columns: rank-1, then the share of known faces
that are named rightly while 1 % and 0.1 % of the strangers are taken for someone (thresholds from
these very strangers, alike for every score). The last table is the calibrated decision: no
threshold given, the gallery calibrates on its own people.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from fastface.gallery import LAMBDA, Gallery
from fastface.kernels import lasso

N_KNOWN, N_DRAWS, N_POOL, N_ASKED, N_STRANGER = 60, 5, 80, 20, 40


def draw(people: np.ndarray, seed: int, n_known: int, n_pool: int) -> tuple[np.ndarray, ...]:
    """Rows of the pool, rows asked about, and who they are (-1: a stranger)."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(np.unique(people))
    pool, asked, truth = [], [], []
    for rank, person in enumerate(order):
        own = rng.permutation(np.flatnonzero(people == person))
        if rank < n_known:
            pool.append(own[N_ASKED : N_ASKED + n_pool])
            asked.append(own[:N_ASKED])
            truth.append(np.full(N_ASKED, person))
        elif rank >= N_KNOWN:
            asked.append(own[:N_STRANGER])
            truth.append(np.full(len(asked[-1]), -1))
    return np.concatenate(pool), np.concatenate(asked), np.concatenate(truth)


def rival_scores(gallery: Gallery, queries: np.ndarray) -> dict[str, np.ndarray]:
    """(n, people) scores of the usual rules on the same exemplars."""
    similarity = queries @ gallery.exemplars.T
    codes = lasso(gallery.exemplars, queries, LAMBDA, positive=True).toarray()
    scores: dict[str, list[np.ndarray]] = {
        name: [] for name in ("nearest exemplar", "mean", "lasso, energy", "lasso, residual")
    }
    for person in np.unique(gallery.people):
        own = gallery.people == person
        mean = gallery.exemplars[own].mean(axis=0)
        made = codes[:, own] @ gallery.exemplars[own]
        scores["nearest exemplar"].append(similarity[:, own].max(axis=1))
        scores["mean"].append(queries @ mean / np.linalg.norm(mean))
        scores["lasso, energy"].append((codes[:, own] ** 2).sum(axis=1))
        scores["lasso, residual"].append(1 - ((queries - made) ** 2).sum(axis=1))
    return {name: np.stack(columns, axis=1) for name, columns in scores.items()}


def figures(who: np.ndarray, score: np.ndarray, truth: np.ndarray) -> list[float]:
    strangers = np.sort(score[truth < 0])[::-1]
    right, known = who == truth, truth >= 0
    rates = [right[known].mean()]
    for false_alarms in (0.01, 0.001):
        threshold = strangers[int(false_alarms * len(strangers))]
        rates.append((right & (score > threshold))[known].mean())
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    archive = np.load(parser.parse_args().data / "train_embeddings.npz")
    faces = archive["sface128"].astype(np.float32)
    norm = np.linalg.norm(faces, axis=1)
    faces /= norm[:, None]
    quality, people = norm / norm.max(), archive["label"].astype(np.int64)

    for c, n_pool in ((1, 1), (5, 5), (5, N_POOL), (20, N_POOL), (40, N_POOL)):
        table: dict[str, list[list[float]]] = {}
        for seed in range(N_DRAWS):
            pool, asked, truth = draw(people, seed, N_KNOWN, n_pool)
            gallery = Gallery.build(faces[pool], people[pool], quality[pool], max_exemplars=c)
            names = np.unique(gallery.people)
            for name, scores in rival_scores(gallery, faces[asked]).items():
                who, best = names[scores.argmax(axis=1)], scores.max(axis=1)
                table.setdefault(name, []).append(figures(who, best, truth))
            found = gallery.identify(faces[asked])
            who = np.array([one.nearest for one in found])
            best = np.array([one.score for one in found])
            table.setdefault("ours: lasso and mean", []).append(figures(who, best, truth))
        print(f"\n{c} exemplars of {n_pool} faces     rank-1   at 1 %  at 0.1 %")
        for name, rows in table.items():
            print(f"{name:<26}" + "".join(f"{value:9.3f}" for value in np.mean(rows, axis=0)))

    print("\nno threshold given      c  named rightly  named wrongly  strangers named (1 % stated)")
    for n_known in (1, 2, 5, 20, 60):
        for c in (1, 5, 20):
            outcome = []
            for seed in range(N_DRAWS):
                pool, asked, truth = draw(people, seed, n_known, c if c < 20 else N_POOL)
                gallery = Gallery.build(faces[pool], people[pool], quality[pool], max_exemplars=c)
                found = gallery.identify(faces[asked])
                who = np.array([-1 if one.person is None else one.person for one in found])
                known = truth >= 0
                outcome.append(
                    (
                        (who == truth)[known].mean(),
                        ((who >= 0) & (who != truth))[known].mean(),
                        (who >= 0)[~known].mean(),
                    )
                )
            right, wrong, false = np.mean(outcome, axis=0)
            print(f"{n_known:>4} people known  {c:>8} {right:>14.3f} {wrong:>14.3f} {false:>16.4f}")


if __name__ == "__main__":
    main()
