"""Observations of the labelled photo sets, through the public pipeline, for the accuracy benches.

Analysing takes minutes, so it is kept in a folder the caller names. Embeddings are biometric data:
the files are readable by their owner only, and belong outside the repository.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastface import models
from fastface.analysis import DECODE_SIDE, Analyzer, model_tag
from fastface.images import decode
from fastface.torso import N_DIMENSIONS

MIN_OVERLAP = 0.3  # intersection over union that makes a detection and a label one face


@dataclass(frozen=True)
class PhotoSet:
    """names: photos.  The rest is per face: photo (index), box (0..1), face, torso, unclear, and
    truth: who it is, -1 where nobody knows.  n_missed: labelled faces that were not found."""

    names: list[str]
    photo: np.ndarray
    box: np.ndarray
    face: np.ndarray
    torso: np.ndarray
    unclear: np.ndarray
    truth: np.ndarray
    n_missed: int = 0


def lfw(data: Path, cache: Path, pack: str = models.DEFAULT) -> PhotoSet:
    """Every face counts in clustering; the one nearest the centre has the photo's name."""
    return _of_the_centre(data / "lfw", cache, pack, "*/*.jpg", lambda name: name.split("/")[0])


def ageing(data: Path, cache: Path, pack: str = models.DEFAULT) -> PhotoSet:
    return _of_the_centre(data / "ageing", cache, pack, "*/*.jpg", lambda name: name.split("/")[0])


def album(data: Path, cache: Path, pack: str = models.DEFAULT) -> PhotoSet:
    """The six named people are the truth; everyone else takes part without a name."""
    photos = _observe(data / "album", cache, pack, "*.jpg")
    labels = json.loads((data / "album_labels.json").read_text())
    truth, n_missed = np.full(len(photos.photo), -1), 0
    for index, name in enumerate(photos.names):
        width, height = labels[name]["size"]
        rows = np.flatnonzero(photos.photo == index)
        for labelled in labels[name]["faces"]:
            if not labelled["person"].startswith("person_"):
                continue
            box = np.array(labelled["box"]) / [width, height, width, height]
            overlaps = np.array([_overlap(box, photos.box[row]) for row in rows])
            if len(rows) and overlaps.max() >= MIN_OVERLAP:
                truth[rows[overlaps.argmax()]] = int(labelled["person"][len("person_") :])
            else:
                n_missed += 1
    return PhotoSet(**{**vars(photos), "truth": truth, "n_missed": n_missed})


def _of_the_centre(
    folder: Path, cache: Path, pack: str, pattern: str, person_of: object
) -> PhotoSet:
    photos = _observe(folder, cache, pack, pattern)
    people = [person_of(name) for name in photos.names]
    number = {person: k for k, person in enumerate(sorted(set(people)))}
    truth, n_missed = np.full(len(photos.photo), -1), 0
    middle = photos.box[:, :2] + photos.box[:, 2:] / 2
    for index, person in enumerate(people):
        rows = np.flatnonzero(photos.photo == index)
        if len(rows):
            nearest = np.linalg.norm(middle[rows] - 0.5, axis=1).argmin()
            truth[rows[nearest]] = number[person]
        else:
            n_missed += 1
    return PhotoSet(**{**vars(photos), "truth": truth, "n_missed": n_missed})


def _observe(folder: Path, cache: Path, pack: str, pattern: str) -> PhotoSet:
    stored = cache / f"{folder.name}-{model_tag(pack)}.npz"
    names = sorted(path.relative_to(folder).as_posix() for path in folder.glob(pattern))
    if not stored.exists():
        analyzer = Analyzer(pack)
        with ThreadPoolExecutor() as pool:
            found = list(
                pool.map(
                    lambda name: analyzer.analyze(
                        decode(folder / name, min_side=DECODE_SIDE).pixels
                    ),
                    names,
                )
            )
        every = [face for faces in found for face in faces]
        nothing = np.zeros(N_DIMENSIONS, np.float32)
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        stored.touch(mode=0o600)
        with stored.open("wb") as file:
            np.savez(
                file,
                photo=np.repeat(np.arange(len(names)), [len(faces) for faces in found]),
                box=np.array([face.box for face in every], np.float32),
                face=np.array([face.face for face in every]),
                torso=np.array([nothing if f.torso is None else f.torso for f in every]),
                unclear=np.array([face.unclear for face in every]),
            )
    with np.load(stored) as archive:
        arrays = dict(archive)
    return PhotoSet(names, **arrays, truth=np.full(len(arrays["photo"]), -1))


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    sides = np.minimum(a[:2] + a[2:], b[:2] + b[2:]) - np.maximum(a[:2], b[:2])
    common = float(np.prod(np.maximum(sides, 0)))
    return common / float(a[2] * a[3] + b[2] * b[3] - common)
