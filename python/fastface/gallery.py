"""Known people as a few exemplars each; who a new face is, or that it is nobody known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from fastface.arrays import finite_rows, integer_column
from fastface.calibration import Calibration
from fastface.exemplars import MAX_EXEMPLARS, choose
from fastface.kernels import LassoDictionary
from fastface.types import FloatArray, IntArray

FALSE_ACCEPT_RATE = 0.01
# Of the lasso |y - D'x|^2 + LAMBDA |x|_1, x >= 0; flat from 0.1 to 0.3.
LAMBDA = 0.2
# How much of what somebody's exemplars are more alike than those of others is asked of a new face
# as well; few exemplars are taken to be as alike as usual, as by so many more. Half is too much.
OWN_SPREAD = 0.25
PRIOR_EXEMPLARS = 3
# The library's own impostors speak against the pack's curve as so many of them in the scale.
PRIOR_IMPOSTORS = 30
# Calibration asks about so many exemplars at most, and leaves people out in so many folds.
MAX_PROBES = 2000
N_FOLDS = 10
# A left-out face that comes closer than one stranger in a thousand does is taken for the same
# person in two clusters, not for a stranger: it says nothing about strangers.
LOG10_SAME_PERSON = -3.0
Rule: TypeAlias = Literal["both", "lasso", "mean"]
RIVALS = 4  # people whom a new face, or what it is grouped with, may be joined with
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


@dataclass(frozen=True, eq=False)
class Gallery:
    """Exemplars of people, with a calibrated idea of what a stranger scores.

    exemplars: (m, d) float32, a person's together.  people: (m,) int64, who each is, ascending.
    impostors: (k,) ascending, what the library's own left-out faces scored, in
    `_surprise`'s scale.  calibration: the impostor curve of the embedder.  rule: see `identify`.
    """

    exemplars: FloatArray = field(repr=False)
    people: IntArray
    impostors: Sequence[float]
    calibration: Calibration
    false_accept_rate: float
    rule: Rule = "both"

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
        rule: Rule = "both",
        threads: int | None = None,
    ) -> Gallery:
        """Chooses exemplars, and calibrates on the library itself when to say "unknown".

        faces: (n, d) float32, unit rows.  people: (n,) integers, negative for nobody's faces.
        quality: (n,) 0..1, higher is clearer; None: all alike.  max_exemplars: per person, chosen
        as `exemplars.choose` does.  The rest: as in `of`.
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
        chosen = [np.empty(0, np.int64)]
        for person in np.unique(who[who >= 0]):
            own = np.flatnonzero(who == person)
            chosen.append(own[choose(rows[own], weight[own], most=max_exemplars)])
        order = np.concatenate(chosen)
        return cls.of(
            rows[order],
            who[order],
            false_accept_rate=false_accept_rate,
            calibration=calibration,
            rule=rule,
            threads=threads,
        )

    @classmethod
    def of(
        cls,
        exemplars: FloatArray,
        people: IntArray,
        *,
        impostors: Sequence[float] | None = None,
        false_accept_rate: float = FALSE_ACCEPT_RATE,
        calibration: Calibration | None = None,
        rule: Rule = "both",
        threads: int | None = None,
    ) -> Gallery:
        """A gallery of these exemplars, (m, d), of these people, (m,) ascending.

        impostors: those of a gallery of almost the same people, None to calibrate on this one.
        false_accept_rate: share of strangers that may be taken for someone known.
        calibration: the embedder's impostor curve, the default pack's if None.

        To calibrate, people are left out in turn and their exemplars identified among the rest,
        where every answer is wrong. Few people say little, so the pack's curve has a say that is
        worth thirty such faces; in a gallery of one person it is all there is.
        """
        if not 0 < false_accept_rate < 1:
            raise ValueError(f"false_accept_rate: expected 0 to 1, got {false_accept_rate}")
        if rule not in get_args(Rule):
            raise ValueError(f"rule: expected one of {', '.join(get_args(Rule))}, got {rule!r}")
        curve = Calibration.of_pack() if calibration is None else calibration
        gallery = cls(
            np.ascontiguousarray(exemplars), people, impostors or (), curve, false_accept_rate, rule
        )
        if impostors is not None:
            return gallery
        return replace(gallery, impostors=gallery._left_out(threads))

    def identify(
        self,
        queries: npt.ArrayLike,
        *,
        impossible: Sequence[Collection[int]] | None = None,
        threads: int | None = None,
    ) -> list[Assignment]:
        """Who each face is.

        queries: (n, d) float32, unit rows.  impossible: (n,) people whom each face cannot be, such
        as those born later.  Raises ValueError for another d or values that are not
        finite.

        The score of a person is the mean of two cosines: of the face with what the person's
        exemplars contribute to its sparse code, times the fourth root of their share of the code
        (Wright et al., "Robust Face Recognition via Sparse Representation", 2009, with both the
        energy and the residual), and of the face with the mean exemplar. Each does well where the
        other does not: many looks, few exemplars. With the rule "lasso" or "mean" it is that one
        alone. A person whose exemplars are more alike than those of others has a higher threshold:
        the score is less a quarter of what they are.
        """
        rows = finite_rows("queries", queries)
        if len(self.people) == 0:
            return [Assignment(None, None, 0.0, 0.0, float("inf")) for _ in rows]
        if rows.shape[1] != self.exemplars.shape[1]:
            raise ValueError(
                f"queries: expected rows of {self.exemplars.shape[1]}, got {rows.shape[1]}"
            )
        nearest, score = self._best(rows, threads, impossible)
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
        self,
        faces: FloatArray,
        threads: int | None,
        impossible: Sequence[Collection[int]] | None = None,
    ) -> tuple[IntArray, npt.NDArray[np.float64]]:
        """The person with the highest score for each face, and the score."""
        people, index = np.unique(self.people, return_inverse=True)
        nearest, best = np.empty(len(faces), np.int64), np.empty(len(faces))
        for first in range(0, len(faces), BLOCK):
            block = faces[first : first + BLOCK]
            scores = self._weights[0] * (block @ self._means.T)
            codes = self._dictionary.lasso(block, LAMBDA, positive=True, threads=threads)
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
                scores[of, person] += self._weights[1] * cosine * share**0.25
            for row, others in enumerate(impossible[first : first + BLOCK] if impossible else ()):
                scores[row, np.isin(people, [*others])] = -1.0
            winner = scores.argmax(axis=1)
            nearest[first : first + BLOCK] = people[winner]
            score = scores[np.arange(len(block)), winner]
            best[first : first + BLOCK] = score - self._strictness[winner]
        return nearest, np.clip(best, 0.0, 1.0)

    @cached_property
    def n_people(self) -> int:
        """How many people have an exemplar."""
        return len(np.unique(self.people))

    @property
    def _weights(self) -> tuple[float, float]:
        """Of the mean and of the lasso in a score."""
        return {"both": (0.5, 0.5), "lasso": (0.0, 1.0), "mean": (1.0, 0.0)}[self.rule]

    @cached_property
    def _strictness(self) -> npt.NDArray[np.float64]:
        """(people,) what is taken off a person's score, by how alike the own exemplars are."""
        sums, count = self._sums
        person = np.repeat(np.arange(len(count)), count)
        with_all = np.einsum("nd,nd->n", self.exemplars, sums[person])
        length = np.einsum("nd,nd->n", sums, sums)[person]
        # Of each exemplar with the mean of the others: they are unit vectors.
        others = np.sqrt(np.maximum(length - 2 * with_all + 1, 1e-12))
        own = np.bincount(person, (with_all - 1) / others) / count
        if not (count > 1).any():
            return np.zeros(len(count))
        usual = own[count > 1].mean()
        alike = (count * own + PRIOR_EXEMPLARS * usual) / (count + PRIOR_EXEMPLARS)
        return np.asarray(np.where(count > 1, OWN_SPREAD * (alike - usual), 0.0))

    @cached_property
    def _dictionary(self) -> LassoDictionary:
        """The exemplars, prepared once for every query."""
        dictionary = LassoDictionary(self.exemplars.shape[1])
        dictionary.add(self.exemplars)
        return dictionary

    @cached_property
    def _sums(self) -> tuple[FloatArray, IntArray]:
        """(people, d) the sum of each person's exemplars, and (people,) how many there are."""
        _, start, count = np.unique(self.people, return_index=True, return_counts=True)
        return np.add.reduceat(self.exemplars, start), count

    @cached_property
    def _means(self) -> FloatArray:
        """(people, d) the direction of each person's exemplars."""
        sums, _ = self._sums
        return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12))

    def within_reach(self, faces: FloatArray) -> list[int]:
        """The people whom some of these faces, or what they are grouped with, might be.

        faces: (n, d) float32, unit rows.  Of the few people a face is most like, those are within
        its reach whom a large cluster with that face in its midst could be joined with.
        """
        if not len(self.people) or not len(faces):
            return []
        people = np.unique(self.people)
        sums, count = self._sums
        sizes, which = np.unique(count, return_inverse=True)
        limits = [self.calibration.threshold(len(people), sizes=(np.inf, k)) for k in sizes]
        least = 1.0 - np.array(limits, np.float32)[which]
        reached = np.zeros(len(people), bool)
        for first in range(0, len(faces), BLOCK):
            # The dot product with the mean is the mean similarity: close to the median.
            mean = faces[first : first + BLOCK] @ (sums / count[:, None]).T
            few = min(RIVALS, len(people))
            best = np.argpartition(-mean, few - 1, axis=1)[:, :few]
            reached[best[np.take_along_axis(mean, best, axis=1) >= least[best]]] = True
        found: list[int] = people[reached].tolist()
        return found

    def _left_out(self, threads: int | None) -> list[float]:
        """Surprise at the best score of exemplars whose person was left out, ascending."""
        people, index = np.unique(self.people, return_inverse=True)
        n_probes = min(MAX_PROBES, len(index))
        probes = np.arange(n_probes) * len(index) // max(n_probes, 1)
        found = [np.empty(0)]
        n_folds = min(N_FOLDS, len(people))
        for fold in range(n_folds if len(people) > 1 else 0):
            out = index % n_folds == fold
            rest = replace(self, exemplars=self.exemplars[~out], people=self.people[~out])
            _, score = rest._best(self.exemplars[probes[out[probes]]], threads)
            found.append(rest._surprise(score))
        surprise = np.sort(np.concatenate(found)).round(4)
        scores: list[float] = surprise[surprise > LOG10_SAME_PERSON].tolist()
        return scores

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
