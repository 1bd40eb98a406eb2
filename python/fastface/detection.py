"""Faces in a photo: boxes, five landmarks and scores by YuNet.

Wu, Peng, Yu: YuNet: A Tiny Millisecond-level Face Detector, Machine Intelligence Research 2023.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fastface.inference import Session
from fastface.types import FloatArray, ImageArray, IntArray

_STRIDES = (8, 16, 32)
_MULTIPLE = 32  # sides of the network's input


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Faces of one photo, best score first.

    boxes: (n, 4) float32, left, top, width, height in pixels, clipped to the photo.  landmarks:
    (n, 5, 2) float32, x and y in pixels: right eye, left eye, nose, right and left corner of the
    mouth.  scores: (n,) float32, 0..1.
    """

    boxes: FloatArray
    landmarks: FloatArray
    scores: FloatArray

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: IntArray) -> Detections:
        return Detections(self.boxes[rows], self.landmarks[rows], self.scores[rows])


class Detector:
    """YuNet on a session; thread-safe.

    min_score: faces below are dropped.  max_pixels: photos are scaled down to at most this area
    (never up); bounding the area, not the long side, costs the same for every shape and spares
    panoramas.  min_size_px: faces narrower than this in the photo are dropped.
    """

    def __init__(
        self,
        session: Session,
        *,
        min_score: float = 0.7,
        max_pixels: int = 1024 * 768,
        min_size_px: float = 12.0,
    ) -> None:
        self._session = session
        self.min_score = min_score
        self.max_pixels = max_pixels
        self.min_size_px = min_size_px

    def detect(self, pixels: ImageArray) -> Detections:
        """Faces of a photo. pixels: (height, width, 3) uint8 RGB, upright."""
        height, width = pixels.shape[:2]
        scale = min(1.0, math.sqrt(self.max_pixels / (width * height)))
        planes = _prepare(pixels, scale)
        found = _decode(self._session.run({"input": planes}), planes.shape[3], self.min_score)
        found = found.take(suppress(found.boxes, found.scores))
        boxes = found.boxes / np.float32(scale)
        ends = np.minimum(boxes[:, :2] + boxes[:, 2:], np.array([width, height], np.float32))
        starts = np.maximum(boxes[:, :2], 0)
        boxes = np.concatenate([starts, ends - starts], axis=1)
        found = Detections(boxes, found.landmarks / np.float32(scale), found.scores)
        return found.take(np.flatnonzero(boxes[:, 2:].min(axis=1) >= self.min_size_px))


def suppress(boxes: FloatArray, scores: FloatArray, max_overlap: float = 0.3) -> IntArray:
    """Greedy non-maximum suppression; rows to keep, best score first, ties by lower row.

    boxes: (n, 4) float32, left, top, width, height.  A row is dropped if its intersection over
    union with a kept one is over `max_overlap`.

    >>> boxes = np.array([[0, 0, 10, 10], [1, 0, 10, 10], [30, 0, 10, 10]], np.float32)
    >>> suppress(boxes, np.array([0.8, 0.9, 0.7], np.float32)).tolist()
    [1, 2]
    """
    rest = np.argsort(-scores, kind="stable")
    ends, areas = boxes[:, :2] + boxes[:, 2:], boxes[:, 2] * boxes[:, 3]
    kept = []
    while rest.size:
        best, rest = rest[0], rest[1:]
        kept.append(best)
        sides = np.minimum(ends[best], ends[rest]) - np.maximum(boxes[best, :2], boxes[rest, :2])
        shared = np.prod(np.maximum(sides, 0), axis=1)
        rest = rest[shared <= max_overlap * (areas[best] + areas[rest] - shared)]
    return np.array(kept, np.int64)


def _prepare(pixels: ImageArray, scale: float) -> FloatArray:
    """The network's input: scaled, planes first, padded with black on the right and below."""
    if scale < 1.0:
        height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
        image = Image.fromarray(pixels).resize(
            (width, height), Image.Resampling.BILINEAR, reducing_gap=2.0
        )
        pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    padded = (-(-side // _MULTIPLE) * _MULTIPLE for side in (height, width))
    planes = np.zeros((1, 3, *padded), np.float32)
    planes[0, :, :height, :width] = pixels.transpose(2, 0, 1)
    return planes


def _decode(outputs: dict[str, FloatArray], grid_width: int, min_score: float) -> Detections:
    """Cells of the three grids that score at least `min_score`, in pixels of the network's input.

    grid_width: the input's width in pixels.  A cell's box is its centre's offset in strides and the
    logarithm of its size in strides; landmarks are offsets in strides.
    """
    boxes, landmarks, scores = [], [], []
    for stride in _STRIDES:
        score = np.sqrt(outputs[f"cls_{stride}"][0, :, 0] * outputs[f"obj_{stride}"][0, :, 0])
        cells = np.flatnonzero(score >= min_score)
        row, column = np.divmod(cells, grid_width // stride)
        corner = np.stack([column, row], axis=1).astype(np.float32)
        box = outputs[f"bbox_{stride}"][0, cells]
        size = np.exp(box[:, 2:])
        start = corner + box[:, :2] - size / 2
        points = outputs[f"kps_{stride}"][0, cells].reshape(-1, 5, 2) + corner[:, None]
        boxes.append(np.concatenate([start, size], axis=1) * np.float32(stride))
        landmarks.append(points * np.float32(stride))
        scores.append(score[cells])
    return Detections(np.concatenate(boxes), np.concatenate(landmarks), np.concatenate(scores))
