"""What an earlier model saw, as evidence for the grouping by a later one.

    python bench/earlier_models.py --data DIR --cache DIR [--sets LFW album]

Everybody is looked at by each pack; the faces of one pack are grouped alone, and beside what other
packs saw of the same faces, as after an exchange of the model. BCubed of those whose names are
known; "four fifths": the earlier pack saw only those, the other photos came after the exchange.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import observations
from fastface import clustering, models
from fastface.calibration import Calibration
from fastface.looks import Look
from fastface.metrics import bcubed_scores

PACKS = ("default", "small", "dlib")
EXCHANGES = (
    ("default", ()),
    ("small", ()),
    ("dlib", ()),
    ("small", ("default",)),
    ("dlib", ("default",)),
    ("dlib", ("small",)),
    ("dlib", ("default", "small")),
    ("default", ("dlib",)),
)


def curve_of(pack: str, faces: np.ndarray) -> Calibration:
    embedder = models.recipe(pack).curve
    return Calibration.of_faces(faces) if embedder is None else Calibration.of_pack(embedder)


def look(pack: str, photos: observations.PhotoSet, seen: np.ndarray) -> Look:
    """What a pack saw clearly, of the faces that it was shown."""
    faces = np.where((seen & ~photos.unclear)[:, None], photos.face, np.float32(0))
    embedder = models.recipe(pack).curve
    return Look(faces, None if embedder is None else Calibration.of_pack(embedder).strangers)


def report(name: str, sets: dict[str, observations.PhotoSet]) -> None:
    n = len(sets["default"].photo)
    for photos in sets.values():
        assert (photos.photo == sets["default"].photo).all(), "one detector: the same faces"
    every, some = np.ones(n, bool), np.random.default_rng(0).random(n) < 0.8
    for pack, earlier in EXCHANGES:
        photos = sets[pack]
        for words, seen in (("", every), ("four fifths", some))[: 1 + bool(earlier)]:
            found = clustering.cluster(
                photos.face,
                moments=photos.photo,
                photos=photos.photo,
                unclear=photos.unclear,
                calibration=curve_of(pack, photos.face[~photos.unclear]),
                earlier=[look(other, sets[other], seen) for other in earlier],
            )
            known = photos.truth >= 0
            score = bcubed_scores(found.labels[known], photos.truth[known])
            after = " after ".join([pack, " and ".join(earlier)]) if earlier else pack
            print(
                f"{name:<7}{after:<26}{words:<13}"
                f"{score.precision:.4f} {score.recall:.4f} {score.f:.4f}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for embeddings")
    parser.add_argument("--sets", nargs="+", default=["LFW", "album"])
    options = parser.parse_args()
    print(f"{'':<46}BCubed P  R      F")
    for name in options.sets:
        of = {"LFW": observations.lfw, "album": observations.album}[name]
        report(name, {pack: of(options.data, options.cache, pack) for pack in PACKS})


if __name__ == "__main__":
    main()
