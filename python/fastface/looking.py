"""An open library, and what there is to see in it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import platformdirs

from fastface.calibration import Calibration
from fastface.errors import AmbiguousError, LibraryError, NotFoundError
from fastface.roll import Roll
from fastface.store import PersonRow, Store, person_key
from fastface.types import Face, LibraryStats, Person, PhotoRow
from fastface.verdicts.names import matching


def default_path() -> Path:
    """Where the library is: `FASTFACE_LIBRARY`, else `library.db` in the user's data folder."""
    chosen = os.environ.get("FASTFACE_LIBRARY")
    if chosen:
        return Path(chosen).expanduser()
    return platformdirs.user_data_path("fastface", appauthor=False) / "library.db"


class OpenLibrary:
    """A library's file, open for reading; see `Library`."""

    def __init__(self, path: str | Path | None, *, read_only: bool) -> None:
        self.path = Path(os.path.realpath(default_path() if path is None else path))
        self._store = Store(self.path, read_only=read_only)
        self._roll = Roll(self._store)
        if not read_only and self._store.is_scrub_pending():
            # Somebody was forgotten by a process that ended, or while another was reading.
            with contextlib.suppress(LibraryError):
                self._store.scrub()

    def __enter__(self) -> Self:
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

    def snapshot(self) -> contextlib.AbstractContextManager[None]:
        """Everything read inside sees one state, whatever other processes write meanwhile.

        Answers, scans and updates inside raise LibraryError.
        """
        return self._store.snapshot()

    def people(self, *, hidden: bool = False) -> list[Person]:
        """Everyone in the library, those on most photos first; hidden: those too."""
        with self._store.snapshot():
            rows = self._store.person_rows()
            people = self._people({n: row for n, row in rows.items() if hidden or not row.hidden})
        return sorted(people, key=lambda p: (-p.n_photos, -p.n_faces, int(p.id[1:])))

    def _people(self, rows: Mapping[int, PersonRow], only: int | None = None) -> list[Person]:
        """These people, or the only one of them, as far as they are on photos that are present."""
        figures = self._store.person_figures(self._model(), only)
        shown = [n for n in rows if n in figures]
        chosen = {n: rows[n].cover or figures[n].clearest for n in shown}
        covers = self._store.faces_by_id({*chosen.values()})
        for n in shown:  # a chosen face whose photo is missing now
            if chosen[n] not in covers:
                chosen[n] = figures[n].clearest
                covers.update(self._store.faces_by_id([chosen[n]]))
        return [
            Person(
                id=person_key(n),
                name=rows[n].name,
                n_photos=figures[n].n_photos,
                n_faces=figures[n].n_faces,
                cover=covers[chosen[n]],
                hidden=rows[n].hidden,
                first_seen=figures[n].first_seen,
                last_seen=figures[n].last_seen,
                n_videos=figures[n].n_videos,
            )
            for n in shown
        ]

    def names(self) -> dict[str, str | None]:
        """The name, or None, of everybody by id, those on missing photos too."""
        return {person_key(number): name for number, name in self._store.names().items()}

    def find_person(self, person: str) -> str:
        """The id of the person that is meant: an id, a name or most of one, in any case.

        Raises AmbiguousError, with candidates, where several people or only one of a similar name
        may be meant; NotFoundError where nobody is.
        """
        return person_key(self._find(person))

    def faces(self, person: str | None = None) -> list[Face]:
        """All faces, or those of one person (id or name), by photo and place in it.

        A face that is too unclear to be grouped has no person; what the user said is no face is
        left out.  Raises NotFoundError for a person that is not in the library.
        """
        with self._store.snapshot():
            return self._store.faces(self._model(), None if person is None else self._find(person))

    def faces_in(self, photo: str | Path) -> list[Face]:
        """The faces on a photo of the library, by place in it; NotFoundError if it is unknown."""
        path = os.fsencode(os.path.realpath(photo))
        with self._store.snapshot():
            if not self._store.is_file(path):
                raise NotFoundError(f"{photo} is not in the library; scan its folder first")
            return self._store.faces_in(self._model(), path)

    def photos(self, person: str) -> list[PhotoRow]:
        """The photos that show a person (id or name), oldest first, those without a clock last."""
        with self._store.snapshot():
            return self._store.photos(self._model(), self._find(person))

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

    @contextlib.contextmanager
    def rehearsal(self) -> Iterator[None]:
        """What is changed inside is seen inside, and taken back at the end."""
        try:
            with contextlib.suppress(_RehearsalOverError), self._store.atomic():
                yield
                raise _RehearsalOverError
        finally:
            self._roll.reset()

    def _model(self) -> str:
        """The tag of the models whose observations were grouped last; empty before that."""
        return str(self._store.state("grouping", {}).get("model", ""))

    def _curve(self) -> Calibration:
        """The impostor curve of the embedder; the default pack's where nobody knows better."""
        return Calibration.of_pack()

    def _find(self, person: str) -> int:
        names = self._store.names()
        found, certain = matching(person, names)
        if certain and len(found) == 1:
            return found[0]
        if not found:
            raise NotFoundError(
                f"nobody here is called {person!r}; `fastface people` lists everyone"
            )
        several = " or ".join(f"{names[n] or 'unnamed'} ({person_key(n)})" for n in found[:5])
        raise AmbiguousError(
            f"{person!r} may mean {several}; give the id", tuple(map(person_key, found))
        )


class _RehearsalOverError(Exception): ...
