"""A made-up library of any size, to time what a user waits for.

    python bench/large_library.py --data DIR --faces 100000 --output large.db

The photos do not exist; everything else is as after a scan with the default models. People meet in
moments: one to a dozen of them, drawn by a power law (the most photographed is on 15 % of all
faces), in clothes that they keep for the moment, on up to forty photos of one to four faces. Faces
have the covariances, between people and within them, of the training embeddings. One face in
twenty is too unclear to be grouped. Grouping is the default one; --ungrouped leaves it out.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastface.analysis import MODEL_TAG
from fastface.library import Library
from fastface.store import Store
from fastface.torso import N_DIMENSIONS
from fastface.types import Box, Observation, PhotoMetadata
from scale_clustering import faces_of, power_law

BATCH = 512  # photos of one transaction
FIRST_MOMENT, BETWEEN_MOMENTS_S, BETWEEN_PHOTOS_S = 1_000_000_000.0, 86_400.0, 60.0
UNCLEAR = 0.05
TORSO_NOISE = 0.25  # against a torso of norm 1: clothes seen twice are about 0.06 apart


@dataclass(frozen=True)
class Photos:
    """person, photo: (n,) int64 of each face, photos ascending.  moment: (p,) of each photo."""

    person: np.ndarray
    photo: np.ndarray
    moment: np.ndarray


def draw(n_faces: int, rng: np.random.Generator) -> Photos:
    """Who is on which photo."""
    sizes = power_law(n_faces)
    shares = sizes / sizes.sum()
    person: list[int] = []
    photo: list[int] = []
    moments: list[int] = []
    moment = 0
    while len(person) < n_faces:
        cast = np.unique(rng.choice(len(sizes), rng.integers(1, 13), p=shares))
        for _ in range(rng.integers(1, 41)):
            together = rng.choice(cast, min(len(cast), rng.integers(1, 5)), replace=False)
            person += together.tolist()
            photo += [len(moments)] * len(together)
            moments.append(moment)
        moment += 1
    return Photos(np.array(person), np.array(photo), np.array(moments))


def observations(
    photos: Photos, faces: np.ndarray, rng: np.random.Generator
) -> Iterator[list[Observation]]:
    """What a model saw on each photo, in order."""
    clothes: dict[tuple[int, int], np.ndarray] = {}
    starts = np.searchsorted(photos.photo, np.arange(len(photos.moment) + 1))
    for index, moment in enumerate(photos.moment.tolist()):
        seen = []
        for place, row in enumerate(range(starts[index], starts[index + 1])):
            key = moment, int(photos.person[row])
            if key not in clothes:
                clothes = {k: v for k, v in clothes.items() if k[0] == moment}
                clothes[key] = _torso(rng)
            left = 0.05 + 0.24 * place
            quality = rng.uniform(0.4, 1)
            seen.append(
                Observation(
                    box=Box(left, rng.uniform(0.1, 0.3), 0.12, 0.2),
                    landmarks=np.full((5, 2), left, np.float32),
                    score=0.9,
                    quality=quality,
                    unclear=bool(rng.random() < UNCLEAR),
                    face=faces[row],
                    torso_box=Box(left, 0.5, 0.2, 0.4),
                    torso=_unit(clothes[key] + TORSO_NOISE * _torso(rng)),
                )
            )
        yield seen


def _torso(rng: np.random.Generator) -> np.ndarray:
    """Square roots of a histogram: no entry below zero, as the descriptor has none."""
    return _unit(np.abs(rng.standard_normal(N_DIMENSIONS, dtype=np.float32)) ** 3)


def _unit(row: np.ndarray) -> np.ndarray:
    return row / np.linalg.norm(row)


def fill(
    store: Store, photos: Photos, seen: Iterator[list[Observation]], begin: int, end: int
) -> None:
    """Writes photos and the next faces as a scan does, in transactions of many photos."""
    taken_at = FIRST_MOMENT + BETWEEN_MOMENTS_S * photos.moment
    taken_at += BETWEEN_PHOTOS_S * (np.arange(len(taken_at)) % 40)
    for first in range(begin, end, BATCH):
        with store.atomic():
            for index in range(first, min(first + BATCH, end)):
                content = hashlib.sha256(b"%d" % index).hexdigest()
                metadata = PhotoMetadata(4000, 3000, float(taken_at[index]))
                store.add_analysis(content, metadata, MODEL_TAG, next(seen))
                folder = f"/photos/{photos.moment[index]:06}"
                store.put_file(f"{folder}/{index:06}.jpg".encode(), 1, 1, content)


def make(path: Path, data: Path, n_faces: int, *, seed: int = 0, grouped: bool = True) -> Photos:
    """A library of n_faces faces or a few more, at a path where nothing is."""
    rng = np.random.default_rng(seed)
    photos = draw(n_faces, rng)
    seen = observations(photos, faces_of(data, photos.person, rng), rng)
    store = Store(path)
    fill(store, photos, seen, 0, len(photos.moment))
    store.close()
    if grouped:
        with Library(path) as library:
            library.recluster()
    return photos


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--ungrouped", action="store_true")
    options = parser.parse_args()
    start = time.monotonic()
    photos = make(options.output, options.data, options.faces, grouped=not options.ungrouped)
    print(
        f"{len(photos.person)} faces of {len(np.unique(photos.person))} people on "
        f"{len(photos.moment)} photos of {photos.moment[-1] + 1} moments, "
        f"{options.output.stat().st_size / 1e6:.0f} MB, {time.monotonic() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
