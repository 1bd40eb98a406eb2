"""What earlier models saw of the same faces, as evidence beside what the present one sees.

Who exchanges a model does not unlearn what the last one could tell. For each it is known how close
strangers come to each face (cohort.py), so the evidence of all has one unit, deviations. Of a pair
that several models saw, the z of each are added with the weights that tell one person from two best
(Fisher's linear discriminant): the correlations of the models among strangers, and by how far each
tells apart what the *others* are sure is one person, are measured on the library itself. So a model
that tells little weighs little, whichever came first. Where only the present model saw one of the
two faces, its z stands alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fastface.cohort import Cohort, Rows, Strangers, sample
from fastface.kernels import pairwise_edges
from fastface.kernels.linkage import Edges
from fastface.links import chain
from fastface.types import FloatArray, IntArray

FloatColumn = npt.NDArray[np.float64]

# Before anything was measured: how alike two models see strangers, by how many deviations a model
# tells people apart, and how many pairs that is worth.
CORRELATION: Final = 0.5
SEPARATION: Final = 4.0
PRIOR_PAIRS: Final = 30.0
MOST_ALIKE: Final = 0.95  # correlation: of two versions of one model, too
STRANGE: Final = 2.5  # deviations: pairs nearer than that may be one person in two pieces
BLOCK: Final = 1_000_000  # pairs looked at at a time


class Look(NamedTuple):
    """What one earlier model saw.

    faces: (n, d) float32, unit rows, a row of zeros where it did not see the face.  prior:
    strangers' distances as its embedder's curve has them; None where it has none.
    """

    faces: FloatArray
    prior: Strangers | None

    def take(self, rows: IntArray) -> Look:
        """The same of some of the faces."""
        return Look(self.faces[rows], self.prior)

    @property
    def rows(self) -> IntArray:
        """The faces that it saw."""
        return np.flatnonzero(self.faces.any(axis=1))


class Witness(NamedTuple):
    """A model's view of those of n faces that it saw, k of them.

    row: (n,) int64 into the faces, -1 where it did not see one.  faces: (k, d).  cohort: of the k.
    first: (k,) int64, who is one person without doubt, by what this model saw alone.
    """

    row: IntArray
    faces: FloatArray
    cohort: Cohort
    first: IntArray

    def take(self, rows: IntArray) -> Witness:
        """The same of some of the n faces."""
        mine = self.row[rows]
        kept = mine[mine >= 0]
        row = np.full(len(rows), -1)
        row[mine >= 0] = np.arange(len(kept))
        return Witness(row, self.faces[kept], self.cohort.take(kept), self.first[kept])

    def closeness(self, i: Rows, j: Rows) -> FloatColumn:
        """z of pairs of the n faces; NaN where it did not see both."""
        a, b = self.row[i], self.row[j]
        both = np.flatnonzero((a >= 0) & (b >= 0))
        z = np.full(len(a), np.nan)
        for start in range(0, len(both), BLOCK):
            some = both[start : start + BLOCK]
            one, other = a[some], b[some]
            distance = 1.0 - np.einsum("nd,nd->n", self.faces[one], self.faces[other])
            z[some] = self.cohort.closeness(one, other, distance)
        return z


class Witnesses:
    """The present model, which comes first and saw all faces, and those before it."""

    def __init__(
        self, witnesses: Sequence[Witness], separation: FloatColumn, correlation: FloatColumn
    ) -> None:
        self._all = witnesses
        self._separation, self._correlation = separation, correlation

    @classmethod
    def of(cls, witnesses: Sequence[Witness]) -> Witnesses:
        """Measures how well each tells people apart, and how alike they err."""
        n = len(witnesses)
        separation, correlation = np.empty(n), np.eye(n)
        for k, witness in enumerate(witnesses):
            pairs = np.concatenate([_sure(w) for w in witnesses if w is not witness])
            z = witness.closeness(*pairs.T)
            z = z[np.isfinite(z)]
            separation[k] = (z.sum() + PRIOR_PAIRS * SEPARATION) / (len(z) + PRIOR_PAIRS)
        present = witnesses[0]
        rows = np.sort(sample(present.faces, present.first))
        i, j = rows[np.stack(np.triu_indices(len(rows), 1))]
        two = present.first[i] != present.first[j]
        strangers = np.stack([w.closeness(i[two], j[two]) for w in witnesses])
        for k, m in itertools.combinations(range(n), 2):
            both = (strangers[[k, m]] < STRANGE).all(axis=0)  # which NaN is not
            n_pairs = int(both.sum())
            one, other = strangers[k, both], strangers[m, both]
            measured = float(np.corrcoef(one, other)[1, 0]) if n_pairs > PRIOR_PAIRS else 0.0
            known = measured * n_pairs + CORRELATION * PRIOR_PAIRS
            known = min(known / (n_pairs + PRIOR_PAIRS), MOST_ALIKE)
            correlation[k, m] = correlation[m, k] = known
        return cls(witnesses, separation, correlation)

    def take(self, rows: IntArray) -> Witnesses:
        """The same of some of the faces."""
        some = [witness.take(rows) for witness in self._all]
        return Witnesses(some, self._separation, self._correlation)

    def closeness(self, i: Rows, j: Rows, present: FloatColumn) -> FloatColumn:
        """z of pairs by all who saw both.  present: (m,) by the present model."""
        z = np.stack([present, *(witness.closeness(i, j) for witness in self._all[1:])])
        pattern = (1 << np.arange(len(z))) @ np.isfinite(z)
        found = present.copy()
        for seen in np.unique(pattern).tolist():
            pairs = np.flatnonzero(pattern == seen)
            who = np.flatnonzero(np.isfinite(z[:, pairs[0]]))
            found[pairs] = self._weights(who) @ z[np.ix_(who, pairs)]
        return found

    def more(self, edges: Edges, least: float, threads: int | None) -> Edges:
        """Pairs of the present model, and those that an earlier one has so close; each once."""
        present, n = self._all[0], len(self._all[0].row)
        i, j, distance = edges
        found = []
        for witness in self._all[1:]:
            widest = min(witness.cohort.widest(least), 2.0)
            a, b, _ = pairwise_edges(witness.faces, widest, threads=threads)
            rows = np.flatnonzero(witness.row >= 0)
            found.append(rows[a] * n + rows[b])
        new = np.setdiff1d(np.concatenate(found), i.astype(np.int64) * n + j)
        a, b = np.divmod(new, n)
        more = np.empty(len(new), distance.dtype)
        for start in range(0, len(new), BLOCK):
            some = slice(start, start + BLOCK)
            more[some] = 1.0 - np.einsum("nd,nd->n", present.faces[a[some]], present.faces[b[some]])
        return (
            np.concatenate([i, a.astype(i.dtype)]),
            np.concatenate([j, b.astype(j.dtype)]),
            np.concatenate([distance, np.maximum(more, 0)]),
        )

    def _weights(self, who: IntArray) -> FloatColumn:
        """Of the z of these, so that the sum has the deviation 1 among strangers."""
        alike = self._correlation[np.ix_(who, who)]
        weights = np.maximum(np.linalg.solve(alike, self._separation[who]), 0.0)
        return np.asarray(weights / np.sqrt(weights @ alike @ weights))


def _sure(witness: Witness) -> IntArray:
    """(k, 2) pairs of the n faces that are one person without doubt, for this model."""
    rows = np.flatnonzero(witness.row >= 0)
    pairs: IntArray = rows[chain(witness.first)]
    return pairs
