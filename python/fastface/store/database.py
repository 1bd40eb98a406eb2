"""A private SQLite file: opened safely, written in transactions.  Only here is sqlite3 imported."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from fastface.errors import LibraryError, OlderFormatError
from fastface.store.migrations import MIGRATIONS

Row: TypeAlias = tuple[Any, ...]

APPLICATION_ID: Final = 0x46464C42  # "FFLB", so that another program's database is never taken over
_DAMAGED: Final = "is damaged; restore it from a backup"
BUSY_S: Final = 30.0  # how long a write waits for another process's transaction


class Database:
    """One connection to a library file; use it from the thread that made it.

    path: created with mode 0600, in a folder made with mode 0700 where it is missing.
    read_only: nothing is created, migrated or written; a clean library on a medium that cannot be
    written (no write-ahead log left beside it) opens too.
    Raises LibraryError for a file that is missing (read-only), newer, damaged or not a library.
    """

    def __init__(self, path: Path, *, read_only: bool = False, busy_s: float = BUSY_S) -> None:
        self.path = path
        self.read_only = read_only
        self._reading = False  # the transaction that is open, if any, only reads
        if not read_only:
            _create_private(path)
        elif not path.exists():
            raise LibraryError(f"no library at {path}; `fastface scan FOLDER` makes one")
        if not path.is_file():
            raise LibraryError(f"{path} is not a file; name a file for the library")
        with self._translated():
            self._connection = sqlite3.connect(
                _uri(path, read_only=read_only), uri=True, timeout=busy_s, isolation_level=None
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        self._connection.close()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""
        with self._translated():
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """The first row of a query, or None."""
        with self._translated():
            row: Row | None = self._connection.execute(sql, parameters).fetchone()
            return row

    def named_row(self, sql: str, parameters: Sequence[Any] = ()) -> dict[str, Any]:
        """The only row of a query, by its columns' names."""
        with self._translated():
            cursor = self._connection.execute(sql, parameters)
            return dict(zip((column[0] for column in cursor.description), *cursor, strict=True))

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Runs one statement; the cursor tells `rowcount` and `lastrowid`."""
        with self._translated():
            return self._connection.execute(sql, parameters)

    def run_many(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Runs one statement for every row of parameters."""
        with self._translated():
            self._connection.executemany(sql, parameters)

    @property
    def is_changing(self) -> bool:
        """Whether a transaction that writes is open."""
        return self._in_transaction and not self._reading

    @contextlib.contextmanager
    def atomic(self) -> Iterator[None]:
        """All writes inside happen, or none does; inside another `atomic` it is a savepoint.

        The outermost one takes the write lock at once (BEGIN IMMEDIATE): a transaction that reads
        first and upgrades later can lose the race to another writer and fail half way.
        Raises LibraryError inside a snapshot, which only reads.
        """
        if self.read_only:
            raise LibraryError(f"{self.path} was opened read-only and cannot be changed")
        if self.is_changing:
            with self._savepoint():
                yield
        elif self._in_transaction:
            raise LibraryError(
                f"{self.path} is being read as a snapshot; change it outside of that"
            )
        else:
            self._reading = False
            with self._transaction("BEGIN IMMEDIATE", "COMMIT"):
                yield

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """All reads inside see one state of the library, whatever other processes write."""
        if self._in_transaction:
            yield
        else:
            self._reading = True
            with self._transaction("BEGIN", "ROLLBACK"):
                yield

    # Whether a transaction is open is asked of SQLite each time: a Ctrl-C between two steps could
    # leave a count of our own wrong for ever.
    @property
    def _in_transaction(self) -> bool:
        with self._translated():
            return self._connection.in_transaction

    @contextlib.contextmanager
    def _transaction(self, begin: str, end: str) -> Iterator[None]:
        """Nothing of it stays open, whatever cuts it short, while it begins or ends too."""
        try:
            self.run(begin)
            yield
            self.run(end)
        finally:
            self._roll_back("ROLLBACK")

    @contextlib.contextmanager
    def _savepoint(self) -> Iterator[None]:
        self.run("SAVEPOINT inner")  # of one name, SQLite means the innermost
        try:
            yield
        except BaseException:
            self._roll_back("ROLLBACK TO inner")
            raise
        finally:
            if self._in_transaction:
                self.run("RELEASE inner")

    def _roll_back(self, sql: str) -> None:
        """Rolling back may be cut short itself; half of it would hold the lock for ever."""
        try:
            if self._in_transaction:  # a full disk has rolled it back already
                self.run(sql)
        except BaseException as error:
            if self._in_transaction:
                self.run(sql)
            if not isinstance(error, (sqlite3.OperationalError, LibraryError)):
                raise

    def empty_log(self) -> bool:
        """Moves the write-ahead log into the file and cuts it off; False if another reads it."""
        busy, _, _ = self.rows("PRAGMA wal_checkpoint(TRUNCATE)")[0]
        return not busy

    def _prepare(self) -> None:
        execute = self._connection.execute
        # Looked at before anything is set: a file that is not ours, or newer, stays as it is.
        with self.snapshot():  # another process may be making the library at this moment
            (application,) = execute("PRAGMA application_id").fetchone()
            (version,) = execute("PRAGMA user_version").fetchone()
            (n_tables,) = execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != APPLICATION_ID and (application or version or n_tables):
            raise LibraryError(f"{self.path} is a database of another program, not a library")
        if version > len(MIGRATIONS):
            raise LibraryError(
                f"{self.path} was written by a newer fastface (format {version}, this one reads up "
                f"to {len(MIGRATIONS)}); upgrade fastface to open it"
            )
        execute("PRAGMA temp_store = MEMORY")  # no embeddings in files for sorting
        if self.read_only:
            # A connection that may tidy up the log beside the file, but not change what is in it.
            execute("PRAGMA query_only = ON")
            if not version:  # made by a scan that ended at once
                raise LibraryError(f"{self.path} is empty; `fastface scan FOLDER` fills it")
            if version < len(MIGRATIONS):
                raise OlderFormatError(
                    f"{self.path} has the older format {version}; open it once for writing to "
                    "bring it up to date"
                )
            return
        _make_private(self.path)
        execute("PRAGMA foreign_keys = ON")
        execute("PRAGMA secure_delete = ON")
        self._use_write_ahead_log()
        if version < len(MIGRATIONS):
            self._migrate()

    def _use_write_ahead_log(self) -> None:
        # Readers go on while a scan writes.  The switch ignores the busy timeout, so two processes
        # that open a new library together need a few tries.
        deadline = time.monotonic() + BUSY_S
        while True:
            try:
                if self._connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                    self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _migrate(self) -> None:
        for number, migration in enumerate(MIGRATIONS, start=1):
            with self.atomic():
                (version,) = self.rows("PRAGMA user_version")[0]  # another process may be faster
                if version < number:
                    migration(self._connection.execute)
                    self.run(f"PRAGMA application_id = {APPLICATION_ID}")
                    self.run(f"PRAGMA user_version = {number}")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except UnicodeDecodeError as error:  # text of ours is UTF-8, and so are SQLite's own words
            raise LibraryError(f"{self.path} {_DAMAGED}") from error
        except sqlite3.Error as error:
            message = _explain(error)
            if message is None:
                raise
            raise LibraryError(f"{self.path} {message}") from error


