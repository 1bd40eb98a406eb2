"""Derived tables: moments, clusters and people; and what users see of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from fastface.store.database import Row
from fastface.store.rows import FACE_TYPE, Membership, path_of, stack
from fastface.store.tables import PRESENT, Tables
from fastface.types import Anchor, Box, Face, FloatArray, IntArray, PhotoRow


class PeopleTables(Tables):
    """Moments, memberships and people: may be thrown away and computed again."""

    def memberships(self, model: str) -> list[Membership]:
        """Every observation's place in the last grouping, in canonical order.

        Those of photos that are missing now, or that an earlier model saw, come with
        `present=False`: their people's ids are remembered, but they are in no cluster.
        """
        rows = self._database.rows(
            f"""SELECT observation.id, hash, box_left, box_top, box_width, box_height,
                coalesce(cluster, -1), person_id, path IS NOT NULL AND model = ?1
                FROM observation JOIN content ON content.id = observation.content_id
                LEFT JOIN {PRESENT} present ON present.content_id = content.id
                LEFT JOIN membership ON observation_id = observation.id
                WHERE (model = ?1 AND path IS NOT NULL) OR person_id IS NOT NULL
                ORDER BY hash, position, model""",  # noqa: S608
            (model,),
        )
        return [
            Membership(row[0], Anchor(row[1], Box(*row[2:6])), row[6], row[7], bool(row[8]))
            for row in rows
        ]

    def replace_memberships(self, model: str, rows: Iterable[tuple[int, int, int | None]]) -> None:
        """Writes (observation id, cluster, person id) for all that is present.

        What earlier groupings said of photos that are missing, or that this model has not seen yet,
        stays.
        """
        self._database.run(
            f"""DELETE FROM membership WHERE observation_id IN (
                SELECT observation.id FROM observation
                JOIN {PRESENT} present ON present.content_id = observation.content_id
                JOIN analysis ON analysis.content_id = observation.content_id
                WHERE analysis.model = ?)""",  # noqa: S608
            (model,),
        )
        self._database.run_many("INSERT INTO membership VALUES (?, ?, ?)", rows)

    def people_version(self) -> int:
        """A number that grows whenever people are written."""
        return int(self.state("people_version", 0))

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

    def known_faces(self, model: str) -> tuple[FloatArray, IntArray, FloatArray]:
        """Embeddings, person numbers and qualities of all faces that have a person."""
        rows = self._database.rows(
            f"""SELECT face, person_id, quality FROM observation
                JOIN content ON content.id = observation.content_id
                JOIN {PRESENT} present ON present.content_id = content.id
                JOIN membership ON observation_id = observation.id
                WHERE model = ? AND person_id IS NOT NULL ORDER BY hash, position""",  # noqa: S608
            (model,),
        )
        return (
            stack([row[0] for row in rows], FACE_TYPE),
            np.array([row[1] for row in rows], np.int64),
            np.array([row[2] for row in rows], np.float32),
        )

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

    def count(self, model: str) -> dict[str, int]:
        """The figures of `types.LibraryStats`, by name; faces and people of one model."""
        return self._database.named_row(
            f"""WITH present AS {PRESENT}, seen AS (
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

    def _faces_with_photo(self, model: str, person_id: int | None) -> Iterator[tuple[Face, Row]]:
        rows = self._database.rows(
            f"""SELECT hash, position, path, box_left, box_top, box_width, box_height, person_id,
                quality, unclear, taken_at, latitude, longitude
                FROM observation JOIN content ON content.id = observation.content_id
                JOIN {PRESENT} present ON present.content_id = content.id
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
