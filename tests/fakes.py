"""A library in memory with the public face of `fastface.Library`, for fast tests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

from fastface.errors import LibraryError, NotFoundError, PhotoError
from fastface.types import (
    Box,
    Changes,
    Face,
    Identification,
    LibraryStats,
    Person,
    PersonChange,
    PersonState,
    PhotoRow,
    Placement,
    ScanSummary,
)

BOX = Box(0.25, 0.2, 0.2, 0.3)


class FakeLibrary:
    """Two people in three photos, an unclear face and a broken photo.

    Libraries live in `opened`, by path, so that one command sees what another has written.
    """

    opened: ClassVar[dict[Path | None, FakeLibrary]] = {}

    def __new__(cls, path: Path | None = None, **_: Any) -> FakeLibrary:
        return cls.opened.setdefault(path, super().__new__(cls))

    def __init__(
        self,
        path: Path | None = None,
        *,
        read_only: bool = False,
        pack: str | None = None,
        providers: Sequence[str] | None = None,
    ) -> None:
        self.path = path or Path("/home/ada/library.db")
        self.read_only = read_only
        if hasattr(self, "faces_found"):
            return
        self.called: dict[str, str | None] = {}
        self.faces_found: list[Face] = []
        self.broken: list[tuple[Path, str]] = []
        self.placements: dict[str, Placement] = {}
        self.taken_at: dict[Path, float] = {}
        self.last_scan: dict[str, float] = {}
        self.n_outdated = 0
        self.n_live = 0
        self.counts: dict[str, Any] = {}  # of the next scans, in place of the usual ones
        self.on_scan: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def fill(self, folder: Path = Path("/photos")) -> Self:
        """Put the standard people in, as if `folder` had been scanned."""
        a, b, c = (folder / name for name in ("a.jpg", "b.jpg", "c.jpg"))
        self.called = {"p1": "Ada Lovelace", "p2": None}
        self.faces_found = [
            Face("f1", a, BOX, "p1", 0.91, False),
            Face("f2", a, Box(0.6, 0.2, 0.2, 0.3), "p2", 0.8, False),
            Face("f3", b, BOX, "p1", 0.7, False),
            Face("f4", c, BOX, None, 0.12, True),
        ]
        self.taken_at = {a: 1_000_000_000.0, b: 1_100_000_000.0}
        self.broken = [(folder / "broken.jpg", "truncated after 12 bytes")]
        return self

    def count_outdated(self) -> int:
        return self.n_outdated

    def scan(
        self,
        folder: Path,
        *,
        progress: Any = None,
        workers: int | None = None,
        max_memory: int | None = None,
    ) -> ScanSummary:
        if self.read_only:
            raise LibraryError("the library is open read-only")
        self.on_scan()
        if progress is not None:
            for done in range(5):
                progress(done, 4, folder / f"{done}.jpg")
        new = 0 if self.faces_found else 3
        self.fill(folder)
        summary = ScanSummary(
            n_photos=4,
            n_new=new,
            n_unchanged=3 - new,
            n_moved=0,
            n_failed=1,
            n_missing=0,
            n_faces=4,
            n_unclear=1,
            n_people=2,
            seconds=1.5,
            failures=tuple(self.broken),
            placements=self.placements,
            n_outdated=self.n_outdated,
            n_live=self.n_live,
        )
        summary = replace(summary, **self.counts)
        self.last_scan = {
            name: getattr(summary, name)
            for name in ScanSummary.__slots__
            if name not in ("failures", "placements", "n_outdated", "others")
        }
        return summary

    def least_sure(self, person: str) -> list[Any]:
        return []

    def people(self, *, hidden: bool = False) -> list[Person]:
        people = []
        for person, name in self.called.items():
            faces = self.faces(person)
            cover = max(faces, key=lambda face: face.quality)
            n_photos = len({face.photo for face in faces})
            people.append(Person(person, name, n_photos, len(faces), cover))
        return sorted(people, key=lambda person: -person.n_photos)

    def faces(self, person: str | None = None) -> list[Face]:
        if person is None:
            return list(self.faces_found)
        key = self._key(person)
        return [face for face in self.faces_found if face.person == key]

    def photos(self, person: str) -> list[PhotoRow]:
        faces = self.faces(person)
        return [
            PhotoRow(
                photo,
                self.taken_at.get(photo),
                None,
                None,
                tuple(face for face in faces if face.photo == photo),
            )
            for photo in dict.fromkeys(face.photo for face in faces)
        ]

    def search(
        self,
        people: Iterable[str] = (),
        *,
        without: Iterable[str] = (),
        since: str | None = None,
        until: str | None = None,
        near: Any = None,
        km: float = 1.0,
    ) -> list[PhotoRow]:
        """By people alone."""
        (person,) = people
        return self.photos(person)

    def identify(self, photo: Path) -> list[Identification]:
        if photo.suffix == ".txt":
            raise PhotoError(f"{photo}: not a JPEG, PNG, WebP, TIFF, HEIC or AVIF file")
        if "nobody" in photo.name:
            return []
        if not self.called:
            return [Identification(BOX, None, None, 0.0, float("inf"))]
        return [
            Identification(BOX, "p1", "Ada Lovelace", 0.97, 0.31),
            Identification(Box(0.6, 0.2, 0.2, 0.3), None, None, 0.1, 0.8),
        ]

    @contextlib.contextmanager
    def watching(self, *, dry_run: bool = False) -> Iterator[Changes]:
        """Tells of names only."""
        changes, before = Changes(), dict(self.called)
        yield changes
        changes.people = tuple(
            PersonChange(
                person,
                PersonState(before[person], 1, False, None),
                PersonState(name, 1, False, None),
            )
            for person, name in self.called.items()
            if before[person] != name
        )

    def names(self) -> dict[str, str | None]:
        return dict(self.called)

    def find_person(self, person: str) -> str:
        return self._key(person)

    def name(self, person: str, name: str) -> Person:
        key = self._key(person)
        self.called[key] = name
        return next(row for row in self.people() if row.id == key)

    def snapshot(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def stats(self) -> LibraryStats:
        people = self.people()
        return LibraryStats(
            path=self.path,
            n_photos=len({face.photo for face in self.faces_found}),
            n_missing=0,
            n_failed=len(self.broken),
            n_faces=len(self.faces_found),
            n_unclear=sum(face.unclear for face in self.faces_found),
            n_people=len(people),
            n_named=sum(person.name is not None for person in people),
            n_moments=2,
            model="yunet+sface",
            threshold=0.525,
            last_scan=self.last_scan,
        )

    def failures(self) -> list[tuple[Path, str]]:
        return list(self.broken)

    def replace_face(self, face_id: str, **changes: Any) -> None:
        """Change a face of the standard people."""
        self.faces_found = [
            replace(face, **changes) if face.id == face_id else face for face in self.faces_found
        ]

    def _key(self, person: str) -> str:
        for key, name in self.called.items():
            if person in (key, name):
                return key
        raise NotFoundError(f"no person '{person}' in the library; `fastface people` lists them")
