"""A folder of photos becomes facts in the store: incremental, parallel, resumable.

A photo goes through two steps in the executor: its content is hashed, and, only if that content is
new to the store, it is decoded and analysed.  Results are committed in the order of the walk, in
small transactions; whatever ends the process, at most the photos in flight are done again.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeAlias

from fastface.errors import FastfaceError, LibraryError, PhotoError, ScanInterrupted
from fastface.forgetting import not_forgotten
from fastface.memory import MemoryBudget, MemoryLimitError
from fastface.photos import PhotoFile, content_hash, display_name, iter_photos
from fastface.reading import ChangedWhileReadError, LazyAnalyzer, Reading, read_photo
from fastface.store import FailureRow, FileRow, Store
from fastface.video import NoReaderError, StoppedError, Stopper, is_readable

Progress: TypeAlias = Callable[[int, int, Path | None], None]

BATCH: Final = 16  # photos of one transaction: a commit costs a disk flush, about 10 ms
BATCH_S: Final = 1.0  # but what is finished never waits longer than this

_log: Final = logging.getLogger(__name__)

# A photo that an older fastface could not read deserves another try.
READER: Final = version("fastface-people")


@dataclass(slots=True)
class ScanCounts:
    """What became of the photos of one folder; see `types.ScanSummary`."""

    n_photos: int = 0
    n_new: int = 0
    n_unchanged: int = 0
    n_moved: int = 0
    n_failed: int = 0
    n_missing: int = 0
    n_videos: int = 0
    n_videos_left: int = 0
    n_live: int = 0
    others: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[Path, str]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Item:
    """A photo on its way.  future: the step it is in; None once nothing is left to wait for."""

    key: bytes
    photo: PhotoFile
    known_hash: str | None  # what the path held at the last scan
    content_hash: str | None = None
    future: Future[Any] | None = None
    analysis: Reading | None = None
    failure: str | None = None
    lasting: bool = False  # the failure will come again until the file changes


def scan_folder(
    store: Store,
    folder: Path,
    *,
    model: str,
    analyzer: LazyAnalyzer,
    min_side: int,
    same_face: float,
    executor: Executor,
    workers: int,
    budget: MemoryBudget | None = None,
    progress: Progress | None = None,
) -> ScanCounts:
    """Brings the store's facts up to date with a folder.

    folder: absolute.  model: the tag that the analyzer's observations are kept under.  min_side: of
    `images.decode`.  same_face: of `video.read_video`.  workers: how many photos the executor works
    on at a time.  budget: what their decoders may hold.  progress: called in this thread with
    (photos done, photos in all, path).
    Raises PhotoError if there is no such folder, ModelError if the models cannot be loaded,
    LibraryError if the library cannot be written, ScanInterrupted on Ctrl-C; what was finished
    before is kept in each case.
    """
    stopper = Stopper()
    analyse = functools.partial(
        read_photo,
        analyzer=analyzer,
        min_side=min_side,
        same_face=same_face,
        budget=budget,
        stopper=stopper,
    )
    return _Scan(store, folder, model, analyse, stopper, executor, workers, progress).run()


class _Scan:
    def __init__(
        self,
        store: Store,
        folder: Path,
        model: str,
        analyse: Callable[[PhotoFile], Reading],
        stopper: Stopper,
        executor: Executor,
        workers: int,
        progress: Progress | None,
    ) -> None:
        self._store, self._folder, self._model = store, folder, model
        self._analyse, self._stopper, self._executor = analyse, stopper, executor
        self._progress = progress or (lambda *_: None)
        # Enough that workers stay busy behind one slow photo; results wait for their turn.
        self._most_in_flight = 4 * workers
        self._in_flight: deque[_Item] = deque()
        self._analyses: dict[str, Future[Reading]] = {}  # by content, until committed
        self._finished: list[_Item] = []
        self._vanished: list[str] = []  # what files held that are gone, or moved within the folder
        self._moved: set[str] = set()
        self._committed_at = time.monotonic()
        self._n_done = 0
        self.counts = ScanCounts()

    def run(self) -> ScanCounts:
        waiting = self._look()
        self._n_done = self.counts.n_photos - len(waiting)
        self._progress(self._n_done, self.counts.n_photos, None)
        try:
            while waiting:  # dropped as they go: an item holds the embeddings of its photo
                self._start(waiting.popleft())
                while len(self._in_flight) >= self._most_in_flight:
                    self._step()
            while self._in_flight:
                self._step()
            self._commit()
            self.counts.n_missing = sum(key not in self._moved for key in self._vanished)
        except BaseException as error:
            self._wind_up()
            if not isinstance(error, LibraryError):
                self._commit()
            if isinstance(error, KeyboardInterrupt):
                raise ScanInterrupted(
                    f"stopped after {self._n_done} of {self.counts.n_photos} photos; they are "
                    "kept, and the same scan goes on from there"
                ) from None
            raise
        self.counts.failures.sort(key=lambda failure: os.fsencode(failure[0]))
        return self.counts

    def _look(self) -> deque[_Item]:
        """Walks the folder; files that vanished or came back are marked, the rest is work."""
        known = self._store.files_under(self._folder, self._model)
        failed = self._store.failures_under(self._folder)
        unreadable: list[bytes] = []
        waiting: deque[_Item] = deque()
        back: list[bytes] = []
        gone: set[bytes] = set()

        def cannot_enter(folder: Path, reason: str) -> None:
            unreadable.append(os.fsencode(folder) + os.fsencode(os.sep))
            self.counts.failures.append((folder, reason))

        vanished = {key for key, row in known.items() if not row.missing} | failed.keys()
        reads_videos, others = is_readable(), self.counts.others
        for photo in iter_photos(
            self._folder, on_error=cannot_enter, on_other=lambda kind: others.update((kind,))
        ):
            if photo.is_live:
                self.counts.n_live += 1
                continue
            key = os.fsencode(photo.path)
            vanished.discard(key)
            row, failure = known.get(key), failed.get(key)
            as_before = row is not None and _same_file(photo, row)
            if photo.is_video and not reads_videos and not (row and as_before and row.analysed):
                self.counts.n_videos_left += 1
                continue
            self.counts.n_photos += 1
            self.counts.n_videos += photo.is_video
            if row is not None and as_before and row.analysed:
                self.counts.n_unchanged += 1
                if row.missing:
                    back.append(key)
                    gone |= self._former_paths(key, row.content_hash)
            elif failure and _same_file(photo, failure) and failure.reader == READER:
                self.counts.n_failed += 1
                self.counts.failures.append((photo.path, failure.message))
            else:
                known_hash = row.content_hash if row is not None else None
                waiting.append(_Item(key, photo, known_hash, known_hash if as_before else None))
        # What is in a folder that cannot be read now is not gone.
        vanished = {key for key in vanished if not key.startswith(tuple(unreadable))}
        self._vanished = [known[key].content_hash for key in vanished if key in known]
        if vanished or back:
            with self._store.atomic():
                self._store.mark_missing(sorted(vanished | gone))
                self._store.mark_missing(back, missing=False)
        return waiting

    def _start(self, item: _Item) -> None:
        if item.content_hash is None:
            item.future = self._executor.submit(content_hash, item.photo.path)
        else:
            self._decide(item)
        self._in_flight.append(item)

    def _decide(self, item: _Item) -> None:
        """The second step, unless the content is known or on its way under another path."""
        key = item.content_hash
        assert key is not None
        if key not in self._analyses:
            if self._store.is_analysed(key, self._model):
                item.future = None
                return
            self._analyses[key] = self._executor.submit(self._analyse, item.photo)
        item.future = self._analyses[key]

    def _step(self) -> None:
        """Waits for some photo to get on, and moves what is finished, in order, to the batch."""
        futures = {item.future for item in self._in_flight if item.future is not None}
        done, _ = wait(futures, BATCH_S if self._finished else None, FIRST_COMPLETED)
        for item in self._in_flight:
            if item.future in done:
                self._advance(item)
        while self._in_flight and self._in_flight[0].future is None:
            self._finished.append(self._in_flight.popleft())
        late = time.monotonic() - self._committed_at > BATCH_S
        if len(self._finished) >= BATCH or (self._finished and late):
            self._commit()

    def _advance(self, item: _Item) -> None:
        assert item.future is not None
        try:
            result = item.future.result()
        except StoppedError:
            raise
        except PhotoError as error:
            # A file that cannot be opened may be readable later; one that is broken stays so.
            item.lasting = item.content_hash is not None and not isinstance(
                error, ChangedWhileReadError | MemoryLimitError | NoReaderError
            )
            item.failure = str(error).removeprefix(f"{display_name(item.photo.path)}: ")
        except (FastfaceError, BrokenExecutor):
            raise
        except Exception as error:  # noqa: BLE001  one photo never stops a scan
            _log.debug("%s:", display_name(item.photo.path), exc_info=error)
            what = display_name(str(error)) or "no message"
            item.failure = f"internal error, please report it: {type(error).__name__}: {what}"
        else:
            if item.content_hash is None:
                item.content_hash = result
                self._decide(item)
                return
            item.analysis = result
        item.future = None

    def _commit(self) -> None:
        """Writes the finished photos in one transaction, then counts them."""
        if not self._finished:
            return
        with self._store.atomic():
            outcomes = [self._write(item) for item in self._finished]
        self._committed_at = time.monotonic()
        batch, self._finished = self._finished, []
        for item, outcome in zip(batch, outcomes, strict=True):
            setattr(self.counts, outcome, getattr(self.counts, outcome) + 1)
            if item.failure is not None:
                self.counts.failures.append((item.photo.path, item.failure))
            if item.content_hash is not None:
                self._analyses.pop(item.content_hash, None)
                if outcome == "n_moved":
                    self._moved.add(item.content_hash)
        before, self._n_done = self._n_done, self._n_done + len(batch)
        for done, item in enumerate(batch, start=before + 1):
            self._progress(done, self.counts.n_photos, item.photo.path)

    def _write(self, item: _Item) -> str:
        """Writes one photo; returns the name of its count."""
        size, mtime_ns = item.photo.size, item.photo.mtime_ns
        if item.failure is not None:
            if item.lasting:
                failure = FailureRow(size, mtime_ns, READER, item.failure)
                self._store.put_failure(item.key, failure)
            return "n_failed"
        assert item.content_hash is not None
        new = item.analysis is not None and self._store.add_analysis(
            item.content_hash,
            item.analysis.metadata,
            self._model,
            not_forgotten(self._store, item.content_hash, item.analysis.observations),
        )
        self._store.put_file(item.key, size, mtime_ns, item.content_hash)
        if new:
            return "n_new"
        self._store.mark_missing(sorted(self._former_paths(item.key, item.content_hash)))
        return "n_unchanged" if item.content_hash == item.known_hash else "n_moved"

    def _former_paths(self, key: bytes, content_hash: str) -> set[bytes]:
        """Paths of earlier scans where a photo that is here now is no longer."""
        others = self._store.paths_of(content_hash)
        return {path for path in others if path != key and not os.path.lexists(path)}

    def _wind_up(self) -> None:
        """Drops what has not begun, waits for what has, and keeps what that finishes.

        Videos are not waited for: an hour's takes minutes.
        """
        self._stopper.stop()
        futures = [item.future for item in self._in_flight if item.future is not None]
        wait([future for future in futures if not future.cancel()])
        for item in self._in_flight:
            hashed = item.content_hash is not None
            if hashed and item.future is not None and not item.future.cancelled():
                with contextlib.suppress(FastfaceError, BrokenExecutor):
                    self._advance(item)
            if hashed and item.future is None:
                self._finished.append(item)
        self._in_flight.clear()


def _same_file(photo: PhotoFile, row: FileRow | FailureRow) -> bool:
    return (photo.size, photo.mtime_ns) == (row.size, row.mtime_ns)
