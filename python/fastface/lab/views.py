"""How a crop may be shown to teacher and student alike: as it is, mirrored, or blended.

Few people make a poor teacher of all others. A blend of two aligned faces is a third face that
nobody has, and the teacher's answer to it is as good as any (after Beyer et al., Knowledge
distillation: a good teacher is patient and consistent, CVPR 2022).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from fastface.lab.crops import Crops, split
from fastface.types import FloatArray, ImageArray, IntArray

VIEWS = ("plain", "mirror", *(f"blend-{k}" for k in range(1, 5)))

_BLENDS = 2  # the first view that is a blend, where nobody's label holds
_LEAST = 0.35  # of either face in a blend


def is_blend(view: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether a view, or each of several, shows nobody in particular."""
    return np.asarray(view) >= _BLENDS


def draw(n: int, rng: np.random.Generator) -> IntArray:
    """n views at random, blends half of the time."""
    plain = rng.integers(0, _BLENDS, n)
    blended = rng.integers(_BLENDS, len(VIEWS), n)
    return np.where(rng.random(n) < 0.5, plain, blended).astype(np.int64)


def seen(crops: Crops, row: int, view: int) -> ImageArray:
    """One crop in a view, (112, 112, 3) uint8; always the same."""
    crop = crops.pixels[row]
    if not is_blend(view):
        return crop[:, ::-1] if VIEWS[view] == "mirror" else crop
    partners, shares = _blends(len(crops.pixels), view)
    return _blend(crop, crops.pixels[partners[row]], shares[row])


def fresh_blend(crops: Crops, row: int, rng: np.random.Generator) -> ImageArray:
    """A crop blended with another one to train on, never the same twice: for a live teacher."""
    train, _ = split(len(crops.pixels))
    share = np.float32(rng.uniform(_LEAST, 1 - _LEAST))
    return _blend(crops.pixels[row], crops.pixels[rng.choice(train)], share)


def _blend(crop: ImageArray, other: ImageArray, share: np.float32) -> ImageArray:
    mixed = share * crop + (1 - share) * other.astype(np.float32) + np.float32(0.5)
    return np.asarray(mixed).astype(np.uint8)


@lru_cache(maxsize=len(VIEWS))
def _blends(n: int, view: int) -> tuple[IntArray, FloatArray]:
    """Each row's partner and own share. Partners are of the same side of the split, so that nothing
    held out is ever trained on."""
    rng = np.random.default_rng((n, view))
    partners = np.zeros(n, np.int64)
    for rows in split(n):
        partners[rows] = rng.permutation(rows)
    return partners, rng.uniform(_LEAST, 1 - _LEAST, n).astype(np.float32)
