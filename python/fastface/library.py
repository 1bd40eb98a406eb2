"""`Library`: the photos, faces and people of one user, in one private file."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

import numpy as np
import platformdirs

from fastface import machine
from fastface.errors import LibraryError, NotFoundError
from fastface.images import decode
from fastface.locking import scan_lock
from fastface.photos import photo_folder
from fastface.pipeline import DefaultEngine, Engine, Gallery, regroup, replay_people
from fastface.reading import LazyAnalyzer
from fastface.scan import ScanCounts, scan_folder
from fastface.store import Store, person_key
from fastface.types import (
    Face,
    Identification,
    LibraryStats,
    Person,
    PhotoInput,
    PhotoRow,
    ScanSummary,
)
from fastface.verdicts import PERSON_ID, clean_name, naming, new_name


def default_path() -> Path:
    """Where the library is: `FASTFACE_LIBRARY`, else `library.db` in the user's data folder."""
    chosen = os.environ.get("FASTFACE_LIBRARY")
    if chosen:
        return Path(chosen).expanduser()
    return platformdirs.user_data_path("fastface", appauthor=False) / "library.db"


class Library:
    """People found in photos, kept in one file that only its owner can read.

    path: the library's file, made with mode 0600 if there is none; by default the environment's
    `FASTFACE_LIBRARY`, else `library.db` in the user's data folder.  read_only: nothing is created
    or changed.  engine: the models and algorithms; by default those of the default pack.

    A context manager; use one object per thread.  Several processes may have a library open: while
    one scans, the others read, and wait a moment to write; a second scan says that it is locked.
    Raises LibraryError if the file is newer than this version, damaged, locked, not a library,
    cannot be written, or the disk is full; also once closed, and in another thread.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        read_only: bool = False,
        engine: Engine | None = None,
    ) -> None:
        self.path = Path(os.path.realpath(default_path() if path is None else path))
        self._engine = engine or DefaultEngine()
        self._analyzer = LazyAnalyzer(self._engine.make_analyzer)
        self._store = Store(self.path, read_only=read_only)
        self._made_gallery: tuple[int, Gallery] | None = None

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; nothing is pending."""
        self._store.close()

    def scan(
        self,
        folder: str | Path,
        *,
        progress: Callable[[int, int, Path | None], None] | None = None,
        workers: int | None = None,
        executor: Executor | None = None,
    ) -> ScanSummary:
        """Finds the people in all photos of a folder and its subfolders.

        A photo whose path, size and time are as before is not read; content known under another
        path is not analysed again.  Photos that cannot be read are reported at the end.
        progress: called with (photos done, photos in all, path).  workers: photos analysed at a
        time, by default one per core.  executor: where they are analysed, by default threads; any
        `concurrent.futures.Executor` will do.  The outcome does not depend on either, nor on the
        order in which photos arrived.

        Raises PhotoError if there is no such folder, ModelError if the models are not installed,
        LibraryError as the class does, ScanInterrupted (a KeyboardInterrupt) on Ctrl-C.  What was
        finished is kept in every case, kill -9 included; the same scan goes on from there.
        """
        if workers is not None and workers < 1:
            raise ValueError(f"workers: expected at least 1, got {workers}")
        workers = workers or machine.usable_cores()
        folder = photo_folder(folder)
        started = time.monotonic()
        with contextlib.ExitStack() as stack:
            self._store.check_writable()
            stack.enter_context(scan_lock(self.path))
            if executor is None:
                executor = stack.enter_context(ThreadPoolExecutor(workers, "fastface-scan"))
            counts = scan_folder(
                self._store,
                folder,
                model=self._engine.model_tag,
                analyzer=self._analyzer,
                min_side=self._engine.min_side,
                executor=executor,
                workers=workers,
                progress=progress,
            )
            regroup(self._store, self._engine)
            return self._summarise(counts, time.monotonic() - started)

    def recluster(self) -> None:
        """Groups all faces anew; names and, where people stay the same, their ids are kept."""
        self._store.check_writable()
        with scan_lock(self.path):
            regroup(self._store, self._engine, force=True)

    def people(self) -> list[Person]:
        """Everyone in the library, those on most photos first."""
        with self._store.snapshot():
            names, everything = self._store.names(), self.faces()
        faces: dict[str, list[Face]] = {}
        for face in everything:
            if face.person is not None:
                faces.setdefault(face.person, []).append(face)
        people = [
            Person(
                id=key,
                name=names[_number(key)],
                n_photos=len({face.photo for face in theirs}),
                n_faces=len(theirs),
                cover=max(theirs, key=lambda face: face.quality),
            )
            for key, theirs in faces.items()
        ]
        return sorted(people, key=lambda p: (-p.n_photos, -p.n_faces, _number(p.id)))

    def faces(self, person: str | None = None) -> list[Face]:
        """All faces, or those of one person (id or name), by photo and place in it.

        A face that is too unclear to be grouped has no person.  Raises NotFoundError for a person
        that is not in the library.
        """
        with self._store.snapshot():
            return self._store.faces(self._model(), None if person is None else self._find(person))

    def photos(self, person: str) -> list[PhotoRow]:
        """The photos that show a person (id or name), oldest first, those without a clock last."""
        with self._store.snapshot():
            return self._store.photos(self._model(), self._find(person))

    def name(self, person: str, name: str) -> Person:
        """Says who a person (id or name) is, for good; returns the person as named.

        The name holds on to the faces the person has now, not to a cluster: it survives another
        grouping, scan or model.  Naming two people alike joins them.
        Raises NotFoundError for a person not in the library, ValueError for a name that is empty,
        longer than 200 letters, reads as an id or holds control characters.
        """
        name = new_name(name)
        store, model = self._store, self._model()
        with store.atomic():
            number = self._find(person)
            old = store.names()[number]
            anchors = store.anchors(model, number)
            if not anchors:
                raise NotFoundError(f"{person!r} is only on photos that are missing now")
            if old != name:
                store.add_verdict(naming(name, old, anchors, said_at=time.time()))
                store.put_people({number: name})
                replay_people(store, model)
        named = self._find(name)
        return next(p for p in self.people() if _number(p.id) == named)

    def identify(self, photo: PhotoInput) -> list[Identification]:
        """Who is in a photo, which need not be in the library: one answer per face.

        photo: a path, a PIL image or an (h, w, 3) uint8 RGB array.  A face that is too unclear to
        be compared is unknown.  Raises PhotoError if the photo cannot be read, ModelError if the
        models are not installed, LibraryError if other models made the library.
        """
        known, model = self._model(), self._engine.model_tag
        if known not in ("", model):
            raise LibraryError(
                f"{self.path} was made with other models ({known}, now {model}); scan again"
            )
        pixels = decode(photo, min_side=self._engine.min_side).pixels
        observations = self._analyzer.analyze(pixels)
        if not observations:
            return []
        with self._store.snapshot():
            gallery, names = self._gallery(), self._store.names()
        matches = gallery.identify(np.stack([seen.face for seen in observations]))
        found = []
        for seen, match in zip(observations, matches, strict=True):
            number = None if seen.unclear else match.person
            found.append(
                Identification(
                    box=seen.box,
                    person=None if number is None else person_key(number),
                    name=None if number is None else names[number],
                    confidence=0.0 if seen.unclear else match.confidence,
                    distance=match.distance,
                )
            )
        return found

    def snapshot(self) -> contextlib.AbstractContextManager[None]:
        """Everything read inside sees one state, whatever other processes write meanwhile."""
        return self._store.snapshot()

    def failures(self) -> list[tuple[Path, str]]:
        """The files that could not be read when they were last tried, and why, by path."""
        return self._store.failures()

    def stats(self) -> LibraryStats:
        """Figures of the library and of its last scan."""
        with self._store.snapshot():
            return LibraryStats(
                path=self.path,
                **self._store.count(self._model()),
                model=self._model() or None,
                threshold=self._store.state("grouping", {}).get("threshold"),
                last_scan=self._store.state("last_scan", {}),
            )

    def _gallery(self) -> Gallery:
        """The gallery of the people there are now, kept until they change."""
        version = self._store.people_version()
        if self._made_gallery is None or self._made_gallery[0] != version:
            faces = self._store.known_faces(self._model())
            self._made_gallery = version, self._engine.make_gallery(*faces)
        return self._made_gallery[1]

    def _model(self) -> str:
        """The tag of the models whose observations were grouped last; empty before that."""
        return str(self._store.state("grouping", {}).get("model", ""))

    def _find(self, person: str) -> int:
        match = PERSON_ID.fullmatch(person)
        names = self._store.names()
        if match and int(match[1]) in names:
            return int(match[1])
        wanted = clean_name(person)
        for number, name in names.items():
            if name == wanted:
                return number
        raise NotFoundError(f"nobody here is called {person!r}; `fastface people` lists everyone")

    def _summarise(self, counts: ScanCounts, seconds: float) -> ScanSummary:
        library = self._store.count(self._model())
        summary = ScanSummary(
            n_photos=counts.n_photos,
            n_new=counts.n_new,
            n_unchanged=counts.n_unchanged,
            n_moved=counts.n_moved,
            n_failed=counts.n_failed,
            n_missing=counts.n_missing,
            n_faces=library["n_faces"],
            n_unclear=library["n_unclear"],
            n_people=library["n_people"],
            seconds=seconds,
            failures=tuple(counts.failures),
        )
        figures = asdict(summary)
        del figures["failures"]
        with self._store.atomic():
            self._store.set_state("last_scan", figures)
        return summary


def _number(person: str) -> int:
    return int(person[1:])
