"""The library's memory: facts, derived tables and verdicts as verbs.  It knows no algorithm.

Facts (photos, observations) are written once per photo content and model.  Derived tables may be
thrown away.  Verdicts are append-only.  `types.Anchor` is the only bridge between them.
sqlite3 is imported in `store.database` and nowhere else.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from fastface.store.closeups import Closeup, CloseupTables
from fastface.store.database import Database
from fastface.store.facts import FactTables
from fastface.store.figures import FigureTables
from fastface.store.forgetting import ForgettingTables
from fastface.store.grouping import GroupingTables
from fastface.store.people import PeopleTables, person_key
from fastface.store.portraits import OwnFaces, PortraitTables
from fastface.store.rows import Facts, FailureRow, FileRow, Members, PersonRow
from fastface.store.searches import SearchTables
from fastface.store.verdict_log import VerdictLog

__all__ = [
    "Closeup",
    "Facts",
    "FailureRow",
    "FileRow",
    "Members",
    "OwnFaces",
    "PersonRow",
    "Store",
    "person_key",
]


class Store(
    CloseupTables,
    FactTables,
    FigureTables,
    ForgettingTables,
    GroupingTables,
    PeopleTables,
    PortraitTables,
    SearchTables,
    VerdictLog,
):
    """The tables of one library file.  Writes belong inside `with store.atomic():`."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(Database(path, read_only=read_only))

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def atomic(self) -> AbstractContextManager[None]:
        """A transaction that holds the write lock; nested, a savepoint."""
        return self._database.atomic()

    def snapshot(self) -> AbstractContextManager[None]:
        """All reads inside see one state, whatever other processes write meanwhile."""
        return self._database.snapshot()

    def check_writable(self) -> None:
        """Raises LibraryError now rather than after minutes of work."""
        with self.atomic():
            pass
