"""A photo of nobody: faces drawn from a few soft ellipses, that a detector takes for real.

Golden vectors need faces that belong to no one and that anybody may pass on.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fastface.types import ImageArray

Colour = tuple[float, float, float]


_BLUSH: Final = np.array((8.0, -12.0, -7.0))


class _Person(NamedTuple):
    """x, y: of the face's middle; width: of half the face.  All in sides of the picture."""

    x: float
    y: float
    width: float
    skin: Colour
    hair: Colour


_PEOPLE: Final = (
    _Person(0.32, 0.52, 0.15, (224, 178, 150), (52, 36, 26)),
    _Person(0.72, 0.36, 0.09, (150, 104, 78), (24, 20, 20)),
    _Person(0.70, 0.78, 0.06, (240, 200, 176), (186, 146, 88)),
)


class _Canvas:
    """A square picture under construction; colours 0..255."""

    def __init__(self, side: int) -> None:
        self._y, self._x = np.mgrid[0:side, 0:side] / side
        shade = 40 * (self._y - 0.5)
        self.pixels = np.stack([shade + level for level in (90, 110, 130)], axis=2)
        self.person = _PEOPLE[0]

    def blob(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colour: Colour | npt.NDArray[np.float64],
        *,
        softness: float = 0.2,
        strength: float = 1.0,
    ) -> None:
        """A soft ellipse; in half widths of the person's face, from its middle."""
        face = self.person
        across = (self._x - face.x - x * face.width) / (width * face.width)
        down = (self._y - face.y - y * face.width) / (height * face.width)
        outside = np.minimum((np.hypot(across, down) - 1) * 4 / softness, 50)
        cover = (strength / (1 + np.exp(outside)))[..., None]
        self.pixels = self.pixels * (1 - cover) + cover * np.asarray(colour, np.float64)

    def draw(self, person: _Person) -> None:
        self.person = person
        skin, hair = np.array(person.skin, np.float64), np.array(person.hair, np.float64)
        self.blob(0, -0.15, 1.05, 1.3, hair)
        self.blob(0, 1.6, 0.45, 0.6, 0.86 * skin)
        self.blob(0, 0.1, 0.86, 1.15, skin)
        self.blob(0, -0.75, 0.8, 0.35, hair, softness=0.3)
        for side in (-1, 1):
            self.blob(0.45 * side, 0.35, 0.25, 0.3, skin + _BLUSH, softness=0.6, strength=0.5)
            self.blob(0.38 * side, -0.22, 0.24, 0.05, 1.1 * hair, softness=0.3)
            self.blob(0.37 * side, -0.03, 0.24, 0.13, 0.73 * skin, softness=0.5, strength=0.8)
            self.blob(0.37 * side, 0.0, 0.18, 0.085, (240, 238, 235), softness=0.25)
            self.blob(0.37 * side, 0.0, 0.08, 0.085, (60, 40, 30))
            self.blob(0.37 * side, 0.0, 0.035, 0.035, (10, 10, 10))
            self.blob(0.12 * side, 0.43, 0.05, 0.035, 0.5 * skin, softness=0.4)
        self.blob(0, 0.2, 0.07, 0.28, 1.06 * skin, softness=0.6, strength=0.6)
        self.blob(0, 0.4, 0.17, 0.09, 0.88 * skin, softness=0.5, strength=0.7)
        self.blob(0, 0.7, 0.3, 0.085, skin * (0.8, 0.5, 0.55), softness=0.3)
        self.blob(0, 0.69, 0.28, 0.02, skin * (0.5, 0.3, 0.33), softness=0.3)


def drawn_photo(side: int) -> ImageArray:
    """Three drawn people, (side, side, 3) uint8 RGB."""
    canvas = _Canvas(side)
    for person in _PEOPLE:
        canvas.draw(person)
    photo: ImageArray = np.clip(np.rint(canvas.pixels), 0, 255).astype(np.uint8)
    return photo


def waves(side: int) -> ImageArray:
    """Waves of all lengths and colours, (side, side, 3) uint8: every layer has something to do."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float64)
    planes = [
        np.sin(x * x / (2.3 * side) + c) + np.cos(y * y / (1.7 * side) - c) + np.sin((x + y) / 9)
        for c in range(3)
    ]
    picture: ImageArray = np.rint(127.5 + 42 * np.stack(planes, axis=2)).astype(np.uint8)
    return picture
