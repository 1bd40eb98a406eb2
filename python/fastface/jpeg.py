"""The pixels of a JPEG straight into an array, by libjpeg-turbo through simplejpeg.

The same bits as Pillow's, whose decoder is the same one; but Pillow keeps a photo in four bytes a
pixel and hands it out in copies, which takes as long as a sixth of the decoding.
"""

from __future__ import annotations

from PIL.Image import Image
from PIL.ImageFile import ImageFile

from fastface.types import ImageArray


def decode_jpeg(image: Image, reduction: int) -> ImageArray | None:
    """All of a JPEG whose header Pillow has read: (ceil(h / reduction), ceil(w / reduction), 3)
    uint8 RGB, not yet upright.

    image: opened from a file or bytes.  reduction: 1, 2, 4 or 8.
    None for what has no three colours, where simplejpeg is missing, which has no wheel for every
    Python, and for whatever is odd about a file: whether that is a photo is Pillow's to say.
    """
    try:
        import simplejpeg
    except ImportError:
        return None
    if not isinstance(image, ImageFile) or image.mode != "RGB" or image.fp is None:
        return None
    width, height = (-(-side // reduction) for side in image.size)
    image.fp.seek(0)
    content = image.fp.read()
    try:
        pixels: ImageArray = simplejpeg.decode_jpeg(
            content, "RGB", min_height=height, min_width=width, strict=True
        )
    except ValueError:
        return None
    finally:
        image.fp.seek(0)
    return pixels if pixels.shape == (height, width, 3) else None
