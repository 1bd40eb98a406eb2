"""`Library`: the photos, faces and people of one user, in one private file."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np

from fastface import models
from fastface.calibration import Calibration
from fastface.errors import LibraryError, ModelError
from fastface.exchange import Exchange
from fastface.explaining import Explanations
from fastface.gallery import Gallery as Exemplars
from fastface.images import decode
from fastface.locking import scan_lock
from fastface.looking import default_path
from fastface.memory import share_out
from fastface.photos import photo_folder
from fastface.pipeline import Engine, PackEngine, pack_of
from fastface.providers import checked
from fastface.reading import LazyAnalyzer, look
from fastface.recognition import Recogniser
from fastface.review import Review
from fastface.scan import ScanCounts, scan_folder
from fastface.searching import Searches
from fastface.store import person_key
from fastface.types import Identification, Observation, PhotoInput, PhotoMetadata, ScanSummary
from fastface.updating import follow_scan, is_due, update

__all__ = ["Library", "default_path"]


class Library(Exchange, Explanations, Review, Searches):
    """People found in photos, kept in one file that only its owner can read.

    path: the library's file, made with mode 0600 if there is none; by default the environment's
    `FASTFACE_LIBRARY`, else `library.db` in the user's data folder.  read_only: nothing is created
    or changed.  pack: the model pack to look with; by default the one that the library was scanned
    with, "default" for a new one.  Scanning with another looks at every photo again; names stay.
    providers: where the models run, keys of `providers.PROVIDERS`, best first; by default on the
    CPU.  engine: models and algorithms of the caller's own, in place of a pack.

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
        pack: str | None = None,
        providers: Sequence[str] | None = None,
        engine: Engine | None = None,
    ) -> None:
        super().__init__(path, read_only=read_only)
        where = None if providers is None else tuple(checked(providers))
        self._engine = engine or PackEngine(pack or pack_of(self._model()), where)
        self._analyzer = LazyAnalyzer(self._engine.make_analyzer)
        self._recogniser = Recogniser(self._store, self._engine)

    def scan(
        self,
        folder: str | Path,
        *,
        progress: Callable[[int, int, Path | None], None] | None = None,
        workers: int | None = None,
        max_memory: int | None = None,
        executor: Executor | None = None,
    ) -> ScanSummary:
        """Finds the people in all photos and videos of a folder and its subfolders.

        Of a video keyframes are looked at, at most thirty a minute, and each shot that shows a
        person gives one face; without PyAV (the extra `video`) videos are only counted.
        A photo whose path, size and time are as before is not read; content known under another
        path is not analysed again.  Photos that cannot be read are reported at the end.
        progress: called with (photos done, photos in all, path).  workers: photos analysed at a
        time, by default one per core, or fewer where memory is short.  max_memory: bytes of this
        process to stay within while it looks at photos, by default half of the machine's; large
        photos wait for each other, and one too large for it is reported, and tried again by the
        next scan; grouping takes 4 to 13 kB a face, see `memory`.  executor: where
        they are analysed, by default threads; any `concurrent.futures.Executor` will do, of whose
        processes each is held to the limit.  The outcome depends on none of these, nor on the order
        in which photos arrived.

        Raises PhotoError if there is no such folder, ModelError if the models are not installed,
        LibraryError as the class does, ScanInterrupted (a KeyboardInterrupt) on Ctrl-C.  What was
        finished is kept in every case, kill -9 included; the same scan goes on from there.
        """
        workers, budget = share_out(max_memory, workers)
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
                same_face=self._engine.same_face,
                executor=executor,
                workers=workers,
                budget=budget,
                progress=progress,
            )
            grouped = follow_scan(self._store, self._roll, self._engine, self._recogniser)
            with self._store.atomic():
                self._store.count_people_if_due(self._model())
            return self._summarise(counts, grouped, time.monotonic() - started)

    def count_outdated(self) -> int:
        """How many photos only other models, or an older detector, have seen; `scan` of their
        folders looks at them again."""
        return self._store.count_outdated(self._engine.model_tag)

    def update(self, *, full: bool = False) -> bool:
        """Groups anew what photos or answers since the last grouping can have changed.

        In a library of up to 10,000 faces that is all of them, as `scan` does at once. In a larger
        one `scan` compares new faces with people's exemplars, and this groups them with the old:
        only the people and moments that they touch are looked at. full: everything is.
        Returns False if nothing has changed. Names and, where people stay the same, ids are kept.
        Raises LibraryError as the class does.
        """
        self._store.check_writable()
        with scan_lock(self.path):
            return update(self._store, self._roll, self._engine, self._recogniser, full=full)

    def update_is_due(self) -> bool:
        """Whether `update` would group something."""
        return is_due(self._store, self._engine)

    def recluster(self) -> None:
        """Groups all faces anew; names and, where people stay the same, their ids are kept."""
        self.update(full=True)

    def identify(self, photo: PhotoInput) -> list[Identification]:
        """Who is in a photo or video, which need not be in the library: one answer per face.

        photo: a path, a PIL image or an (h, w, 3) uint8 RGB array; of a video, somebody in one shot
        is one face.  A face that is too unclear to be compared is unknown.  Raises PhotoError if
        the photo cannot be read, ModelError if the models are not installed, LibraryError if other
        models made the library.
        """
        known, model = self._model(), self._engine.model_tag
        if known not in ("", model):
            raise LibraryError(
                f"{self.path} was made with other models ({known}, now {model}); scan again"
            )
        metadata, observations = self._look(photo)
        if not observations:
            return []
        faces = np.stack([seen.face for seen in observations])
        taken_at = np.full(len(faces), metadata.taken_at, np.float64)
        with self._store.snapshot():
            matches = self._recogniser.identify(known, faces, taken_at)
            names = self._store.names()
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
                    at_s=seen.at_s,
                )
            )
        return found

    def _look(self, photo: PhotoInput) -> tuple[PhotoMetadata, list[Observation]]:
        """What a photo, or a video file, says of itself, and who is in it."""
        analyze, min_side = self._analyzer.analyze, self._engine.min_side
        if isinstance(photo, str | Path):
            reading = look(photo, analyze, min_side=min_side, same_face=self._engine.same_face)
            return reading.metadata, reading.observations
        decoded = decode(photo, min_side=min_side)
        return decoded.metadata, analyze(decoded.pixels)

    @contextlib.contextmanager
    def rehearsal(self) -> Iterator[None]:
        """What is changed inside is seen inside, and taken back at the end."""
        try:
            with super().rehearsal():
                yield
        finally:
            self._recogniser.reset()

    def _curve(self) -> Calibration:
        """The impostor curve that the people were grouped by."""
        model = self._model()
        with contextlib.suppress(ModelError):  # of an engine of the caller's own
            curve = models.recipe(pack_of(model)).curve
            if curve is not None:
                return Calibration.of_pack(curve)
        with contextlib.suppress(ModelError):  # of an engine that is not here now
            gallery = self._recogniser.gallery(model)
            if isinstance(gallery, Exemplars):
                return gallery.calibration
        return super()._curve()

    def _summarise(self, counts: ScanCounts, grouped: bool, seconds: float) -> ScanSummary:
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
            placements=self._analyzer.placements,
            grouped=grouped,
            n_outdated=self.count_outdated(),
            n_videos=counts.n_videos,
            n_videos_left=counts.n_videos_left,
            n_live=counts.n_live,
            others=counts.others,
        )
        figures = asdict(summary)
        for name in ("failures", "placements", "grouped", "n_outdated", "others"):
            del figures[name]
        with self._store.atomic():
            self._store.set_state("last_scan", figures)
        return summary
