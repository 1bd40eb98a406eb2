"""Pictures of a face as a phone might have taken them: changes of colour, form and sharpness.

Each augmentation takes a crop and a strength in 0..1 and never changes where the face is by more
than the detector itself errs.  `Curriculum` raises the strength as training goes on.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from fastface.lab.masks import wear_mask
from fastface.types import ImageArray

Augmentation = Callable[[ImageArray, float, np.random.Generator], ImageArray]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def colour(crop: ImageArray, strength: float, rng: np.random.Generator) -> ImageArray:
    """Exposure, contrast and the balance of the three colours."""
    gains = np.exp(rng.normal(0, 0.1 * strength, 3) + rng.normal(0, 0.25 * strength))
    contrast = np.exp(rng.normal(0, 0.2 * strength))
    mean = np.float32(crop.mean())
    pixels = ((crop - mean) * np.float32(contrast) + mean) * gains.astype(np.float32)
    return _bytes(pixels)


def grayscale(crop: ImageArray, strength: float, _rng: np.random.Generator) -> ImageArray:
    """Colour fades to grey."""
    grey = (crop @ _LUMA)[:, :, None]
    return _bytes(crop + np.float32(strength) * (grey - crop))


def distort(crop: ImageArray, strength: float, rng: np.random.Generator) -> ImageArray:
    """Turned, zoomed, sheared and moved, as wrong landmarks would have it."""
    size = crop.shape[0]
    turn, shear = rng.normal(0, 0.06 * strength, 2)
    zoom = np.exp(rng.normal(0, 0.05 * strength))
    matrix = zoom * np.array([[1, turn + shear], [-turn, 1]])
    shift = (size / 2) * (1 - matrix.sum(1)) + rng.normal(0, 2.5 * strength, 2)
    coefficients = (*matrix[0], shift[0], *matrix[1], shift[1])
    image = Image.fromarray(crop)
    warped = image.transform(
        image.size, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )
    return np.asarray(warped)


def blur(crop: ImageArray, strength: float, rng: np.random.Generator) -> ImageArray:
    """Out of focus."""
    radius = rng.uniform(0.3, 0.3 + 2.2 * strength)
    return np.asarray(Image.fromarray(crop).filter(ImageFilter.GaussianBlur(radius)))


def shrink(crop: ImageArray, strength: float, rng: np.random.Generator) -> ImageArray:
    """A face further away: fewer pixels, enlarged again."""
    size = crop.shape[0]
    small = int(size / rng.uniform(1.2, 1.2 + 3.0 * strength))
    image = Image.fromarray(crop).resize((small, small), Image.Resampling.BOX)
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


def compress(crop: ImageArray, strength: float, rng: np.random.Generator) -> ImageArray:
    """JPEG artefacts."""
    buffer = io.BytesIO()
    quality = int(rng.uniform(75 - 60 * strength, 85))
    Image.fromarray(crop).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def cutout(crop: ImageArray, strength: float, rng: np.random.Generator) -> ImageArray:
    """A rectangle of one colour: something stands before the face."""
    size = crop.shape[0]
    height, width = (rng.uniform(0.1, 0.1 + 0.4 * strength, 2) * size).astype(int)
    top, left = rng.integers(0, size - height), rng.integers(0, size - width)
    covered = crop.copy()
    covered[top : top + height, left : left + width] = rng.integers(0, 256, 3)
    return covered


# How often each is applied at full strength.
SHARES: Mapping[Augmentation, float] = {
    distort: 0.8,
    colour: 0.8,
    grayscale: 0.1,
    shrink: 0.15,
    blur: 0.1,
    compress: 0.15,
    cutout: 0.2,
}


@dataclass(frozen=True, slots=True)
class Curriculum:
    """Augmentations whose frequency and strength grow from `start` to `end` over training.

    masks: share of the faces that wear a mask, from the first step on.
    """

    start: float = 0.3
    end: float = 1.0
    masks: float = 0.0

    def apply(self, crop: ImageArray, progress: float, rng: np.random.Generator) -> ImageArray:
        """One augmented crop. progress: 0 at the beginning of training, 1 at its end."""
        return self.change(self.move(crop, progress, rng), progress, rng)

    def move(self, crop: ImageArray, progress: float, rng: np.random.Generator) -> ImageArray:
        """The part of `apply` that moves the face: a teacher who tells where sees its outcome."""
        return self._sometimes(distort, crop, self._strength(progress), rng)

    def change(self, crop: ImageArray, progress: float, rng: np.random.Generator) -> ImageArray:
        """The part of `apply` that leaves every pixel where it is."""
        strength = self._strength(progress)
        if self.masks and rng.random() < self.masks:
            crop = wear_mask(crop, strength, rng)
        for augmentation in SHARES:
            if augmentation is not distort:
                crop = self._sometimes(augmentation, crop, strength, rng)
        return crop

    def _strength(self, progress: float) -> float:
        return self.start + (self.end - self.start) * progress

    @staticmethod
    def _sometimes(
        augmentation: Augmentation, crop: ImageArray, strength: float, rng: np.random.Generator
    ) -> ImageArray:
        if rng.random() < SHARES[augmentation] * strength:
            return augmentation(crop, strength, rng)
        return crop


def _bytes(pixels: np.ndarray) -> ImageArray:
    return np.clip(pixels + 0.5, 0, 255).astype(np.uint8)
