"""What the torso adds inside moments: the album, pass 1 with and without it.

    python bench/accuracy_moments.py --data DIR --cache DIR

The album has hardly any capture times, so moments are simulated, three ways, all from the original
file names (`source`), none from looks:
- file order: what a scan of photos without a clock does, runs of 24 in the order of the names;
- shoots: photos of one source folder whose original numbers are close (steps of at most 3), which
  are mostly stills of one scene; the hardest, because clusters stay small;
- days: shoots dealt at random (seeded) to moments of about 30 photos, as a day has several scenes.
A merge of pass 1 is right if it adds a face to others of the same person: a cluster of m faces of
which the most frequent person has b is m - 1 merges, of which b - 1 right, summed over its people.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np

import observations
from accuracy_clustering import with_missed
from fastface import clustering, moments
from fastface.metrics import bcubed_scores, pairwise_scores

SHOOT_STEP = 3
DAY_PHOTOS = 30


def shoots(sources: list[str]) -> np.ndarray:
    key = [
        (s.split("/")[0], int(re.search(r"(\d+)\.\w+$", s)[1]), k) for k, s in enumerate(sources)
    ]
    moment, previous = -1, ("", 0)
    of_photo = np.empty(len(sources), np.int64)
    for folder, number, photo in sorted(key):
        if folder != previous[0] or number - previous[1] > SHOOT_STEP:
            moment += 1
        of_photo[photo], previous = moment, (folder, number)
    return of_photo


def days(of_shoot: np.ndarray, seed: int) -> np.ndarray:
    order = np.random.default_rng(seed).permutation(of_shoot.max() + 1)
    filled = np.cumsum(np.bincount(of_shoot)[order])
    day = np.empty(len(order), np.int64)
    day[order] = (filled - 1) // DAY_PHOTOS
    return day[of_shoot]


def merges(labels: np.ndarray, truth: np.ndarray) -> tuple[int, int]:
    """Right merges and all merges, among the named faces."""
    right = total = 0
    for cluster in np.unique(labels[(labels >= 0) & (truth >= 0)]):
        people = Counter(truth[(labels == cluster) & (truth >= 0)].tolist())
        total += people.total() - 1
        right += sum(count - 1 for count in people.values())
    return right, total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for embeddings")
    options = parser.parse_args()
    photos = observations.album(options.data, options.cache)
    labels = json.loads((options.data / "album_labels.json").read_text())
    sources = [labels[name]["source"] for name in photos.names]
    unknown = np.full(len(sources), np.nan)
    of_shoot = shoots(sources)
    simulated = {
        "file order": moments.split(unknown, unknown, unknown, [""] * len(sources), photos.names),
        "shoots": of_shoot,
        **{f"days, seed {seed}": days(of_shoot, seed) for seed in range(3)},
        "one moment": np.zeros(len(sources), np.int64),
    }
    print(f"{'moments':<14}{'torso':<6} pass 1 merges  right  precision  recall | pass 2 BCubed F")
    for name, of_photo in simulated.items():
        for cue, torsos in (("no", None), ("yes", photos.torso)):
            found = clustering.cluster(
                photos.face,
                torsos,
                moments=of_photo[photos.photo],
                photos=photos.photo,
                unclear=photos.unclear,
            )
            right, total = merges(found.pass1_labels, photos.truth)
            inside = _inside(found.pass1_labels, photos, of_photo)
            score = bcubed_scores(*with_missed(found.labels, photos)).f
            print(
                f"{name:<14}{cue:<6} {total:>13}  {right:>5}     {right / total:.4f}"
                f"  {inside:.4f} | {score:.4f}"
            )


def _inside(labels: np.ndarray, photos: observations.PhotoSet, of_photo: np.ndarray) -> float:
    """Pairwise recall of pass 1 against the most it could reach: one cluster per person, moment."""
    named = photos.truth >= 0
    possible = photos.truth * (of_photo.max() + 1) + of_photo[photos.photo]
    return pairwise_scores(labels[named], possible[named]).recall


if __name__ == "__main__":
    main()
