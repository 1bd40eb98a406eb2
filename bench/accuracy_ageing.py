"""People who grow up, grouped with the dates of their photos: BCubed F on people not fitted on.

    python bench/accuracy_ageing.py --data DIR --cache DIR

What lasts of a face and how likeness fades is fitted on half of the people
(`make_ageing_curve.py`); everybody is grouped by it, with capture dates of seeded years of birth,
and scored on the faces of the other half, beside the best constant threshold without time on the
same faces: for six halves, and for 24 others, with vectors shaken in three of four, because a
greedy grouping amplifies what rounding does. The constants of growing.py were chosen on DEVELOPMENT
people; "kept out" is the gain on those who are neither of them nor fitted on. Then LFW, the album
and the power-law set with dates drawn by chance, by the numbers that ship.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import observations
from accuracy_clustering import powerlaw
from fastface import across, clustering
from fastface.ageing import Ageing
from fastface.calibration import Calibration
from fastface.growing import YEAR_S, Time
from fastface.kernels import median_linkage, pairwise_edges
from fastface.metrics import bcubed_scores
from make_ageing_curve import BIRTHS, born, everything, fading

TAUS = np.arange(0.40, 0.8501, 0.0125)
DEVELOPMENT = 21  # people, drawn by seed, on whom the constants were chosen
SHAKEN = 0.01  # norm of what is added to a vector of norm 1
SPANS = (5, 30, 60)  # years over which photos of no known date are taken


def bcubed(labels: np.ndarray, people: np.ndarray, rows: np.ndarray) -> float:
    """BCubed F of some of the faces, all of which were grouped."""
    _, labels = np.unique(labels, return_inverse=True)
    _, people = np.unique(people, return_inverse=True)
    both = np.zeros((labels.max() + 1, people.max() + 1))
    np.add.at(both, (labels, people), 1)
    common = both[labels, people]
    precision = (common / both.sum(1)[labels])[rows].mean()
    recall = (common / both.sum(0)[people])[rows].mean()
    return float(2 * precision * recall / (precision + recall))


def halves() -> Iterator[tuple[int, int, int, bool]]:
    """Years of births, their seed, the seed of the half, and which of the two; six, then 24."""
    for turn in range(6):
        yield BIRTHS[turn // 2], turn, 100 + turn // 2, turn % 2 == 1
    for turn in range(24):
        yield BIRTHS[turn % 3], 35_000 + turn, 5000 + turn // 2, turn % 2 == 1


def check(
    looks: Ageing, faces: np.ndarray, people: np.ndarray, ages: np.ndarray, crops: np.ndarray
) -> None:
    prior = Calibration.of_pack().strangers
    who = np.unique(people)
    chosen_on = np.random.default_rng(4242).permutation(who)[:DEVELOPMENT]
    edges = pairwise_edges(faces, float(TAUS[-1]))
    constant = [median_linkage(len(faces), edges, float(tau)).labels for tau in TAUS]
    plain = across.group(faces, prior=prior).labels
    found = []
    print(
        f"{'':<20}{'best constant':>15}{'without time':>15}{'with time':>15}{'gain, kept out':>15}"
    )
    for turn, (span, births, half, second) in enumerate(halves()):
        years = born(people, span, births) + ages
        mixed = np.random.default_rng(half).permutation(who)
        fitted = np.isin(people, mixed[:20] if second else mixed[20:])
        shaken = faces
        if turn >= 6 and turn % 4:
            noise = np.random.default_rng(births).standard_normal(faces.shape)
            shaken = faces + np.float32(SHAKEN / faces.shape[1] ** 0.5) * noise.astype(np.float32)
            shaken /= np.linalg.norm(shaken, axis=1, keepdims=True)
        curve = fading(looks, shaken[fitted], people[fitted], years[fitted], crops)
        timed = across.group(shaken, prior=prior, time=Time(curve, years)).labels
        row = []
        for rows in (
            np.flatnonzero(~fitted),
            np.flatnonzero(~fitted & ~np.isin(people, chosen_on)),
        ):
            best = max(bcubed(labels, people, rows) for labels in constant)
            row += [best, bcubed(plain, people, rows), bcubed(timed, people, rows)]
        found.append([*row[:3], row[5] - row[3]])
        if turn < 6:
            print(f"{f'births over {span}':<20}" + "".join(f"{value:15.4f}" for value in found[-1]))
    for name, rows in (("mean of six", found[:6]), ("mean of 24 more", found[6:])):
        print(f"{name:<20}" + "".join(f"{value:15.4f}" for value in np.mean(rows, axis=0)))
    more = np.array(found[6:])
    for name, gain in (("all", more[:, 2] - more[:, 0]), ("kept out", more[:, 3])):
        error = gain.std(ddof=1) / len(gain) ** 0.5
        print(
            f"gain over the best constant, {name}: {gain.mean():+.4f}, standard error {error:.4f}"
        )


def lost(data: Path, cache: Path) -> None:
    """What dates that mean nothing cost where nobody ages."""
    print(
        f"{'BCubed F, photos over':<24}{'no dates':>10}"
        + "".join(f"{f'{s} years':>10}" for s in SPANS)
    )
    sets = ("LFW", observations.lfw(data, cache)), ("album", observations.album(data, cache))
    for name, photos in (*sets, ("power law", powerlaw(data))):
        scores = []
        for span in (0, *SPANS):
            years = np.random.default_rng(span).uniform(0, span, len(photos.names))[photos.photo]
            found = clustering.cluster(
                photos.face,
                moments=photos.photo,
                photos=photos.photo,
                unclear=photos.unclear,
                taken_at=years * YEAR_S,
                ageing=Ageing.of_pack() if span else None,
            )
            scored = (photos.truth >= 0) & (found.labels >= 0)
            scores.append(bcubed_scores(found.labels[scored], photos.truth[scored]).f)
        print(f"{name:<24}" + "".join(f"{score:10.4f}" for score in scores))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for embeddings")
    options = parser.parse_args()
    looks, crops, photos = everything(options.data, options.cache)
    check(looks, *photos, crops)
    lost(options.data, options.cache)


if __name__ == "__main__":
    main()
