"""The log of what was measured: JSON lines, each with its command's kind, machine and time.

Plots and report are made of it alone, so every figure in them can be traced to a line here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastface import _core
from fastface.errors import FastfaceError
from fastface.inference import load_runtime
from fastface.machine import cpu_name, usable_cores


def append(log: Path, kind: str, rows: Iterable[dict[str, Any]]) -> None:
    """Add rows to the log; made if it is not there."""
    common = {
        "kind_of_result": kind,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{cpu_name()}, {usable_cores()} cores",
        "fastface": _core.__version__,
        "onnxruntime": load_runtime().__version__,
    }
    with log.open("a", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({**common, **row}) + "\n")


def read(log: Path, kind: str | None = None) -> list[dict[str, Any]]:
    """The log's rows, of one kind or all; of rows with the same name only the last counts where
    they are of one kind and setting. Raises FastfaceError if it is not such a log."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    try:
        for line in log.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            key = tuple(row.get(k) for k in ("kind_of_result", *_SETTING))
            rows.pop(key, None)
            rows[key] = row
    except (OSError, ValueError, AttributeError) as error:
        raise FastfaceError(f"{log} is not a log of results: {error}") from error
    return [row for row in rows.values() if kind in (None, row["kind_of_result"])]


_SETTING = ("name", "provider", "threads", "kind", "group")
