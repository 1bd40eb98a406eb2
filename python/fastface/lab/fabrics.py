"""Procedural cloth: the textures that masks are made of. Ours, so that nobody's photo is needed.

Each fabric takes a side in pixels and returns (side, side, 3) float32 in 0..1, seen face on and in
even light; whoever wears it adds the folds and the shade.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from fastface.types import FloatArray

Fabric = Callable[[int, np.random.Generator], FloatArray]


def surgical(side: int, rng: np.random.Generator) -> FloatArray:
    """Non-woven pale blue, green, white or black with three pleats."""
    tones = [(0.62, 0.80, 0.90), (0.66, 0.86, 0.80), (0.94, 0.94, 0.94), (0.13, 0.13, 0.14)]
    cloth = _plain(side, tones[rng.integers(len(tones))])
    pleats = (np.arange(side) / side * 3 + rng.random()) % 1
    cloth *= (1 - 0.12 * np.exp(-((pleats / 0.08) ** 2)))[:, None, None]
    return cloth + rng.normal(0, 0.012, (side, side, 1)).astype(np.float32)


def moulded(side: int, rng: np.random.Generator) -> FloatArray:
    """The white felt of a respirator, with its seam."""
    cloth = _plain(side, (0.92, 0.92, 0.90))
    seam = np.abs(np.arange(side) / side - 0.5) < 0.012
    cloth[:, seam] *= 0.86
    return cloth + 0.02 * _clouds(side, 32, rng)[:, :, None]


def woven(side: int, rng: np.random.Generator) -> FloatArray:
    """Plain weave: threads of two shades over and under."""
    place = np.arange(side)
    over = (place[:, None] // 2 + place[None] // 2) % 2
    cloth = _plain(side, _dye(rng))
    return cloth * (0.9 + 0.1 * over[:, :, None]).astype(np.float32)


def striped(side: int, rng: np.random.Generator) -> FloatArray:
    """Stripes of two colours in any direction."""
    return _two_tone(np.sin(_along(side, rng)) > rng.uniform(-0.5, 0.5), rng)


def checked(side: int, rng: np.random.Generator) -> FloatArray:
    """Gingham or tartan: stripes crossed with stripes."""
    period = 2 * np.pi / rng.uniform(8, 28)
    place = np.sin(period * np.arange(side)) > rng.uniform(-0.4, 0.4)
    half = 0.5 * (place[:, None].astype(np.float32) + place[None])
    return _mix(half, rng)


def dotted(side: int, rng: np.random.Generator) -> FloatArray:
    """Polka dots in a staggered grid."""
    pitch = rng.uniform(8, 20)
    y, x = np.mgrid[:side, :side] / pitch
    x = x + 0.5 * (np.floor(y) % 2)
    inside = np.hypot(x % 1 - 0.5, y % 1 - 0.5) < rng.uniform(0.2, 0.38)
    return _two_tone(inside, rng)


def printed(side: int, rng: np.random.Generator) -> FloatArray:
    """Camouflage, batik and floral prints: patches of three colours."""
    print_ = _clouds(side, int(rng.integers(6, 20)), rng)
    cloth = _plain(side, _dye(rng))
    for level in (-0.3, 0.7):
        cloth[print_ > level] = _dye(rng)
    return cloth


def knitted(side: int, rng: np.random.Generator) -> FloatArray:
    """Columns of stitches, as of a scarf pulled up."""
    pitch = rng.uniform(4, 8)
    y, x = np.mgrid[:side, :side] / pitch
    stitch = np.abs(np.sin(np.pi * (y + np.abs(x % 1 - 0.5)))) * np.abs(np.sin(np.pi * x))
    return _plain(side, _dye(rng)) * (0.55 + 0.45 * stitch[:, :, None]).astype(np.float32)


FABRICS: tuple[Fabric, ...] = (
    *(surgical, moulded, woven, striped, checked, dotted, printed, knitted),
)


def _plain(side: int, colour: npt.ArrayLike) -> FloatArray:
    return np.broadcast_to(np.asarray(colour, np.float32), (side, side, 3)).copy()


def _dye(rng: np.random.Generator) -> FloatArray:
    """A colour as cloth has it: any, but more often dull than bright."""
    colour = rng.uniform(0.03, 0.97, 3)
    return np.asarray(colour.mean() + rng.uniform(0.1, 0.9) * (colour - colour.mean()), np.float32)


def _two_tone(where: npt.NDArray[np.bool_], rng: np.random.Generator) -> FloatArray:
    return _mix(where.astype(np.float32), rng)


def _mix(share: FloatArray, rng: np.random.Generator) -> FloatArray:
    first, second = _dye(rng), _dye(rng)
    return first + share[:, :, None] * (second - first)


def _along(side: int, rng: np.random.Generator) -> FloatArray:
    angle, period = rng.uniform(0, np.pi), rng.uniform(6, 24)
    y, x = np.mgrid[:side, :side]
    phase: FloatArray = 2 * np.pi / period * (np.cos(angle) * x + np.sin(angle) * y)
    return phase


def _clouds(side: int, cells: int, rng: np.random.Generator) -> FloatArray:
    """Smooth noise of mean 0 and variance about 1, with so many cells along a side."""
    coarse = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC))
