"""What a distance is worth: how often two different people come that close, for one embedder.

A fixed threshold fails: what is right for a library of 13,000 faces of 5,700 people loses twelve
points on one with many photos of few people. What carries over is the *expected number of false
neighbours*: the number of candidates times the false match rate (FMR) at the distance. The curve
from distance to rate comes with the embedder's pack, as some fifty aggregate numbers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from fastface.errors import ModelError

# The two numbers of the cut rule, chosen on libraries sampled from 96 people (bench/cut_rule.py:
# natural sizes, singletons, few large people, tiny); the optimum is flat around both.
EXPECTED_FALSE_NEIGHBOURS = 0.07
# The curve's people are strangers to each other; a family's look more alike than that, and more
# photos never tell relatives apart. So the part of the variance that stays when sizes grow is
# taken to be this many times what was measured among strangers.
RELATIVES = 4.0


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
