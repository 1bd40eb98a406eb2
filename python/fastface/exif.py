"""What a photo file says of itself: orientation, time, place and camera.

Tags as in the Exif 2.32 standard (CIPA DC-008).  Cameras, editors and messengers write them
carelessly, so every field is read alone, and one that makes no sense counts as absent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from fastface.types import PhotoMetadata

Tags: TypeAlias = Mapping[int, Any]

# How the stored pixels are turned to stand upright; 1, and whatever is not listed, is upright.
TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# When the shutter opened, when it was digitised, when the file last changed: the first that is set.
_TIMES = (
    (Base.DateTimeOriginal, Base.SubsecTimeOriginal),
    (Base.DateTimeDigitized, Base.SubsecTimeDigitized),
    (Base.DateTime, Base.SubsecTime),
)

_TIME = re.compile(r"\s*(\d{4})[:/.-](\d\d?)[:/.-](\d\d?)[T\s]+(\d\d?):(\d\d?)(?::(\d\d?))?")


def read_tags(image: Image.Image) -> dict[int, Any]:
    """The main, photo and GPS tags of an open image in one mapping, GPS under its own tag."""
    tags: dict[int, Any] = {}
    try:
        exif = image.getexif()
    except Exception:  # noqa: BLE001  what damaged tags raise is not documented, and none matters
        return tags
    for read in (
        lambda: dict(exif.items()),
        lambda: dict(exif.get_ifd(IFD.Exif)),
        lambda: {int(IFD.GPSInfo): dict(exif.get_ifd(IFD.GPSInfo))},
    ):
        try:
            tags.update(read())
        except Exception:  # noqa: BLE001, S112  as above: a damaged directory is absent
            continue
    return tags


def orientation(tags: Tags) -> int:
    """1 to 8 as in the standard; anything else a file may say is upright, 1."""
    value = tags.get(Base.Orientation)
    return value if isinstance(value, int) and value in TRANSPOSE else 1


def metadata(tags: Tags, width: int, height: int) -> PhotoMetadata:
    """Metadata of a photo of `width` by `height` upright pixels."""
    latitude, longitude = _place(tags.get(int(IFD.GPSInfo)))
    return PhotoMetadata(
        width=width,
        height=height,
        taken_at=_taken_at(tags),
        latitude=latitude,
        longitude=longitude,
        camera=camera_name(tags.get(Base.Make), tags.get(Base.Model)),
    )


def _taken_at(tags: Tags) -> float | None:
    for time_tag, fraction_tag in _TIMES:
        seconds = parse_time(_text(tags.get(time_tag)))
        if seconds is not None:
            fraction = re.match(r"\d+", _text(tags.get(fraction_tag)))
            return seconds + (float(f"0.{fraction[0]}") if fraction else 0.0)
    return None


def parse_time(text: str) -> float | None:
    """Seconds since 1970 of a camera's clock, read as if it showed UTC; None if it shows no time.

    >>> parse_time("2019:06:01 12:30:05")
    1559392205.0
    >>> parse_time("0000:00:00 00:00:00") is None
    True
    """
    match = _TIME.match(text)
    if not match:
        return None
    try:
        clock = datetime(*(int(part or 0) for part in match.groups()), tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError:
        return None
    return (clock - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()


def _place(gps: Any) -> tuple[float | None, float | None]:
    """Decimal degrees, north and east positive; both or none."""
    if not isinstance(gps, Mapping):
        return None, None
    latitude = _degrees(gps.get(GPS.GPSLatitude), gps.get(GPS.GPSLatitudeRef), "NS", 90.0)
    longitude = _degrees(gps.get(GPS.GPSLongitude), gps.get(GPS.GPSLongitudeRef), "EW", 180.0)
    # Exactly 0, 0 is what a receiver without a fix writes; nobody lives there.
    if latitude is None or longitude is None or latitude == longitude == 0.0:
        return None, None
    return latitude, longitude


def _degrees(value: Any, reference: Any, hemispheres: str, limit: float) -> float | None:
    """value: degrees, minutes and seconds, the last two optional; reference: N, S, E or W."""
    side = _text(reference).strip().upper()[:1]
    if not side or side not in hemispheres:
        return None
    try:
        parts = [float(part) for part in (value if isinstance(value, tuple) else (value,))]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    degrees = sum(part / 60.0**power for power, part in enumerate(parts[:3]))
    if not parts or not all(math.isfinite(part) and part >= 0 for part in parts):
        return None
    if degrees > limit:
        return None
    return -degrees if side == hemispheres[1] else degrees


def camera_name(maker: Any, model: Any) -> str | None:
    """Maker and model, the maker once: 'Canon' and 'Canon EOS 5D' are 'Canon EOS 5D'."""
    maker, model = (" ".join(_text(part).split()) for part in (maker, model))
    if maker and model.lower().startswith(maker.lower()):
        maker = ""
    return f"{maker} {model}".strip() or None


def _text(value: Any) -> str:
    """A tag's text up to its first NUL, without characters that do not print; else ''."""
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in value.partition("\0")[0])
