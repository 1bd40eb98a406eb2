"""How good an embedder is: telling one person from two, grouping, through masks, by group."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fastface.calibration import Calibration
from fastface.clustering import cluster
from fastface.errors import PhotoError
from fastface.lab.augment import Curriculum
from fastface.lab.crops import Crops
from fastface.lab.masks import wear_mask
from fastface.lab.pairs import Pairs, Verification, default_detector, verify
from fastface.lab.subjects import Subject
from fastface.metrics import bcubed_scores, pairwise_scores
from fastface.templates import ARCFACE, Template
from fastface.types import ImageArray

_MASK_SEED = 2021
AGES = ((0, 9), (10, 19), (20, 39), (40, 59), (60, 120))
GENDERS = ("man", "woman")
RACES = ("white", "black", "asian", "indian", "other")  # UTKFace's own words


@dataclass(frozen=True, slots=True)
class Evaluation:
    """bare, masked: verification without masks, and with one on the second face of every pair.
    pairwise_f, bcubed_f: of the clusters that fastface makes of all faces, without a knob."""

    name: str
    bare: Verification
    masked: Verification
    pairwise_f: float
    bcubed_f: float


def evaluate(subject: Subject, pairs: Pairs, masked_pixels: ImageArray) -> Evaluation:
    """Judge an embedder on labelled pairs, aligned to its template.

    masked_pixels: `masked_crops` of the pairs' pixels.
    """
    bare, masked = subject.embed(pairs.pixels), subject.embed(masked_pixels)
    photos = np.arange(len(bare))
    found = cluster(
        bare,
        moments=photos,
        photos=photos,
        calibration=Calibration.of_faces(bare),
    )
    return Evaluation(
        subject.name,
        verify(bare, bare, pairs),
        verify(bare, masked, pairs),
        pairwise_scores(found.labels, pairs.people).f,
        bcubed_scores(found.labels, pairs.people).f,
    )


def masked_crops(crops: ImageArray, template: Template = ARCFACE) -> ImageArray:
    """Crops aligned to the template, each with a mask on; the same masks every time."""
    return np.stack(
        [
            wear_mask(crop, 1.0, np.random.default_rng((_MASK_SEED, k)), template.points)
            for k, crop in enumerate(crops)
        ]
    )


class Group(NamedTuple):
    """similarity: mean cosine of a face and its degraded copy.  share: of the faces whose degraded
    copy is nearer to them than to any other face.  detected: of them, found by the detector."""

    kind: str
    name: str
    n_faces: int
    similarity: float
    share: float
    detected: float


def by_group(subject: Subject, crops: Crops) -> list[Group]:
    """Quality by age, gender and race, from UTKFace's file names, where nobody's identity is known.

    Each face is compared with a degraded copy of itself and with all other faces, and shown to the
    default detector with some room around.  Fair models have equal rows; Apple's article reports
    the worst and the best.  Raises PhotoError if no name tells of a group.
    """
    labelled = [(k, labels) for k, name in enumerate(crops.names) if (labels := utk_labels(name))]
    if not labelled:
        raise PhotoError("no crop's name begins with age_gender_race_, as UTKFace's do")
    pixels = np.stack([crops.pixels[row] for row, _ in labelled])
    harder = np.stack(
        [
            Curriculum().apply(crop, 1.0, np.random.default_rng((_MASK_SEED, k)))
            for k, crop in enumerate(pixels)
        ]
    )
    clean, degraded = subject.embed(pixels), subject.embed(harder)
    similarity = degraded @ clean.T
    own = np.diag(similarity).copy()
    np.fill_diagonal(similarity, -1)
    told, found = own > similarity.max(1), detected(pixels)
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for k, (_, labels) in enumerate(labelled):
        for kind, name in labels.items():
            members[kind, name].append(k)
    return [
        Group(kind, name, len(rows), *(float(x[rows].mean()) for x in (own, told, found)))
        for (kind, name), rows in sorted(members.items())
    ]


def detected(crops: ImageArray) -> npt.NDArray[np.bool_]:
    """Whether the default detector finds a face in each aligned crop, amid as much grey again."""
    detector, side = default_detector(), crops.shape[1]
    frame = np.full((2 * side, 2 * side, 3), 128, np.uint8)
    inner = slice(side // 2, side // 2 + side)
    found = []
    for crop in crops:
        frame[inner, inner] = crop
        found.append(len(detector.detect(frame)) > 0)
    return np.array(found)


def utk_labels(name: str) -> dict[str, str]:
    """Age, gender and race of a UTKFace file, empty for any other.

    >>> utk_labels("utk/25_1_2_20170103200329407.jpg.chip.jpg")
    {'age': '20-39', 'gender': 'woman', 'race': 'asian'}
    """
    parts = name.rpartition("/")[2].split("_")
    if len(parts) < 4 or not all(part.isdigit() for part in parts[:3]):
        return {}
    age, gender, race = map(int, parts[:3])
    if gender >= len(GENDERS) or race >= len(RACES):
        return {}
    band = next(f"{low}-{high}" for low, high in AGES if low <= age <= high)
    return {"age": band, "gender": GENDERS[gender], "race": RACES[race]}
