"""Photo and video files: which files are such, what identifies one, how its name is shown."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TypeAlias

from fastface.errors import PhotoError

# What a file is called only decides whether the walk offers it; what it is, its first bytes say.
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp"}
    | {".tif", ".tiff", ".heic", ".heif", ".hif", ".avif"}
)

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".3gp"})

# Pictures and videos of kinds that are not read: a scan tells how many it has left out.
OTHER_SUFFIXES = frozenset(
    {".gif", ".bmp", ".jxl", ".jp2", ".psd", ".avi", ".mkv", ".webm", ".wmv", ".mpg", ".mpeg"}
    | {".mts", ".m2ts", ".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".raf", ".orf", ".rw2"}
    | {".pef", ".srw"}
)

# The moving half of a live photo lasts three seconds, and is less than this large; a video beside a
# still of the same name that is larger is one of its own.
LIVE_BYTES = 12_000_000

# Thumbnails and bins that storage boxes and systems leave among the photos.
SYSTEM_FOLDERS = frozenset({"@eaDir", "#recycle", "$RECYCLE.BIN", "__MACOSX"})

ErrorCallback: TypeAlias = Callable[[Path, str], None]


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """One file that looks like a photo or video.  size: bytes.  mtime_ns: nanoseconds since 1970.

    is_live: it is the moving half of a live photo.
    """

    path: Path
    size: int
    mtime_ns: int
    is_live: bool = False

    @property
    def is_video(self) -> bool:
        """Whether it is called a video."""
        return self.path.suffix.lower() in VIDEO_SUFFIXES


def display_name(path: str | Path) -> str:
    r"""`path` on one line that any terminal, log and file can take.

    Bytes that are not UTF-8 and control characters are escaped.

    >>> display_name("caf\udce9\n.jpg")
    'caf\\udce9\\n.jpg'
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(path))


def open_photo(path: str | Path) -> BufferedReader:
    """Open a regular file for reading; PhotoError where there is none.

    A pipe, a socket or a device is refused before it is opened, as opening one may wait for ever.
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise PhotoError(f"{display_name(path)}: not a file")
        return Path(path).open("rb")
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        reason = getattr(error, "strerror", None) or "cannot be opened"
        raise PhotoError(f"{display_name(path)}: {reason}") from error


def content_hash(source: str | Path | bytes) -> str:
    """128-bit BLAKE2b of a file's bytes, as 32 hexadecimal digits.

    source: a path, read in blocks, or the bytes themselves.  Two files of one content are one
    photo, whatever they are called.  Raises PhotoError if the file cannot be read.

    >>> content_hash(b"")
    'cae66941d9efbd404e4d88758ea67670'
    """
    if isinstance(source, bytes):
        return hashlib.blake2b(source, digest_size=16).hexdigest()
    with open_photo(source) as file:
        try:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
        except OSError as error:
            raise PhotoError(f"{display_name(source)}: {error.strerror}") from error
    return digest.hexdigest()


def photo_folder(path: str | Path) -> Path:
    """The real, absolute path of a folder; PhotoError where there is none."""
    name = display_name(path)
    try:
        folder = Path(os.path.realpath(path))
        mode = folder.stat().st_mode
    except FileNotFoundError as error:
        raise PhotoError(f"{name}: no such folder") from error
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        reason = getattr(error, "strerror", None) or "cannot be opened"
        raise PhotoError(f"{name}: {reason}") from error
    if not stat.S_ISDIR(mode):
        raise PhotoError(f"{name}: not a folder; name the folder that it is in")
    return folder


def iter_photos(
    folder: str | Path,
    *,
    on_error: ErrorCallback | None = None,
    on_other: Callable[[str], None] | None = None,
) -> Iterator[PhotoFile]:
    """Every photo and video file under `folder`, in the same order on every run.

    A folder's files come first, then its subfolders, each sorted by name.  Left out: hidden files
    and folders, folders that hold a file named ``.nomedia`` (with all below them), storage boxes'
    thumbnail folders, and whatever is not a regular file.  Links are followed, but each real
    folder is entered once, and under its own name rather than a link's where it has both, so
    loops end.  Names need not be UTF-8 (see `display_name`).

    on_error: called with (path, reason) for a folder that cannot be read; the walk goes on.
    on_other: called with the suffix of each picture or video of a kind that is not read, but for
    raw files and the like beside a photo of the same name.
    Raises PhotoError if `folder` itself is not a folder.
    """
    photo_folder(folder)
    root = Path(folder)
    entered: set[tuple[int, int]] = set()
    linked: list[Path] = []
    callbacks = on_error or _ignore, on_other or _ignore
    yield from _walk(root, entered, linked, *callbacks)
    # Links wait until every real folder has been entered; a linked folder may hold links itself.
    while linked:
        yield from _walk(linked.pop(0), entered, linked, *callbacks)


def _ignore(*_: object) -> None:
    """For callers who do not ask."""


def _walk(
    root: Path,
    entered: set[tuple[int, int]],
    linked: list[Path],
    on_error: ErrorCallback,
    on_other: Callable[[str], None],
) -> Iterator[PhotoFile]:
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                children = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            on_error(folder, error.strerror or "cannot be read")
            continue
        if ".nomedia" in (child.name for child in children):
            continue
        stills = {stem for stem, suffix in map(_split, children) if suffix in SUFFIXES}
        folders: list[Path] = []
        for child in children:
            if child.name.startswith("."):
                continue
            try:
                if child.is_dir():
                    if child.name not in SYSTEM_FOLDERS:
                        (linked if child.is_symlink() else folders).append(folder / child.name)
                    continue
                stem, suffix = _split(child)
                if suffix in SUFFIXES | VIDEO_SUFFIXES and child.is_file():
                    yield _photo(folder / child.name, has_still=stem in stills)
                elif suffix in OTHER_SUFFIXES and stem not in stills:
                    on_other(suffix)
            except OSError:
                continue  # gone since the folder was listed, or a link that leads round in a circle
        pending.extend(reversed(folders))


def _photo(path: Path, *, has_still: bool) -> PhotoFile:
    file = path.stat()
    is_live = has_still and path.suffix.lower() in VIDEO_SUFFIXES and file.st_size <= LIVE_BYTES
    return PhotoFile(path, file.st_size, file.st_mtime_ns, is_live)


def _split(entry: os.DirEntry[str]) -> tuple[str, str]:
    """A file's stem and suffix, in small letters."""
    path = Path(entry.name.lower())
    return path.stem, path.suffix
