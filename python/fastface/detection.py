"""Faces in a photo: boxes, five landmarks and scores by YuNet.

Wu, Peng, Yu: YuNet: A Tiny Millisecond-level Face Detector, Machine Intelligence Research 2023.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fastface.inference import Session
from fastface.kernels import Cells, FaceNetwork, planes, shrink
from fastface.types import FloatArray, ImageArray, IntArray

_STRIDES = (8, 16, 32)
_MULTIPLE = 32  # sides of the network's input

# The coarse look: its area, and the side in its pixels from which landmarks are good enough.
_COARSE_PIXELS = 256 * 192
_COARSE_SIDE_PX = 64.0

# The fine look: at most how much finer than the plain one, and the width in plain pixels of a face
# that asks for it.
_FINE_FACTOR = 2.0
_FINE_WIDTH_PX = 32.0

# It is taken in bands as large as the plain look, which have so much in common: a face of that
# width, and half as tall again.  What is nearer to a cut than the margin may go on behind it.
_BAND_OVERLAP_PX = round(1.5 * _FINE_FACTOR * _FINE_WIDTH_PX)
_BAND_MARGIN_PX = 16.0

# Scales closer to each other than this see the same faces.
_WORTHWHILE = 0.7

# A score between these is a doubt, which close looks settle if the face has enough pixels for them
# to tell it from the back of a head.  Each is a square of a photo, so many pixels wide, around a
# face brought to so many pixels, mirrored or not.
_DOUBTFUL = (0.3, 0.7)
_TELLING_PX = 24.0
_CLOSE_SIDE_PX = 128
_CLOSE_LOOKS = ((32.0, False), (40.0, True), (56.0, False))
_SAME_FACE_OVERLAP = 0.3
_UNSEEN = 0.1  # a close look's score below counts as 0


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

    def at_least(self, side_px: float) -> Detections:
        """Those whose box is at least that wide and that tall."""
        return self.take(np.flatnonzero(self.boxes[:, 2:].min(axis=1) >= side_px))

    def clipped(self, width: int, height: int) -> Detections:
        """The same faces, boxes cut off at the photo's edges."""
        ends = np.minimum(
            self.boxes[:, :2] + self.boxes[:, 2:], np.array([width, height], np.float32)
        )
        starts = np.maximum(self.boxes[:, :2], 0)
        boxes = np.concatenate([starts, np.maximum(ends - starts, 0)], axis=1)
        return Detections(boxes, self.landmarks, self.scores)


