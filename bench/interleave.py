"""Fair timing: every candidate in one process, in turn, in CPU seconds.

The machine's mood changes over minutes; candidates that take turns share it, so their ratio is
steadier than either time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


def spread(values: Sequence[float], form: str = ".3g") -> str:
    """The median, and the least and most."""
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


@dataclass(frozen=True)
class Timing:
    """CPU seconds of one candidate, in the order in which they were measured."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def ratio_to(self, other: Timing) -> tuple[float, float, float]:
        """Median, least and most of other / this, turn by turn: how many times faster this is."""
        ratios = [b / a for a, b in zip(self.seconds, other.seconds, strict=True)]
        return statistics.median(ratios), min(ratios), max(ratios)

    def __str__(self) -> str:
        return f"{self.median:.4g} s ({min(self.seconds):.4g} to {max(self.seconds):.4g})"


def interleaved(
    candidates: Mapping[str, Callable[[], object]],
    *,
    repeats: int = 5,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, Timing]:
    """Times each candidate `repeats` times, in turns that start with another one each time.

    Everybody runs once before, untimed: first calls pay for imports and cold caches.
    """
    names = list(candidates)
    for run in candidates.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(repeats):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            began = clock()
            candidates[name]()
            seconds[name].append(clock() - began)
    return {name: Timing(tuple(times)) for name, times in seconds.items()}
