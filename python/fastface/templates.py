"""Where an embedder wants the eyes, the nose and the mouth in the crop it looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Template:
    """side: of the square crop, in pixels.  points: x and y in those pixels of right eye, left eye,
    nose, right and left corner of the mouth (the person's own right)."""

    side: int
    points: tuple[Point, Point, Point, Point, Point]

    def scaled_to(self, side: int) -> Template:
        """The same face in a crop of another size.

        >>> ARCFACE.scaled_to(224).points[0]
        (76.5892, 103.3926)
        """
        factor = side / self.side
        a, b, c, d, e = ((x * factor, y * factor) for x, y in self.points)
        return Template(side, (a, b, c, d, e))


# Deng et al., ArcFace, CVPR 2019; nearly every network since is trained on it.
ARCFACE: Final = Template(
    112,
    (
        (38.2946, 51.6963),
        (73.5318, 51.5014),
        (56.0252, 71.7366),
        (41.5493, 92.3655),
        (70.7299, 92.2041),
    ),
)

# dlib's mean face (get_face_chip_details) with a quarter of it added around; the eyes are the
# means of their six points.
DLIB: Final = Template(
    150,
    ((47.55, 46.60), (100.48, 46.60), (74.01, 76.56), (50.41, 103.02), (97.61, 103.02)),
)

TEMPLATES: Final[Mapping[str, Template]] = {"arcface": ARCFACE, "dlib": DLIB}
