"""The pixels of a JPEG straight into an array, by libjpeg-turbo through simplejpeg.

The same bits as Pillow's, whose decoder is the same one; but Pillow keeps a photo in four bytes a
pixel and hands it out in copies, which takes as long as a sixth of the decoding.
"""

from __future__ import annotations

import os

from PIL.Image import Image
from PIL.ImageFile import ImageFile

from fastface.types import ImageArray

# A larger file is left to Pillow, which reads it in blocks: what is held of one stays under what a
# worker has for an ordinary photo (`memory.ORDINARY_BYTES`).
_MOST_BYTES = 16_000_000

# simplejpeg is asked for a size and takes the smallest of libjpeg's scales, eighths, that gives it.
# Below this side two of them may give the same.
_LEAST_SIDE = 16

_END_OF_IMAGE = b"\xff\xd9"


def decode_jpeg(image: Image, reduction: int) -> ImageArray | None:
    """All of a JPEG whose header Pillow has read: (ceil(h / reduction), ceil(w / reduction), 3)
    uint8 RGB, not yet upright.

    image: opened from a file or bytes.  reduction: 1, 2, 4 or 8.
    None for what has no three colours, for more than 16 MB, where simplejpeg is missing, which has
    no wheel for every Python, and for whatever is odd: whether that is a photo is Pillow's to say.
    """
    try:
        import simplejpeg
    except ImportError:
        return None
    if not isinstance(image, ImageFile) or image.mode != "RGB" or image.fp is None:
        return None
    if max(image.size) < _LEAST_SIDE:
        return None
    width, height = (-(-side // reduction) for side in image.size)
    size = image.fp.seek(0, os.SEEK_END)
    image.fp.seek(0)
    if size > _MOST_BYTES:
        return None
    content = image.fp.read()
    image.fp.seek(0)
    # A file may lack its end and nothing else; if pixels are missing too, the decoder tells.
    if not content.endswith(_END_OF_IMAGE):
        content += _END_OF_IMAGE
    try:
        pixels: ImageArray = simplejpeg.decode_jpeg(
            content, "RGB", min_height=height, min_width=width, strict=True
        )
    except ValueError:
        return None
    return pixels if pixels.shape == (height, width, 3) else None
