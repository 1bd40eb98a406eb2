"""What an export or an import did, name by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fastface.types import Box


@dataclass(frozen=True, slots=True)
class NameThere:
    """A face that has another name already.  name: the one that was not written or taken over."""

    photo: Path
    name: str
    there: str


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export did, or would do.

    n_files: photo files looked at.  written, removed: files changed and deleted.  n_unchanged:
    those that were right already.  conflicts: faces to which another program gives
    another name, which stays.  problems: files left alone, and why.
    """

    n_files: int
    written: tuple[Path, ...]
    removed: tuple[Path, ...]
    n_unchanged: int
    conflicts: tuple[NameThere, ...]
    problems: tuple[tuple[Path, str], ...]
    dry_run: bool


@dataclass(frozen=True, slots=True)
class ImportedName:
    """A name that found its face.

    face: its id.  person: whose it is now.  source: sidecar, embedded, picasa or takeout.
    how: by region, as the only face of a photo, or by company: who is on the other photos of the
    name.  is_new: else the library knew.
    """

    photo: Path
    name: str
    face: str
    person: str
    source: str
    how: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class NameLeftOver:
    """A name that found no face, and why.  box: of the upright photo, where a place was given."""

    photo: Path
    name: str
    source: str
    why: str
    box: Box | None


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do.

    n_files: photo files looked at.  n_answers: what was said, one batch for `undo`.  n_unnamed:
    regions without a name, left out.  conflicts: faces of which you said something else.
    problems: files that could not be read, and why.
    """

    n_files: int
    n_answers: int
    n_unnamed: int
    names: tuple[ImportedName, ...]
    left_over: tuple[NameLeftOver, ...]
    conflicts: tuple[NameThere, ...]
    problems: tuple[str, ...]
    dry_run: bool
