"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether there is such a file; not an error where the name is too long for there to be one."""
    try:
        return path.is_file()
    except OSError:
        return False


def write_private(path: Path, content: bytes) -> None:
    """Write `content` to `path`, readable by its owner only, as `write_whole` does."""
    write_whole(path, content, 0o600)


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Write `content` to `path` in place of what is there; OSError if it cannot.

    It is written beside the target and flushed to the disk first, so that neither a crash nor a
    full disk leaves a part of it, or takes away what was there.
    """
    # Of a long name a part, or there would be no room for what makes it another one.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode != 0o600:  # which is how it was made
            Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:  # of a descriptor, on a full disk
            error.filename = str(path)
        raise
