"""What a library showed of strangers and of people, by which its tree was cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fastface.cohort import Strangers
from fastface.cut import PRIOR_RATE, Prior


class Rule(NamedTuple):
    """What a library showed of strangers and of people, by which its tree was cut."""

    strangers: Strangers
    prior: Prior

    @classmethod
    def of(cls, numbers: Sequence[Sequence[float]]) -> Rule:
        """From what it becomes as JSON: its two rows of numbers."""
        strangers, prior = numbers
        return cls(Strangers(*strangers), Prior(*prior))

    @classmethod
    def unknown(cls, strangers: Strangers) -> Rule:
        """Before a library was grouped."""
        return cls(strangers, Prior(PRIOR_RATE, 1.0))

    @property
    def threshold(self) -> float:
        """Largest distance at which two single faces, like all others, may join."""
        return float(self.strangers.distance(self.prior.least_closeness()))
