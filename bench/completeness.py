"""Is as much of everybody found as is said? The estimate beside the truth, on labelled faces.

    python bench/completeness.py --data DIR --cache DIR

Every photo is a moment of its own. Of each person of three faces or more, what share of all faces
of whoever most of them are is among them, and what `completeness` says of it, which sees no label.
The power-law set chose the one constant; the others report.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np

import observations
from accuracy_clustering import powerlaw
from fastface import clustering, doubts
from fastface.calibration import Calibration
from fastface.completeness import MOST_DOUBTS, completeness

LEAST_FACES = 3
BINS = (0.0, 0.5, 0.8, 0.95, 1.01)


def said_and_true(photos: observations.PhotoSet) -> np.ndarray:
    """(people, 2): the share that is said to be found, and that is."""
    single = photos.photo
    found = clustering.cluster(photos.face, moments=single, photos=single, unclear=photos.unclear)
    clear = np.flatnonzero(found.labels >= 0)
    persons, face, truth = found.labels[clear], photos.face[clear], photos.truth[clear]
    nobody = np.zeros(len(clear), bool)
    known = doubts.Known(persons, single[clear], persons, nobody, nobody.astype(np.float64))
    pairs = doubts.two_that_may_be_one(
        known, lambda rows: face[rows], lambda _, __: False, Calibration.of_pack(), MOST_DOUBTS
    )
    rows = []
    for person, said in completeness(persons, pairs).items():
        theirs = truth[persons == person]
        named = theirs[theirs >= 0]
        if len(theirs) >= LEAST_FACES and len(named):
            who = np.bincount(named).argmax()
            rows.append((said, np.mean(named == who) * len(named) / np.sum(truth == who)))
    return np.array(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for embeddings")
    options = parser.parse_args()
    for name, photos in {
        "power law": powerlaw(options.data),
        "LFW": observations.lfw(options.data, options.cache),
        "album": observations.album(options.data, options.cache),
        "ageing": observations.ageing(options.data, options.cache),
    }.items():
        said, true = said_and_true(photos).T
        off, constant = np.abs(said - true).mean(), np.abs(1 - true).mean()
        print(
            f"{name:<10} {len(said):>4} people: said {said.mean():.3f}, true {true.mean():.3f}; "
            f"off by {off:.3f} (always 1: {constant:.3f}), correlation "
            f"{np.corrcoef(said, true)[0, 1]:.2f}"
        )
        for low, high in itertools.pairwise(BINS):
            inside = (said >= low) & (said < high)
            if inside.any():
                print(
                    f"{'':<10} {inside.sum():>4} said {said[inside].mean():.2f}, "
                    f"true {true[inside].mean():.2f}"
                )


if __name__ == "__main__":
    main()
