"""Fits the constants of `fastface.quality` on degraded copies of training crops.

    python bench/calibrate_quality.py --data DIR

DIR holds `train/` (aligned 112 x 112 crops in pins/, utk/, aaf/). Prints the logistic fit of the
cosine between a degraded crop's embedding and the clean one's, by raw norm and face width, how well
it ranks, and how often strangers match by the norms of both. LFW and the album have no part in it.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from fastface import models
from fastface.detection import Detector
from fastface.embedding import Embedder, align
from fastface.images import decode
from fastface.inference import OrtSession
from fastface.templates import ARCFACE

# The face takes up about this much of an aligned crop, in pixels.
FACE_WIDTH = 80.0
HALF_SIZE_PX = 12.0

Degrade = Callable[[Image.Image], Image.Image]


def shrunk(crop: Image.Image, width: int) -> Image.Image:
    side = max(4, round(ARCFACE.side * width / FACE_WIDTH))
    small = crop.resize((side, side), Image.Resampling.BOX)
    return small.resize(crop.size, Image.Resampling.BILINEAR)


def compressed(crop: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    crop.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def noisy(crop: Image.Image, sigma: float) -> Image.Image:
    rng = np.random.default_rng(0)
    pixels = np.asarray(crop) + rng.normal(0, sigma, (ARCFACE.side, ARCFACE.side, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def covered(crop: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    crop = crop.copy()
    crop.paste((110, 110, 110), box)
    return crop


def degradations() -> dict[str, Degrade]:
    rows: dict[str, Degrade] = {
        f"width {w}": partial(shrunk, width=w) for w in (12, 16, 20, 24, 32, 48)
    }
    for radius in (1.5, 2.5, 4):
        rows[f"blur {radius}"] = lambda crop, r=radius: crop.filter(ImageFilter.GaussianBlur(r))
    rows |= {f"JPEG {q}": partial(compressed, quality=q) for q in (15, 5)}
    rows |= {f"noise {s}": partial(noisy, sigma=s) for s in (20, 50)}
    for share in (0.2, 0.07):
        rows[f"dark {share}"] = lambda crop, s=share: crop.point(lambda v: int(v * s))
    rows["mouth covered"] = partial(covered, box=(0, 72, ARCFACE.side, ARCFACE.side))
    rows["side covered"] = partial(covered, box=(0, 0, 50, ARCFACE.side))
    rows["eyes covered"] = partial(covered, box=(0, 38, ARCFACE.side, 64))
    for step in (8, 15):
        rows[f"misplaced {step}"] = lambda crop, s=step: crop.rotate(s, translate=(s, 0))
    return rows


def logistic_fit(features: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Weights that minimise the squared error of a logistic curve, by Gauss-Newton steps."""
    design = np.column_stack([np.ones(len(target)), features])
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        curve = 1 / (1 + np.exp(-design @ weights))
        slope = design * (curve * (1 - curve))[:, None]
        weights += np.linalg.lstsq(slope, target - curve, rcond=None)[0]
    return weights


def ranks(values: np.ndarray) -> np.ndarray:
    return values.argsort().argsort()


def norms_by_score(folder: Path, embedder: Embedder) -> tuple[np.ndarray, np.ndarray]:
    """Detector scores and norms of all faces in photos, for embedders whose norm says nothing."""
    file = models.installed()["detector"]
    detector = Detector(OrtSession(file.path, sha256=file.sha256))
    scores, norms = [], []
    for path in sorted(folder.glob("*.jpg")):
        pixels = decode(path, min_side=None).pixels
        found = detector.detect(pixels)
        scores.append(found.scores)
        norms.append(embedder.embed(align(pixels, found.landmarks))[1])
    return np.concatenate(scores), np.concatenate(norms)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the photo sets")
    parser.add_argument("--crops", type=int, default=125, help="of each set of crops")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    crops = []
    for name in ("pins", "utk", "aaf"):
        files = sorted((args.data / "train" / name).rglob("*.jpg"))
        chosen = rng.choice(len(files), args.crops, replace=False)
        crops += [Image.open(files[k]).convert("RGB") for k in chosen]
    file = models.installed()["embedder"]
    embedder = Embedder(OrtSession(file.path, sha256=file.sha256))

    def embed(degrade: Degrade) -> tuple[np.ndarray, np.ndarray]:
        return embedder.embed(np.stack([np.asarray(degrade(crop)) for crop in crops]))

    clean, norm = embed(lambda crop: crop)
    print(f"{'clean':15} norm {norm.mean():5.2f}, 1 % below {np.quantile(norm, 0.01):.2f}")
    embeddings, norms, cosines, widths = [clean], [norm], [], []
    for name, degrade in degradations().items():
        embedding, norm = embed(degrade)
        embeddings.append(embedding)
        norms.append(norm)
        cosines.append((embedding * clean).sum(axis=1))
        width = float(name.split()[1]) if name.startswith("width") else FACE_WIDTH
        widths.append(np.full(len(crops), width))
        print(f"{name:15} norm {norm.mean():5.2f}, cosine {cosines[-1].mean():.3f}", flush=True)

    small = -np.log1p((HALF_SIZE_PX / np.concatenate(widths)) ** 2)
    degraded, target = np.concatenate(norms[1:]), np.clip(np.concatenate(cosines), 0, 1)
    for label, features in (("norm", [degraded]), ("norm and width", [degraded, small])):
        weights = logistic_fit(np.column_stack(features), target)
        predicted = weights[0] + np.column_stack(features) @ weights[1:]
        order = np.corrcoef(ranks(predicted), ranks(target))[0, 1]
        print(f"{label}: weights {weights.round(3).tolist()}, rank correlation {order:.3f}")

    score, norm = norms_by_score(args.data / "detect", embedder)
    slope, offset = np.polyfit(1 - score, norm, 1)
    print(
        f"norm from the detector's score, {len(score)} faces of detect: {offset:.1f} + {slope:.1f} "
        f"(1 - score), correlation {np.corrcoef(score, norm)[0, 1]:.2f}"
    )

    # Pins repeats people; the other two sets do not.
    person = np.tile(np.arange(len(crops)), len(embeddings))
    stranger = person >= args.crops
    x, n, who = (
        np.concatenate(embeddings)[stranger],
        np.concatenate(norms)[stranger],
        person[stranger],
    )
    similarity = x @ x.T
    different = np.triu(who[:, None] != who, 1)
    print("strangers that match at similarity 0.475, by the norms of both:")
    for low in range(4, 12):
        within = (n >= low) & (n < low + 1)
        pairs = different & within[:, None] & within
        print(f"  {low} to {low + 1}: {np.mean(similarity[pairs] >= 0.475):.1e} of {pairs.sum()}")


if __name__ == "__main__":
    main()
