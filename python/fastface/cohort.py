"""How close strangers come to each face, measured on the library itself.

Some faces are close to everybody: children, blurred faces, faces of a group the embedder saw little
of. A distance of .6 says much about one face and little about another. So distances are put in
relation to a *cohort*: a few faces of each of the other people found so far. With the mean m and
the deviation s of each face's distances to it, two faces are

    z = ((m_i - d) / s_i + (m_j - d) / s_j) / 2

deviations closer than strangers are (symmetric score normalisation; Kenny, "Bayesian speaker
verification with heavy-tailed priors", 2010), with a correction for distances that near 0, where
there is no room left. Strangers' z is near to standard normal for any embedder and any library, so
no curve of this embedder on somebody else's photos is needed; where its tail is longer or shorter
than the normal one, z beyond 1 is scaled by what the library shows of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fastface.types import FloatArray, IntArray

FloatColumn = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer]
Part = FloatColumn | float

MAX_COHORT: Final = 512  # faces: the mean is known to a twentieth of the deviation
FACES_EACH: Final = 4  # of a person: more of one say little more about strangers
# What is known beforehand counts like so many people: of each face, that it is like the others of
# the library; of the library, that it is like what the embedder's curve was measured on.
PRIOR_PEOPLE: Final = 20.0
# Fragments of the same person and relatives sit on the near side. Distances nearer than so many
# deviations are left out, and mean and deviation are corrected for it as for a normal distribution.
CLIP: Final = 2.0
CLIPPED_MEAN: Final = 0.055248  # of a normal distribution without what is below -CLIP
CLIPPED_VARIANCE: Final = 0.886452
ROUNDS: Final = 3
# The tail is looked at where every face has so many strangers: beyond, the same person in another
# cluster would count. That it is normal counts like so many clusters beforehand.
TAIL_STRANGERS: Final = 10.0
TAIL_PRIOR_CLUSTERS: Final = 300.0
TAIL_FROM: Final = 1.0  # deviations: nearer the middle, normal is what mean and deviation make it
BLOCK: Final = 4096  # rows compared with the cohort at a time
SORTED_BY: Final = 8  # coordinates that tell any two faces apart, unless they are copies
NORMAL: Final = NormalDist()
# With nothing to learn from: as directions in some hundred dimensions are.
DIRECTIONS: Final = (1.0, 0.1)


class Strangers(NamedTuple):
    """Distances of two different people: mean, standard deviation, and the tail's scale.

    tail: beyond TAIL_FROM deviations, the normal score of a distance grows by so much for each.
    """

    mean: float
    deviation: float
    tail: float = 1.0

    def closeness(self, distance: npt.ArrayLike) -> FloatColumn:
        """z of two faces that are like all others."""
        d = np.asarray(distance, np.float64)
        return _scaled(_normal_score(self.mean, self.deviation, d), self.tail)

    def distance(self, closeness: npt.ArrayLike) -> FloatColumn:
        """At which two faces that are like all others have this z; the inverse of `closeness`.

        >>> about = Strangers(0.9, 0.1, tail=0.8)
        >>> round(float(about.closeness(about.distance(3.0))), 6)
        3.0
        """
        return _distance_at(self.mean, self.deviation, _scaled(closeness, 1 / self.tail))


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """mean, deviation: (n,) float64 of each face's distances to strangers.  pooled: of all."""

    mean: FloatColumn
    deviation: FloatColumn
    pooled: Strangers

    @classmethod
    def unknown(cls, faces: FloatArray, prior: Strangers | None) -> Cohort:
        """Before anybody was found: all faces alike, as in the prior, or else in a sample of all.

        faces: (n, d) float32, unit rows.  prior: of the embedder; None: take them from the faces,
        most pairs of which are strangers.
        """
        n, pooled = len(faces), prior
        if pooled is None:
            some = faces[sample(faces, np.arange(n))]
            pooled = _pooled(_distances(some, some)[np.triu_indices(len(some), 1)])
        return cls(np.full(n, pooled.mean), np.full(n, pooled.deviation), pooled)

    @classmethod
    def of_clusters(
        cls,
        faces: FloatArray,
        labels: IntArray,
        prior: Strangers | None,
        *,
        settled: bool = False,
    ) -> Cohort:
        """Each face beside faces of the other clusters.

        faces: (n, d) float32, unit rows.  labels: (n,) int64, 0 and up.  prior: of the embedder or,
        if settled, of the library that these faces are a part of, and then pooled stays as it is.

        >>> two = np.repeat(np.eye(2, dtype="f4"), 50, axis=0)
        >>> Cohort.of_clusters(two, np.repeat([0, 1], 50), Strangers(0.9, 0.1)).pooled.mean > 0.9
        True
        """
        rows = sample(faces, labels)
        pooled = prior if prior and settled else _of_library(faces[rows], labels[rows], prior)
        people_each = len(np.unique(labels[rows])) / max(len(rows), 1)
        mean, deviation = np.empty(len(faces)), np.empty(len(faces))
        for start in range(0, len(faces), BLOCK):
            block = slice(start, start + BLOCK)
            stranger = labels[block, None] != labels[rows]
            distance = _distances(faces[block], faces[rows])
            mean[block], deviation[block] = _of_faces(distance, stranger, people_each, pooled)
        cohort = cls(mean, deviation, pooled)
        if settled:
            return cohort
        tail = cohort._tail(faces, labels, rows)
        return cls(mean, deviation, pooled._replace(tail=tail))

    def take(self, rows: IntArray) -> Cohort:
        """The same of some of the faces."""
        return Cohort(self.mean[rows], self.deviation[rows], self.pooled)

    def closeness(self, i: Rows, j: Rows, distance: npt.ArrayLike) -> FloatColumn:
        """z of pairs of faces: (m,) each."""
        d = np.asarray(distance, np.float64)
        of_i = _normal_score(self.mean[i], self.deviation[i], d)
        of_j = _normal_score(self.mean[j], self.deviation[j], d)
        return _scaled((of_i + of_j) / 2, self.pooled.tail)

    def widest(self, closeness: float) -> float:
        """A distance beyond which no two faces have this z."""
        # z is a mean of what it would be for i and j alone, so it is reached for one of them.
        z = _scaled(closeness, 1 / self.pooled.tail)
        return float(np.max(_distance_at(self.mean, self.deviation, z), initial=-np.inf))

    def _tail(self, faces: FloatArray, labels: IntArray, rows: IntArray) -> float:
        """How fast the normal score of strangers grows with z, for most faces of the cohort.

        Most, because somebody who is on a sixth of all photos, and not yet whole, is no stranger.
        """
        n_clusters = len(np.unique(labels))
        others = np.linspace(0, len(faces) - 1, min(len(faces), BLOCK)).astype(np.int64)
        level = TAIL_STRANGERS / max(min(n_clusters, len(others)), 1)
        start = NORMAL.cdf(-TAIL_FROM)
        if level >= start:
            return 1.0
        z = self.closeness(others[:, None], rows, _distances(faces[others], faces[rows]))
        stranger = labels[others, None] != labels[rows]
        z = -np.sort(-np.where(stranger, z, -np.inf), axis=0)
        n_strangers = stranger.sum(axis=0)
        near, far = (
            float(np.median(z[(share * n_strangers).astype(np.int64), np.arange(len(rows))]))
            for share in (start, level)
        )
        slope = (-NORMAL.inv_cdf(level) - TAIL_FROM) / max(far - near, 1e-6)
        share = n_clusters / (n_clusters + TAIL_PRIOR_CLUSTERS)
        return float(share * min(max(slope, 0.5), 1.5) + 1 - share)


