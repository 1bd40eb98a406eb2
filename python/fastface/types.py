"""The values that travel between parts: plain, frozen, free of behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int64]
ImageArray: TypeAlias = npt.NDArray[np.uint8]  # (height, width, 3), RGB, upright


class Box(NamedTuple):
    """A rectangle in fractions (0..1) of the upright photo's width and height."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """One person seen in one photo.

    box, torso_box: fractions of the upright photo.  landmarks: (5, 2) float32, x and y in the same
    fractions: right eye, left eye, nose, right and left corner of the mouth (the person's own
    right).  score: the detector's confidence, 0..1.  quality: 0..1, higher is clearer.
    unclear: too poor to be grouped; kept as a fact.  face: (d,) float32, unit norm.
    torso: (d',) float32, unit norm, or None.
    """

    box: Box
    landmarks: FloatArray
    score: float
    quality: float
    unclear: bool
    face: FloatArray
    torso_box: Box | None
    torso: FloatArray | None


@dataclass(frozen=True, slots=True)
class PhotoMetadata:
    """What a photo file says of itself.

    width, height: pixels of the upright photo.  taken_at: seconds since 1970 by the camera's clock
    (local time read as if it were UTC; moments need gaps, not zones) or None.  latitude, longitude:
    degrees, or None.  camera: maker and model, or None.
    """

    width: int
    height: int
    taken_at: float | None = None
    latitude: float | None = None
    longitude: float | None = None
    camera: str | None = None


PhotoInput: TypeAlias = "str | Path | ImageArray | Any"  # path, RGB uint8 array or PIL image
ObservationList: TypeAlias = Sequence[Observation]
