"""Every augmentation side by side, for a person to judge by eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fastface.lab.augment import SHARES, Augmentation, Curriculum
from fastface.lab.crops import Crops
from fastface.lab.masks import wear_mask
from fastface.types import ImageArray

STRENGTHS = (0.3, 0.6, 1.0)
_GAP, _LABEL = 2, 84


def draw(crops: Crops, *, faces: int = 10, seed: int = 0) -> Image.Image:
    """A row for each augmentation and strength, a column for each of `faces` crops; the first row
    is untouched, the last what training shows at its end. The same sheet for the same seed."""
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(len(crops.names), min(faces, len(crops.names)), replace=False))
    chosen = [np.asarray(crops.pixels[row]) for row in rows]
    lines = [("as it is", chosen)]
    for augmentation in (*SHARES, wear_mask):
        for strength in STRENGTHS:
            title = f"{augmentation.__name__} {strength:g}"
            lines.append((title, _applied(augmentation, strength, chosen, seed)))
    trained = Curriculum(masks=0.15)
    lines.append(("in training", _applied(trained.apply, 1.0, chosen, seed)))
    return _compose(lines)


def write(sheet: Image.Image, path: Path) -> None:
    """Save the sheet as the path's suffix says. It shows faces: only you may read it."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    sheet.save(path)


def _applied(
    augmentation: Augmentation, strength: float, crops: list[ImageArray], seed: int
) -> list[ImageArray]:
    return [
        augmentation(crop, strength, np.random.default_rng((seed, k)))
        for k, crop in enumerate(crops)
    ]


def _compose(lines: list[tuple[str, list[ImageArray]]]) -> Image.Image:
    side = lines[0][1][0].shape[0] + _GAP
    sheet = Image.new("RGB", (_LABEL + side * len(lines[0][1]), side * len(lines)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for row, (title, crops) in enumerate(lines):
        pen.text((4, row * side + side / 2 - 8), title.replace(" ", "\n", 1), "black", font)
        for column, crop in enumerate(crops):
            sheet.paste(Image.fromarray(crop), (_LABEL + column * side, row * side))
    return sheet
