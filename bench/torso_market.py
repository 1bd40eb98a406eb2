"""How well clothes tell people apart: the torso descriptor on Market-1501 crops.

    python bench/torso_market.py --data DIR

DIR holds `market_reid/` (64 x 128 crops of people, named PERSON_cCAMERAsSEQUENCE_*.jpg). Prints,
for two halves of the people and for all: the share of same-person pairs accepted where 1 % of
different-person pairs are, among photos of one camera, which is what a moment needs; and how often
the nearest photo of another camera shows the same person. The descriptor learns nothing from data,
but its few settings (stripes, bins, shares) were chosen with both halves in view.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from fastface.torso import describe_torsos
from fastface.types import Box

# What a box derived from the face sees of such a crop, and more and less of it; left, top, right,
# bottom as fractions.
TORSO, WHOLE_BODY = (0.2, 0.18, 0.8, 0.60), (0.1, 0.0, 0.9, 1.0)
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def descriptor(view: tuple[float, float, float, float]) -> Callable[[np.ndarray], np.ndarray]:
    left, top, right, bottom = view
    width, height = (right - left) / 3, (bottom - top) / 4
    face = Box((left + right - width) / 2, top - height, width, height)
    return lambda pixels: describe_torsos(pixels, [face])[0]


def upper_half_of_torso(pixels: np.ndarray) -> np.ndarray:
    """As in a portrait that ends at the chest."""
    left, top, right, bottom = TORSO
    end = round((top + bottom) / 2 * len(pixels))
    scale = len(pixels) / end
    return descriptor((left, top * scale, right, bottom * scale))(pixels[:end])


def plain_histogram(pixels: np.ndarray, power: float) -> np.ndarray:
    """Baselines: hue, saturation and value in 8 x 4 x 4 bins, in two stripes of the torso."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = (TORSO * np.array([width, height] * 2)).round().astype(int)
    patch = Image.fromarray(pixels[top:bottom, left:right]).convert("HSV")
    stripes = np.array_split(np.asarray(patch), 2)
    counts = [
        np.histogramdd(s.reshape(-1, 3), (8, 4, 4), [(0, 256)] * 3)[0].ravel() for s in stripes
    ]
    row = np.concatenate(counts) ** power
    return row / np.linalg.norm(row)


def pair_masks(people: np.ndarray, cameras: np.ndarray) -> tuple[np.ndarray, ...]:
    """Each pair once: same person, one camera; different people, one camera; then two cameras."""
    each_once = np.triu(np.ones((len(people), len(people)), bool), 1)
    same, near = people[:, None] == people, cameras[:, None] == cameras
    return tuple(each_once & s & c for c in (near, ~near) for s in (same, ~same))


def acceptance(genuine: np.ndarray, impostor: np.ndarray, rate: float = 0.01) -> float:
    limit = np.sort(impostor)[int(rate * len(impostor))]
    return float((genuine < limit).mean())


def rank_1(distances: np.ndarray, people: np.ndarray, cameras: np.ndarray) -> float:
    hits = []
    for person, camera, row in zip(people, cameras, distances, strict=True):
        others = cameras != camera
        if (others & (people == person)).any():
            hits.append(people[others][np.argmin(row[others])] == person)
    return float(np.mean(hits))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with market_reid/")
    files = sorted((parser.parse_args().data / "market_reid").glob("*.jpg"))
    photos = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    people = np.array([file.name.split("_")[0] for file in files])
    cameras = np.array([re.search(r"_c(\d)", file.name)[1] for file in files])
    names = np.unique(people)
    first = np.isin(people, np.random.default_rng(0).permutation(names)[: len(names) // 2])
    halves = {"one half": first, "other half": ~first, "all": np.ones(len(people), bool)}

    print(f"{len(photos)} crops, {len(names)} people, {len(np.unique(cameras))} cameras")
    print("TAR at FAR 1 % within a camera / rank-1 across cameras, by half of the people")
    print(f"{'':34}{'d':>6}{'ms':>6}" + "".join(f"{half:>16}" for half in halves))
    for name, describe in {
        "HSV histogram, two stripes": partial(plain_histogram, power=1.0),
        "the same, square-rooted": partial(plain_histogram, power=0.5),
        "fastface, torso": descriptor(TORSO),
        "fastface, upper half of torso": upper_half_of_torso,
        "fastface, whole body": descriptor(WHOLE_BODY),
    }.items():
        start = time.process_time()
        rows = np.stack([describe(photo) for photo in photos])
        milliseconds = (time.process_time() - start) / len(photos) * 1e3
        cells = []
        for half in halves.values():
            distances = 1 - rows[half] @ rows[half].T
            genuine, impostor, *_ = pair_masks(people[half], cameras[half])
            tar = acceptance(distances[genuine], distances[impostor])
            cells.append(f"{tar:.3f} / {rank_1(distances, people[half], cameras[half]):.3f}")
        print(f"{name:34}{rows.shape[1]:6}{milliseconds:6.2f}" + "".join(f"{c:>16}" for c in cells))
        if name == "fastface, torso":
            torsos = rows

    distances = 1 - torsos @ torsos.T
    print("\nDistances of torsos (1 - dot), by quantile")
    print(f"{'':34}" + "".join(f"{q:>8.0%}" for q in QUANTILES))
    labels = ("same person, one camera", "different, one camera")
    labels += ("same person, two cameras", "different, two cameras")
    for label, mask in zip(labels, pair_masks(people, cameras), strict=True):
        values = np.quantile(distances[mask], QUANTILES)
        print(f"{label:34}" + "".join(f"{value:8.3f}" for value in values))


if __name__ == "__main__":
    main()
