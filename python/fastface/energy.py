"""Joules: read from the processor's own meter where it has one, else estimated, and said so."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

RAPL = Path("/sys/class/powercap/intel-rapl:0")

# A busy core of a current server or laptop, with its share of caches and memory; a phone's frugal
# core takes a tenth. An assumption, there to compare networks with one another.
WATTS_PER_CORE = 5.0

# Grams of CO2 per kilowatt-hour: about the world's electricity in 2023 (Ember, Global Electricity
# Review 2024).
GRAMS_PER_KWH = 480.0

Source = Literal["measured", "estimated"]


@dataclass(frozen=True, slots=True)
class Energy:
    """joules: of one run.  source: whether the meter or the model says so."""

    joules: float
    source: Source

    def co2_micrograms(self, grams_per_kwh: float = GRAMS_PER_KWH) -> float:
        """What generating it emits, for a grid of that intensity.

        >>> Energy(3.6, "measured").co2_micrograms(500)
        500.0
        """
        return self.joules / 3.6e6 * grams_per_kwh * 1e6


class Meter:
    """Joules since it was made: of the whole package where RAPL can be read, else by the model from
    this process's CPU seconds."""

    def __init__(self, watts_per_core: float = WATTS_PER_CORE, rapl: Path = RAPL) -> None:
        self._watts, self._rapl = watts_per_core, rapl
        self._began_j, self._began_s = self._counter(), time.process_time()

    def joules(self) -> tuple[float, Source]:
        now = self._counter()
        if now is None or self._began_j is None:
            return (time.process_time() - self._began_s) * self._watts, "estimated"
        spent = now - self._began_j
        if spent < 0:  # the counter went round
            spent += int((self._rapl / "max_energy_range_uj").read_text()) / 1e6
        return spent, "measured"

    def _counter(self) -> float | None:
        try:
            return int((self._rapl / "energy_uj").read_text()) / 1e6
        except (OSError, ValueError):
            return None
