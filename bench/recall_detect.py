"""Detection: recall by face size, extra detections, time; beside YuNet alone.

    python bench/recall_detect.py --data DIR

DIR holds `detect/` and `detect_boxes.json` (file -> list of left, top, width, height in pixels). A
face is found if a detection overlaps it by 0.4 (intersection over union); a detection that overlaps
no labelled face by 0.2 is extra, though crowds have faces that nobody labelled.  "Held out" is what
comes out where the score is chosen on one half of the photos and counted on the other.  The last
row is one look by YuNet alone, the photo's longer side brought to 1024 pixels, at score 0.6; photo
by photo the two take turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
from PIL import Image

from fastface import models
from fastface.detection import Detections, Detector, _decode, _prepare, suppress
from fastface.images import decode
from fastface.inference import OrtSession
from fastface.yunet import fastest

EDGES_PX = (16, 24, 40, 80)
NAMES = ("<16", "16-24", "24-40", "40-80", "80+", "40+")
SCORES = (0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
N_SPLITS = 200
ALONE_SIDE, ALONE_SCORE = 1024, 0.6
MAX_EXTRA = 14  # as many as YuNet alone at score .6


def overlaps(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(n_found, n_truth) intersection over union."""
    ends = np.minimum((found[:, :2] + found[:, 2:])[:, None], truth[:, :2] + truth[:, 2:])
    shared = np.prod(np.maximum(ends - np.maximum(found[:, None, :2], truth[:, :2]), 0), axis=2)
    return shared / (np.prod(found[:, None, 2:], axis=2) + np.prod(truth[:, 2:], axis=1) - shared)


def match(overlap: np.ndarray) -> np.ndarray:
    """Which true faces are found, each by one detection, in the order of the detections' scores."""
    is_found = np.zeros(overlap.shape[1], bool)
    for row in overlap:
        free = np.where(is_found, 0, row)
        if free.size and free.max() >= 0.4:
            is_found[free.argmax()] = True
    return is_found


def count(found: Detections, truth: np.ndarray) -> tuple[np.ndarray, int]:
    """Faces found by width, a row of counts as in NAMES, and the number of extra detections."""
    table = overlaps(found.boxes, truth)
    bins = np.digitize(truth[:, 2], EDGES_PX)
    by_width = np.bincount(bins, match(table), len(NAMES) - 1)
    n_extra = int((table.max(axis=1, initial=0) < 0.2).sum())
    return np.append(by_width, by_width[-2:].sum()), n_extra


def held_out(found: np.ndarray, extra: np.ndarray) -> tuple[np.ndarray, float]:
    """What a score chosen on half of the photos, as the lowest that keeps its share of MAX_EXTRA,
    does on the other half; summed over random halves.

    found: (scores, photos, widths), extra: (scores, photos).  Returns faces found by width and
    extra detections, both scaled to all photos.
    """
    rng = np.random.default_rng(0)
    n_photos = extra.shape[1]
    sums, extras = np.zeros(found.shape[2]), 0.0
    for _ in range(N_SPLITS):
        order = rng.permutation(n_photos)
        for ours, others in (np.split(order, 2), np.split(order, 2)[::-1]):
            fits = np.flatnonzero(extra[:, ours].sum(axis=1) <= MAX_EXTRA / 2)
            best = fits[0] if fits.size else -1
            sums += found[best, others].sum(axis=0)
            extras += extra[best, others].sum()
    return sums / N_SPLITS, extras / N_SPLITS


def alone(session: OrtSession, pixels: np.ndarray) -> Detections:
    """One look by YuNet, as it is commonly used."""
    height, width = pixels.shape[:2]
    scale = ALONE_SIDE / max(height, width)
    size = round(width * scale), round(height * scale)
    image = _prepare(np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)))
    found = _decode(session.run({"input": image}), image.shape[3], ALONE_SCORE)
    found = found.take(suppress(found.boxes, found.scores))
    return Detections(found.boxes / scale, found.landmarks / scale, found.scores)


def print_row(label: str, recall: np.ndarray, n_extra: float) -> None:
    print(f"{label:10}" + "".join(f"{r:7.3f}" for r in recall) + f"  {n_extra:5.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds detect/")
    folder = parser.parse_args().data
    truth = {
        name: np.array(boxes, np.float32).reshape(-1, 4)
        for name, boxes in json.loads((folder / "detect_boxes.json").read_text()).items()
    }
    photos = {name: decode(folder / "detect" / name, min_side=None).pixels for name in truth}
    file = models.installed()["detector"]
    session = OrtSession(file.path, sha256=file.sha256)
    detector = Detector(fastest(session, file.path))
    default, detector.min_score = detector.min_score, min(SCORES)
    detections, peers, times = {}, {}, []
    for name, pixels in photos.items():
        clock = [time.process_time()]
        detections[name] = detector.detect(pixels)
        clock.append(time.process_time())
        peers[name] = alone(session, pixels)
        clock.append(time.process_time())
        times.append(np.diff(clock))
    ms, peer_ms = 1000 * np.mean(times, axis=0)
    ratios = sorted(ours / theirs for ours, theirs in times)
    found, extra = [], []
    for score in SCORES:
        counts = [
            count(faces.take(np.flatnonzero(faces.scores >= score)), truth[name])
            for name, faces in detections.items()
        ]
        found.append([by_width for by_width, _ in counts])
        extra.append([n_extra for _, n_extra in counts])
    per_photo, n_extra = np.array(found), np.array(extra)
    bins = np.concatenate([np.digitize(boxes[:, 2], EDGES_PX) for boxes in truth.values()])
    n_faces = np.bincount(bins, minlength=len(NAMES) - 1)
    n_faces = np.append(n_faces, n_faces[-2:].sum())
    print("faces by width in pixels:", dict(zip(NAMES, n_faces.tolist(), strict=True)))
    print("score     " + "".join(f"{name:>7}" for name in NAMES) + "  extra")
    for row, score in enumerate(SCORES):
        label = f"{score:.2f} {'*' if score == default else ''}"
        print_row(label, per_photo[row].sum(axis=0) / n_faces, float(n_extra[row].sum()))
    recall, extras = held_out(per_photo, n_extra)
    print_row("held out", recall / n_faces, extras)
    counts = [count(faces, truth[name]) for name, faces in peers.items()]
    seen = np.sum([by_width for by_width, _ in counts], axis=0)
    print_row("alone", seen / n_faces, sum(n_extra for _, n_extra in counts))
    print(f"* the default; {ms:.1f} CPU ms a photo, YuNet alone {peer_ms:.1f}")
    middle, tenth = statistics.median(ratios), len(ratios) // 10
    print(f"times YuNet alone: {ms / peer_ms:.2f} in all; photo by photo {middle:.2f}", end="")
    print(f" (10 to 90 %: {ratios[tenth]:.2f} to {ratios[-1 - tenth]:.2f})")


if __name__ == "__main__":
    main()
