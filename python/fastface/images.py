"""Photos to upright RGB pixels, whatever the file: the one place where untrusted bytes are decoded.

Only the formats that cameras and phones write are accepted, by their first bytes and not by their
names, so that a file never reaches one of Pillow's many other decoders (or Ghostscript behind
them).  Sizes are checked on the header, before any pixel is decoded.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from PIL import (
    AvifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from fastface import exif, heif
from fastface.bands import Bands, bands_of
from fastface.errors import PhotoError
from fastface.jpeg import decode_jpeg
from fastface.memory import MemoryBudget
from fastface.photos import PhotoFile, content_hash, display_name, iter_photos, open_photo
from fastface.types import ImageArray, PhotoInput, PhotoMetadata

__all__ = ["DecodedPhoto", "PhotoFile", "content_hash", "decode", "iter_photos"]

# Pixels held in memory at once.  The largest sensors sold (102 megapixels) fit, at 0.5 GB.
MAX_DECODED_PIXELS = 128_000_000

# A JPEG is decoded at 1/2, 1/4 or 1/8 without ever holding the whole, so it may be larger: phones
# write 200 megapixels.
MAX_JPEG_PIXELS = 256_000_000

# What decoders hold at their peak, measured in files of 100 megapixels (bench/peak_memory.py).
# Pillow keeps RGB in four bytes a pixel, and some decoders keep a photo more than once.
_BYTES_PER_PIXEL = {
    "JPEG": 6,
    "MPO": 6,
    "PNG": 8,
    "TIFF": 8,
    "WEBP": 17,
    "AVIF": 14,
    "HEIF": 14,  # with transparency; without, see `_heif_bytes_per_pixel`
}

# Sent through Pillow's reduce() as they are; other modes are converted to RGB first.
_REDUCIBLE_MODES = frozenset({"L", "RGB", "RGBA", "CMYK", "YCbCr"})


@dataclass(frozen=True, slots=True, eq=False)
class DecodedPhoto:
    """pixels: (h, w, 3) uint8, RGB, upright, maybe smaller than the photo.  metadata: its facts."""

    pixels: ImageArray
    metadata: PhotoMetadata


@dataclass(frozen=True, slots=True, eq=False)
class PhotoHeader:
    """What is known of a photo file without decoding it.

    width, height: pixels as they are stored.  orientation: 1 to 8, how they are turned to stand
    upright; 1 for HEIC and AVIF, which every decoder hands out upright.  xmp: the packet in it.
    """

    width: int
    height: int
    orientation: int
    xmp: bytes | None


def read_header(path: str | Path) -> PhotoHeader:
    """Reads the first bytes of a photo.  Raises PhotoError as `decode`."""
    with open_photo(path) as file, _PILLOW_WARNINGS:
        try:
            return _header(_open(file))
        except Exception as error:  # as in `_decode_guarded`
            reason = display_name(str(error).strip()) or type(error).__name__
            raise PhotoError(f"{display_name(path)}: cannot be read ({reason})") from error


def _header(image: Image.Image) -> PhotoHeader:
    width, height = image.size
    orientation = exif.orientation(exif.read_tags(image))
    if image.format in ("HEIF", "AVIF"):
        orientation = 1
    if image.format == "TIFF":
        width, height = image.tag_v2[256], image.tag_v2[257]  # type: ignore[attr-defined]
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if isinstance(xmp, str):
        xmp = xmp.encode()
    return PhotoHeader(width, height, orientation, xmp if isinstance(xmp, bytes) else None)


def decode(
    source: PhotoInput | bytes,
    *,
    min_side: int | None = 1024,
    budget: MemoryBudget | None = None,
) -> DecodedPhoto:
    """Upright RGB pixels and metadata of a photo.

    source: a path or the bytes of a JPEG (also MPO), PNG, WebP, TIFF, HEIC/HEIF or AVIF file, a
    PIL image, or an (h, w, 3) uint8 array, RGB and upright.  Of several frames the first is taken;
    transparency is laid on white; 16-bit samples become 8-bit.
    min_side: the photo is reduced by the largest power of two that leaves its longer side at least
    this many pixels (JPEG up to 1/8 while decoding, at a quarter of the time); None decodes all.
    budget: what the decoder needs is reserved there first; PNG and TIFF are read in bands where the
    whole has no room in it.

    Raises PhotoError, with one line that names the file, for a file that is missing, empty,
    truncated, damaged, of another format, or larger than 128 megapixels once decoded (a JPEG: 256
    in the file); ValueError for an array that is no image.  Safe to call from many threads.

    >>> photo = decode(np.zeros((3000, 2000, 3), np.uint8), min_side=1024)
    >>> photo.pixels.shape, photo.metadata.width, photo.metadata.height
    ((1500, 1000, 3), 2000, 3000)
    """
    if min_side is not None and min_side < 1:
        raise ValueError(f"min_side: expected at least 1 pixel, got {min_side}")
    if isinstance(source, np.ndarray):
        return _decode_array(source, min_side)
    if isinstance(source, Image.Image):
        name = display_name(getattr(source, "filename", "") or "image")
        return _decode_guarded(name, lambda: source, min_side, budget, ours=False)
    if isinstance(source, bytes):
        data = source
        return _decode_guarded("image", lambda: _open(BytesIO(data)), min_side, budget)
    if isinstance(source, str | Path):
        with open_photo(source) as file:
            return _decode_guarded(display_name(source), lambda: _open(file), min_side, budget)
    raise TypeError(
        f"source: expected a path, bytes, a PIL image or an array, got {type(source).__name__}"
    )


def _decode_guarded(
    name: str,
    open_image: Callable[[], Image.Image],
    min_side: int | None,
    budget: MemoryBudget | None,
    *,
    ours: bool = True,
) -> DecodedPhoto:
    """Run the decoders; whatever they raise on damaged bytes leaves here as a PhotoError.

    ours: opened here; a caller's own image is loaded at most, and never changed otherwise.
    """
    with _PILLOW_WARNINGS:
        try:
            return _decode_image(open_image(), min_side, budget, ours)
        except PhotoError as error:
            raise type(error)(f"{name}: {error}") from error.__cause__
        except Exception as error:  # Pillow and its decoders raise nearly everything
            reason = display_name(str(error).strip()) or type(error).__name__
            raise PhotoError(f"{name}: cannot be decoded ({reason})") from error


def _open(file: BinaryIO) -> Image.Image:
    """An image whose header is read, by the decoder that its first bytes ask for.

    Constructors are called directly: Image.open() would add a limit of its own, which is a
    process-wide setting of whoever imports us.  No file name is passed on, or Pillow would map raw
    TIFFs into memory, where a file that shrinks meanwhile ends the process.
    """
    prefix = file.read(64)
    file.seek(0)
    if not prefix:
        raise PhotoError("empty file")
    if prefix.startswith(b"\xff\xd8\xff"):
        return JpegImagePlugin.jpeg_factory(file)
    if prefix.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImagePlugin.PngImageFile(file)
    if prefix[:4] == b"RIFF" and prefix[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile(file)
    if prefix[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return TiffImagePlugin.TiffImageFile(file)
    brands = heif.brands(prefix)
    if brands & heif.AVIF_BRANDS:
        return AvifImagePlugin.AvifImageFile(file)
    if brands & heif.HEIC_BRANDS:
        return heif.open_heic(file)
    raise PhotoError("not a JPEG, PNG, WebP, TIFF, HEIC or AVIF file")


def _decode_image(
    image: Image.Image, min_side: int | None, budget: MemoryBudget | None, ours: bool
) -> DecodedPhoto:
    width, height = image.size
    is_jpeg = image.format in ("JPEG", "MPO")
    in_decoder = min(reduction_to(width, height, min_side), 8) if ours and is_jpeg else 1
    _check_size(image, in_decoder)
    needed, reduction = _decoder_bytes(image, in_decoder), reduction_to(width, height, min_side)
    # Bands take an eighth more time.
    if ours and reduction > 1 and budget is not None and not budget.allows(needed):
        bands = bands_of(image)
        if bands is not None:
            return _decode_bands(image, bands, reduction, budget)
    with nullcontext() if budget is None else budget.reserve(needed):
        return _decode_checked(image, in_decoder, min_side, past_pillow=ours and is_jpeg)


def _decode_bands(
    image: Image.Image, bands: Bands, reduction: int, budget: MemoryBudget
) -> DecodedPhoto:
    """A PNG or TIFF that is made smaller while it is read."""
    tags = exif.read_tags(image)
    orientation = 1 if image.format == "TIFF" else exif.orientation(tags)
    with budget.reserve(bands.n_bytes(reduction)):
        pixels = bands.shrunk(reduction, _flat)
        width, height = image.size
        if orientation in exif.TRANSPOSE:
            pixels = np.asarray(Image.fromarray(pixels).transpose(exif.TRANSPOSE[orientation]))
        if orientation >= 5:
            width, height = height, width
        return DecodedPhoto(pixels, exif.metadata(tags, width, height))


def _flat(image: Image.Image) -> Image.Image:
    """The image in RGB, transparency laid on white."""
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB")  # Pillow would copy it


def _decode_checked(
    image: Image.Image, in_decoder: int, min_side: int | None, *, past_pillow: bool
) -> DecodedPhoto:
    width, height = image.size
    fast = decode_jpeg(image, in_decoder) if past_pillow else None
    if fast is None:
        if in_decoder > 1:
            image.draft(None, (max(1, width // in_decoder), max(1, height // in_decoder)))
        image.load()  # before the tags are read, which in a PNG may follow the pixels
    tags = exif.read_tags(image)
    # TIFF and HEIC come upright from their decoders: the first with its tag removed, the second
    # turned by the file's own rotation, beside which the tag is not to be obeyed.
    orientation = 1 if image.format == "HEIF" else exif.orientation(tags)
    if image.format not in ("JPEG", "MPO"):
        width, height = image.size

    if fast is not None:
        if orientation == 1 and reduction_to(fast.shape[1], fast.shape[0], min_side) == 1:
            return DecodedPhoto(fast, exif.metadata(tags, width, height))
        image, fast = Image.fromarray(fast), None
    upright = _reducible(image)
    reduction = reduction_to(*upright.size, min_side)
    if reduction > 1:
        upright = upright.reduce(reduction)
    if orientation in exif.TRANSPOSE:
        upright = upright.transpose(exif.TRANSPOSE[orientation])
    pixels = np.asarray(_flat(upright))
    if orientation >= 5:
        width, height = height, width
    return DecodedPhoto(pixels, exif.metadata(tags, width, height))


def _decode_array(pixels: ImageArray, min_side: int | None) -> DecodedPhoto:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError(
            f"source: expected uint8 (height, width, 3), got {pixels.dtype} {pixels.shape}"
        )
    height, width = pixels.shape[:2]
    reduction = reduction_to(width, height, min_side)
    if reduction > 1:
        pixels = np.asarray(Image.fromarray(pixels).reduce(reduction))
    return DecodedPhoto(np.ascontiguousarray(pixels), PhotoMetadata(width, height))


def reduction_to(width: int, height: int, min_side: int | None) -> int:
    """Largest power of two by which the longer side stays at least `min_side`."""
    if min_side is None:
        return 1
    return 1 << max(0, (max(width, height) // min_side).bit_length() - 1)


def _check_size(image: Image.Image, in_decoder: int) -> None:
    """Refuse what would not fit in memory, from the header alone."""
    width, height = image.size
    if width < 1 or height < 1:
        raise PhotoError("no pixels")
    decoded, limit = width * height, MAX_DECODED_PIXELS
    if image.format in ("JPEG", "MPO"):
        if decoded > MAX_JPEG_PIXELS:
            limit = MAX_JPEG_PIXELS
        elif not image.info.get("progressive"):  # of a progressive one, the decoder holds it all
            decoded //= in_decoder**2
    if decoded > limit:
        raise PhotoError(f"{width} x {height} pixels, the limit is {limit // 10**6} megapixels")


def _heif_bytes_per_pixel(image: Image.Image) -> int:
    """Phones write HEIC without transparency and with colours at half the resolution."""
    if image.mode != "RGB":
        return _BYTES_PER_PIXEL["HEIF"]
    return 8 if image.info.get("chroma") == 420 else 10


def _decoder_bytes(image: Image.Image, in_decoder: int) -> int:
    """At least what decoding and reducing this image takes at its peak."""
    n_pixels = image.width * image.height
    of_pixel = _BYTES_PER_PIXEL.get(image.format or "", 4)
    if image.format == "HEIF":
        of_pixel = _heif_bytes_per_pixel(image)
    needed = of_pixel * n_pixels / in_decoder**2
    if image.info.get("progressive"):  # the decoder holds every coefficient, 16 bits each
        areas = [across * down for _, across, down, _ in image.layer]  # type: ignore[attr-defined]
        needed += 2 * n_pixels * sum(areas) / max(areas)
    return int(needed)


def _reducible(image: Image.Image) -> Image.Image:
    """The image in a mode that can be averaged: palettes looked up, 16 bits cut to 8."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise PhotoError("32-bit grey values are no photo")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in _REDUCIBLE_MODES else image.convert("RGB")


class _SharedWarningFilter:
    """Keeps Pillow's warnings about odd files quiet while any thread decodes.

    The list of filters belongs to the whole process: were each thread to save and restore it, one
    could restore what another had set.  So the first to enter saves, the last to leave restores.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0
        self._restore = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                self._restore.enter_context(warnings.catch_warnings())
                warnings.filterwarnings("ignore", module=r"(PIL|pi_heif)\b")
            self._n_inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                self._restore.close()


_PILLOW_WARNINGS = _SharedWarningFilter()
