"""Accuracy against cost, and who is beaten on both by somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fastface.errors import FastfaceError

# Key of a measurement, what it is called on the axis, and what it is multiplied by.
COSTS = (
    ("cpu_ms", "milliseconds of one core", 1.0),
    ("file_bytes", "kilobytes", 1e-3),
    ("resident_bytes", "megabytes in memory", 1e-6),
    ("joules", "millijoules", 1e3),
)


def joined(measured: Sequence[dict[str, Any]], judged: Sequence[dict[str, Any]]) -> list[Any]:
    """Rows of models that were both measured (on one thread) and judged on pairs, by name."""
    accuracy = {row["name"]: row for row in judged if "accuracy" in row}
    return [
        {**row, **accuracy[row["name"]]}
        for row in measured
        if row["name"] in accuracy and row["threads"] == 1
    ]


def on_front(costs: npt.ArrayLike, accuracy: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which points nobody beats: no other is at most as costly and at least as accurate, and
    better in one of the two.

    >>> on_front([1, 2, 3], [0.9, 0.8, 0.95]).tolist()
    [True, False, True]
    """
    cost, good = np.asarray(costs), np.asarray(accuracy)
    no_worse = (cost[:, None] >= cost) & (good[:, None] <= good)
    better = (cost[:, None] > cost) | (good[:, None] < good)
    return np.asarray(~(no_worse & better).any(1))


def draw(rows: Sequence[dict[str, Any]], paths: Sequence[Path]) -> None:
    """Plot accuracy against each cost, what is beaten in grey, to PNG or SVG files.

    Raises FastfaceError if matplotlib is not installed or there is nothing to draw.
    """
    if not rows:
        raise FastfaceError("no model in the log was both measured and judged on pairs")
    try:
        import matplotlib
    except ImportError as error:
        raise FastfaceError(
            "plots need matplotlib; run: pip install 'fastface-people[lab]'"
        ) from error
    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    with pyplot.rc_context({"svg.hashsalt": "fastface", "svg.fonttype": "none", "font.size": 8}):
        figure, axes = pyplot.subplots(2, 2, figsize=(10, 7.5), constrained_layout=True)
        for axis, (key, label, factor) in zip(axes.flat, COSTS, strict=True):
            _panel(axis, rows, key, factor)
            axis.set(xlabel=label, ylabel="accuracy on pairs", xscale="log")
            axis.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter(ticker.NullFormatter())
        for path in paths:
            figure.savefig(
                path, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else None
            )
        pyplot.close(figure)


def _panel(axis: Any, rows: Sequence[dict[str, Any]], key: str, factor: float) -> None:
    cost = np.array([row[key] * factor for row in rows])
    accuracy = np.array([row["accuracy"] for row in rows])
    front = on_front(cost, accuracy)
    axis.scatter(cost[~front], accuracy[~front], color="0.75")
    axis.scatter(cost[front], accuracy[front], color="tab:blue")
    order = np.argsort(cost[front])
    axis.step(cost[front][order], accuracy[front][order], where="post", color="tab:blue", lw=0.8)
    for row, x, y, best in zip(rows, cost, accuracy, front, strict=True):
        colour = "black" if best else "0.6"
        axis.annotate(row["name"], (x, y), (3, 3), textcoords="offset points", color=colour, size=6)
