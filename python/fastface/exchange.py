"""Names to and from other programs, by way of files in and beside the photos."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TypeAlias

import numpy as np

from fastface.answers import Answers
from fastface.errors import FastfaceError
from fastface.metadata import adoption, inward, outward, sidecars
from fastface.metadata.adoption import Plan, Seat, Sourced
from fastface.metadata.outward import Change, NamedFace
from fastface.metadata.picasa import read_contacts
from fastface.metadata.reports import ExportReport, ImportedName, ImportReport, NameThere
from fastface.photos import content_hash, photo_folder
from fastface.roll import Saying
from fastface.store import person_key
from fastface.types import Face
from fastface.verdicts import words

Progress: TypeAlias = Callable[[int, int, Path | None], None]


class Exchange(Answers):
    """Gives names to other programs and takes theirs over; see `Library`."""

    def export_names(
        self,
        folder: str | Path | None = None,
        *,
        embed: bool = False,
        style: str = "full",
        keywords: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> ExportReport:
        """Writes who is where beside every photo, in XMP that other programs read.

        folder: only photos below it.  embed: into the photos instead (JPEG and PNG; pixels are
        copied as they are, and the library knows the file again).  style: `full` for
        `photo.jpg.xmp`, `lightroom` for `photo.xmp`.  keywords: names as keywords too.
        dry_run: nothing is written.  Hidden people and those without a name are left out.

        What others wrote is kept, and where they give a face another name theirs stays; what an
        earlier export wrote is brought up to date, and taken back where a name was.
        Raises PhotoError if there is no such folder.
        """
        if style not in sidecars.STYLES:
            raise ValueError(f"style: expected one of {', '.join(sidecars.STYLES)}, got {style!r}")
        if embed and not dry_run:
            self._store.check_writable()
        named, files = self._named_faces(), self._files(folder)
        changes: list[tuple[Path, Change]] = []
        problems: list[tuple[Path, str]] = []
        for done, (photo, hash_) in enumerate(files, start=1):
            faces = named.get(hash_[:16], [])
            try:
                if embed:
                    change = outward.for_photo(photo, faces, keywords=keywords)
                else:
                    change = outward.for_sidecar(photo, faces, style, keywords=keywords)
                if change.outcome != outward.UNCHANGED and not dry_run:
                    self._write(change, photo, hash_ if embed else None)
                changes.append((photo, change._replace(content=None)))
            except FastfaceError as error:
                problems.append((photo, str(error)))
            if progress is not None:
                progress(done, len(files), photo)
        return _export_report(changes, problems, len(files), dry_run)

    def import_names(
        self,
        folder: str | Path | None = None,
        *,
        sources: Collection[str] = inward.SOURCES,
        contacts: str | Path | None = None,
        replace: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> ImportReport:
        """Takes over names that other programs gave to faces in the library's photos.

        folder: only photos below it.  sources: of `sidecar`, `embedded` (XMP), `picasa`, `takeout`.
        contacts: Picasa's `contacts.xml`.  replace: an imported name counts even where you said
        otherwise of that face; else it is reported.  dry_run: only the report.

        A face that is named becomes confirmed, and who resembles it follows as with any answer.
        The import is one batch of answers: `undo` takes all of it back, and importing again adds
        nothing.  Raises MetadataError for contacts that cannot be read, PhotoError if there is no
        such folder.
        """
        unknown = sorted({*sources} - {*inward.SOURCES})
        if unknown:
            expected = ", ".join(inward.SOURCES)
            raise ValueError(f"sources: expected some of {expected}, got {unknown[0]!r}")
        names_of_contacts = None if contacts is None else read_contacts(Path(contacts))
        files = self._files(folder)
        hashes = {photo: hash_[:16] for photo, hash_ in files}
        photos = list(inward.gather(list(hashes), sources, names_of_contacts, progress))
        with self.rehearsal() if dry_run else contextlib.nullcontext(), self._answering():
            faces: dict[str, list[Face]] = defaultdict(list)
            for face in self.faces():
                faces[face.id.rpartition("-")[0]].append(face)
            called = {number: row.name for number, row in self._roll.people.items()}
            known = {name: person_key(n) for n, name in called.items() if name is not None}
            matched = adoption.match_all(photos, lambda photo: faces[hashes[photo]], known)
            seats = self._seats(found.match.face.id for found in matched.names)
            plan = adoption.plan(
                matched.names, seats, called, self._roll.new_number, replace=replace
            )
            sayings = _sayings(plan, seats)
            if sayings:
                self._say_together(sayings)
            people = {face.id: face.person for face in self.faces()}
        return ImportReport(
            n_files=len(files),
            n_answers=len(sayings),
            n_unnamed=matched.n_unnamed,
            names=_imported(plan, people),
            left_over=tuple(matched.left_over),
            conflicts=(*matched.conflicts, *plan.conflicts),
            problems=tuple(dict.fromkeys(matched.problems)),
            dry_run=dry_run,
        )

    def _files(self, folder: str | Path | None) -> list[tuple[Path, str]]:
        """Every photo file that is present, below the folder if there is one, with its content."""
        files = self._store.present_files()
        if folder is None:
            return files
        root = photo_folder(folder)
        return [(path, hash_) for path, hash_ in files if path.is_relative_to(root)]

    def _named_faces(self) -> dict[str, list[NamedFace]]:
        """Who is to be named, by the beginning of the photo's content hash, as in a face's id."""
        with self._store.snapshot():
            names = {person.id: person.name for person in self.people() if person.name}
            faces = self.faces()
        named: dict[str, list[NamedFace]] = defaultdict(list)
        for face in faces:
            if face.person in names:
                content = face.id.rpartition("-")[0]
                named[content].append(NamedFace(names[face.person], face.box))
        return {content: sorted(found) for content, found in named.items()}

    def _write(self, change: Change, photo: Path, hash_: str | None) -> None:
        """Writes a file; of a photo whose content changes, the library learns the new one first."""
        if hash_ is None or change.content is None:
            outward.apply(change, photo)
            return
        new_hash = content_hash(change.content)
        with self._store.atomic():
            self._store.add_rewritten(hash_, new_hash)
        outward.apply(change, photo)
        status = photo.stat()
        with self._store.atomic():
            key = os.fsencode(photo)
            self._store.put_file(key, status.st_size, status.st_mtime_ns, new_hash)

    def _seats(self, faces: Iterable[str]) -> dict[str, Seat]:
        """Where these faces are, and what was said of them, by id."""
        persons, rulings = self._roll.members.persons, self._roll.rulings
        columns = persons, rulings.seat > 0, rulings.confirmed
        rows = {face: int(self._these([face])[0, 0]) for face in faces}
        return {face: Seat(row, *(c[row].item() for c in columns)) for face, row in rows.items()}


def _sayings(plan: Plan, seats: dict[str, Seat]) -> list[Saying]:
    sayings: list[Saying] = []
    for adopted in plan.adopted:
        rows = [seats[found.match.face.id].row for found in adopted.faces]
        faces = np.column_stack([rows, np.full(len(rows), adopted.number)])
        if adopted.is_new:
            payload = {"person": adopted.number, "name": adopted.name}
            sayings.append((words.NAME, payload, faces))
        sayings.append((words.CONFIRM, {"person": adopted.number}, faces))
    return sayings


def _imported(plan: Plan, people: dict[str, str | None]) -> tuple[ImportedName, ...]:
    def row(found: Sourced, is_new: bool) -> ImportedName:
        photo, source, (name, face, how) = found.photo, found.source, found.match
        return ImportedName(photo, name, face.id, people[face.id] or "", source, how, is_new)

    new = [row(found, True) for adopted in plan.adopted for found in adopted.faces]
    known = [row(found, False) for found in plan.known]
    return tuple(sorted(new + known, key=lambda name: (name.photo, name.face)))


def _export_report(
    changes: list[tuple[Path, Change]],
    problems: list[tuple[Path, str]],
    n_files: int,
    dry_run: bool,
) -> ExportReport:
    def targets(outcome: str) -> tuple[Path, ...]:
        return tuple(change.target for _, change in changes if change.outcome == outcome)

    return ExportReport(
        n_files=n_files,
        written=targets(outward.WRITTEN),
        removed=targets(outward.REMOVED),
        n_unchanged=len(targets(outward.UNCHANGED)),
        conflicts=tuple(
            NameThere(photo, ours, theirs)
            for photo, change in changes
            for ours, theirs in change.other_names
        ),
        problems=tuple(problems),
        dry_run=dry_run,
    )
