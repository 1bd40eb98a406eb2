"""Two faces in one photo: evidence that they are two people."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from fastface.calibration import Calibration
from fastface.types import FloatArray, IntArray

# Two faces in one photo closer than chance brings two people together once in ten million pairs
# are a mirror, a collage or a screen, not two people.
TWIN_RATE: Final = 1e-7
# Each photo that shows both of two clusters speaks against their being one person, by this many
# decades. Clusters collect strays, so the count is taken relative to the root of the smaller size.
DECADES_PER_SHARED_PHOTO: Final = 2.0


def same_photo(faces: FloatArray, photos: IntArray, curve: Calibration) -> IntArray:
    """(m, 2) the pairs of faces in one photo that are two people, mirrors and collages left out."""
    together = on_one_photo(photos)
    distance = 1.0 - np.einsum("nd,nd->n", faces[together[:, 0]], faces[together[:, 1]])
    apart: npt.NDArray[np.bool_] = curve.log10_rate(distance) > np.log10(TWIN_RATE)
    return np.asarray(together[apart], np.int64)


def on_one_photo(photos: IntArray) -> IntArray:
    """(m, 2) all pairs of rows with the same photo.  photos: (n,) int64."""
    order = np.argsort(photos, kind="stable")
    starts = np.flatnonzero(np.diff(photos[order], prepend=photos[order[:1]] - 1))
    counts = np.diff(np.append(starts, len(photos)))
    pairs = [np.empty((0, 2), np.int64)]
    for count in np.unique(counts[counts > 1]):
        group = order[starts[counts == count][:, None] + np.arange(count)]
        left, right = np.triu_indices(count, 1)
        pairs.append(np.stack([group[:, left].ravel(), group[:, right].ravel()], axis=1))
    return np.concatenate(pairs)


def count(merges: npt.NDArray[np.float64], n: int, together: IntArray) -> IntArray:
    """For each merge, how many of the pairs `together` it brings into one cluster.

    merges: (m, 4) rows of a linkage matrix of n faces.  together: (k, 2) as from `same_photo`.
    """
    others: dict[int, list[int]] = {}
    for i, j in together.tolist():
        others.setdefault(i, []).append(j)
        others.setdefault(j, []).append(i)
    # Only faces that have a partner are followed. A merged set keeps the larger one's name, so
    # each face changes hands at most log2(n) times.
    home = {face: face for face in others}
    members = {face: [face] for face in others}
    set_at = dict(home)  # by node of the dendrogram
    counts = np.zeros(len(merges), np.int64)
    for row, (a, b) in enumerate(merges[:, :2].astype(np.int64).tolist()):
        sets = [set_at.pop(node) for node in (a, b) if node in set_at]
        if not sets:
            continue
        large = set_at[n + row] = max(sets, key=lambda s: len(members[s]))
        if len(sets) == 2:
            small = sets[0] if large == sets[1] else sets[1]
            moving = members.pop(small)
            counts[row] = sum(home[other] == large for face in moving for other in others[face])
            home.update(dict.fromkeys(moving, large))
            members[large] += moving
    return counts


def against(n_shared: npt.ArrayLike, smaller: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Decades by which photos that show both speak against two clusters being one person.

    n_shared: how many photos do.  smaller: faces of the smaller cluster.  Broadcasts.
    """
    root = np.sqrt(np.maximum(np.asarray(smaller, np.float64), 1))
    return np.asarray(DECADES_PER_SHARED_PHOTO * np.asarray(n_shared) / root)
