"""Aligned face crops: decoded once into one memory-mapped file, read from there ever after.

A training folder holds sets, `SET/PERSON/photo.jpg` where people are known and `SET/photo.jpg`
where they are not. Every image is a 112 x 112 crop of the ArcFace template (`embedding.align`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fastface.errors import PhotoError
from fastface.files import write_private
from fastface.templates import ARCFACE
from fastface.types import ImageArray, IntArray

CROP_SIZE = ARCFACE.side
NOBODY = -1  # the label of a crop whose person is unknown

_HELD_OUT = 20  # every 20th crop is never trained on

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """pixels: (n, 112, 112, 3) uint8 RGB, memory-mapped.  names: n paths relative to the folder.
    labels: (n,) int64, 0..people-1 or NOBODY.  key: names this very set in caches.
    """

    pixels: ImageArray
    names: tuple[str, ...]
    labels: IntArray
    key: str

    @property
    def n_people(self) -> int:
        return int(self.labels.max(initial=NOBODY)) + 1


def split(n: int) -> tuple[IntArray, IntArray]:
    """Rows to train on, and the rows held out of training to watch it."""
    rows = np.arange(n, dtype=np.int64)
    held_out = rows % _HELD_OUT == _HELD_OUT - 1
    return rows[~held_out], rows[held_out]


def load_folder(folder: Path, cache: Path) -> Crops:
    """The crops of a training folder, in the order of their paths.

    cache: a folder for the decoded pixels (made if absent, 0700: these are faces).
    Raises PhotoError if there is no image, or one is not 112 x 112.
    """
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in _SUFFIXES
    )
    if not names:
        raise PhotoError(f"{folder} holds no images")
    sizes = ((folder / name).stat().st_size for name in names)
    pixels, key = cached_pixels(
        cache,
        [f"{name} {size}" for name, size in zip(names, sizes, strict=True)],
        lambda: (_read(folder / name) for name in names),
    )
    people = [name.split("/")[:-1] for name in names]
    known = sorted({tuple(parts) for parts in people if len(parts) > 1})
    number = {person: label for label, person in enumerate(known)}
    labels = np.array([number.get(tuple(parts), NOBODY) for parts in people], np.int64)
    return Crops(pixels, tuple(names), labels, key)


def cached_pixels(
    cache: Path, content: list[str], decode: Callable[[], Iterable[ImageArray]]
) -> tuple[ImageArray, str]:
    """The crops that `decode` yields, one for each line of `content`, and their key.

    content: says what each crop is made of; other lines, another file.  The file is written whole
    or not at all.
    """
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    path = cache / f"crops-{key}.npy"
    if not path.is_file():
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, _npy(np.stack(list(decode()))))
    return np.load(path, mmap_mode="r"), key


def _read(path: Path) -> ImageArray:
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except OSError as error:
        raise PhotoError(f"{path} cannot be read: {error}") from error
    if pixels.shape != (CROP_SIZE, CROP_SIZE, 3):
        raise PhotoError(f"{path}: expected an aligned crop of 112 x 112, got {pixels.shape[:2]}")
    return pixels


def _npy(pixels: ImageArray) -> bytes:
    import io

    buffer = io.BytesIO()
    np.save(buffer, pixels)
    return buffer.getvalue()
