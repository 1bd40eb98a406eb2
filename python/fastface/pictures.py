"""Who is in one picture with whom: on a photo everybody, in a video who is seen at one time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from fastface.types import Anchor, IntArray, Sighting


def of_anchors(photos: IntArray, anchors: Sequence[Anchor]) -> IntArray:
    """As `number`, for faces at these places."""
    return number(photos, {row: a.sightings for row, a in enumerate(anchors) if a.sightings})


def number(photos: IntArray, sightings: Mapping[int, Sequence[Sighting]]) -> IntArray:
    """(n,) int64: two faces have the same number if one picture shows both.

    photos: (n,) int64, the photo or video of each face; a photo's number is kept.  sightings: of
    the rows that are in videos.  Where a shows b, b shows c, but never a c, the earlier row decides
    which pair has a number in common.

    >>> import numpy as np
    >>> one, two = (Sighting(at_s, (0, 0, 1, 1)) for at_s in (0.0, 2.0))
    >>> number(np.array([7, 7, 7, 3]), {0: [one], 1: [two], 2: [one, two]})
    array([7, 8, 7, 3])
    """
    found = photos.copy()
    groups: dict[int, list[tuple[int, list[set[float]]]]] = defaultdict(list)
    unused = int(photos.max(initial=-1)) + 1
    for row in sorted(sightings):
        times = {sighting.at_s for sighting in sightings[row]}
        video = groups[int(photos[row])]
        for picture, members in video:
            if all(times & other for other in members):
                found[row] = picture
                members.append(times)
                break
        else:
            found[row] = unused if video else photos[row]
            unused += bool(video)
            video.append((int(found[row]), [times]))
    return found
