"""What each SIMD target brings: the same work on one after the other, with the same results.

    python bench/targets.py [--repeats 5] [--scale 1.0] [--targets avx512amx avx512vnni]

Process CPU seconds on one thread, by turns, and how many times as fast as the first target each is.
--scale multiplies the rows.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np

from face_mixtures import face_mixture
from fastface import _core
from fastface.kernels import nearest, pairwise_edges
from interleave import interleaved
from scale_linkage import THRESHOLDS, link

Run = Callable[[], np.ndarray]


def bounded(n: int) -> Run:
    X, _ = face_mixture("arc512", n, 0)
    return lambda: link(X, THRESHOLDS["arc512"], 1)


def edges(n: int) -> Run:
    X, _ = face_mixture("arc512", n, 0)
    return lambda: np.stack(pairwise_edges(X, 0.2, threads=1)[:2])  # few are as near


def ten_nearest(n: int) -> Run:
    X, _ = face_mixture("arc512", n, 0)
    return lambda: nearest(X[: n // 10], X, 10, threads=1)[0]


WORKLOADS: dict[str, tuple[Callable[[int], Run], int]] = {
    "edges, d = 512": (edges, 20_000),
    "10 nearest of a tenth": (ten_nearest, 20_000),
    "linkage, bounded": (bounded, 100_000),
}


def on(target: str, run: Run) -> np.ndarray:
    _core.select_target(target)
    return run()


def main() -> None:
    available = _core.available_targets()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--targets", nargs="+", choices=available, default=available[:2])
    options = parser.parse_args()
    first = options.targets[0]
    for name, (make, full) in WORKLOADS.items():
        n = round(options.scale * full)
        run = make(n)
        answers = [on(target, run) for target in options.targets]
        same = all(np.array_equal(answers[0], answer) for answer in answers)
        turns = {target: partial(on, target, run) for target in options.targets}
        times = interleaved(turns, repeats=options.repeats)
        print(f"{name}, {n:,} rows, {'same' if same else 'DIFFERENT'} results")
        for target in options.targets:
            ratio, least, most = times[target].ratio_to(times[first])
            print(f"  {target:<11} {times[target]}   {ratio:.2f} ({least:.2f} to {most:.2f})")
    _core.select_target("")


if __name__ == "__main__":
    main()
