"""A made-up face mask: cut to the face's landmarks, sewn of made-up cloth, lit as the face is.

After the augmentation that Apple describes for recognising people who wear masks (Recognizing
people in photos through private on-device machine learning, 2021): a realistic shape, filled with
clothing and other textures.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from fastface.lab.fabrics import FABRICS
from fastface.templates import ARCFACE
from fastface.types import FloatArray, ImageArray

# Where an aligned crop has eyes, nose and mouth.
ALIGNED = np.array(ARCFACE.points, np.float32)

# The right half of the outline from the bridge of the nose to the chin, in a frame where the eyes'
# middle is (0, 0), the mouth's (0, 1) and the right is towards the face's own left ear.
_OUTLINE = np.array(
    [[0.0, 0.34], [0.22, 0.42], [0.55, 0.56], [0.93, 0.62], [0.9, 1.1], [0.62, 1.5], [0.0, 1.72]]
)
_FINE = 4  # the outline is drawn so many times larger, for smooth edges
_STRAP_PX = 1.4


def wear_mask(
    crop: ImageArray,
    strength: float,
    rng: np.random.Generator,
    landmarks: npt.ArrayLike = ALIGNED,
) -> ImageArray:
    """The face with a mask over nose, mouth and chin.

    crop: (side, side, 3) uint8.  strength: how much shapes and fit vary, 0..1.  landmarks: (5, 2),
    pixels of the crop.
    """
    side, points = crop.shape[0], np.asarray(landmarks, np.float64)
    outline = _fit(_shape(strength, rng), points)
    cover = _drawn(side, lambda draw: draw.polygon(_scaled(outline), fill=255))
    straps = _drawn(side, lambda draw: _draw_straps(draw, outline, side, rng))
    fabric = FABRICS[rng.integers(len(FABRICS))]
    cloth = fabric(side, rng) * _folds(points, side, rng)
    cloth = _as_colourful(np.clip(cloth * _light(crop), 0, 1), crop) * 255
    face = crop * (1 - 0.35 * _shadow(cover))[:, :, None]
    strap_tone = np.float32(rng.uniform(150, 240)) * _light(crop)
    face = face + (straps * (1 - cover))[:, :, None] * (strap_tone - face)
    worn = face + cover[:, :, None] * (cloth - face)
    return np.clip(worn + 0.5, 0, 255).astype(np.uint8)


def _shape(strength: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """The whole outline in the face's frame, each time another cut, high or low on the nose."""
    half = _OUTLINE + rng.normal(0, 0.035 * strength, _OUTLINE.shape)
    half[[0, -1], 0] = 0
    half[:, 0] *= np.exp(rng.normal(0, 0.06 * strength))
    half[:3, 1] += rng.normal(0, 0.07 * strength)
    mirrored = half[-2:0:-1] * [-1, 1]
    return _smooth(np.concatenate([half, mirrored]))


def _fit(shape: npt.NDArray[np.float64], points: npt.NDArray[np.float64]) -> FloatArray:
    """The outline on the face: the side that a turned head hides is foreshortened."""
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    down = mouth - eyes
    right = np.array([down[1], -down[0]])
    # The nose's tip stands off the face, so a turn moves it away from the line between.
    turn = np.clip(((points[2] - (eyes + mouth) / 2) @ right) / (right @ right), -0.4, 0.4)
    sideways = shape[:, 0] * (1 - np.sign(shape[:, 0]) * 1.2 * turn)
    bulge = turn * np.exp(-((shape[:, 0] / 0.3) ** 2))  # the middle follows the nose
    return np.asarray(eyes + (sideways + bulge)[:, None] * right + shape[:, 1:] * down, np.float32)


def _smooth(corners: npt.NDArray[np.float64], per_side: int = 8) -> npt.NDArray[np.float64]:
    """A closed Catmull-Rom curve through the corners."""
    t = np.arange(per_side)[:, None] / per_side
    before, start, end, after = (np.roll(corners, k, axis=0) for k in (1, 0, -1, -2))
    sides = [
        0.5
        * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * (b - c) + d - a) * t**3)
        for a, b, c, d in zip(before, start, end, after, strict=True)
    ]
    return np.concatenate(sides)


def _drawn(side: int, draw_on: Callable[[ImageDraw.ImageDraw], None]) -> FloatArray:
    """What `draw_on` draws, white on black, as (side, side) float32 in 0..1."""
    canvas = Image.new("L", (side * _FINE, side * _FINE))
    draw_on(ImageDraw.Draw(canvas))
    return np.asarray(canvas.reduce(_FINE), np.float32) / np.float32(255)


def _scaled(outline: FloatArray) -> list[tuple[float, float]]:
    return [(float(x * _FINE), float(y * _FINE)) for x, y in outline]


def _draw_straps(
    draw: ImageDraw.ImageDraw, outline: FloatArray, side: int, rng: np.random.Generator
) -> None:
    """Bands from both upper corners towards the ears, as good as level."""
    for corner, edge in ((outline[:, 0].argmax(), side), (outline[:, 0].argmin(), 0)):
        x, y = outline[corner]
        ear = (edge, y - rng.uniform(2, 12))
        line = [(float(x * _FINE), float(y * _FINE)), (ear[0] * _FINE, float(ear[1] * _FINE))]
        draw.line(line, fill=255, width=round(_STRAP_PX * _FINE))


def _folds(points: npt.NDArray[np.float64], side: int, rng: np.random.Generator) -> FloatArray:
    """Shade of the cloth's own form: it turns away at the sides, creases run from the nose."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    width = np.linalg.norm(points[1] - points[0])
    away = (x - points[2, 0]) / (1.25 * width)
    round_ = np.sqrt(np.clip(1 - away**2, 0.08, 1))
    crease = np.sin(y / side * rng.uniform(8, 22) + away * rng.uniform(-3, 3) + rng.random())
    shade = (0.55 + 0.45 * round_) * (1 + 0.05 * crease)
    return np.asarray(shade[:, :, None], np.float32)


def _light(crop: ImageArray) -> FloatArray:
    """The light on the face: its own brightness and tint, blurred until no feature is left."""
    blurred = Image.fromarray(crop).filter(ImageFilter.GaussianBlur(14))
    light = np.asarray(blurred, np.float32) / 255
    skin = light.mean((0, 1), keepdims=True)
    tint = 0.7 + 0.3 * skin / np.maximum(skin.mean(), 0.05)  # cloth is not skin: most of it is ours
    level = light.mean(2, keepdims=True) / max(float(skin.mean()), 0.05)
    exposure = np.clip(0.55 + 0.8 * skin.mean(), 0.4, 1.15)
    return np.asarray(np.clip(level, 0.5, 1.6) * tint * exposure, np.float32)


def _as_colourful(cloth: FloatArray, crop: ImageArray) -> FloatArray:
    """Cloth in a grey photo is grey."""
    grey = cloth.mean(2, keepdims=True)
    chroma = float(np.ptp(crop, axis=2).mean()) / 255
    return np.asarray(grey + min(1.0, chroma / 0.06) * (cloth - grey), np.float32)


def _shadow(cover: FloatArray) -> FloatArray:
    """What the mask's rim shades of the face around it."""
    image = Image.fromarray(np.uint8(cover * 255)).filter(ImageFilter.GaussianBlur(3))
    return np.asarray(image, np.float32) / np.float32(255) * (1 - cover)