def _explain(error: sqlite3.Error) -> str | None:
    """What a user can do about an SQLite error; None for a bug of ours."""
    for words, message in (  # of the sqlite3 module, so without a code
        ("closed database", "is closed here; open it again"),
        ("same thread", "was opened in another thread; open it in each thread that uses it"),
        ("Could not decode to UTF-8", _DAMAGED),
    ):
        if words in str(error):
            return message
    code = getattr(error, "sqlite_errorcode", 0)
    explanations = {
        sqlite3.SQLITE_BUSY: "is locked by another program; try again when that has finished",
        sqlite3.SQLITE_FULL: "cannot grow: the disk is full. Everything finished before is kept; "
        "free some space and run the same command again",
        sqlite3.SQLITE_READONLY: "cannot be written; check its permissions and its folder's",
        sqlite3.SQLITE_CANTOPEN: "cannot be opened; check its permissions and its folder's",
        sqlite3.SQLITE_PERM: "cannot be opened; check its permissions",
        sqlite3.SQLITE_NOTADB: "is not a library",
        sqlite3.SQLITE_CORRUPT: _DAMAGED,
        sqlite3.SQLITE_IOERR: "cannot be read or written: the disk is full or reports an error",
    }
    return explanations.get(code & 0xFF)


def _create_private(path: Path) -> None:
    """Makes the file, readable by its owner only, before SQLite opens it.

    SQLite gives -wal and -shm the mode of the file beside them, so all three are private.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise LibraryError(f"cannot make a library at {path}: {error.strerror}") from error


def _make_private(path: Path) -> None:
    """Takes back what a copy or a restored backup lets others read."""
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        with contextlib.suppress(OSError):
            if part.stat().st_mode & 0o077:
                part.chmod(0o600)


def _uri(path: Path, *, read_only: bool) -> str:
    """SQLite's name of the file, whatever bytes it has."""
    mode = "rw"
    if read_only and not (_writable(path) and _writable(path.parent)):
        mode = "ro"
        if not path.with_name(path.name + "-wal").exists():
            # Without a log to share, SQLite need not make files: works on read-only media.
            mode = "ro&immutable=1"
    return f"{path.absolute().as_uri()}?mode={mode}"


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
