"""One scan at a time on one library: a lock that the system drops even after kill -9."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from fastface.errors import LibraryError


@contextlib.contextmanager
def scan_lock(library: Path) -> Iterator[None]:
    """Holds the lock file beside a library; LibraryError if another process or thread holds it.

    A file of its own: closing any handle on the database would drop SQLite's own locks.
    """
    path = library.with_name(library.name + "-lock")
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise LibraryError(f"cannot lock {library}: {error.strerror}") from error
    try:
        try:
            _lock(handle)
        except (BlockingIOError, PermissionError) as error:
            raise LibraryError(
                f"{library} is locked: another scan is at work on it; try again when it has ended"
            ) from error
        except OSError as error:
            raise LibraryError(f"cannot lock {library}: {error.strerror}") from error
        yield
    finally:
        os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
