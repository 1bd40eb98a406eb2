"""The library's memory: facts, derived tables and verdicts as verbs.  It knows no algorithm.

Facts (photos, observations) are written once per photo content and model.  Derived tables may be
thrown away.  Verdicts are append-only.  `types.Anchor` is the only bridge between them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from fastface.database import Database, Row
from fastface.rows import (
    Facts,
    FailureRow,
    FileRow,
    Membership,
    observation_row,
    path_of,
    stack,
)
from fastface.types import Anchor, Box, Face, Observation, PhotoMetadata, PhotoRow, Verdict

# One path per content that is present: the first in byte order, so that copies do not matter.
_PRESENT = "(SELECT content_id, min(path) AS path FROM file WHERE NOT missing GROUP BY content_id)"


class Store:
    """The tables of one library file.  Writes belong inside `with store.atomic():`."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._database = Database(path, read_only=read_only)
        self.path = path
        self.read_only = read_only

    def close(self) -> None:
        self._database.close()

    def atomic(self) -> AbstractContextManager[None]:
        """A transaction that holds the write lock; nested, a savepoint."""
        return self._database.atomic()

    def check_writable(self) -> None:
        """Raises LibraryError now rather than after minutes of work."""
        with self.atomic():
            pass

    # -- facts -----------------------------------------------------------------------------------

    def files_under(self, folder: Path, model: str) -> dict[bytes, FileRow]:
        """Every path known under a folder, present or missing."""
        rows = self._database.rows(
            """SELECT path, size, mtime_ns, hash, missing, analysis.model IS NOT NULL
               FROM file JOIN content ON content.id = file.content_id
               LEFT JOIN analysis ON analysis.content_id = content.id AND analysis.model = ?
               WHERE path >= ? AND path < ?""",
            (model, *_range_under(folder)),
        )
        return {
            path: FileRow(size, mtime_ns, content_hash, bool(missing), bool(analysed))
            for path, size, mtime_ns, content_hash, missing, analysed in rows
        }

    def failures_under(self, folder: Path) -> dict[bytes, FailureRow]:
        """Every path under a folder that could not be read."""
        rows = self._database.rows(
            """SELECT path, size, mtime_ns, reader, message FROM failure
               WHERE path >= ? AND path < ?""",
            _range_under(folder),
        )
        return {row[0]: FailureRow(*row[1:]) for row in rows}

    def failures(self) -> list[tuple[Path, str]]:
        """Every path that could not be read, and why, by path."""
        rows = self._database.rows("SELECT path, message FROM failure ORDER BY path")
        return [(path_of(path), message) for path, message in rows]

    def is_analysed(self, content_hash: str, model: str) -> bool:
        """Whether this content has been through these models."""
        return bool(
            self._database.row(
                """SELECT 1 FROM content JOIN analysis ON content_id = content.id
                   WHERE hash = ? AND model = ?""",
                (content_hash, model),
            )
        )

    def add_analysis(
        self,
        content_hash: str,
        metadata: PhotoMetadata,
        model: str,
        observations: Sequence[Observation],
    ) -> bool:
        """Remembers a photo's content and what a model saw in it; False if that was known."""
        self._database.run(
            """INSERT INTO content (hash, width, height, taken_at, latitude, longitude, camera)
               VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING""",
            (
                content_hash,
                metadata.width,
                metadata.height,
                metadata.taken_at,
                metadata.latitude,
                metadata.longitude,
                metadata.camera,
            ),
        )
        content_id = self._content_id(content_hash)
        added = self._database.run(
            "INSERT INTO analysis VALUES (?, ?) ON CONFLICT DO NOTHING", (content_id, model)
        )
        if not added.rowcount:
            return False
        self._database.run_many(
            """INSERT INTO observation (content_id, model, position, box_left, box_top, box_width,
               box_height, landmarks, score, quality, unclear, face, torso_left, torso_top,
               torso_width, torso_height, torso) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
               ?, ?, ?)""",
            (
                (content_id, model, position, *observation_row(observation))
                for position, observation in enumerate(observations)
            ),
        )
        self._facts_changed()
        return True

    def put_file(self, path: bytes, size: int, mtime_ns: int, content_hash: str) -> None:
        """Remembers which content a path holds now."""
        self._database.run("DELETE FROM failure WHERE path = ?", (path,))
        self._database.run(
            """INSERT INTO file VALUES (?, ?, ?, ?, 0) ON CONFLICT (path) DO UPDATE SET
               size = excluded.size, mtime_ns = excluded.mtime_ns, missing = 0,
               content_id = excluded.content_id""",
            (path, size, mtime_ns, self._content_id(content_hash)),
        )
        self._facts_changed()

    def put_failure(self, path: bytes, failure: FailureRow) -> None:
        """Remembers that a path holds no photo that can be read."""
        if self._database.run("DELETE FROM file WHERE path = ?", (path,)).rowcount:
            self._facts_changed()
        self._database.run("REPLACE INTO failure VALUES (?, ?, ?, ?, ?)", (path, *failure))

    def mark_missing(self, paths: Iterable[bytes], *, missing: bool = True) -> None:
        """Marks paths as gone, or as back."""
        keys = [(path,) for path in paths]
        self._database.run_many(
            f"UPDATE file SET missing = {int(missing)} WHERE path = ?",  # noqa: S608
            keys,
        )
        if missing:
            self._database.run_many("DELETE FROM failure WHERE path = ?", keys)
        if keys:
            self._facts_changed()

    def facts(self, model: str) -> Facts:
        """All observations of a model on photos that are present."""
        with self._database.snapshot():
            photos = self._database.rows(
                f"""SELECT content.id, hash, path, taken_at, latitude, longitude
                    FROM content JOIN {_PRESENT} present ON present.content_id = content.id
                    JOIN analysis ON analysis.content_id = content.id
                    WHERE model = ? ORDER BY hash""",  # noqa: S608
                (model,),
            )
            observations = self._database.rows(
                f"""SELECT observation.id, hash, box_left, box_top, box_width, box_height, face,
                    torso, score, quality, unclear, content.id
                    FROM observation JOIN content ON content.id = observation.content_id
                    JOIN {_PRESENT} present ON present.content_id = content.id
                    WHERE model = ? ORDER BY hash, position""",  # noqa: S608
                (model,),
            )
        index = {photo[0]: i for i, photo in enumerate(photos)}
        return Facts(
            content_ids=np.array([row[0] for row in photos], np.int64),
            hashes=[row[1] for row in photos],
            paths=[path_of(row[2]) for row in photos],
            taken_at=np.array([row[3] for row in photos], np.float64),
            latitude=np.array([row[4] for row in photos], np.float64),
            longitude=np.array([row[5] for row in photos], np.float64),
            ids=np.array([row[0] for row in observations], np.int64),
            anchors=[Anchor(row[1], Box(*row[2:6])) for row in observations],
            photo_index=np.array([index[row[11]] for row in observations], np.int64),
            faces=stack([row[6] for row in observations]),
            torsos=stack([row[7] for row in observations]),
            scores=np.array([row[8] for row in observations], np.float32),
            quality=np.array([row[9] for row in observations], np.float32),
            unclear=np.array([row[10] for row in observations], np.bool_),
        )

    def revision(self) -> int:
        """A number that grows whenever facts change."""
        return int(self.state("revision", 0))

    def count(self, model: str) -> dict[str, int]:
        """The figures of `types.LibraryStats`, by name; faces and people of one model."""
        return self._database.named_row(
            f"""WITH present AS {_PRESENT}, seen AS (
                    SELECT unclear, person_id FROM observation
                    JOIN present ON present.content_id = observation.content_id
                    LEFT JOIN membership ON observation_id = observation.id WHERE model = ?)
                SELECT (SELECT count(*) FROM present) AS n_photos,
                       (SELECT count(*) FROM file WHERE missing) AS n_missing,
                       (SELECT count(*) FROM failure) AS n_failed,
                       (SELECT count(*) FROM seen) AS n_faces,
                       (SELECT count(*) FROM seen WHERE unclear) AS n_unclear,
                       (SELECT count(DISTINCT person_id) FROM seen) AS n_people,
                       (SELECT count(DISTINCT person.id) FROM seen JOIN person
                        ON person.id = person_id WHERE name IS NOT NULL) AS n_named,
                       (SELECT count(DISTINCT moment) FROM moment) AS n_moments""",  # noqa: S608
            (model,),
        )

    # -- derived ---------------------------------------------------------------------------------

    def memberships(self, model: str) -> list[Membership]:
        """Every observation's place in the last grouping, in canonical order.

        Those of photos that are missing now, or that an earlier model saw, come with
        `present=False`: their people's ids are remembered, but they are in no cluster.
        """
        rows = self._database.rows(
            f"""SELECT observation.id, hash, box_left, box_top, box_width, box_height,
                coalesce(cluster, -1), person_id, path IS NOT NULL AND model = ?1
                FROM observation JOIN content ON content.id = observation.content_id
                LEFT JOIN {_PRESENT} present ON present.content_id = content.id
                LEFT JOIN membership ON observation_id = observation.id
                WHERE (model = ?1 AND path IS NOT NULL) OR person_id IS NOT NULL
                ORDER BY hash, position, model""",  # noqa: S608
            (model,),
        )
        return [
            Membership(row[0], Anchor(row[1], Box(*row[2:6])), row[6], row[7], bool(row[8]))
            for row in rows
        ]

    def replace_memberships(self, rows: Iterable[tuple[int, int, int | None]]) -> None:
        """Writes (observation id, cluster, person id) for all that is present.

        What the last grouping said of photos that are missing now stays.
        """
        self._database.run(
            f"""DELETE FROM membership WHERE observation_id IN (
                SELECT observation.id FROM observation
                JOIN {_PRESENT} present ON present.content_id = observation.content_id)"""  # noqa: S608
        )
        self._database.run_many("INSERT INTO membership VALUES (?, ?, ?)", rows)

    def names(self) -> dict[int, str | None]:
        """Every person's number and name, those of missing photos too."""
        return dict(self._database.rows("SELECT id, name FROM person ORDER BY id"))

    def put_people(self, names: Mapping[int, str | None]) -> None:
        """Writes these people; call `drop_empty_people` when memberships are written."""
        self._database.run_many(
            "INSERT INTO person VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name",
            names.items(),
        )

    def drop_empty_people(self) -> None:
        """Forgets people without a face left."""
        self._database.run(
            "DELETE FROM person WHERE id NOT IN (SELECT person_id FROM membership "
            "WHERE person_id IS NOT NULL)"
        )

    def replace_moments(self, moments: Iterable[tuple[int, int]]) -> None:
        """Writes (content id, moment) of every photo that is present."""
        self._database.run("DELETE FROM moment")
        self._database.run_many("INSERT INTO moment VALUES (?, ?)", moments)

    def anchors(self, model: str, person_id: int) -> list[Anchor]:
        """Where a person is seen on photos that are present, in canonical order."""
        return [
            row.anchor
            for row in self.memberships(model)
            if row.present and row.person_id == person_id
        ]

    def faces(self, model: str, person_id: int | None = None) -> list[Face]:
        """Faces on photos that are present, by path and place; of one person if asked."""
        return [face for face, _ in self._faces_with_photo(model, person_id)]

    def photos(self, model: str, person_id: int) -> list[PhotoRow]:
        """A person's photos by time, those without a clock last, then by path."""
        rows: dict[Path, Row] = {}
        faces: dict[Path, list[Face]] = {}
        for face, row in self._faces_with_photo(model, person_id):
            rows[face.photo] = row
            faces.setdefault(face.photo, []).append(face)
        photos = [
            PhotoRow(path, taken_at, latitude, longitude, tuple(faces[path]))
            for path, (taken_at, latitude, longitude) in rows.items()
        ]
        return sorted(photos, key=lambda photo: (photo.taken_at is None, photo.taken_at or 0.0))

    # -- verdicts --------------------------------------------------------------------------------

    def add_verdict(self, verdict: Verdict) -> None:
        """Appends what the user said."""
        added = self._database.run(
            "INSERT INTO verdict (kind, payload, said_at) VALUES (?, ?, ?)",
            (verdict.kind, json.dumps(verdict.payload, sort_keys=True), verdict.said_at),
        )
        self._database.run_many(
            "INSERT INTO anchor VALUES (?, ?, ?, ?, ?, ?)",
            ((added.lastrowid, anchor.content_hash, *anchor.box) for anchor in verdict.anchors),
        )

    def verdicts(self) -> list[Verdict]:
        """Everything the user said, in order."""
        anchors: dict[int, list[Anchor]] = {}
        for verdict_id, content_hash, *box in self._database.rows(
            "SELECT * FROM anchor ORDER BY verdict_id, rowid"
        ):
            anchors.setdefault(verdict_id, []).append(Anchor(content_hash, Box(*box)))
        return [
            Verdict(kind, json.loads(payload), tuple(anchors.get(verdict_id, ())), said_at)
            for verdict_id, kind, payload, said_at in self._database.rows(
                "SELECT id, kind, payload, said_at FROM verdict ORDER BY id"
            )
        ]

    # -- state -----------------------------------------------------------------------------------

    def state(self, key: str, default: Any = None) -> Any:
        """A small value the library keeps about itself."""
        row = self._database.row("SELECT value FROM state WHERE key = ?", (key,))
        return default if row is None else json.loads(row[0])

    def set_state(self, key: str, value: Any) -> None:
        """Keeps a small value; anything that JSON can hold."""
        self._database.run("REPLACE INTO state VALUES (?, ?)", (key, json.dumps(value)))

    def _facts_changed(self) -> None:
        self.set_state("revision", self.revision() + 1)

    def _content_id(self, content_hash: str) -> int:
        row = self._database.row("SELECT id FROM content WHERE hash = ?", (content_hash,))
        if row is None:
            raise KeyError(f"no content {content_hash}")
        return int(row[0])

    def _faces_with_photo(self, model: str, person_id: int | None) -> Iterator[tuple[Face, Row]]:
        rows = self._database.rows(
            f"""SELECT hash, position, path, box_left, box_top, box_width, box_height, person_id,
                quality, unclear, taken_at, latitude, longitude
                FROM observation JOIN content ON content.id = observation.content_id
                JOIN {_PRESENT} present ON present.content_id = content.id
                LEFT JOIN membership ON observation_id = observation.id
                WHERE model = ?1 AND (?2 IS NULL OR person_id = ?2)
                ORDER BY path, position""",  # noqa: S608
            (model, person_id),
        )
        photo = Path()
        key = None
        for row in rows:
            if row[2] != key:
                key, photo = row[2], path_of(row[2])
            person = None if row[7] is None else person_key(row[7])
            yield (
                Face(
                    id=f"{row[0][:16]}-{row[1]}",
                    photo=photo,
                    box=Box(*row[3:7]),
                    person=person,
                    quality=row[8],
                    unclear=bool(row[9]),
                ),
                row[10:13],
            )


def person_key(number: int) -> str:
    """The id that users see, of a person's number."""
    return f"p{number}"


def _range_under(folder: Path) -> tuple[bytes, bytes]:
    """Bounds (first, past the last) of all keys below a folder, for the primary key."""
    separator = os.fsencode(os.sep)
    stem = os.fsencode(folder).rstrip(separator)
    return stem + separator, stem + bytes([separator[0] + 1])
