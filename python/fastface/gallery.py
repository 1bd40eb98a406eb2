"""Known people as a few exemplars each; who a new face is, or that it is nobody known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fastface.arrays import finite_rows, integer_column
from fastface.calibration import Calibration
from fastface.kernels import lasso
from fastface.types import FloatArray, IntArray

# With 60 known people and 36 strangers (bench/accuracy_gallery.py), 20 exemplars do within half a
# point of 40, at half the cost.
MAX_EXEMPLARS = 20
# Exemplars are chosen among a person's clearest faces, so that choosing stays cheap in a library
# where one person has thousands.
MAX_CANDIDATES = 512
FALSE_ACCEPT_RATE = 0.01
# Of the lasso |y - D'x|^2 + LAMBDA |x|_1, x >= 0; flat from 0.1 to 0.3.
LAMBDA = 0.2
# The library's own impostors speak against the pack's curve as so many of them in the scale.
PRIOR_IMPOSTORS = 30
# Calibration takes this many faces of a person, and leaves people out in this many folds.
CALIBRATION_FACES = 10
N_FOLDS = 10
# A left-out face that comes closer than one stranger in a thousand does is taken for the same
# person in two clusters, not for a stranger: it says nothing about strangers.
LOG10_SAME_PERSON = -3.0
BLOCK = 1024  # queries at once: bounds memory at BLOCK * (people + d * atoms of a code)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who a face is.

    person: None for unknown.  nearest: the most likely person, known or not; None in an empty
    gallery.  confidence: 0..1 for `nearest`, 0.5 where a face is just accepted: c / (1 - c) is how
    many times rarer than the false accept rate so high a score is among strangers.  score: 0..1.
    distance: to the nearest exemplar of `nearest`, infinite in an empty gallery.
    """

    person: int | None
    nearest: int | None
    confidence: float
    score: float
    distance: float


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Exemplars of people, with a calibrated idea of what a stranger scores.

    exemplars: (m, d) float32, a person's together.  people: (m,) int64, who each is, ascending.
    rows: (m,) int64, the face each was in `build`.  impostors: (k,) float64, ascending, what the
    library's own left-out faces scored, in `_surprise`'s scale.  calibration: the impostor curve.
    """

    exemplars: FloatArray
    people: IntArray
    rows: IntArray
    impostors: npt.NDArray[np.float64]
    calibration: Calibration
    false_accept_rate: float

    @classmethod
    def build(
        cls,
        faces: npt.ArrayLike,
        people: npt.ArrayLike,
        quality: npt.ArrayLike | None = None,
        *,
        max_exemplars: int = MAX_EXEMPLARS,
        false_accept_rate: float = FALSE_ACCEPT_RATE,
        calibration: Calibration | None = None,
        threads: int | None = None,
    ) -> Gallery:
        """Chooses exemplars, and calibrates on the library itself when to say "unknown".

        faces: (n, d) float32, unit rows.  people: (n,) integers, negative for nobody's faces.
        quality: (n,) 0..1, higher is clearer; None: all alike.  max_exemplars: per person.
        false_accept_rate: share of strangers that may be taken for someone known.
        calibration: the embedder's impostor curve, the default pack's if None.

        Exemplars are the faces that, one after another, bring all faces of a person nearest to an
        exemplar, weighted by quality (greedy k-medoids): canonical first, then other looks.
        To calibrate, people are left out in turn and their faces identified among the rest, where
        every answer is wrong. Few people say little, so the pack's curve has a say that is worth
        thirty such faces; in a gallery of one person it is all there is.
        Raises ValueError, naming the argument, for wrong shapes and values.

        >>> gallery = Gallery.build(np.eye(4, dtype="f4"), [7, 7, 9, -1])
        >>> [found.person for found in gallery.identify(np.eye(4, dtype="f4"))]
        [7, 7, 9, None]
        """
        rows = finite_rows("faces", faces)
        who = integer_column("people", people, len(rows))
        weight = np.ones(len(rows)) if quality is None else np.asarray(quality, np.float64)
        if weight.shape != (len(rows),) or not (weight >= 0).all():
            raise ValueError(f"quality: expected {len(rows)} numbers of at least 0")
        if max_exemplars < 1:
            raise ValueError(f"max_exemplars: expected at least 1, got {max_exemplars}")
        if not 0 < false_accept_rate < 1:
            raise ValueError(f"false_accept_rate: expected 0 to 1, got {false_accept_rate}")

        chosen, probes = [], []
        for person in np.unique(who[who >= 0]):
            own = np.flatnonzero(who == person)
            own = own[np.argsort(-weight[own], kind="stable")][:MAX_CANDIDATES]
            chosen.append(own[_medoids(rows[own], weight[own], max_exemplars)])
            spaced = np.linspace(0, len(own) - 1, min(CALIBRATION_FACES, len(own)))
            probes.append(own[spaced.astype(np.int64)])
        order = np.concatenate([*chosen, np.empty(0, np.int64)])
        gallery = cls(
            np.ascontiguousarray(rows[order]),
            who[order],
            order,
            np.empty(0),
            Calibration.of_pack() if calibration is None else calibration,
            false_accept_rate,
        )
        return replace(gallery, impostors=gallery._impostors(rows, probes, threads))

    def identify(self, queries: npt.ArrayLike, *, threads: int | None = None) -> list[Assignment]:
        """Who each face is.

        queries: (n, d) float32, unit rows.  Raises ValueError for another d or values that are not
        finite.

        The score of a person is the mean of two cosines: of the face with what the person's
        exemplars contribute to its sparse code, times the fourth root of their share of the code
        (Wright et al., "Robust Face Recognition via Sparse Representation", 2009, with both the
        energy and the residual), and of the face with the mean exemplar. Each does well where the
        other does not: many looks, few exemplars.
        """
        rows = finite_rows("queries", queries)
        if len(self.people) == 0:
            return [Assignment(None, None, 0.0, 0.0, float("inf")) for _ in rows]
        if rows.shape[1] != self.exemplars.shape[1]:
            raise ValueError(
                f"queries: expected rows of {self.exemplars.shape[1]}, got {rows.shape[1]}"
            )
        nearest, score = self._best(rows, threads)
        rate = self._rate(self._surprise(score))
        confidence = self.false_accept_rate / (self.false_accept_rate + rate)
        distance = self._distances(rows, nearest)
        return [
            Assignment(p if c >= 0.5 else None, p, c, s, d)
            for p, c, s, d in zip(
                nearest.tolist(),
                confidence.tolist(),
                score.tolist(),
                distance.tolist(),
                strict=True,
            )
        ]

    def _best(
        self, faces: FloatArray, threads: int | None
    ) -> tuple[IntArray, npt.NDArray[np.float64]]:
        """The person with the highest score for each face, and the score."""
        people, start, index = np.unique(self.people, return_index=True, return_inverse=True)
        means = np.add.reduceat(self.exemplars, start)
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
        nearest, best = np.empty(len(faces), np.int64), np.empty(len(faces))
        for first in range(0, len(faces), BLOCK):
            block = faces[first : first + BLOCK]
            scores = block @ means.T
            codes = lasso(self.exemplars, block, LAMBDA, positive=True, threads=threads)
            if len(codes.values):
                query = np.repeat(np.arange(len(block)), np.diff(codes.indptr))
                # Entries ascend by query, then by atom, so one person's are a run.
                key = query * len(people) + index[codes.indices]
                runs = np.flatnonzero(np.diff(key, prepend=-1))
                made = np.add.reduceat(codes.values[:, None] * self.exemplars[codes.indices], runs)
                of, person = np.divmod(key[runs], len(people))
                length = np.maximum(np.linalg.norm(made, axis=1), 1e-12)
                cosine = np.einsum("nd,nd->n", block[of], made) / length
                total = np.bincount(query, codes.values, minlength=len(block))
                share = np.add.reduceat(codes.values, runs) / total[of]
                scores[of, person] += cosine * share**0.25
            winner = scores.argmax(axis=1)
            nearest[first : first + BLOCK] = people[winner]
            best[first : first + BLOCK] = scores[np.arange(len(block)), winner] / 2
        return nearest, np.clip(best, 0.0, 1.0)

    def _impostors(
        self, faces: FloatArray, probes: list[IntArray], threads: int | None
    ) -> npt.NDArray[np.float64]:
        """Surprise at the best score of faces whose person was left out, ascending."""
        people = np.unique(self.people)
        found = [np.empty(0)]
        n_folds = min(N_FOLDS, len(people))
        for fold in range(n_folds if len(people) > 1 else 0):
            out = np.arange(len(people)) % n_folds == fold
            rest = ~np.isin(self.people, people[out])
            gallery = replace(
                self, exemplars=self.exemplars[rest], people=self.people[rest], rows=self.rows[rest]
            )
            left = np.concatenate([probes[k] for k in np.flatnonzero(out)])
            found.append(gallery._surprise(gallery._best(faces[left], threads)[1]))
        surprise = np.sort(np.concatenate(found))
        return surprise[surprise > LOG10_SAME_PERSON]

    def _surprise(self, score: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """log10 of how many exemplars a stranger would be so like, by the curve."""
        return np.asarray(self.calibration.log10_rate(1.0 - score) + np.log10(len(self.people)))

    def _rate(self, surprise: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Share of strangers with this surprise or less: the library's own, shrunk to the curve."""
        own = np.searchsorted(self.impostors, surprise, side="right")
        expected = 10.0 ** np.minimum(surprise, 0.0)
        n_own = len(self.impostors)
        rate: npt.NDArray[np.float64] = (own + PRIOR_IMPOSTORS * expected) / (
            n_own + PRIOR_IMPOSTORS
        )
        return rate

    def _distances(self, faces: FloatArray, people: IntArray) -> npt.NDArray[np.float64]:
        distance = np.empty(len(faces))
        for person in np.unique(people):
            mine = people == person
            similarity = faces[mine] @ self.exemplars[self.people == person].T
            distance[mine] = 1.0 - similarity.max(axis=1)
        return np.maximum(distance, 0.0)


def _medoids(faces: FloatArray, weight: npt.NDArray[np.float64], k: int) -> IntArray:
    """Up to k rows, each the one that brings the weighted faces nearest to a chosen row."""
    if len(faces) <= k:
        return np.arange(len(faces))
    similarity = faces @ faces.T
    covered = np.full(len(faces), -1.0, np.float32)
    chosen: list[int] = []
    for _ in range(k):
        gain = np.maximum(similarity, covered) @ weight
        gain[chosen] = -np.inf
        chosen.append(int(gain.argmax()))
        covered = np.maximum(covered, similarity[chosen[-1]])
    return np.array(chosen, np.int64)
