"""What share of the core's float32 peak the tile of distances reaches, and a whole call with it.

    python bench/dense_tile.py [--repeats 9]

The tile by itself is dense_tile.cpp: the kernel that every comparison in float32 goes through, over
packed rows, compiled for this machine. The call compares all pairs of --rows rows in float32 and
finds none near, so nothing is written: what it takes beside the tile is packing rows into panels.
The peak is that of machine_limits.cpp, multiply-adds in registers, before and after each reading,
as a shared machine's clock changes.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from fastface import _core
from interleave import spread
from machine_limits import Limits, Program

DIMENSIONS = 512
ROWS = 12_000


def unit_rows(n: int) -> np.ndarray:
    rows = np.random.default_rng(0).standard_normal((n, DIMENSIONS), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def rate_of_call(rows: np.ndarray) -> float:
    """GFLOP/s, each pair counted once."""
    n = len(rows)
    began = time.process_time()
    _core.pairwise_edges(rows, -1.0, None, 1.0, 1.0, None, 1, None, quantise=False)
    return 1e-9 * n * (n - 1) * DIMENSIONS / (time.process_time() - began)


def shares(n: int, repeats: int) -> tuple[list[float], list[float], list[float]]:
    """Of the peak, turn by turn: the tile's and the call's; and the peaks in GFLOP/s."""
    rows = unit_rows(n)
    with Limits() as limits, Program(Path(__file__).with_suffix(".cpp")) as tile:
        rate_of_call(rows)
        of_tile, of_call, peaks = [], [], []
        peak = limits.measure("float32")
        for _ in range(repeats):
            rates = float(tile.run()), rate_of_call(rows)
            before, peak = peak, limits.measure("float32")
            peaks.append((before + peak) / 2)
            of_tile.append(rates[0] / peaks[-1])
            of_call.append(rates[1] / peaks[-1])
    return of_tile, of_call, peaks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    of_tile, of_call, peaks = shares(options.rows, options.repeats)
    print(f"peak: {spread(peaks, '.0f')} GFLOP/s")
    print(f"tile: {spread(of_tile, '.3f')} of it")
    print(f"call: {spread(of_call, '.3f')} of it")


if __name__ == "__main__":
    main()
