"""Facts: photos, what a model saw in them, and which path holds what.  Never edited."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from fastface.store.database import Row
from fastface.store.rows import (
    FACE_TYPE,
    PLACE,
    TORSO_TYPE,
    Facts,
    FailureRow,
    FileRow,
    observation_row,
    path_of,
    place,
    range_under,
    stack,
)
from fastface.store.tables import PATH, Tables
from fastface.types import Anchor, FloatArray, IntArray, Observation, PhotoMetadata

# The content that a hash stands for: its own, or that of a photo which was rewritten with it.
_CONTENT_OF: Final = """coalesce((SELECT id FROM content WHERE hash = ?1),
                                 (SELECT content_id FROM rewritten WHERE hash = ?1))"""


class FactTables(Tables):
    """Contents, files, analyses, observations and failures."""

    def files_under(self, folder: Path, model: str) -> dict[bytes, FileRow]:
        """Every path known under a folder, present or missing."""
        rows = self._database.rows(
            """SELECT path, size, mtime_ns, hash, missing, analysis.model IS NOT NULL
               FROM file JOIN content ON content.id = file.content_id
               LEFT JOIN analysis ON analysis.content_id = content.id AND analysis.model = ?
               WHERE path >= ? AND path < ?""",
            (model, *range_under(folder)),
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
            range_under(folder),
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
                f"SELECT 1 FROM analysis WHERE content_id = {_CONTENT_OF} AND model = ?2",  # noqa: S608
                (content_hash, model),
            )
        )

    def add_analysis(
        self,
        content_hash: str,
        metadata: PhotoMetadata,
        model: str,
        observations: Sequence[Observation | None],
    ) -> bool:
        """Remembers a photo's content and what a model saw in it; False if that was known.

        observations: None leaves a place empty, so that the ids of the others stay the same.
        """
        self._database.run(
            f"""INSERT INTO content
               (hash, width, height, taken_at, latitude, longitude, camera, duration_s)
               SELECT ?1, ?, ?, ?, ?, ?, ?, ? WHERE {_CONTENT_OF} IS NULL""",
            (
                content_hash,
                metadata.width,
                metadata.height,
                metadata.taken_at,
                metadata.latitude,
                metadata.longitude,
                metadata.camera,
                metadata.duration_s,
            ),
        )
        content_id = self._content_id(content_hash)
        added = self._database.run(
            "INSERT INTO analysis VALUES (?, ?) ON CONFLICT DO NOTHING", (content_id, model)
        )
        if not added.rowcount:
            return False
        for position, observation in enumerate(observations):
            if observation is not None:
                self._add_observation(content_id, model, position, observation)
        self.facts_changed()
        return True

    def _add_observation(
        self, content_id: int, model: str, position: int, observation: Observation
    ) -> None:
        added = self._database.run(
            """INSERT INTO place (content_id, position, box_left, box_top, box_width, box_height,
               at_s) VALUES (?, ?, ?, ?, ?, ?, ?)""",
            (content_id, position, *map(float, observation.box), observation.at_s),
        )
        self._database.run(
            """INSERT INTO observation (id, content_id, model, position, box_left, box_top,
               box_width, box_height, landmarks, score, quality, unclear, face, torso_left,
               torso_top, torso_width, torso_height, torso, at_s, sightings) VALUES (?, ?, ?, ?, ?,
               ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (added.lastrowid, content_id, model, position, *observation_row(observation)),
        )

    def paths_of(self, content_hash: str) -> list[bytes]:
        """Every path that holds this content, as far as is known; those missing left out."""
        rows = self._database.rows(
            f"""SELECT path FROM file
                WHERE content_id = {_CONTENT_OF} AND NOT missing ORDER BY path""",  # noqa: S608
            (content_hash,),
        )
        return [row[0] for row in rows]

    def count_photos(self) -> int:
        """How many photos are present."""
        row = self._database.row("SELECT count(DISTINCT content_id) FROM file WHERE NOT missing")
        return int(row[0]) if row else 0

    def count_outdated(self, model: str) -> int:
        """How many photos that are present only other models have seen."""
        row = self._database.row(
            """SELECT count(DISTINCT content_id) FROM file JOIN analysis USING (content_id)
               WHERE NOT missing
               AND content_id NOT IN (SELECT content_id FROM analysis WHERE model = ?)""",
            (model,),
        )
        return int(row[0]) if row else 0

    def present_files(self) -> list[tuple[Path, str]]:
        """Every path that is present, with the content it holds, by path."""
        rows = self._database.rows(
            """SELECT path, hash FROM file JOIN content ON content.id = content_id
               WHERE NOT missing ORDER BY path"""
        )
        return [(path_of(path), content_hash) for path, content_hash in rows]

    def add_rewritten(self, content_hash: str, new_hash: str) -> None:
        """Remembers that a file of other bytes is the same photo; before it is written."""
        self._database.run(
            f"INSERT INTO rewritten SELECT ?2, {_CONTENT_OF} ON CONFLICT DO NOTHING",
            (content_hash, new_hash),
        )

    def is_file(self, path: bytes) -> bool:
        """Whether a path is known and present."""
        return bool(
            self._database.row("SELECT 1 FROM file WHERE path = ? AND NOT missing", (path,))
        )

    def put_file(self, path: bytes, size: int, mtime_ns: int, content_hash: str) -> None:
        """Remembers which content a path holds now."""
        self._database.run("DELETE FROM failure WHERE path = ?", (path,))
        self._database.run(
            """INSERT INTO file VALUES (?, ?, ?, ?, 0) ON CONFLICT (path) DO UPDATE SET
               size = excluded.size, mtime_ns = excluded.mtime_ns, missing = 0,
               content_id = excluded.content_id""",
            (path, size, mtime_ns, self._content_id(content_hash)),
        )
        self.facts_changed()

    def put_failure(self, path: bytes, failure: FailureRow) -> None:
        """Remembers that a path holds no photo that can be read."""
        if self._database.run("DELETE FROM file WHERE path = ?", (path,)).rowcount:
            self.facts_changed()
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
            self.facts_changed()

    def facts(self, model: str, contents: Iterable[int] | None = None) -> Facts:
        """All observations of a model on photos that are present, or on some of these photos."""
        with self._database.snapshot():
            photos = self.photo_facts(model, contents)
            ids = None if contents is None else self.ids_on(model, photos.content_ids)
            return self.with_faces(photos, model, ids)

    def photo_facts(self, model: str, contents: Iterable[int] | None = None) -> Facts:
        """The photos that are present and were seen by a model, or some, without observations."""
        some = "" if contents is None else "AND content.id IN (SELECT value FROM json_each(?))"
        photos = self._database.rows(
            f"""SELECT content.id, hash, {PATH} AS present_path, taken_at, latitude, longitude
                FROM content JOIN analysis ON analysis.content_id = content.id
                WHERE model = ? AND present_path IS NOT NULL {some} ORDER BY hash""",  # noqa: S608
            (model,) if contents is None else (model, _json(contents)),
        )
        return Facts(
            content_ids=np.array([row[0] for row in photos], np.int64),
            hashes=[row[1] for row in photos],
            paths=[path_of(row[2]) for row in photos],
            taken_at=np.array([row[3] for row in photos], np.float64),
            latitude=np.array([row[4] for row in photos], np.float64),
            longitude=np.array([row[5] for row in photos], np.float64),
            **_observations([], {}),
        )

    def ids_on(self, model: str, contents: Iterable[int]) -> IntArray:
        """(k,) int64: the observations of a model on photos of these contents."""
        rows = self._database.rows(
            """SELECT id FROM observation WHERE model = ?
               AND content_id IN (SELECT value FROM json_each(?))""",
            (model, _json(contents)),
        )
        return np.array([row[0] for row in rows], np.int64)

    def facts_of(self, model: str, ids: Iterable[int]) -> Facts:
        """These observations; of their photos no paths, and no places."""
        rows = self._observations(model, ids)
        photos = {row[0]: (row[8], row[1]) for row in rows}
        nowhere = np.full(len(photos), np.nan)
        return Facts(
            np.array([*photos], np.int64),
            [hash_ for hash_, _ in photos.values()],
            [],
            np.array([taken_at for _, taken_at in photos.values()], np.float64),
            nowhere,
            nowhere,
            **_observations(rows, {content: i for i, content in enumerate(photos)}),
        )

    def with_faces(self, photos: Facts, model: str, ids: Iterable[int] | None = None) -> Facts:
        """The same photos with their observations, or with those of these."""
        rows = self._observations(model, ids)
        index = {content: i for i, content in enumerate(photos.content_ids.tolist())}
        return replace(photos, **_observations([row for row in rows if row[0] in index], index))

    def other_looks(
        self, model: str, contents: Iterable[int]
    ) -> dict[str, tuple[list[Anchor], FloatArray]]:
        """What other models saw clearly on photos of these contents: where, and (k, d) faces.

        By their tags, in order; empty where only this model ever looked.
        """
        if not self._database.row("SELECT 1 FROM analysis WHERE model <> ? LIMIT 1", (model,)):
            return {}
        rows = self._database.rows(
            f"""SELECT model, face, {PLACE}
               FROM observation JOIN content ON content.id = content_id
               WHERE model <> ? AND NOT unclear
               AND content_id IN (SELECT value FROM json_each(?)) ORDER BY model, hash, position""",  # noqa: S608
            (model, _json(contents)),
        )
        by_model: dict[str, list[Row]] = {}
        for row in rows:
            by_model.setdefault(row[0], []).append(row)
        return {
            tag: (
                [place(row[2:]) for row in seen],
                stack([row[1] for row in seen], FACE_TYPE),
            )
            for tag, seen in by_model.items()
        }

    def _observations(self, model: str, ids: Iterable[int] | None) -> list[Row]:
        some = "" if ids is None else "AND observation.id IN (SELECT value FROM json_each(?))"
        return self._database.rows(
            f"""SELECT content.id, taken_at, observation.id, face, torso, score, quality, unclear,
                {PLACE} FROM observation JOIN content ON content.id = observation.content_id
                WHERE model = ? {some} ORDER BY hash, position""",  # noqa: S608
            (model,) if ids is None else (model, _json(ids)),
        )

    def _content_id(self, content_hash: str) -> int:
        row = self._database.row(f"SELECT {_CONTENT_OF}", (content_hash,))
        if row is None or row[0] is None:
            raise KeyError(f"no content {content_hash}")
        return int(row[0])


def _json(ids: Iterable[int]) -> str:
    return json.dumps([int(id_) for id_ in ids])


def _observations(rows: list[Row], index: Mapping[int, int]) -> dict[str, Any]:
    """The fields of `Facts` that are about observations.  index: of each content among photos."""
    return {
        "ids": np.array([row[2] for row in rows], np.int64),
        "anchors": [place(row[8:]) for row in rows],
        "photo_index": np.array([index[row[0]] for row in rows], np.int64),
        "faces": stack([row[3] for row in rows], FACE_TYPE),
        "torsos": stack([row[4] for row in rows], TORSO_TYPE),
        "scores": np.array([row[5] for row in rows], np.float32),
        "quality": np.array([row[6] for row in rows], np.float32),
        "unclear": np.array([row[7] for row in rows], np.bool_),
    }
