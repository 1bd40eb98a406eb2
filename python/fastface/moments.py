"""Photos to moments: taken close together in time and place, so that clothes say who is who."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fastface.types import IntArray

# A cut between photos of one event costs little: pass 2 joins the faces again. Joining two days
# costs more: other clothes, and strangers who wear last day's colour. So gaps are short.
MAX_GAP_S = 2 * 3600.0  # about a meal
MAX_SPAN_S = 16 * 3600.0  # people change clothes over night, even where shooting never stops
MAX_STEP_KM = 5.0  # further than people walk between two photos; a town's parts stay together
MAX_RUN = 24  # photos without a clock: neighbours in a folder, about one roll of film
EARTH_RADIUS_KM = 6371.0


def split(
    taken_at: npt.ArrayLike,
    latitude: npt.ArrayLike,
    longitude: npt.ArrayLike,
    folder: Sequence[str],
    order: Sequence[object],
) -> IntArray:
    """The moment of each photo.

    taken_at: (n,) seconds by the camera's clock, NaN where unknown.  latitude, longitude: (n,)
    degrees, NaN where unknown.  folder: (n,) the folder's name.  order: (n,) what sorts the photos
    of one folder: file names (photo2 before photo10) or numbers.

    With a clock, a moment ends at a gap of more than two hours, or at a step of more than five
    kilometres between two photos with a place (photos without one in between do not hide it); one
    that lasts longer than sixteen hours is cut at its longest gap. Without a clock, the photos of
    a folder form runs of at most 24 in their order. A moment never mixes the two kinds, so
    `np.isnan(taken_at)` marks the moments that are a guess.

    Returns (n,) int64, numbered from 0 by time, the guessed ones last: the same photos get the
    same moments whatever order they come in. Raises ValueError if the lengths differ.

    >>> hour = 3600.0
    >>> nowhere = [np.nan] * 4
    >>> split([0, hour, 9 * hour, np.nan], nowhere, nowhere, [""] * 4, ["a", "b", "c", "d"])
    array([0, 0, 1, 2])
    """
    time, lat, lon = (np.asarray(v, np.float64) for v in (taken_at, latitude, longitude))
    n = len(time)
    named = {"latitude": lat, "longitude": lon, "folder": folder, "order": order}
    for name, column in named.items():
        if len(column) != n:
            raise ValueError(f"{name}: expected one per photo ({n}), got {len(column)}")
    moments = np.full(n, -1, np.int64)
    keys = [(folder[i], _natural(order[i])) for i in range(n)]

    clocked = np.flatnonzero(np.isfinite(time))
    clocked = np.array(sorted(clocked, key=lambda i: (time[i], *keys[i])), np.int64)
    ends = _time_cuts(time[clocked]) | _place_cuts(lat[clocked], lon[clocked])
    moments[clocked] = np.cumsum(ends)
    n_moments = int(moments.max(initial=-1)) + 1

    run, length, previous = n_moments - 1, 0, None
    for i in sorted(np.flatnonzero(~np.isfinite(time)).tolist(), key=lambda i: keys[i]):
        if folder[i] != previous or length == MAX_RUN:
            run, length, previous = run + 1, 0, folder[i]
        moments[i] = run
        length += 1
    return moments


def _time_cuts(time: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """True where a photo (in order of time) starts a moment; never at the first."""
    gaps = np.diff(time, prepend=time[:1])
    cuts = gaps > MAX_GAP_S
    starts = np.flatnonzero(cuts)
    pending = list(zip([0, *starts], [*starts, len(time)], strict=True))
    while pending:
        start, stop = pending.pop()
        if stop - start > 1 and time[stop - 1] - time[start] > MAX_SPAN_S:
            middle = start + 1 + int(np.argmax(gaps[start + 1 : stop]))
            cuts[middle] = True
            pending += [(start, middle), (middle, stop)]
    return cuts


def _place_cuts(
    latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """True where a photo with a place is far from the last one that had a place."""
    cuts = np.zeros(len(latitude), bool)
    placed = np.flatnonzero(np.isfinite(latitude) & np.isfinite(longitude))
    lat, lon = latitude[placed], longitude[placed]
    step_km = distance_km(lat[:-1], lon[:-1], lat[1:], lon[1:])
    cuts[placed[1:][step_km > MAX_STEP_KM]] = True
    return cuts


def distance_km(
    latitude: npt.ArrayLike,
    longitude: npt.ArrayLike,
    to_latitude: npt.ArrayLike,
    to_longitude: npt.ArrayLike,
) -> npt.NDArray[np.float64]:
    """Kilometres along the ground between places in degrees.  Broadcasts.

    >>> int(distance_km(48.86, 2.35, 51.51, -0.13))  # Paris to London
    343
    """
    lat, lon, to_lat, to_lon = (
        np.radians(np.asarray(degrees, np.float64))
        for degrees in (latitude, longitude, to_latitude, to_longitude)
    )
    # Haversine: exact for the small angles that matter, and no trouble at the date line.
    half = np.sin((to_lat - lat) / 2) ** 2
    half = half + np.cos(lat) * np.cos(to_lat) * np.sin((to_lon - lon) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0))))


def _natural(name: object) -> tuple[tuple[int, str], ...]:
    """Sort key under which photo2 comes before photo10; the name itself breaks ties."""
    text = str(name)
    parts = [(int(p), "") if p.isdecimal() else (-1, p) for p in re.split(r"(\d+)", text.lower())]
    return (*parts, (-1, text))
