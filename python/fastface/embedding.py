"""Face embeddings: five landmarks -> aligned crop -> the embedder's vector.

Alignment: least-squares similarity (Umeyama, PAMI 1991) to the embedder's template.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fastface.inference import Session
from fastface.kernels import ChainNetwork, warp
from fastface.templates import ARCFACE, Template
from fastface.types import FloatArray, ImageArray

# Faces per call: two save a twentieth of the time on a CPU, more than four only cost memory.
BATCH = 4


class Embedder:
    """An embedder's network; thread-safe. The same bits however faces are batched.

    network: a session of it, or fastface's own kernels with its weights (`chains.fastest_chain`).
    template: what its crops look like.  dims: the length of its vectors.  batch: faces per call.
    """

    def __init__(
        self,
        network: Session | ChainNetwork,
        template: Template = ARCFACE,
        dims: int = 128,
        *,
        batch: int = BATCH,
    ) -> None:
        self._network = network
        self._batch = batch
        self.template = template
        self.dims = dims

    def embed(self, crops: ImageArray) -> tuple[FloatArray, FloatArray]:
        """Embeddings of aligned crops.

        crops: (n, side, side, 3) uint8 RGB, of the template's side.  Returns ((n, dims) float32
        unit norm, (n,) float32 norms of the raw vectors: with most embedders, the clearer the
        face, the longer).
        """
        side = self.template.side
        if crops.ndim != 4 or crops.shape[1:] != (side, side, 3):
            raise ValueError(f"crops: expected (n, {side}, {side}, 3), got {crops.shape}")
        if crops.dtype != np.uint8:  # crops in 0..1 would all look black
            raise ValueError(f"crops: expected uint8, got {crops.dtype}")
        raw = np.zeros((len(crops), self.dims), np.float32)
        for start in range(0, len(crops), self._batch):
            batch = crops[start : start + self._batch]
            raw[start : start + self._batch] = self._run(batch)
        norms = np.linalg.norm(raw, axis=1)
        return raw / np.maximum(norms, np.finfo(np.float32).tiny)[:, None], norms

    def _run(self, crops: ImageArray) -> FloatArray:
        if isinstance(self._network, ChainNetwork):
            return self._network.run(crops)
        planes = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32)
        return self._network.run({"data": planes})["fc1"]


def align(pixels: ImageArray, landmarks: FloatArray, template: Template = ARCFACE) -> ImageArray:
    """Faces cut out upright at the template's size.

    pixels: (height, width, 3) uint8 RGB.  landmarks: (n, 5, 2) float32 in pixels, as in
    `Detections`.  Returns (n, side, side, 3) uint8; outside the photo is black.
    """
    side = template.side
    crops = np.zeros((len(landmarks), side, side, 3), np.uint8)
    for crop, points in zip(crops, landmarks, strict=True):
        crop[:] = _cut(pixels, side, *similarity(points, template))
    return crops


def similarity(landmarks: npt.ArrayLike, template: Template = ARCFACE) -> tuple[complex, complex]:
    """The similarity z -> a z + b from crop to photo that fits the five landmarks best.

    Points are complex numbers x + iy, so that `a` is scale and rotation in one and least squares
    has a closed form.

    >>> a, b = similarity(np.array(ARCFACE.points) * 2 + 5)
    >>> round(abs(a), 3), round(b.real, 2), round(b.imag, 2)
    (2.0, 5.0, 5.0)
    """
    crop, photo = _as_complex(template.points), _as_complex(landmarks)
    # The fit is made towards the crop, where the error counts, and then inverted.
    centred = photo - photo.mean()
    forward = np.vdot(centred, crop) / max(np.vdot(centred, centred).real, 1e-12)
    a = 1 / forward if forward else 1.0 + 0j
    return complex(a), complex(photo.mean() - a * crop.mean())


def _as_complex(points: npt.ArrayLike) -> npt.NDArray[np.complex128]:
    xy = np.asarray(points, np.float64)
    return np.asarray(xy[:, 0] + 1j * xy[:, 1])


def _cut(pixels: ImageArray, side: int, a: complex, b: complex) -> ImageArray:
    """Warp one face. A large face is first reduced by a whole factor, so that it does not alias."""
    corners = a * np.array([0, side, side * 1j, side * (1 + 1j)]) + b
    height, width = pixels.shape[:2]
    factor = max(1, int(abs(a)))
    left, right = _window(corners.real, width, factor)
    top, bottom = _window(corners.imag, height, factor)
    if left >= right or top >= bottom:
        return np.zeros((side, side, 3), np.uint8)
    # Landmarks count from the centre of the first pixel, `warp` from its corner.
    half = 0.5 + 0.5j
    a, b = a / factor, (b + half - a * half - complex(left, top)) / factor
    matrix = (a.real, -a.imag, b.real, a.imag, a.real, b.imag)
    return warp(pixels, (top, bottom, left, right), factor, matrix, side)


def _window(coordinates: npt.NDArray[np.float64], size: int, factor: int) -> tuple[int, int]:
    """The part of the photo that the crop needs, with room for interpolation and reduction."""
    start = int(np.clip(np.floor(coordinates.min()) - 2 * factor, 0, size))
    stop = int(np.clip(np.ceil(coordinates.max()) + 2 * factor, 0, size))
    return start, stop
