"""How far a command is: on a terminal a bar or a line, else nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Progress = Callable[[int, int, "Path | None"], None]


@contextmanager
def photo_progress(title: str, *, enabled: bool = True) -> Iterator[Progress | None]:
    """A callback (done, total, photo) that draws a bar with photos per second and time left, or
    None where there is no terminal."""
    if not enabled or not sys.stderr.isatty():
        yield None
        return

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar
    from rich.text import Text

    class SpeedColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.1f} photos/s" if task.speed else "", style="dim")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        SpeedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def show(done: int, total: int, _photo: Path | None) -> None:
            finished = total > 0 and done >= total
            description = "Grouping faces" if finished else title
            bar.update(task, completed=done, total=total, description=description)

        yield show


class Line:
    """One line on a terminal, written over and over; nothing elsewhere or with --quiet."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled and sys.stderr.isatty()

    def show(self, text: str) -> None:
        if self._enabled:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def count(self, what: str, done: int, total: int) -> None:
        self.show(f"{what}  {done}/{total}")

    def close(self) -> None:
        self.show("")
