"""How much of everybody is found: the share of a person's faces that are known as theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from fastface.doubts import Doubt
from fastface.types import IntArray

# How much less likely two people are to be one than a doubt says that is worth a question: on 96
# people of another set, those of whom nine tenths are said to be found then are found by nine
# tenths (bench/completeness.py).
SOBRIETY: Final = 0.2
# The pairs of people that are weighed, those most to be gained by first.
MOST_DOUBTS: Final = 1000


def completeness(persons: IntArray, doubts: Sequence[Doubt]) -> dict[int, float]:
    """Of each person, what share of all their faces is expected to be theirs already, 0..1.

    persons: (n,) int64, whose each face is.  doubts: the pairs of people that may be one.
    Somebody is one other person at most, or nobody else: the pairs compete for them.

    >>> nobody = np.empty(0, np.int64)
    >>> found = completeness(np.array([1, 1, 1, 2]), [Doubt((1, 2), nobody, nobody, 0.5, 1.0)])
    >>> {person: round(share, 3) for person, share in found.items()}
    {1: 0.947, 2: 0.667}
    """
    people, sizes = np.unique(persons, return_counts=True)
    n_faces = dict(zip(people.tolist(), sizes.tolist(), strict=True))
    total = dict.fromkeys(n_faces, 1.0)
    pairs = [
        (*doubt.people, SOBRIETY * doubt.same / max(1.0 - doubt.same, 1e-9)) for doubt in doubts
    ]
    for one, other, odds in pairs:
        total[one] += odds
        total[other] += odds
    missing = dict.fromkeys(n_faces, 0.0)
    for one, other, odds in pairs:
        chance = odds / max(total[one], total[other])
        missing[one] += chance * n_faces[other]
        missing[other] += chance * n_faces[one]
    return {person: n / (n + missing[person]) for person, n in n_faces.items()}


def _odds(chance: float) -> float:
    return chance / max(1.0 - chance, 1e-9)
