"""What a distance is worth: how often two different people come that close, for one embedder.

A fixed threshold fails: what is right for a library of 13,000 faces of 5,700 people loses twelve
points on one with many photos of few people. What carries over is the *expected number of false
neighbours*: the number of candidates times the false match rate (FMR) at the distance. The curve
from distance to rate comes with the embedder's pack, as some fifty aggregate numbers.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from fastface.cohort import Strangers
from fastface.errors import ModelError

# The two numbers of the cut rule, chosen on libraries sampled from 96 people (bench/cut_rule.py:
# natural sizes, singletons, few large people, tiny); the optimum is flat around both.
EXPECTED_FALSE_NEIGHBOURS = 0.07
# The curve's people are strangers to each other; a family's look more alike than that, and more
# photos never tell relatives apart. So the part of the variance that stays when sizes grow is
# taken to be this many times what was measured among strangers.
RELATIVES = 4.0
# For an embedder without a curve: at least so many faces, and a mode so near to the default curve's
# that it is taken; at most so many faces whose pairs are looked at; the mode is the mean of so many
# distances; so many coordinates tell faces apart.
MIN_MEASURED = 50
ALIKE = 0.15
MAX_MEASURED = 2000
MODE_SAMPLE = 100
SORTED_BY = 8


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The impostor curve of one embedder, and how it narrows when clusters are compared.

    distance, log10_fmr: (m,) float64, both rising: the decimal logarithm of the share of
    different-person pairs at or under each distance.  mean: the mean impostor distance.
    person, face, noise: its variance by source: which two people, which face of each, the rest.
    """

    distance: npt.NDArray[np.float64]
    log10_fmr: npt.NDArray[np.float64]
    mean: float
    person: float
    face: float
    noise: float

    @classmethod
    def of_pack(cls, embedder: str = "sface") -> Calibration:
        """The curve that ships with the package for `embedder`.

        Raises ModelError if there is none.

        >>> round(Calibration.of_pack().threshold(1000), 3)
        0.568
        """
        return _of_pack(embedder)

    @classmethod
    def of_faces(cls, faces: npt.ArrayLike) -> Calibration:
        """A curve for an embedder that has none, by how the faces of a library are spread.

        faces: (n, d) float32, unit rows.  Networks trained with a margin on the cosine spread
        people alike, with the mode of the distances near 1 and alike tails: they get the default
        pack's curve.  (On LFW the small pack's groups reach BCubed F .972 by it, .973 by their best
        threshold, .907 by a measured width.)  For others place and width are measured.  Most
        pairs in a library are of two people, and pairs of one person lie below those: so the middle
        is taken to be the mode, and the width follows from the half above it.  With fewer than
        MIN_MEASURED faces it is the default curve.
        """
        rows = np.asarray(faces, np.float32)
        shape = _of_pack("sface")
        if len(rows) < MIN_MEASURED:
            return shape
        # A fixed sample: the same faces, in whatever order, give the same curve.
        rows = rows[np.lexsort(rows[:, :SORTED_BY].T)]
        rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), MAX_MEASURED)).astype(np.int64)]
        distances = (1.0 - rows @ rows.T)[np.triu_indices(len(rows), 1)].astype(np.float64)
        mean = _mode(distances)
        if abs(mean - shape.mean) < ALIKE:
            return shape
        above = distances[distances > mean] - mean
        # Of a normal distribution, the median distance from the middle is 0.6745 deviations.
        width = float(np.median(above)) / 0.6745
        factor = width / math.sqrt(shape.person + 2 * shape.face + shape.noise)
        return cls(
            mean - (shape.mean - shape.distance) * factor,
            shape.log10_fmr,
            mean,
            *(part * factor**2 for part in (shape.person, shape.face, shape.noise)),
        )

    @property
    def strangers(self) -> Strangers:
        """Mean and deviation of the distances of two different people's faces."""
        return Strangers(self.mean, math.sqrt(self.person + 2 * self.face + self.noise))

    def log10_rate(
        self, distance: npt.ArrayLike, sizes: tuple[npt.ArrayLike, npt.ArrayLike] = (1, 1)
    ) -> npt.NDArray[np.float64]:
        """How rare it is, for two different people, to be this close: log10 of the FMR.

        distance: the distance of two faces or, with `sizes`, the median distance between clusters
        of that many members.  Broadcasts.  The median of many pairs varies less than one pair
        does: with a and b members its variance is person + face * (1/a + 1/b) + noise/(ab), a
        two-way layout (Searle, Casella and McCulloch, Variance Components, 1992), so the same
        distance is stronger evidence. `noise` uses the mean's rate: the median is close to it.

        >>> curve = Calibration.of_pack()
        >>> bool(curve.log10_rate(0.65, (20, 20)) < curve.log10_rate(0.65))
        True
        """
        single = self._equivalent(distance, sizes)
        return np.interp(single, self.distance, self.log10_fmr)

    def threshold(
        self,
        n: float,
        expected_false_neighbours: float = EXPECTED_FALSE_NEIGHBOURS,
        *,
        sizes: tuple[float, float] = (1, 1),
    ) -> float:
        """Largest distance at which one of `n` candidates is expected to be false so often.

        n: candidates a face (or a cluster of `sizes`) is compared with.  expected_false_neighbours:
        how many impostors among them may be under the threshold on average.
        Returns the distance where n * FMR is that number; for n below 2 as for 2, because no rate
        follows from no candidate.  Raises ValueError if either is not positive.
        """
        if not n > 0 or not expected_false_neighbours > 0:
            raise ValueError(
                "n, expected_false_neighbours: expected numbers above 0, "
                f"got {n} and {expected_false_neighbours}"
            )
        rate = np.log10(expected_false_neighbours / max(n, 2.0))
        single = float(np.interp(rate, self.log10_fmr, self.distance))
        return self.mean - (self.mean - single) * float(self._narrowing(sizes))

    def _equivalent(
        self, distance: npt.ArrayLike, sizes: tuple[npt.ArrayLike, npt.ArrayLike]
    ) -> npt.NDArray[np.float64]:
        """The distance of a single pair that is as rare as this median of the clusters' pairs."""
        below = self.mean - np.asarray(distance, np.float64)
        return np.asarray(self.mean - below / self._narrowing(sizes))

    def _narrowing(self, sizes: tuple[npt.ArrayLike, npt.ArrayLike]) -> npt.NDArray[np.float64]:
        """Standard deviation of the clusters' median over that of a single pair."""
        a, b = (np.asarray(size, np.float64) for size in sizes)
        person = RELATIVES * self.person
        variance = person + self.face * (1 / a + 1 / b) + self.noise / (a * b)
        return np.asarray(np.sqrt(variance / (person + 2 * self.face + self.noise)))


def _mode(values: npt.NDArray[np.float64]) -> float:
    """The half-sample mode (Robertson and Cryer, JASA 1974): narrow to the densest half, again."""
    rest = np.sort(values)
    while len(rest) > MODE_SAMPLE:
        half = (len(rest) + 1) // 2
        start = int(np.argmin(rest[half - 1 :] - rest[: len(rest) - half + 1]))
        rest = rest[start : start + half]
    return float(rest.mean())


@cache
def _of_pack(embedder: str) -> Calibration:
    table = resources.files("fastface") / "impostors" / f"{embedder}.json"
    if not table.is_file():
        raise ModelError(f"embedder {embedder!r} has no impostor curve; cannot choose a threshold")
    row = json.loads(table.read_text())
    return Calibration(
        np.array(row["distance"], np.float64),
        np.array(row["log10_fmr"], np.float64),
        row["mean"],
        **row["variance"],
    )