def _normal_score(mean: Part, deviation: Part, distance: FloatColumn) -> FloatColumn:
    """Standard normal score of a distance, which cannot fall below 0.

    A cosine c of directions in k dimensions has a density of (1 - c^2)^(k/2), nearly, which is
    exp(-z^2 / 2) for z = sqrt(-k log(1 - c^2)); near the middle that is c over its deviation.
    """
    share = np.clip((mean - distance) / mean, -0.9999, 0.9999)
    score: FloatColumn = np.sign(share) * np.sqrt(-np.log1p(-np.square(share)))
    return score * (mean / deviation)


def _distance_at(mean: Part, deviation: Part, z: FloatColumn) -> FloatColumn:
    """The inverse of `_normal_score`."""
    score = z * deviation / mean
    share = np.sign(score) * np.sqrt(-np.expm1(-np.square(score)))
    return np.asarray(mean * (1 - share))


def _scaled(closeness: npt.ArrayLike, tail: float) -> FloatColumn:
    z = np.asarray(closeness, np.float64)
    return np.asarray(np.where(z > TAIL_FROM, TAIL_FROM + tail * (z - TAIL_FROM), z))


def _distances(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(1.0 - a @ b.T, np.float32)


def sample(faces: FloatArray, labels: IntArray) -> IntArray:
    """Rows of at most FACES_EACH faces of each cluster, at most MAX_COHORT in all, at random.

    The same faces whatever their order, unless some are copies.
    """
    shuffled = np.lexsort(faces[:, :SORTED_BY].T)
    shuffled = shuffled[np.random.default_rng(0).permutation(len(faces))]
    by_cluster = shuffled[np.argsort(labels[shuffled], kind="stable")]
    first = np.flatnonzero(np.diff(labels[by_cluster], prepend=-1))
    rank = np.arange(len(faces)) - np.repeat(first, np.diff(first, append=len(faces)))
    few = np.zeros(len(faces), bool)
    few[by_cluster[rank < FACES_EACH]] = True
    rows: IntArray = shuffled[few[shuffled]][:MAX_COHORT]
    return rows


def _pooled(distances: npt.NDArray[np.floating]) -> Strangers:
    """Mean and deviation of most distances, without the near ones that are not strangers'."""
    if len(distances) < 2:
        return Strangers(*DIRECTIONS)
    # Whoever is one person is near: the far half tells where to begin.
    middle, far = np.quantile(distances, [0.75, 0.975])
    upper, top = NORMAL.inv_cdf(0.75), NORMAL.inv_cdf(0.975)
    deviation = float(far - middle) / (top - upper)
    mean = float(middle) - upper * deviation
    for _ in range(ROUNDS):
        kept = distances[distances >= mean - CLIP * deviation].astype(np.float64)
        deviation = float(np.sqrt(kept.var() / CLIPPED_VARIANCE))
        mean = float(kept.mean()) - CLIPPED_MEAN * deviation
    return Strangers(mean, deviation) if deviation > 1e-6 else Strangers(*DIRECTIONS)


def _of_library(faces: FloatArray, labels: IntArray, prior: Strangers | None) -> Strangers:
    """Mean and deviation of all strangers' distances, between the prior's and those measured."""
    strangers = _distances(faces, faces)[labels[:, None] < labels]
    if prior is None:
        return _pooled(strangers)
    if len(strangers) < 2:
        return prior
    measured = _pooled(strangers)
    share = PRIOR_PEOPLE / (PRIOR_PEOPLE + len(np.unique(labels)) - 1)
    variance = share * prior.deviation**2 + (1 - share) * measured.deviation**2
    mean = share * prior.mean + (1 - share) * measured.mean
    return Strangers(float(mean), float(np.sqrt(variance)))


def _of_faces(
    distance: FloatArray, stranger: npt.NDArray[np.bool_], people_each: float, pooled: Strangers
) -> tuple[FloatColumn, FloatColumn]:
    """Mean and deviation of each row's distances to strangers, drawn towards the library's.

    people_each: how many people a face of the cohort stands for.
    """
    mean = np.full(len(distance), pooled.mean)
    deviation = np.full(len(distance), pooled.deviation)
    for _ in range(ROUNDS):
        kept = stranger & (distance >= (mean - CLIP * deviation)[:, None])
        n_kept = kept.sum(axis=1)
        count = np.maximum(n_kept, 1)
        seen = np.where(kept, distance, 0)
        average = seen.sum(axis=1, dtype=np.float64) / count
        square = np.einsum("nk,nk->n", seen, seen, dtype=np.float64) / count
        variance = np.maximum(square - average**2, 0) / CLIPPED_VARIANCE
        average -= CLIPPED_MEAN * np.sqrt(variance)
        share = PRIOR_PEOPLE / (PRIOR_PEOPLE + n_kept * people_each)
        mean = share * pooled.mean + (1 - share) * average
        deviation = np.sqrt(share * pooled.deviation**2 + (1 - share) * variance)
    return mean, deviation
