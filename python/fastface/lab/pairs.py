"""Labelled photo pairs in LFW's form: is it one person or two?

Labeled Faces in the Wild (Huang et al., 2007): `pairs.txt` and `PERSON/PERSON_0001.jpg`. The
threshold of each fold is the best one of the other folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fastface import models
from fastface.detection import Detector
from fastface.embedding import align
from fastface.errors import PhotoError
from fastface.images import decode
from fastface.inference import OrtSession
from fastface.lab.crops import cached_pixels
from fastface.templates import ARCFACE, Template
from fastface.types import FloatArray, ImageArray, IntArray

_DECODE_SIDE = 250  # LFW's own size
_FACE_SHARE = 0.45  # of the photo's side is the crop of its middle, where no face is found


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """pixels: (n, side, side, 3) uint8, one aligned crop per photo.  people: (n,) whose.
    first, second: (p,) rows of `pixels`.  same: (p,) bool.  fold: (p,)."""

    pixels: ImageArray
    people: IntArray
    first: IntArray
    second: IntArray
    same: npt.NDArray[np.bool_]
    fold: IntArray


class Verification(NamedTuple):
    """accuracy: mean over folds, with their standard error.  tar: share of the same-person pairs
    accepted where 1 in 1,000 of the others is."""

    accuracy: float
    error: float
    tar: float


def load_pairs(folder: Path, cache: Path, template: Template = ARCFACE) -> Pairs:
    """The photos of `folder/pairs.txt`, found and aligned by the default detector.

    Of several faces the most central one counts; where none is found, the photo's middle is taken.
    Raises PhotoError if there is no such list or a photo is missing.
    """
    try:
        lines = (folder / "pairs.txt").read_text().splitlines()
    except OSError as error:
        raise PhotoError(f"{folder} is not in LFW's form: {error}") from error
    n_folds, n_per_kind = map(int, lines[0].split())
    parsed = [_pair(line) for line in lines[1:]]
    files = sorted({file for pair in parsed for file in pair})
    row = {file: k for k, file in enumerate(files)}
    detector = default_detector()
    pixels, _ = cached_pixels(
        cache,
        [f"{template} {file}" for file in files],
        lambda: (_central_crop(detector, folder / file, template) for file in files),
    )
    names = [file.partition("/")[0] for file in files]
    return Pairs(
        pixels,
        np.unique(names, return_inverse=True)[1].astype(np.int64),
        np.array([row[a] for a, _ in parsed], np.int64),
        np.array([row[b] for _, b in parsed], np.int64),
        np.array([a.partition("/")[0] == b.partition("/")[0] for a, b in parsed]),
        np.repeat(np.arange(n_folds, dtype=np.int64), 2 * n_per_kind),
    )


def verify(first: FloatArray, second: FloatArray, pairs: Pairs) -> Verification:
    """How well unit vectors tell one person from two.

    first, second: (n, d), vectors of all of `pairs.pixels`, as either side of a pair shows them.
    """
    similarity = np.einsum("nd,nd->n", first[pairs.first], second[pairs.second])
    scores = []
    for fold in np.unique(pairs.fold):
        test = pairs.fold == fold
        threshold = best_threshold(similarity[~test], pairs.same[~test])
        scores.append(np.mean((similarity[test] >= threshold) == pairs.same[test]))
    strict = np.quantile(similarity[~pairs.same], 0.999)
    error = np.std(scores, ddof=1) / np.sqrt(len(scores)) if len(scores) > 1 else np.nan
    tar = np.mean(similarity[pairs.same] > strict)
    return Verification(float(np.mean(scores)), float(error), float(tar))


def best_threshold(similarity: FloatArray, same: npt.NDArray[np.bool_]) -> float:
    """The similarity from which on calling two faces one person is right most often.

    >>> float(best_threshold(np.float32([0.1, 0.4, 0.5, 0.9]), np.array([0, 0, 1, 1], bool)))
    0.5
    """
    order = np.argsort(-similarity, kind="stable")
    ordered = similarity[order]
    right = np.cumsum(np.where(same[order], 1, -1))
    last = np.append(ordered[1:] != ordered[:-1], True)  # of equal similarities all are taken
    return float(ordered[last][right[last].argmax()])


def _pair(line: str) -> tuple[str, str]:
    parts = line.split("\t")
    if len(parts) == 3:
        parts.insert(2, parts[0])
    first, n_first, second, n_second = parts
    return _file(first, n_first), _file(second, n_second)


def _file(person: str, number: str) -> str:
    return f"{person}/{person}_{int(number):04d}.jpg"


def default_detector() -> Detector:
    """The default pack's. Raises ModelError if it is not installed."""
    file = models.installed()["detector"]
    return Detector(OrtSession(file.path, sha256=file.sha256))


def _central_crop(detector: Detector, path: Path, template: Template) -> ImageArray:
    pixels = decode(path, min_side=_DECODE_SIDE).pixels
    height, width = pixels.shape[:2]
    found = detector.detect(pixels)
    if len(found):
        centres = found.boxes[:, :2] + found.boxes[:, 2:] / 2
        nearest = np.hypot(*(centres - [width / 2, height / 2]).T).argmin()
        return align(pixels, found.landmarks[nearest : nearest + 1], template)[0]
    scale = min(height, width) * _FACE_SHARE / ARCFACE.side
    middle = np.array([width, height]) / 2
    landmarks = (np.array(ARCFACE.points) - ARCFACE.side / 2) * scale + middle
    return align(pixels, landmarks[None].astype(np.float32), template)[0]
