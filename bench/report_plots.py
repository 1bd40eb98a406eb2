"""The figure of bench/report.py: time and memory against n on log axes, F against time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from bench.report import Point
    from matplotlib.axes import Axes

# Names stay text, and two runs over the same figures write the same file.
mpl.rcParams.update(
    {"svg.fonttype": "none", "svg.hashsalt": "fastface", "font.size": 9, "axes.grid": True}
)
GREYS = ("0.25", "0.45", "0.6", "0.7")
COLOURS = ("#0b66c3", "#e07b00")


def styles(names: Sequence[str]) -> Mapping[str, dict[str, str | float]]:
    """fastface in colour, peers in greys with markers of their own."""
    ours = [name for name in names if name.startswith("fastface")]
    peers = [name for name in names if not name.startswith("fastface")]
    return {
        **{n: {"color": c, "marker": "o", "lw": 2} for n, c in zip(ours, COLOURS, strict=False)},
        **{
            n: {"color": c, "marker": m, "lw": 1}
            for n, c, m in zip(peers, GREYS, "s^Dv", strict=False)
        },
    }


def against_n(axes: Axes, candidates: Mapping[str, list[Point]], what: str) -> None:
    """what: an attribute of a point."""
    for name, style in styles(list(candidates)).items():
        points = candidates[name]
        heights = [max(getattr(point, what), 1e-6) for point in points]
        axes.loglog([point.n for point in points], heights, label=name, ms=4, **style)
    axes.set_xlabel("n")
    axes.legend(frameon=False)


def f_against_time(axes: Axes, points: list[Point]) -> None:
    for point in points:
        ours = point.candidate.startswith("fastface")
        axes.semilogx(point.median, point.f, "o", color=COLOURS[0] if ours else GREYS[1])
        axes.annotate(
            point.candidate, (point.median, point.f), xytext=(5, 4), textcoords="offset points"
        )
    axes.set_xlabel("CPU seconds")
    axes.set_title(f"BCubed F of {points[0].n:,} hard faces: up and left is better")
    axes.margins(x=0.25, y=0.15)


def draw(
    series: Mapping[str, Mapping[str, list[Point]]],
    titles: Mapping[str, str],
    by_quality: list[Point],
    path: Path,
) -> None:
    """series: kernel -> candidate -> its points by rising n."""
    figure, axes = plt.subplots(2, 3, figsize=(15, 8.5), layout="constrained")
    panels = list(axes.flat)
    for kernel, panel in zip(("edges", "grouping", "lasso"), panels, strict=False):
        against_n(panel, series[kernel], "median")
        panel.set_title(titles[kernel])
    panels[0].set_ylabel("CPU seconds")
    for kernel, panel in zip(("edges", "grouping"), panels[3:], strict=False):
        against_n(panel, series[kernel], "memory_mb")
        panel.set_title(f"memory, {kernel}")
    panels[3].set_ylabel("MB beyond the data")
    f_against_time(panels[5], by_quality)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
