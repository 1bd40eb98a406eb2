"""From pixels to observations: detect, align, embed, judge, describe the torso."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from fastface import models
from fastface.chains import fastest_chain
from fastface.detection import Detections, Detector
from fastface.embedding import BATCH, Embedder, align
from fastface.errors import NotFoundError
from fastface.images import decode
from fastface.inference import OrtSession, Session
from fastface.kernels import ChainNetwork, FaceNetwork
from fastface.quality import assess, assess_without_norm
from fastface.torso import describe_torsos, torso_box
from fastface.types import Box, FloatArray, ImageArray, Observation, PhotoInput
from fastface.yunet import fastest

# Raised when the same photo and models give other descriptors than before.  2: the detector looks
# closer at what may be a face, which it did for a while before this said so.
_DESCRIPTOR_VERSION = 2
# The same of one pack.  int8: 3, since it runs in kernels of fastface's own, which round elsewhere:
# its vectors have a cosine of .993 to those before.
_DESCRIPTOR_VERSION_OF: Final[Mapping[str, int]] = {"int8": 3}


def model_tag(pack: str = models.DEFAULT) -> str:
    """Names everything that shapes a descriptor: observations of other tags are never compared.

    Raises ModelError for a pack that is neither fastface's own nor added.
    """
    descriptors = max(_DESCRIPTOR_VERSION, _DESCRIPTOR_VERSION_OF.get(pack, 0))
    return f"{pack}-{models.version(pack)}.{descriptors}"


MODEL_TAG: Final = model_tag()

# What `Analyzer.analyze` does, in this order.
STEPS: Final = ("find faces", "cut out", "embed", "torsos")

# Photos are decoded with at least this long a side, where they have it: more than the plain look
# needs, so that a fine one finds the small faces of a large group.
DECODE_SIDE: Final = 1600


def engine_of(network: Session | FaceNetwork | ChainNetwork) -> str:
    """By what a network runs: "fastface", its own kernels, or "onnxruntime"."""
    return "fastface" if isinstance(network, FaceNetwork | ChainNetwork) else "onnxruntime"


class Analyzer:
    """The models of a pack, loaded once; every method is thread-safe.

    pack: one of `models.PACKS` or the user's own.  providers: keys of `providers.PROVIDERS`, best
    first; None is this system's default.  threads: of one call; for many photos leave it at 1 and
    call from many threads.

    Providers that compile a network for one shape get the embedder, face by face; the detector,
    whose photos have many shapes, runs on what else there is.
    `model_tag` is that of the pack.  `placements` says where each model really runs, by role, and
    `engines` by what: "fastface", its own kernels, or "onnxruntime".
    Raises ModelError if the pack is not installed or damaged.
    """

    def __init__(
        self,
        pack: str = models.DEFAULT,
        *,
        providers: Sequence[str] | None = None,
        threads: int = 1,
    ) -> None:
        installed = models.installed(pack)
        sessions = {
            role: OrtSession(
                file.path,
                sha256=file.sha256,
                providers=providers,
                threads=threads,
                cache=file.path.parent / "compiled",
                fixed={"batch": 1} if role == "embedder" else None,
            )
            for role, file in installed.items()
        }
        self.model_tag = model_tag(pack)
        self.placements = {role: session.placement for role, session in sessions.items()}
        recipe = models.recipe(pack)
        find = fastest(sessions["detector"], installed["detector"].path)
        embed = fastest_chain(
            sessions["embedder"], installed["embedder"].path, recipe.template.side
        )
        batch = 1 if sessions["embedder"].is_fixed else BATCH
        self._detector = Detector(find)
        self._embedder = Embedder(embed, recipe.template, recipe.dims, batch=batch)
        self.engines = {"detector": engine_of(find), "embedder": engine_of(embed)}
        self._norm_tells = recipe.norm_tells

    def analyze(
        self, pixels: ImageArray, *, done: Callable[[], None] = lambda: None
    ) -> list[Observation]:
        """Everyone whose face is seen in a photo, from left to right, then from top to bottom.

        pixels: (height, width, 3) uint8 RGB, upright.  The torso is None where it is out of view.
        done: called after each of `STEPS`.
        Raises ValueError if `pixels` is anything else.
        """
        found = self._find(pixels)
        done()
        crops = self._align(pixels, found)
        done()
        faces, norms = self._embedder.embed(crops)
        done()
        height, width = pixels.shape[:2]
        boxes = [
            Box(left / width, top / height, w / width, h / height)
            for left, top, w, h in found.boxes.astype(np.float64).tolist()
        ]
        torso_boxes = [torso_box(box) for box in boxes]
        torsos = describe_torsos(pixels, boxes)
        done()
        landmarks = found.landmarks / np.array([width, height], np.float32)
        observations = []
        for row, box in enumerate(boxes):
            score, width_px = float(found.scores[row]), float(found.boxes[row, 2])
            if self._norm_tells:
                quality = assess(float(norms[row]), width_px)
            else:
                quality = assess_without_norm(score, width_px)
            observations.append(
                Observation(
                    box=box,
                    landmarks=landmarks[row],
                    score=score,
                    quality=quality.score,
                    unclear=quality.unclear,
                    face=faces[row],
                    torso_box=torso_boxes[row],
                    torso=None if torso_boxes[row] is None else torsos[row],
                )
            )
        return observations

    def embed_faces(self, pixels: ImageArray) -> FloatArray:
        """Face embeddings only; see the function of the same name."""
        return self._embedder.embed(pixels if np.ndim(pixels) == 4 else self.cut_out(pixels))[0]

    def cut_out(self, pixels: ImageArray) -> ImageArray:
        """The faces of a photo as the embedder sees them, in the order of `analyze`.

        Returns (n, side, side, 3) uint8; pixels and errors as of `analyze`.
        """
        return self._align(pixels, self._find(pixels))

    def _align(self, pixels: ImageArray, found: Detections) -> ImageArray:
        return align(pixels, found.landmarks, self._embedder.template)

    def _find(self, pixels: ImageArray) -> Detections:
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
            raise ValueError(
                f"pixels: expected (height, width, 3) uint8, got {pixels.shape} {pixels.dtype}"
            )
        found = self._detector.detect(pixels)
        return found.take(np.lexsort((found.boxes[:, 1], found.boxes[:, 0])))


def analyze(photo: PhotoInput) -> list[Observation]:
    """Everyone whose face is seen in a photo, from left to right, then from top to bottom.

    photo: a path, a PIL image or an (height, width, 3) uint8 RGB array.
    Raises PhotoError if it cannot be read, ModelError if the models are not installed.
    """
    return _analyzer().analyze(decode(photo, min_side=DECODE_SIDE).pixels)


def embed_faces(photo_or_crops: PhotoInput) -> FloatArray:
    """Face embeddings: (n, 128) float32, unit norm; their dot products are similarities.

    photo_or_crops: a photo as in `analyze`, whose faces come in the same order; or an
    (n, 112, 112, 3) uint8 RGB array of crops aligned to the ArcFace template.
    Raises as `analyze`, and ValueError for an array of another shape.
    """
    if isinstance(photo_or_crops, np.ndarray) and photo_or_crops.ndim == 4:
        return _analyzer().embed_faces(photo_or_crops)
    return _analyzer().embed_faces(decode(photo_or_crops, min_side=DECODE_SIDE).pixels)


def verify(photo_a: PhotoInput, photo_b: PhotoInput) -> float:
    """Similarity of the main faces of two photos, -1..1: over 0.363 they are likely one person.

    The threshold is the one published with SFace.  The main face is large and central: its width
    less its distance from the centre is the greatest.
    Raises NotFoundError if a photo shows no face, and as `analyze`.
    """
    return float(_main_face(photo_a, "photo_a") @ _main_face(photo_b, "photo_b"))


def _main_face(photo: PhotoInput, argument: str) -> FloatArray:
    pixels = decode(photo, min_side=DECODE_SIDE).pixels
    height, width = map(int, pixels.shape[:2])
    observations = _analyzer().analyze(pixels)
    if not observations:
        raise NotFoundError(f"{argument}: no face was found")

    def prominence(observation: Observation) -> float:
        left, top, w, h = observation.box
        off_centre = math.hypot((left + w / 2 - 0.5) * width, (top + h / 2 - 0.5) * height)
        return w * width - off_centre

    return max(observations, key=prominence).face


_LOADING = threading.Lock()


def _analyzer() -> Analyzer:
    with _LOADING:  # or two first calls would both load the models
        return _shared_analyzer()


@functools.cache
def _shared_analyzer() -> Analyzer:
    return Analyzer()
