"""What users see: faces, photos and people, with their figures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from fastface.store.database import Row
from fastface.store.rows import path_of
from fastface.store.tables import PATH, PRESENT, Tables
from fastface.types import Box, Face, PhotoRow


class PeopleTables(Tables):
    """Lists of what is on photos that are present."""

    def faces(self, model: str, person_id: int | None = None) -> list[Face]:
        """Faces on photos that are present, by path and place; of one person if asked."""
        return [face for face, _ in self._faces_with_photo(model, person_id)]

    def faces_in(self, model: str, path: bytes) -> list[Face]:
        """Faces on one photo that is present, by place; empty if it is not known."""
        return [face for face, _ in self._faces_with_photo(model, None, path)]

    def observation_of(self, model: str, face_id: str) -> int | None:
        """The observation that users know by this id, on a photo that is present."""
        content, _, position = face_id.rpartition("-")
        row = self._database.row(
            f"""SELECT observation.id FROM content
                JOIN observation ON observation.content_id = content.id
                WHERE substr(hash, 1, 16) = ? AND hash >= ? AND hash < ? AND position = ?
                AND model = ? AND {PATH} IS NOT NULL""",  # noqa: S608
            (content, content, content + "g", position, model),
        )
        return None if row is None else int(row[0])

    def photos(self, model: str, person_id: int) -> list[PhotoRow]:
        """A person's photos by time, those without a clock last, then by path."""
        rows: dict[Path, Row] = {}
        faces: dict[Path, list[Face]] = {}
        for face, row in self._faces_with_photo(model, person_id):
            rows[face.photo] = row
            faces.setdefault(face.photo, []).append(face)
        photos = [
            PhotoRow(path, taken_at, latitude, longitude, tuple(faces[path]), duration_s)
            for path, (taken_at, latitude, longitude, duration_s) in rows.items()
        ]
        return sorted(photos, key=lambda photo: (photo.taken_at is None, photo.taken_at or 0.0))

    def count(self, model: str) -> dict[str, int]:
        """The figures of `types.LibraryStats`, by name; faces and people of one model."""
        return self._database.named_row(
            f"""WITH present AS {PRESENT}, seen AS (
                    SELECT unclear, person_id FROM observation
                    JOIN present ON present.content_id = observation.content_id
                    LEFT JOIN membership ON observation_id = observation.id
                    WHERE observation.model = ? AND coalesce(said, 0) >= 0)
                SELECT (SELECT count(*) FROM present) AS n_photos,
                       (SELECT count(DISTINCT content_id) FROM file AS gone WHERE missing
                        AND NOT EXISTS (SELECT 1 FROM file WHERE NOT missing
                                        AND content_id = gone.content_id)) AS n_missing,
                       (SELECT count(*) FROM failure) AS n_failed,
                       (SELECT count(*) FROM seen) AS n_faces,
                       (SELECT count(*) FROM seen WHERE unclear) AS n_unclear,
                       (SELECT count(DISTINCT person_id) FROM seen) AS n_people,
                       (SELECT count(DISTINCT person.id) FROM seen JOIN person
                        ON person.id = person_id WHERE name IS NOT NULL) AS n_named,
                       (SELECT count(DISTINCT moment) FROM moment) AS n_moments""",  # noqa: S608
            (model,),
        )

    def faces_by_id(self, ids: Iterable[int]) -> dict[int, Face]:
        """Faces on photos that are present, by their observations' ids."""
        rows = self._database.rows(
            f"""SELECT observation.id, {PATH} AS path, {_FACE}
                FROM observation JOIN content ON content.id = observation.content_id
                LEFT JOIN membership ON observation_id = observation.id
                WHERE path IS NOT NULL AND observation.id IN (SELECT value FROM json_each(?))""",  # noqa: S608
            (json.dumps(list(ids)),),
        )
        return {row[0]: _face(row[2:], path_of(row[1])) for row in rows}

    def _faces_with_photo(
        self, model: str, person_id: int | None, path: bytes | None = None
    ) -> Iterator[tuple[Face, Row]]:
        chosen, asked = "true", tuple[int | bytes, ...]()
        if person_id is not None:
            chosen = "membership.person_id = ?2 AND observation_id IS NOT NULL"
            asked = (person_id,)
        elif path is not None:
            chosen = "content.id = (SELECT content_id FROM file WHERE path = ?2)"
            asked = (path,)
        rows = self._database.rows(
            f"""SELECT path, {_FACE}, taken_at, latitude, longitude, duration_s
                FROM observation JOIN content ON content.id = observation.content_id
                JOIN {PRESENT} present ON present.content_id = content.id
                LEFT JOIN membership ON observation_id = observation.id
                WHERE {chosen} AND observation.model = ?1 AND coalesce(said, 0) >= 0
                ORDER BY path, position""",  # noqa: S608
            (model, *asked),
        )
        photo = Path()
        key = None
        for row in rows:
            if row[0] != key:
                key, photo = row[0], path_of(row[0])
            yield _face(row[1:], photo), row[11:15]


_FACE: Final = """hash, position, box_left, box_top, box_width, box_height, person_id,
                  observation.quality, unclear, at_s"""


def _face(row: Row, photo: Path) -> Face:
    """A face of the columns `_FACE`."""
    return Face(
        id=f"{row[0][:16]}-{row[1]}",
        photo=photo,
        box=Box(*row[2:6]),
        person=None if row[6] is None else person_key(row[6]),
        quality=row[7],
        unclear=bool(row[8]),
        at_s=row[9],
    )


def person_key(number: int) -> str:
    """The id that users see, of a person's number."""
    return f"p{number}"
