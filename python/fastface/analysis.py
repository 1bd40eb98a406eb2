"""From pixels to observations: detect, align, embed, judge, describe the torso."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from fastface import models
from fastface.detection import Detections, Detector
from fastface.embedding import Embedder, align
from fastface.inference import OrtSession
from fastface.quality import assess
from fastface.types import Box, ImageArray, Observation

# Raised when the same photo and models give other descriptors than before.
_DESCRIPTOR_VERSION = 1

_PACK = models.PACKS["default"]

# Names everything that shapes a descriptor: observations with different tags are never compared.
MODEL_TAG: Final = f"{_PACK.name}-{_PACK.version}.{_DESCRIPTOR_VERSION}"


class Analyzer:
    """The models of the default pack, loaded once; every method is thread-safe.

    providers: keys of `inference.PROVIDERS`, best first; None is the CPU.  threads: of one call;
    for many photos leave it at 1 and call from many threads.  `model_tag` names everything that
    shapes a descriptor: observations with different tags must not be compared.
    Raises ModelError if the pack is not installed or damaged.
    """

    def __init__(self, *, providers: Sequence[str] | None = None, threads: int = 1) -> None:
        files = models.installed()
        sessions = {
            role: OrtSession(
                file.path,
                sha256=file.sha256,
                providers=providers,
                threads=threads,
                cache=file.path.parent,
            )
            for role, file in files.items()
        }
        self.providers = {role: session.providers for role, session in sessions.items()}
        self._detector = Detector(sessions["detector"])
        self._embedder = Embedder(sessions["embedder"])
        self.model_tag = MODEL_TAG

    def analyze(self, pixels: ImageArray) -> list[Observation]:
        """Everyone whose face is seen in a photo, left to right, then top to bottom.

        pixels: (height, width, 3) uint8 RGB, upright.
        """
        found = _left_to_right(self._detector.detect(pixels))
        faces, norms = self._embedder.embed(align(pixels, found.landmarks))
        height, width = pixels.shape[:2]
        size = np.array([width, height], np.float32)
        observations = []
        for row in range(len(found)):
            quality = assess(float(norms[row]), float(found.boxes[row, 2]), found.landmarks[row])
            observations.append(
                Observation(
                    box=Box(*(found.boxes[row].reshape(2, 2) / size).ravel().tolist()),
                    landmarks=found.landmarks[row] / size,
                    score=float(found.scores[row]),
                    quality=quality.score,
                    unclear=quality.unclear,
                    face=faces[row],
                    torso_box=None,
                    torso=None,
                )
            )
        return observations


def _left_to_right(found: Detections) -> Detections:
    return found.take(np.lexsort((found.boxes[:, 1], found.boxes[:, 0])))
