"""What speaks for and against two sides being one person: pure functions of embeddings.

A side is a face, or all faces of a person.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fastface.calibration import Calibration
from fastface.clustering import ALPHA, BETA, moment_threshold
from fastface.cohort import NORMAL, Strangers
from fastface.conflicts import against
from fastface.kernels import lasso, median_linkage, pairwise_edges
from fastface.rule import Rule
from fastface.types import FloatArray, IntArray

WHOLE = 2.0  # no two unit vectors are further apart
LAMBDA = 0.2  # as in `gallery`
MAX_DECADES = 12.0  # beyond, odds are the same to everybody


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two faces, compared.

    a, b: rows of the two sides.  distance: of the faces, 0..2.  log10_rate: how rarely two
    strangers are so close, as a decimal logarithm.  Inside one moment clothes count: torso, their
    distance, or None; combined, the distance that counts there; limit, the largest that joins two
    faces there.
    """

    a: int
    b: int
    distance: float
    log10_rate: float
    torso: float | None = None
    combined: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two clusters where the dendrogram joins them, or would.

    distance: the median of their members' distances.  sizes: of the two.  shared_photos: how many
    show both.  n_clusters: that there are.  expected: how many clusters of other people would come
    so close by chance.  odds: of being one person rather than two, taken together with what the
    photos show; from 1 on, groups are joined. Both are of faces that are like all others, while the
    grouping knows each face's own strangers.  happened: whether they were joined there.
    """

    distance: float
    sizes: tuple[int, int]
    shared_photos: int
    n_clusters: int
    expected: float
    odds: float
    happened: bool


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a model before the present one saw of two faces, which counts beside the present.

    model: its tag.  distance: of the faces, 0..2.  log10_rate: how rarely two strangers are so
    close for it, as a decimal logarithm; None where its strangers were not measured.
    """

    model: str
    distance: float
    log10_rate: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """An exemplar's part in the sparse code of a face.  row: of the exemplar.  share: 0..1."""

    row: int
    share: float
    similarity: float


def nearest(a: FloatArray, b: FloatArray, curve: Calibration) -> Likeness:
    """The two nearest faces of two sides, (n, d) and (m, d)."""
    similarity = a @ b.T
    row, column = np.unravel_index(int(similarity.argmax()), similarity.shape)
    distance = max(0.0, 1.0 - float(similarity[row, column]))
    return Likeness(int(row), int(column), distance, float(curve.log10_rate(distance)))


def earlier(model: str, a: FloatArray, b: FloatArray, strangers: Strangers | None) -> Earlier:
    """Two faces, (d,) each, as a model before the present one saw them."""
    distance = max(0.0, 1.0 - float(a @ b))
    if strangers is None:
        return Earlier(model, distance, None)
    # Beyond, doubles know no smaller share.
    share = max(NORMAL.cdf(-float(strangers.closeness(distance))), 10.0**-MAX_DECADES)
    return Earlier(model, distance, math.log10(share))


def dressed(
    likeness: Likeness,
    torsos: tuple[FloatArray | None, FloatArray | None],
    n_faces: int,
    curve: Calibration,
) -> Likeness:
    """The same with what clothes say, of two faces inside one moment of so many faces."""
    one, other = torsos
    torso, combined = None, likeness.distance
    if one is not None and other is not None:
        torso = max(0.0, 1.0 - float(one @ other))
        combined = min(likeness.distance, ALPHA * likeness.distance + BETA * torso)
    limit = moment_threshold(n_faces, curve)
    return Likeness(
        likeness.a, likeness.b, likeness.distance, likeness.log10_rate, torso, combined, limit
    )


def median_distance(a: FloatArray, b: FloatArray) -> float:
    """The lower median of the distances between two sides.

    >>> median_distance(np.eye(2, dtype="f4")[:1], np.eye(2, dtype="f4"))
    0.0
    """
    distances = 1.0 - (a @ b.T).ravel()
    middle = (len(distances) - 1) // 2
    return max(0.0, float(np.partition(distances, middle)[middle]))


def meeting(
    a: FloatArray,
    b: FloatArray,
    photos: tuple[IntArray, IntArray],
    n_clusters: int,
    rule: Rule,
    *,
    happened: bool,
) -> Meeting:
    """Two clusters of (n, d) and (m, d) faces, on photos (n,) and (m,)."""
    shared = len(np.intersect1d(*photos))
    distance, sizes = median_distance(a, b), (len(a), len(b))
    closeness = float(rule.strangers.closeness(distance))
    expected = n_clusters * NORMAL.cdf(-closeness)
    log10_odds = rule.prior.log10_odds(closeness, sizes) - against(shared, min(sizes))
    odds = 10.0 ** min(float(log10_odds), MAX_DECADES)
    return Meeting(distance, sizes, shared, n_clusters, expected, odds, happened)


def branches(faces: FloatArray, one: int, other: int) -> tuple[IntArray, IntArray]:
    """The two branches of a cluster's own dendrogram that hold two of its faces, as they met.

    faces: (n, d), a whole cluster: what is outside has no part in the order in which it grew,
    because the linkage is reducible.

    >>> branches(np.eye(3, dtype="f4")[[0, 0, 1]], 0, 2)
    (array([0, 1]), array([2]))
    """
    n = len(faces)
    _, matrix, _ = median_linkage(n, pairwise_edges(faces, WHOLE), WHOLE)
    members = {row: [row] for row in range(n)}
    for node, (left, right) in enumerate(matrix[:, :2].astype(np.int64).tolist(), start=n):
        sides = members.pop(left), members.pop(right)
        for one_side, other_side in (sides, sides[::-1]):
            if one in one_side and other in other_side:
                return np.array(sorted(one_side)), np.array(sorted(other_side))
        members[node] = sides[0] + sides[1]
    raise ValueError("one, other: expected two faces")


def parts(face: FloatArray, exemplars: FloatArray, most: int = 5) -> list[Part]:
    """The exemplars that carry a face's sparse code, the greatest share first."""
    if not len(exemplars):
        return []
    codes = lasso(exemplars, face[None], LAMBDA, positive=True)
    total = float(codes.values.sum())
    order = np.argsort(-codes.values, kind="stable")[:most]
    return [
        Part(
            int(codes.indices[k]),
            float(codes.values[k]) / total,
            float(exemplars[codes.indices[k]] @ face),
        )
        for k in order.tolist()
    ]
