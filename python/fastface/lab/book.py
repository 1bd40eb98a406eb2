"""A log of results as a report asks for it: by network, compared, in cells of tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fastface.errors import FastfaceError
from fastface.lab import results

Row = dict[str, Any]


class Book:
    """The log's rows by kind and name."""

    def __init__(self, log: Path) -> None:
        rows = results.read(log)
        if not rows:
            raise FastfaceError(f"{log} holds no results")
        days = [row["time"][:10] for row in rows]
        self.span = " to ".join(sorted({min(days), max(days)}))
        self.versions = sorted({row["onnxruntime"] for row in rows})
        self.measured = {
            row["name"]: row
            for row in rows
            if row["kind_of_result"] == "measure" and row["threads"] == 1
        }
        self.machines = _timed_on(self.measured.values())
        judged = [row for row in rows if row["kind_of_result"] == "evaluate"]
        self.judged = {row["name"]: row for row in judged if "accuracy" in row}
        self.groups = [row for row in judged if "group" in row]
        self.trained = {r["name"]: r for r in rows if r["kind_of_result"] == "train"}
        self.compressed = {r["name"]: r for r in rows if r["kind_of_result"] == "compress"}

    def gain(self, name: str, over: str, key: str = "accuracy") -> str:
        """How much more accurate one model is than another, and whether that is shown."""
        if name not in self.judged or over not in self.judged:
            return "not measured"
        a, b = self.judged[name], self.judged[over]
        error_key = "masked_error" if key.startswith("masked") else "error"
        difference = a[key] - b[key]
        error = (a[error_key] ** 2 + b[error_key] ** 2) ** 0.5
        shown = (
            "" if abs(difference) >= 2 * error else "; less than two errors, so nothing is shown"
        )
        return f"{difference:+.4f} (standard error {error:.4f}{shown})"

    def ratio(self, name: str, over: str, key: str = "cpu_ms") -> str:
        """How many times as much one model costs as another."""
        if name not in self.measured or over not in self.measured:
            return "not measured"
        return f"{self.measured[name][key] / self.measured[over][key]:.2f}"


def _timed_on(measured: Iterable[Row]) -> str:
    """The machine of most networks, then each other machine with the networks timed there."""
    networks: dict[str, list[str]] = {}
    for row in measured:
        networks.setdefault(row["machine"], []).append(row["name"])
    by_count = sorted(networks.items(), key=lambda item: (-len(item[1]), item[0]))
    return "; ".join(
        f"{', '.join(sorted(names))} on {machine}" if place else machine
        for place, (machine, names) in enumerate(by_count)
    )


def ms_of(book: Book, name: str) -> str:
    return f"{book.measured[name]['cpu_ms']:.2f}" if name in book.measured else "-"


def macs_of(book: Book, name: str) -> str:
    return f"{book.measured[name]['macs'] / 1e6:.1f}" if name in book.measured else "-"


def accuracy_of(book: Book, name: str) -> str:
    if name not in book.judged:
        return "-"
    return f"{book.judged[name]['accuracy']:.4f} ± {book.judged[name]['error']:.4f}"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
