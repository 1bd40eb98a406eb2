"""A process that is killed when SQLite has done so much.

As a program: `python -m tests.mortal TICKS VERB PATH`; it prints the ticks that it lived.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastface.library import Library
from tests.fake_engine import FakeEngine

TICK = 10  # of SQLite's instructions

VERBS: dict[str, Callable[[Library], object]] = {
    "open": lambda library: None,
    "forget": lambda library: library.forget("p1"),
}


def die(verb: str, path: Path, ticks: int) -> bool:
    """Whether a process that does something to a library was killed before it had ended."""
    ended = _run(verb, path, ticks).returncode
    assert ended in (0, -signal.SIGKILL)
    return ended != 0


def count(verb: str, path: Path) -> int:
    """How many ticks it takes to do something to a library."""
    return int(_run(verb, path, -1).stdout)


def _run(verb: str, path: Path, ticks: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.mortal", str(ticks), verb, path]
    folder = Path(__file__).parents[1]
    return subprocess.run(command, cwd=folder, check=False, stdout=subprocess.PIPE, text=True)


def _main(left: int, verb: str, path: str) -> None:
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect
    lived = 0

    def tick() -> None:
        nonlocal lived
        lived += 1
        if lived == left:
            os.kill(os.getpid(), signal.SIGKILL)

    def mortal(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_progress_handler(tick, TICK)
        return connection

    sqlite3.connect = mortal  # type: ignore[assignment]
    with Library(path, engine=FakeEngine()) as library:
        VERBS[verb](library)
    print(lived)


if __name__ == "__main__":
    _main(int(sys.argv[1]), *sys.argv[2:])