class Detector:
    """YuNet, looking at two or three scales; thread-safe.

    network: a session of it, or fastface's own kernels with its weights (`yunet.fastest`).

    The network sees faces of about 12 to 400 pixels.  A *plain* look at the photo, scaled down to
    `max_pixels` (never up), is always taken.  A *coarse* look, at a sixteenth of the cost, adds
    the faces that fill the photo.  Where the plain look finds small faces and the photo has more
    pixels, a *fine* look finds more of them and places their landmarks better: with faces of 24
    pixels, misplaced landmarks alone cost a tenth of the embedding's cosine.  Where a score leaves
    doubt, *close* looks at the face alone, in three sizes, are averaged with it.

    min_score: faces below are dropped.  max_pixels: bounding the area, not the long side, costs the
    same for every shape and spares panoramas.  min_size_px: faces with a shorter side in the photo
    are dropped; what lies outside does not count.
    """

    def __init__(
        self,
        network: Session | FaceNetwork,
        *,
        min_score: float = 0.55,
        max_pixels: int = 1024 * 768,
        min_size_px: float = 12.0,
    ) -> None:
        self._network = network
        self.min_score = min_score
        self.max_pixels = max_pixels
        self.min_size_px = min_size_px

    def detect(self, pixels: ImageArray) -> Detections:
        """Faces of a photo. pixels: (height, width, 3) uint8 RGB, upright."""
        height, width = pixels.shape[:2]
        scale = min(1.0, math.sqrt(self.max_pixels / (width * height)))
        plain_pixels = _shrink(pixels, scale)
        plain = self._look(plain_pixels, scale)
        looks = [plain]
        coarse = scale * math.sqrt(_COARSE_PIXELS / (plain_pixels.size / 3))
        if coarse <= scale * _WORTHWHILE:
            found = self._look(_shrink(plain_pixels, coarse / scale), coarse)
            looks.append(found.at_least(_COARSE_SIDE_PX / coarse))
        sure = plain.scores >= _DOUBTFUL[1]
        if scale <= _WORTHWHILE and np.any(plain.boxes[sure, 2] * scale < _FINE_WIDTH_PX):
            looks += self._look_finely(pixels, min(1.0, scale * _FINE_FACTOR))
        found = Detections(
            np.concatenate([look.boxes for look in looks]),
            np.concatenate([look.landmarks for look in looks]),
            np.concatenate([look.scores for look in looks]),
        )
        found = found.take(suppress(found.boxes, found.scores))
        found = self._settle(pixels, found).clipped(width, height)
        return found.at_least(self.min_size_px)

    def _look_finely(self, pixels: ImageArray, scale: float) -> list[Detections]:
        """Looks at overlapping bands of a photo: the same faces in the plain look's memory.

        The faces that this is for are smaller than what two bands share, so that each is whole in
        one.  What comes near a cut may be half a face, and is left to the other band or, if it is
        large, to the plain look.
        """
        shrunk = _shrink(pixels, scale)
        height, width = shrunk.shape[:2]
        rows = max(_BAND_OVERLAP_PX, round(self.max_pixels / width) - _BAND_OVERLAP_PX)
        ends = np.linspace(0, height, math.ceil(height / rows) + 1).round().astype(int).tolist()
        looks = []
        for start, bottom in itertools.pairwise(ends):
            top = max(0, start - _BAND_OVERLAP_PX)
            found = self._look(shrunk[top:bottom], scale)
            down = np.array([0, top / scale], np.float32)
            boxes = found.boxes + np.concatenate([down, np.zeros(2, np.float32)])
            margin = _BAND_MARGIN_PX / scale
            whole = (top == 0) | (found.boxes[:, 1] > margin)
            whole &= (bottom == height) | (boxes[:, 1] + boxes[:, 3] < bottom / scale - margin)
            found = Detections(boxes, found.landmarks + down, found.scores)
            looks.append(found.take(np.flatnonzero(whole)))
        return looks

    def _settle(self, pixels: ImageArray, found: Detections) -> Detections:
        """Average doubtful scores with those of close looks; drop what stays under `min_score`."""
        doubtful = (found.scores < _DOUBTFUL[1]) & (found.boxes[:, 2] >= _TELLING_PX)
        scores = found.scores.copy()
        for row in np.flatnonzero(doubtful):
            scores[row] = np.mean([scores[row], *self._look_closely(pixels, found.boxes[row])])
        order = np.argsort(-scores, kind="stable")
        kept = order[scores[order] >= self.min_score]
        return Detections(found.boxes[kept], found.landmarks[kept], scores[kept])

    def _look_closely(self, pixels: ImageArray, box: FloatArray) -> list[np.float32]:
        """The score of one face in each of the close looks, 0 where it is not seen."""
        looks = [_close_up(pixels, box, width, mirrored) for width, mirrored in _CLOSE_LOOKS]
        scores = []
        for (width, _), found in zip(_CLOSE_LOOKS, self._see(looks, _UNSEEN), strict=True):
            size = np.array([width, width * box[3] / box[2]], np.float32)
            expected = np.concatenate([(_CLOSE_SIDE_PX - size) / 2, size])
            same = overlaps(expected, found.boxes) > _SAME_FACE_OVERLAP
            scores.append(found.scores[same].max(initial=0))
        return scores

    def _look(self, pixels: ImageArray, scale: float) -> Detections:
        """Faces of a photo that was scaled by `scale`, in pixels of the photo."""
        (found,) = self._see([pixels], min(self.min_score, _DOUBTFUL[0]))
        unscale = np.float32(1 / scale)
        return Detections(found.boxes * unscale, found.landmarks * unscale, found.scores)

    def _see(self, photos: Sequence[ImageArray], min_score: float) -> list[Detections]:
        """What the network finds in each of these photos of one size."""
        if isinstance(self._network, FaceNetwork):
            return [_place(self._network.find(photo, min_score), min_score) for photo in photos]
        outputs = self._network.run({"input": np.concatenate([_prepare(p) for p in photos])})
        width = photos[0].shape[1]
        return [
            _decode({name: values[k : k + 1] for name, values in outputs.items()}, width, min_score)
            for k in range(len(photos))
        ]


def suppress(boxes: FloatArray, scores: FloatArray, max_overlap: float = 0.3) -> IntArray:
    """Greedy non-maximum suppression; rows to keep, best score first, ties by lower row.

    boxes: (n, 4) float32, left, top, width, height.  A row is dropped if its intersection over
    union with a kept one is over `max_overlap`.

    >>> boxes = np.array([[0, 0, 10, 10], [1, 0, 10, 10], [30, 0, 10, 10]], np.float32)
    >>> suppress(boxes, np.array([0.8, 0.9, 0.7], np.float32)).tolist()
    [1, 2]
    """
    rest = np.argsort(-scores, kind="stable")
    kept = []
    while rest.size:
        best, rest = rest[0], rest[1:]
        kept.append(best)
        rest = rest[overlaps(boxes[best], boxes[rest]) <= max_overlap]
    return np.array(kept, np.int64)


