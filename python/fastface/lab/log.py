"""A training's log: plain CSV, one row for every tenth step, nothing in it that is anybody's."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from fastface.files import write_whole

_EVERY = 10


class Log:
    """Rows of named numbers, `step` the first; means over ten steps, so that curves are smooth.

    pending: the steps since the last row; a checkpoint keeps them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []
        self.pending: list[dict[str, float]] = []

    def add(self, row: dict[str, float]) -> None:
        self.pending.append(row)
        if row["step"] % _EVERY == 0:
            means = {key: sum(r[key] for r in self.pending) / len(self.pending) for key in row}
            self.rows.append({**means, "step": row["step"]})
            self.pending.clear()

    def write(self) -> None:
        if not self.rows:
            return
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in self.rows:
            writer.writerow({k: int(v) if k == "step" else f"{v:.6g}" for k, v in row.items()})
        write_whole(self.path, text.getvalue().encode(), 0o644)

    def keep_until(self, step: int) -> None:
        """Take up the log of a run that is resumed at `step`."""
        if not self.path.is_file():  # stopped before the first row
            return
        with self.path.open(newline="") as file:
            rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
        self.rows = [row for row in rows if row["step"] <= step]
