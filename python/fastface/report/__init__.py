"""One HTML file that shows who was found: no script, no network, nothing beside itself.

The page holds thumbnails, names, paths and figures; never an embedding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastface.errors import FastfaceError
from fastface.files import write_private
from fastface.report.content import MAX_THUMBNAIL_BYTES, choose, fill
from fastface.report.page import MARKER, render
from fastface.report.thumbnails import make_thumbnails, within_budget

if TYPE_CHECKING:
    from fastface.library import Library

__all__ = ["WrittenReport", "write_report"]

Progress = Callable[[int, int, "Path | None"], None]


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """A report on disk. n_people, n_faces, n_photos: how many of each it shows."""

    path: Path
    n_bytes: int
    n_people: int
    n_faces: int
    n_photos: int


def write_report(
    library: Library,
    path: str | Path,
    *,
    progress: Progress | None = None,
    workers: int | None = None,
) -> WrittenReport:
    """Write a self-contained HTML report on `library` to `path`, mode 0600, whole or not at all.

    progress: called as (done, total, photo) while thumbnails are made.  workers: photos decoded at
    the same time; one per core by default.
    The file stays under 10 MB however large the library: what is left out is counted on the page.
    Raises FastfaceError if `path` is a folder, in no folder, or holds anything but a report.
    """
    path = Path(path).expanduser()
    _check_target(path)
    plan = choose(library)
    wishes = plan.wishes()
    thumbnails = make_thumbnails(wishes, progress=progress, workers=workers)
    page = fill(plan, within_budget(wishes, thumbnails, MAX_THUMBNAIL_BYTES))
    content = render(page).encode("utf-8", "replace")  # a name may hold a lone surrogate
    write_private(path, content)
    return WrittenReport(
        path=path,
        n_bytes=len(content),
        n_people=len(page.people) + len(page.once),
        n_faces=page.n_faces_shown,
        n_photos=page.n_photos_shown,
    )


def _check_target(path: Path) -> None:
    """Refuse to replace what is not ours, before any work is done."""
    if path.is_dir():
        raise FastfaceError(f"{path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise FastfaceError(f"there is no folder {path.parent}")
    if path.exists():
        if not path.is_file():  # opening a pipe would wait for ever
            raise FastfaceError(f"{path} is not a file; name a file for the report")
        with path.open("rb") as file:
            if MARKER.encode() not in file.read(1024):
                raise FastfaceError(
                    f"{path} exists and is not a fastface report; choose another name or remove it"
                )
