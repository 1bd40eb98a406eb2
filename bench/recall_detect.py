"""Detection: recall by face size, extra detections, time.

    python bench/recall_detect.py --data DIR

DIR holds `detect/` and `detect_boxes.json` (file -> list of left, top, width, height in pixels). A
face is found if a detection overlaps it by 0.4 (intersection over union); a detection that overlaps
no labelled face by 0.2 is extra, though crowds have faces that nobody labelled.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from fastface import models
from fastface.detection import Detector
from fastface.images import decode
from fastface.inference import OrtSession

EDGES_PX = (16, 24, 40, 80)
SCORES = (0.6, 0.7, 0.8, 0.9)


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
    bins = np.concatenate([np.digitize(boxes[:, 2], EDGES_PX) for boxes in truth.values()])
    counts = np.bincount(bins, minlength=len(EDGES_PX) + 1)
    names = ["<16", "16-24", "24-40", "40-80", "80+"]
    print("faces by width in pixels:", dict(zip(names, counts.tolist(), strict=True)))
    print("score  " + "  ".join(f"{name:>5}" for name in names) + "  extra  CPU ms a photo")
    for score in SCORES:
        detector = Detector(session, min_score=score)
        cpu = time.process_time()
        found = {name: detector.detect(pixels).boxes for name, pixels in photos.items()}
        ms = 1000 * (time.process_time() - cpu) / len(photos)
        tables = [overlaps(found[name], truth[name]) for name in truth]
        is_found = np.concatenate([match(table) for table in tables])
        n_extra = sum(int((table.max(axis=1, initial=0) < 0.2).sum()) for table in tables)
        recall = np.bincount(bins, is_found, len(counts)) / counts
        print(
            f"{score:5.2f}  " + "  ".join(f"{r:5.3f}" for r in recall) + f"  {n_extra:5}  {ms:.1f}"
        )


if __name__ == "__main__":
    main()
