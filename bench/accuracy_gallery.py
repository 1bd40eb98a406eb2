"""Telling known people from strangers: our score beside the usual rules, on the same exemplars.

    python bench/accuracy_gallery.py --data DIR --cache DIR

Two sets: `train_embeddings.npz`, on which our constants were chosen (60 people are known, 36 are
strangers who ask 40 times each, 5 draws), and LFW, on which nothing was (everybody with ten or more
photos is known, all others are strangers, 5 draws). Each known person is asked for with photos that
are not among those exemplars are chosen from: "many" of them (80 and half), or "few" (c). Columns:
rank-1, closed set; then, open set, the share of known faces that are named rightly while 1 % and
0.1 % of the strangers are taken for someone (thresholds from these very strangers, alike for every
rule). Then the album, where clothes can help: faces alone, and with the torso as 15 % of every
similarity. The last table is the calibrated decision: no threshold given, the gallery calibrates on
its own people.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.svm import LinearSVC

import observations
from fastface.gallery import LAMBDA, Gallery
from fastface.kernels import lasso

N_DRAWS, N_KNOWN, N_POOL, N_ASKED, N_STRANGER = 5, 60, 80, 20, 40
SIZES = (1, 3, 5, 10, 20)
VOTERS = 5  # of the kNN vote: the best of 3, 5 and 10 on the training embeddings
SVM_C = 1.0  # the best of 0.1, 1 and 10 there
TORSO = 0.15


class Faces(NamedTuple):
    """face: (n, d) unit rows.  who: (n,) person.  quality: (n,)."""

    face: np.ndarray
    who: np.ndarray
    quality: np.ndarray


class Draw(NamedTuple):
    """Rows of the faces exemplars are chosen from, rows that are asked about, who those are (-1:
    a stranger)."""

    pool: np.ndarray
    asked: np.ndarray
    truth: np.ndarray


# -- the sets ------------------------------------------------------------------------------------


def training(data: Path) -> Faces:
    archive = np.load(data / "train_embeddings.npz")
    faces = archive["sface128"].astype(np.float32)
    norm = np.linalg.norm(faces, axis=1)
    return Faces(faces / norm[:, None], archive["label"].astype(np.int64), norm / norm.max())


def draw_training(faces: Faces, seed: int, n_pool: int, n_known: int = N_KNOWN) -> Draw:
    rng = np.random.default_rng(seed)
    pool, asked, truth = [], [], []
    for rank, person in enumerate(rng.permutation(np.unique(faces.who))):
        own = rng.permutation(np.flatnonzero(faces.who == person))
        if rank < n_known:
            pool.append(own[N_ASKED : N_ASKED + n_pool])
            asked.append(own[:N_ASKED])
            truth.append(np.full(N_ASKED, person))
        elif rank >= N_KNOWN:
            asked.append(own[:N_STRANGER])
            truth.append(np.full(len(asked[-1]), -1))
    return Draw(*map(np.concatenate, (pool, asked, truth)))


def labelled(photos: observations.PhotoSet) -> tuple[np.ndarray, np.ndarray]:
    """Rows of clear faces whose names are known, and the names."""
    rows = np.flatnonzero((photos.truth >= 0) & ~photos.unclear)
    return rows, photos.truth[rows]


def draw_halves(faces: Faces, seed: int, n_pool: int, n_least: int = 10) -> Draw:
    """Asked about is half of the photos of everybody with enough; all others are strangers."""
    rng = np.random.default_rng(seed)
    pool, asked, truth = [], [], []
    for person, count in zip(*np.unique(faces.who, return_counts=True), strict=True):
        own = rng.permutation(np.flatnonzero(faces.who == person))
        half = count // 2 if count >= n_least and person >= 0 else 0
        pool.append(own[:half][:n_pool])
        asked.append(own[half:])
        truth.append(np.full(count - half, person if half else -1))
    return Draw(*map(np.concatenate, (pool, asked, truth)))


# -- the rules -----------------------------------------------------------------------------------


def scores_of(gallery: Gallery, queries: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """(n, people) scores of each rule but ours."""
    people, index = np.unique(gallery.people, return_inverse=True)
    similarity = queries @ gallery.exemplars.T
    codes = lasso(gallery.exemplars, queries, LAMBDA, positive=True).toarray()

    def each(score: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        return np.stack([score(index == k) for k in range(len(people))], axis=1)

    def mean(own: np.ndarray) -> np.ndarray:
        centre = gallery.exemplars[own].mean(axis=0)
        return queries @ centre / np.linalg.norm(centre)

    def residual(own: np.ndarray) -> np.ndarray:
        return 1 - ((queries - codes[:, own] @ gallery.exemplars[own]) ** 2).sum(axis=1)

    yield "nearest exemplar", each(lambda own: similarity[:, own].max(axis=1))
    yield "nearest mean", each(mean)
    k = min(VOTERS, similarity.shape[1])
    votes = np.where(similarity >= -np.sort(-similarity, axis=1)[:, k - 1 : k], similarity, 0)
    yield f"kNN vote, k = {VOTERS}", each(lambda own: votes[:, own].sum(axis=1))
    with warnings.catch_warnings(action="ignore"):  # of as many classes as exemplars
        machine = LinearSVC(C=SVM_C, dual="auto").fit(gallery.exemplars, index)
    yield "linear SVM", np.reshape(machine.decision_function(queries), (len(queries), -1))
    yield "lasso, energy", each(lambda own: (codes[:, own] ** 2).sum(axis=1))
    yield "lasso, residual", each(residual)


def figures(who: np.ndarray, score: np.ndarray, truth: np.ndarray) -> list[float]:
    strangers = np.sort(score[truth < 0])[::-1]
    right, known = who == truth, truth >= 0
    rates = [right[known].mean()]
    for false_alarms in (0.01, 0.001):
        threshold = strangers[int(false_alarms * len(strangers))]
        rates.append((right & (score > threshold))[known].mean())
    return rates


def compare(title: str, faces: Faces, draws: list[Draw], c: int) -> None:
    table: dict[str, list[list[float]]] = {}
    for draw in draws:
        pool = Faces(*(column[draw.pool] for column in faces))
        gallery = Gallery.build(*pool, max_exemplars=c)
        names, asked = np.unique(gallery.people), faces.face[draw.asked]
        for name, scores in scores_of(gallery, asked):
            who, best = names[scores.argmax(axis=1)], scores.max(axis=1)
            table.setdefault(name, []).append(figures(who, best, draw.truth))
        for rule, name in (("lasso", "ours, lasso alone"), ("both", "ours: lasso and mean")):
            found = replace(gallery, rule=rule).identify(asked)
            who = np.array([one.nearest for one in found])
            best = np.array([one.score for one in found])
            table.setdefault(name, []).append(figures(who, best, draw.truth))
    print(f"\n{title:<34}  rank-1   at 1 %  at 0.1 %")
    for name, rows in table.items():
        print(f"{name:<34}" + "".join(f"{value:9.3f}" for value in np.mean(rows, axis=0)))


def calibrated(faces: Faces) -> None:
    print("\nno threshold given      c  named rightly  named wrongly  strangers named (1 % stated)")
    for n_known in (1, 2, 5, 20, 60):
        for c in (1, 5, 20):
            outcome = []
            for seed in range(N_DRAWS):
                draw = draw_training(faces, seed, c if c < 20 else N_POOL, n_known)
                pool = Faces(*(column[draw.pool] for column in faces))
                found = Gallery.build(*pool, max_exemplars=c).identify(faces.face[draw.asked])
                who = np.array([-1 if one.person is None else one.person for one in found])
                known = draw.truth >= 0
                right = who == draw.truth
                outcome.append(
                    (
                        right[known].mean(),
                        ((who >= 0) & ~right)[known].mean(),
                        (who >= 0)[~known].mean(),
                    )
                )
            right, wrong, false = np.mean(outcome, axis=0)
            print(f"{n_known:>4} people known  {c:>8} {right:>14.3f} {wrong:>14.3f} {false:>16.4f}")


def with_torso(photos: observations.PhotoSet, rows: np.ndarray) -> np.ndarray:
    """Faces and torsos as one unit vector, so that the torso is TORSO of each product."""
    both = [np.sqrt(1 - TORSO) * photos.face[rows], np.sqrt(TORSO) * photos.torso[rows]]
    joined = np.concatenate(both, axis=1)
    return (joined / np.linalg.norm(joined, axis=1, keepdims=True)).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for embeddings")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="exemplars a person")
    options = parser.parse_args()

    train = training(options.data)
    photos = observations.lfw(options.data, options.cache)
    rows, names = labelled(photos)
    lfw = Faces(photos.face[rows], names, np.ones(len(rows)))
    for c in options.sizes:
        for many in (False, True):
            word = "many" if many else "few"
            draws = [draw_training(train, seed, N_POOL if many else c) for seed in range(N_DRAWS)]
            compare(f"training, c = {c} of {word}", train, draws, c)
            draws = [draw_halves(lfw, seed, 1000 if many else c) for seed in range(N_DRAWS)]
            compare(f"LFW, c = {c} of {word}", lfw, draws, c)

    photos = observations.album(options.data, options.cache)
    rows = np.flatnonzero(~photos.unclear & photos.torso.any(axis=1))
    alone = Faces(photos.face[rows], photos.truth[rows], np.ones(len(rows)))
    draws = [draw_halves(alone, seed, 1000) for seed in range(N_DRAWS)]
    for c in options.sizes:
        compare(f"album, c = {c}, faces alone", alone, draws, c)
        compare(
            f"album, c = {c}, with torso", alone._replace(face=with_torso(photos, rows)), draws, c
        )
    calibrated(train)


if __name__ == "__main__":
    main()
