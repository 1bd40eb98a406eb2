"""From pixels to observations: detect, align, embed, judge, describe the torso."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final

import numpy as np

from fastface import models
from fastface.detection import Detections, Detector
from fastface.embedding import CROP_SIZE, Embedder, align
from fastface.errors import NotFoundError
from fastface.images import decode
from fastface.inference import OrtSession
from fastface.quality import assess
from fastface.torso import describe_torsos, torso_box
from fastface.types import Box, FloatArray, ImageArray, Observation, PhotoInput

# Raised when the same photo and models give other descriptors than before.
_DESCRIPTOR_VERSION = 1

_PACK = models.PACKS["default"]

# Names everything that shapes a descriptor: observations with different tags are never compared.
MODEL_TAG: Final = f"{_PACK.name}-{_PACK.version}.{_DESCRIPTOR_VERSION}"

# Photos are decoded with at least this long a side, where they have it: twice what the first look
# needs, so that a second one finds the small faces of a large group.
DECODE_SIDE: Final = 1600


class Analyzer:
    """The models of the default pack, loaded once; every method is thread-safe.

    providers: keys of `inference.PROVIDERS`, best first; None is the CPU.  threads: of one call;
    for many photos leave it at 1 and call from many threads.

    `model_tag` is MODEL_TAG.  `providers` says what each session really runs on, by role.
    Raises ModelError if the pack is not installed or damaged.
    """

    def __init__(self, *, providers: Sequence[str] | None = None, threads: int = 1) -> None:
        sessions = {
            role: OrtSession(
                file.path,
                sha256=file.sha256,
                providers=providers,
                threads=threads,
                cache=file.path.parent,
            )
            for role, file in models.installed().items()
        }
        self.model_tag = MODEL_TAG
        self.providers = {role: session.providers for role, session in sessions.items()}
        self._detector = Detector(sessions["detector"])
        self._embedder = Embedder(sessions["embedder"])

    def analyze(self, pixels: ImageArray) -> list[Observation]:
        """Everyone whose face is seen in a photo, from left to right, then from top to bottom.

        pixels: (height, width, 3) uint8 RGB, upright.  The torso is None where it is out of view.
        Raises ValueError if `pixels` is anything else.
        """
        _check(pixels)
        found = self._detector.detect(pixels)
        found = found.take(np.lexsort((found.boxes[:, 1], found.boxes[:, 0])))
        faces, norms = self._embedder.embed(align(pixels, found.landmarks))
        height, width = pixels.shape[:2]
        boxes = [
            Box(left / width, top / height, w / width, h / height)
            for left, top, w, h in found.boxes.astype(np.float64).tolist()
        ]
        torso_boxes = [torso_box(box) for box in boxes]
        torsos = describe_torsos(pixels, boxes)
        landmarks = found.landmarks / np.array([width, height], np.float32)
        observations = []
        for row, box in enumerate(boxes):
            quality = assess(float(norms[row]), float(found.boxes[row, 2]))
            observations.append(
                Observation(
                    box=box,
                    landmarks=landmarks[row],
                    score=float(found.scores[row]),
                    quality=quality.score,
                    unclear=quality.unclear,
                    face=faces[row],
                    torso_box=torso_boxes[row],
                    torso=None if torso_boxes[row] is None else torsos[row],
                )
            )
        return observations

    def embed_faces(self, pixels: ImageArray) -> FloatArray:
        """Face embeddings only: of a photo, or of a stack of aligned crops.

        pixels: (height, width, 3) uint8 RGB, a photo whose faces are taken in the order of
        `analyze`; or (n, 112, 112, 3), crops aligned to the ArcFace template.  Returns (n, 128)
        float32, unit norm.  Raises ValueError if `pixels` is anything else.
        """
        if np.ndim(pixels) == 4:
            return self._embedder.embed(pixels)[0]
        _check(pixels)
        found = self._detector.detect(pixels)
        found = found.take(np.lexsort((found.boxes[:, 1], found.boxes[:, 0])))
        return self._embedder.embed(align(pixels, found.landmarks))[0]
