"""Derived tables: moments, clusters and people; and what users see of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from fastface.store.database import Row
from fastface.store.rows import FACE_TYPE, Members, PersonFigures, PersonRow, path_of, stack
from fastface.store.tables import PRESENT, Tables
from fastface.types import Anchor, Box, Face, FloatArray, IntArray, PhotoRow


class PeopleTables(Tables):
    """Moments, memberships and people: may be thrown away and computed again."""

    def members(self, model: str) -> Members:
        """Every observation's place in the last grouping, and those it does not know yet.

        Those of photos that are missing now, or that only an earlier model saw, come with
        `present=False`: their clusters' numbers are remembered for when they are back.
        """
        rows = self._database.rows(
            f"""SELECT observation.id, hash, box_left, box_top, box_width, box_height,
                coalesce(cluster, 0), coalesce(person_id, 0), coalesce(said, 0),
                path IS NOT NULL AND observation.model = ?1, observation_id IS NOT NULL
                FROM observation JOIN content ON content.id = observation.content_id
                LEFT JOIN {PRESENT} present ON present.content_id = content.id
                LEFT JOIN membership ON observation_id = observation.id
                WHERE (observation.model = ?1 AND path IS NOT NULL) OR observation_id IS NOT NULL
                ORDER BY hash, position, observation.model""",  # noqa: S608
            (model,),
        )
        figures = np.array([(row[0], *row[6:]) for row in rows], np.int64).reshape(-1, 6).T
        ids, clusters, persons, said, present, stored = figures
        anchors = [Anchor(row[1], Box(*row[2:6])) for row in rows]
        return Members(ids, anchors, clusters, persons, said, present == 1, stored == 1)

    def put_memberships(self, rows: Iterable[tuple[int, int, int | None, int]]) -> None:
        """Writes (observation id, cluster, person id, said) where they are new or changed."""
        self._database.run_many(
            """REPLACE INTO membership
               SELECT id, ?2, ?3, ?4, content_id, model, quality FROM observation WHERE id = ?1""",
            rows,
        )

    def drop_superseded_memberships(self, model: str) -> None:
        """Lets go of what an earlier model saw, on photos that this one has seen."""
        self._database.run(
            f"""DELETE FROM membership WHERE observation_id IN (
                SELECT observation.id FROM observation
                JOIN {PRESENT} present ON present.content_id = observation.content_id
                JOIN analysis ON analysis.content_id = observation.content_id
                WHERE analysis.model = ?1 AND observation.model <> ?1)""",  # noqa: S608
            (model,),
        )

    def people_version(self) -> int:
        """A number that grows whenever people are written."""
        return int(self.state("people_version", 0))

    def person_rows(self) -> dict[int, PersonRow]:
        """Everybody by number, those of missing photos too."""
        rows = self._database.rows("SELECT id, name, hidden, cover FROM person ORDER BY id")
        return {row[0]: PersonRow(row[1], bool(row[2]), row[3]) for row in rows}

    def names(self) -> dict[int, str | None]:
        """Every person's number and name, those of missing photos too."""
        return dict(self._database.rows("SELECT id, name FROM person ORDER BY id"))

    def put_people(self, people: Mapping[int, PersonRow]) -> None:
        """Writes these people; before the memberships that refer to them."""
        self._database.run_many(
            """INSERT INTO person VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
               name = excluded.name, hidden = excluded.hidden, cover = excluded.cover""",
            ((number, *row) for number, row in people.items()),
        )

    def drop_people(self, numbers: Iterable[int]) -> None:
        """Takes away people without a face; after the memberships that left them."""
        self._database.run_many("DELETE FROM person WHERE id = ?", ((n,) for n in numbers))

    def replace_moments(self, moments: Iterable[tuple[int, int]]) -> None:
        """Writes (content id, moment) of every photo that is present."""
        self._database.run("DELETE FROM moment")
        self._database.run_many("INSERT INTO moment VALUES (?, ?)", moments)

    def known_faces(self, model: str) -> tuple[FloatArray, IntArray, FloatArray]:
        """Embeddings, person numbers and weights of all faces that have a person.

        A weight is the quality, 0..1, and for a face that the user confirmed 1 more.
        """
        rows = self._database.rows(
            f"""SELECT face, person_id, observation.quality + (said = 2) FROM observation
                JOIN content ON content.id = observation.content_id
                JOIN {PRESENT} present ON present.content_id = content.id
                JOIN membership ON observation_id = observation.id
                WHERE observation.model = ? AND person_id IS NOT NULL ORDER BY hash, position""",  # noqa: S608
            (model,),
        )
        return (
            stack([row[0] for row in rows], FACE_TYPE),
            np.array([row[1] for row in rows], np.int64),
            np.array([row[2] for row in rows], np.float32),
        )

    def embeddings(self, model: str, ids: Iterable[int]) -> dict[int, FloatArray]:
        """Face embeddings, (d,) float32 each, of those of these observations the model made."""
        rows = self._database.rows(
            """SELECT id, face FROM observation
               WHERE model = ? AND id IN (SELECT value FROM json_each(?))""",
            (model, json.dumps(list(ids))),
        )
        return {row[0]: np.frombuffer(row[1], FACE_TYPE).astype(np.float32) for row in rows}

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
                JOIN {PRESENT} present ON present.content_id = content.id
                WHERE substr(hash, 1, 16) = ? AND hash >= ? AND hash < ? AND position = ?
                AND model = ?""",  # noqa: S608
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
            PhotoRow(path, taken_at, latitude, longitude, tuple(faces[path]))
            for path, (taken_at, latitude, longitude) in rows.items()
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

    def person_figures(self, model: str) -> dict[int, PersonFigures]:
        """What is counted of everybody who is seen on photos that are present."""
        rows = self._database.rows(
            f"""WITH present AS MATERIALIZED {PRESENT}, seen AS (
                    SELECT person_id, membership.content_id AS content_id, quality, observation_id
                    FROM membership JOIN present ON present.content_id = membership.content_id
                    WHERE person_id IS NOT NULL AND model = ?1)
                SELECT figures.*, first, last FROM
                (SELECT person_id AS who, count(DISTINCT content_id), count(*), observation_id,
                        max(quality) FROM seen GROUP BY person_id) AS figures
                JOIN (SELECT person_id, min(taken_at) AS first, max(taken_at) AS last
                      FROM seen JOIN content ON content.id = content_id GROUP BY person_id)
                ON person_id = who""",  # noqa: S608
            (model,),
        )
        return {row[0]: PersonFigures(*row[1:4], *row[5:7]) for row in rows}

    def faces_by_id(self, ids: Iterable[int]) -> dict[int, Face]:
        """Faces on photos that are present, by their observations' ids."""
        rows = self._database.rows(
            f"""SELECT observation.id, {_FACE}
                FROM observation JOIN content ON content.id = observation.content_id
                JOIN {PRESENT} present ON present.content_id = content.id
                LEFT JOIN membership ON observation_id = observation.id
                WHERE observation.id IN (SELECT value FROM json_each(?))""",  # noqa: S608
            (json.dumps(list(ids)),),
        )
        return {row[0]: _face(row[1:], path_of(row[3])) for row in rows}

    def _faces_with_photo(
        self, model: str, person_id: int | None, path: bytes | None = None
    ) -> Iterator[tuple[Face, Row]]:
        rows = self._database.rows(
            f"""SELECT {_FACE}, taken_at, latitude, longitude
                FROM observation JOIN content ON content.id = observation.content_id
                JOIN {PRESENT} present ON present.content_id = content.id
                LEFT JOIN membership ON observation_id = observation.id
                WHERE observation.model = ?1 AND (?2 IS NULL OR person_id = ?2)
                AND (?3 IS NULL OR content.id = (SELECT content_id FROM file WHERE path = ?3))
                AND coalesce(said, 0) >= 0 ORDER BY path, position""",  # noqa: S608
            (model, person_id, path),
        )
        photo = Path()
        key = None
        for row in rows:
            if row[2] != key:
                key, photo = row[2], path_of(row[2])
            yield _face(row, photo), row[10:13]


_FACE: Final = """hash, position, path, box_left, box_top, box_width, box_height, person_id,
                  observation.quality, unclear"""


def _face(row: Row, photo: Path) -> Face:
    """A face of the columns `_FACE`."""
    return Face(
        id=f"{row[0][:16]}-{row[1]}",
        photo=photo,
        box=Box(*row[3:7]),
        person=None if row[7] is None else person_key(row[7]),
        quality=row[8],
        unclear=bool(row[9]),
    )


def person_key(number: int) -> str:
    """The id that users see, of a person's number."""
    return f"p{number}"
