"""What a video's container says of itself: time, place and camera.

Keys as FFmpeg names them; Apple's are those of the QuickTime File Format's metadata.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from fastface.exif import camera_name, parse_time
from fastface.types import PhotoMetadata

APPLE: Final = "com.apple.quicktime."

# Degrees, or degrees and minutes, or those and seconds, each with decimals: ISO 6709, annex H.
_PLACE: Final = re.compile(r"\s*([+-]\d{2,6}(?:\.\d*)?)([+-]\d{3,7}(?:\.\d*)?)")
HOURS_PER_DEGREE: Final = 24 / 360
# Before this year nothing recorded MP4: clocks that were never set count from 1904 or 1970.
EARLIEST: Final = parse_time("1995-01-01 00:00") or 0.0


def metadata(tags: Mapping[str, str], width: int, height: int, duration_s: float) -> PhotoMetadata:
    """Metadata of a video of `width` by `height` upright pixels.

    tags: as PyAV reads them, in which what is not UTF-8 stands as lone surrogates.
    """
    tags = {key: _readable(value) for key, value in tags.items()}
    latitude, longitude = place(tags.get(f"{APPLE}location.ISO6709") or tags.get("location", ""))
    return PhotoMetadata(
        width=width,
        height=height,
        taken_at=taken_at(tags, longitude),
        latitude=latitude,
        longitude=longitude,
        camera=camera_name(tags.get(f"{APPLE}make", ""), tags.get(f"{APPLE}model", "")),
        duration_s=duration_s,
    )


def taken_at(tags: Mapping[str, str], longitude: float | None) -> float | None:
    """When a video began, by the clock of where it was; seconds since 1970 as if that were UTC.

    Apple's phones write the local time.  All others write Greenwich's alone, from which the place,
    if there is one, tells the sun's time: at most some two hours off, and moments need no more.

    >>> taken_at({"creation_time": "2023-06-01T10:30:05.000000Z"}, 30.0) == (
    ...     taken_at({"com.apple.quicktime.creationdate": "2023-06-01T12:30:05+0200"}, None))
    True
    """
    local = parse_time(tags.get(f"{APPLE}creationdate", ""))
    if local is not None and local >= EARLIEST:
        return local
    greenwich = parse_time(tags.get("creation_time", ""))
    if greenwich is None or greenwich < EARLIEST:
        return None
    return greenwich + 3600.0 * round((longitude or 0.0) * HOURS_PER_DEGREE)


def place(text: str) -> tuple[float | None, float | None]:
    """Decimal degrees of an ISO 6709 text, north and east positive; both or none.

    >>> place("+48.8577+002.2950+035.000/"), place("+4851.46+00217.7/"), place("")
    ((48.8577, 2.295), (48.857667, 2.295), (None, None))
    """
    match = _PLACE.match(text)
    if match is None:
        return None, None
    latitude, longitude = _degrees(match[1], 2), _degrees(match[2], 3)
    # Exactly 0, 0 is what a receiver without a fix writes; nobody lives there.
    if abs(latitude) > 90 or abs(longitude) > 180 or latitude == longitude == 0.0:
        return None, None
    return latitude, longitude


def _readable(value: str) -> str:
    """A text that can be stored and printed: what was not UTF-8 becomes U+FFFD."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _degrees(text: str, n_digits: int) -> float:
    """n_digits: of the whole degrees; two more are minutes, two more seconds."""
    whole, point, fraction = text[1:].partition(".")
    parts = [whole[:n_digits], *re.findall(r"\d\d", whole[n_digits:])]
    numbers = [float(part) for part in parts[:-1]] + [float(parts[-1] + point + fraction)]
    degrees = sum(number / 60.0**power for power, number in enumerate(numbers))
    return round(-degrees if text[0] == "-" else degrees, 6)
