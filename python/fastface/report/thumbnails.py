"""Small JPEGs of faces and photos as data URIs; every photo is decoded once."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from fastface import machine
from fastface.errors import PhotoError
from fastface.images import decode
from fastface.types import Box, ImageArray
from fastface.video import keyframe

FACE_PX = 128  # shown at up to 64 points, so sharp on a phone's screen
PHOTO_PX = 288  # longer side
FACE_MARGIN = 1.5  # side of the square around a face, in sizes of its box

# Longer side to decode to.  A face that fills 1/8 of the photo still has its 128 pixels.
DECODE_PX = 1600

Progress = Callable[[int, int, "Path | None"], None]


class Wish(NamedTuple):
    """A thumbnail that is asked for: of a face, or of the whole photo where `box` is None.

    at_s: of which picture of a video.
    """

    photo: Path
    box: Box | None
    at_s: float | None = None


class Thumbnail(NamedTuple):
    """A JPEG as a data URI, with its size in pixels."""

    uri: str
    width: int
    height: int


def make_thumbnails(
    wishes: Iterable[Wish], *, progress: Progress | None = None, workers: int | None = None
) -> dict[Wish, Thumbnail | None]:
    """Every wish fulfilled; None where the photo is gone or cannot be read.

    progress: called as (done, total, photo).  workers: threads; one per core by default.
    """
    by_photo: dict[Path, list[Wish]] = defaultdict(list)
    for wish in wishes:
        by_photo[wish.photo].append(wish)
    thumbnails: dict[Wish, Thumbnail | None] = {}
    if not by_photo:
        return thumbnails
    pool = ThreadPoolExecutor(max_workers=workers or machine.usable_cores())
    try:
        results = pool.map(_render_photo, by_photo, by_photo.values())
        for done, (photo, made) in enumerate(zip(by_photo, results, strict=True), start=1):
            thumbnails.update(made)
            if progress is not None:
                progress(done, len(by_photo), photo)
    finally:
        pool.shutdown(cancel_futures=True)  # on Ctrl-C do not decode the rest first
    return thumbnails


def within_budget(
    wishes: Mapping[Wish, int], thumbnails: Mapping[Wish, Thumbnail | None], max_bytes: int
) -> dict[Wish, Thumbnail | None]:
    """The thumbnails that fit `max_bytes` of text when served in the order of `wishes`.

    wishes: how often each is shown; each showing is a copy in the file.
    """
    chosen: dict[Wish, Thumbnail | None] = {}
    used = 0
    for wish, showings in wishes.items():
        thumbnail = thumbnails[wish]
        used += showings * len(thumbnail.uri) if thumbnail is not None else 0
        if used > max_bytes:
            break
        chosen[wish] = thumbnail
    return chosen


def _render_photo(photo: Path, wishes: list[Wish]) -> dict[Wish, Thumbnail | None]:
    made: dict[Wish, Thumbnail | None] = {}
    for at_s in dict.fromkeys(wish.at_s for wish in wishes):
        own = [wish for wish in wishes if wish.at_s == at_s]
        try:
            image = Image.fromarray(_picture(photo, at_s))
        except PhotoError:
            made.update(dict.fromkeys(own))
            continue
        made.update(
            (wish, _of_photo(image) if wish.box is None else _of_face(image, wish.box))
            for wish in own
        )
    return made


def _picture(photo: Path, at_s: float | None) -> ImageArray:
    if at_s is None:
        return decode(photo, min_side=DECODE_PX).pixels
    return keyframe(photo, at_s, min_side=DECODE_PX)


def _of_photo(image: Image.Image) -> Thumbnail:
    scale = min(1.0, PHOTO_PX / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return _jpeg(image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0), quality=62)


def _of_face(image: Image.Image, box: Box) -> Thumbnail:
    left, top, side = square_around(box, image.width, image.height)
    pixels = min(FACE_PX, max(1, round(side)))
    face = image.resize(
        (pixels, pixels),
        Image.Resampling.LANCZOS,
        box=(left, top, min(left + side, image.width), min(top + side, image.height)),
        reducing_gap=2.0,
    )
    return _jpeg(face, quality=76)


def square_around(box: Box, width: int, height: int) -> tuple[float, float, float]:
    """Left, top and side, in pixels, of the square that shows a face with some margin.

    It is moved, then shrunk, to lie inside a photo of `width` x `height` pixels.
    """
    side = FACE_MARGIN * max(box.width * width, box.height * height)
    side = min(max(side, 1.0), width, height)
    left = (box.left + box.width / 2) * width - side / 2
    top = (box.top + box.height / 2) * height - side / 2
    return (
        float(np.clip(left, 0, width - side)),
        float(np.clip(top, 0, height - side)),
        float(side),
    )


def _jpeg(image: Image.Image, *, quality: int) -> Thumbnail:
    """Only pixels go in: no EXIF, so no place or time of the original."""
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True, progressive=False)
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Thumbnail(f"data:image/jpeg;base64,{text}", image.width, image.height)