def overlaps(box: FloatArray, boxes: FloatArray) -> FloatArray:
    """Intersection over union of one box with others; 0 for boxes without area.

    box: (4,), boxes: (n, 4) float32, left, top, width, height.  Returns (n,) float32.
    """
    ends = np.minimum(box[:2] + box[2:], boxes[:, :2] + boxes[:, 2:])
    shared = np.prod(np.maximum(ends - np.maximum(box[:2], boxes[:, :2]), 0), axis=1)
    united = box[2] * box[3] + boxes[:, 2] * boxes[:, 3] - shared
    return np.asarray(shared / np.maximum(united, np.finfo(np.float32).tiny))


def _close_up(pixels: ImageArray, box: FloatArray, width_px: float, mirrored: bool) -> ImageArray:
    """A square of `_CLOSE_SIDE_PX` around a face that is brought to `width_px`, black outside."""
    left, top, width, height = map(float, box)
    zoom = width_px / width
    side = _CLOSE_SIDE_PX / zoom
    x, y = round(left + (width - side) / 2), round(top + (height - side) / 2)
    window = pixels[max(y, 0) : max(round(y + side), 0), max(x, 0) : max(round(x + side), 0)]
    close_up = np.zeros((_CLOSE_SIDE_PX, _CLOSE_SIDE_PX, 3), np.uint8)
    if window.size:
        seen = _resize(window, *(max(1, round(n * zoom)) for n in window.shape[1::-1]))
        target = close_up[round(max(-y, 0) * zoom) :, round(max(-x, 0) * zoom) :]
        rows, columns = map(min, target.shape[:2], seen.shape[:2])
        target[:rows, :columns] = seen[:rows, :columns]
    return close_up[:, ::-1] if mirrored else close_up


def _shrink(pixels: ImageArray, scale: float) -> ImageArray:
    if scale == 1.0:
        return pixels
    height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
    return _resize(pixels, width, height)


def _resize(pixels: ImageArray, width: int, height: int) -> ImageArray:
    if height <= pixels.shape[0] and width <= pixels.shape[1]:
        return shrink(pixels, height, width)
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


def _prepare(pixels: ImageArray) -> FloatArray:
    """The network's input: planes first, padded with black on the right and below."""
    height, width = (-(-side // _MULTIPLE) * _MULTIPLE for side in pixels.shape[:2])
    return planes(pixels, height, width)[None]


def _decode(outputs: Mapping[str, FloatArray], width: int, min_score: float) -> Detections:
    """The faces in what a session says of one photo, `width` pixels wide; see `_place`."""
    padded_width = -(-width // _MULTIPLE) * _MULTIPLE
    chosen = []
    for stride in _STRIDES:
        certain = [outputs[f"{name}_{stride}"][0, :, 0] for name in ("cls", "obj")]
        cells = np.flatnonzero(np.sqrt(certain[0] * certain[1]) >= min_score)
        row, column = np.divmod(cells, padded_width // stride)
        chosen.append(
            Cells(
                np.stack([column, row, np.full_like(row, stride)], axis=1).astype(np.float32),
                np.stack(certain, axis=1)[cells],
                outputs[f"bbox_{stride}"][0, cells],
                outputs[f"kps_{stride}"][0, cells],
            )
        )
    return _place(Cells(*map(np.concatenate, zip(*chosen, strict=True))), min_score)


def _place(cells: Cells, min_score: float) -> Detections:
    """The cells that score at least `min_score`, in pixels of the photo.

    A cell's box is its centre's offset in strides and the logarithm of its size in strides;
    landmarks are offsets in strides.
    """
    scores = np.sqrt(cells.certain[:, 0] * cells.certain[:, 1])
    kept = np.flatnonzero(scores >= min_score)
    places, boxes = cells.places[kept], cells.boxes[kept]
    corners, strides = places[:, :2], places[:, 2:]
    sizes = np.exp(boxes[:, 2:])
    starts = corners + boxes[:, :2] - sizes / 2
    points = cells.landmarks[kept].reshape(-1, 5, 2) + corners[:, None]
    return Detections(
        np.concatenate([starts, sizes], axis=1) * strides, points * strides[:, None], scores[kept]
    )
