"""How likeness fades with the years between two photos, for one embedder.

A grown-up stays alike for decades; a child is alike to itself of last year, hardly to itself of ten
years later, and close to all children of its age. Both are seen from how old a face looks, which
its embedding tells: `maturity`, the logarithm of the age plus four years, by linear regression.
What the embedding shows of age as such says nothing of who somebody is, and is taken out
(`ageless`). Of the rest, some directions change in everybody's face over the years and others last:
about a centre, each is divided by how far it strays within one person (`lasting`; within-class
covariance normalisation, Hatch, Kajarekar and Stolcke, Interspeech 2006). Then, in deviations
(cohort.py), two photos of one person are expected at

    one = p0 + p1 * younger + p2 * older + p3 * log(1 + years / 2)

and those of strangers at two = q0 + q1 * younger * older + q2 * (younger + older), where younger
and older are the maturities of the two faces. With the gap d = one - two between them, as between
two normal distributions of one width, the pair's log likelihood ratio is d * (z - two) - d^2 / 2:
where nothing can be told, d is small, and so is what the pair says either way.

The numbers come with the embedder (bench/make_ageing_curve.py).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
import numpy.typing as npt

from fastface.cohort import PRIOR_PEOPLE, Strangers
from fastface.types import FloatArray, IntArray

FloatColumn = npt.NDArray[np.float64]

# Who looks younger than twenty is still growing.
YOUNG: Final = math.log(20 + 4)
LEAST_GAP: Final = 0.3  # deviations between one person and two, where they are told apart worst


@dataclass(frozen=True, slots=True, eq=False)
class Ageing:
    """readout: (d + 1,), of the maturity, the constant last.  mean_maturity: of those measured.

    pattern: (d,) by which an embedding changes with maturity.  one, two: p and q of the formulas.
    centre: (d,) of ageless faces.  fickle: (k, d) orthonormal directions that change within one
    person.  kept: (k,) what is left of each, 0..1.  strangers: distances of lasting faces.
    """

    readout: FloatColumn
    mean_maturity: float
    pattern: FloatColumn
    one: FloatColumn
    two: FloatColumn
    centre: FloatColumn
    fickle: FloatColumn
    kept: FloatColumn
    strangers: Strangers

    @classmethod
    def of_pack(cls, embedder: str = "sface") -> Ageing | None:
        """What is known of an embedder; None if that is nothing."""
        return _of_pack(embedder)

    def maturity(self, faces: FloatArray) -> FloatColumn:
        """How old faces look: (n,) log(age + 4).  faces: (n, d) float32, unit rows."""
        maturity: FloatColumn = faces @ self.readout[:-1] + self.readout[-1]
        return maturity

    def ageless(self, faces: FloatArray) -> FloatArray:
        """The same faces as if all looked equally old: (n, d) float32, unit rows."""
        older = self.maturity(faces) - self.mean_maturity
        rows = faces - older[:, None] * self.pattern
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def lasting(self, faces: FloatArray, labels: IntArray) -> FloatArray:
        """What lasts of ageless faces while somebody grows up: (n, d) float32, unit rows.

        labels: (n,) int64, 0 and up, who is one person as far as known: their mean is the centre,
        as far as they are many.
        """
        rows = self.ageless(faces)
        sums = np.zeros((int(labels.max(initial=-1)) + 1, rows.shape[1]))
        np.add.at(sums, labels, rows)
        counts = np.bincount(labels)
        people = sums[counts > 0] / counts[counts > 0, None]
        total = PRIOR_PEOPLE * self.centre + people.sum(axis=0)
        rows = rows - total / (PRIOR_PEOPLE + len(people))
        rows -= rows @ self.fickle.T * (1.0 - self.kept) @ self.fickle
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.maximum(norms, 1e-12), np.float32)

    def log10_likelihood(
        self,
        closeness: npt.ArrayLike,
        maturity: tuple[npt.ArrayLike, npt.ArrayLike],
        years: npt.ArrayLike,
    ) -> FloatColumn:
        """How much likelier a pair is one person than two, as a decimal logarithm; broadcasts.

        closeness: z of the two lasting faces.  maturity: of the two.  years: between the photos.

        >>> ageing = Ageing.of_pack()
        >>> child = math.log(5 + 4), math.log(12 + 4)
        >>> grown = math.log(30 + 4), math.log(37 + 4)
        >>> for z in 2.0, 4.0:
        ...     print(*(float(ageing.log10_likelihood(z, who, 7)) > 0 for who in (child, grown)))
        True False
        True True
        """
        expected, strangers = self.expected(maturity, years)
        gap = np.maximum(expected - strangers, LEAST_GAP)
        ratio = gap * (np.asarray(closeness, np.float64) - strangers) - np.square(gap) / 2
        return np.asarray(ratio / math.log(10))

    def expected(
        self, maturity: tuple[npt.ArrayLike, npt.ArrayLike], years: npt.ArrayLike
    ) -> tuple[FloatColumn, FloatColumn]:
        """z of one person and of two, on average; broadcasts."""
        younger, older = np.minimum(*maturity), np.maximum(*maturity)
        faded = np.log1p(np.abs(np.asarray(years, np.float64)) / 2)
        one = self.one[0] + self.one[1] * younger + self.one[2] * older + self.one[3] * faded
        two = self.two[0] + self.two[1] * younger * older + self.two[2] * (younger + older)
        return np.asarray(one), np.asarray(two)


@cache
def _of_pack(embedder: str) -> Ageing | None:
    table = resources.files("fastface") / "ages" / f"{embedder}.json"
    if not table.is_file():
        return None
    row = json.loads(table.read_text())
    columns = {
        name: np.array(row[name], np.float64)
        for name in ("readout", "pattern", "one", "two", "centre", "fickle", "kept")
    }
    strangers = Strangers(*row["strangers"])
    return Ageing(mean_maturity=row["mean_maturity"], strangers=strangers, **columns)
