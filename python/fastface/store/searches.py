"""Photos by who is on them, when and where; who is with whom."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

from fastface.store.rows import path_of
from fastface.store.tables import PATH, Tables
from fastface.types import PhotoRow


class SearchTables(Tables):
    """Questions about several people at once, on photos that are present."""

    def search(
        self,
        model: str,
        people: Collection[int],
        without: Collection[int],
        since: float | None,
        until: float | None,
    ) -> dict[int, PhotoRow]:
        """Photos, by content, oldest first, those without a clock last; their faces left out.

        people: all of them are on it.  without: none of them is.  since, until: from, before.
        """
        rows = self._database.rows(
            f"""SELECT content.id, {PATH} AS path, taken_at, latitude, longitude, duration_s
                FROM content JOIN analysis ON analysis.content_id = content.id
                WHERE analysis.model = ?1 AND path IS NOT NULL
                AND (?2 = '[]' OR content.id IN (
                    SELECT content_id FROM membership
                    WHERE model = ?1 AND person_id IN (SELECT value FROM json_each(?2))
                    GROUP BY content_id
                    HAVING count(DISTINCT person_id) = json_array_length(?2)))
                AND content.id NOT IN (
                    SELECT content_id FROM membership
                    WHERE model = ?1 AND person_id IN (SELECT value FROM json_each(?3)))
                AND (?4 IS NULL OR taken_at >= ?4) AND (?5 IS NULL OR taken_at < ?5)
                ORDER BY taken_at IS NULL, taken_at, path""",  # noqa: S608
            (model, json.dumps([*people]), json.dumps([*without]), since, until),
        )
        return {
            id_: PhotoRow(path_of(path), taken_at, latitude, longitude, (), duration_s)
            for id_, path, taken_at, latitude, longitude, duration_s in rows
        }

    def faces_on(self, model: str, contents: Iterable[int], people: Collection[int]) -> list[int]:
        """Observations on these photos; of these people, if there are any."""
        rows = self._database.rows(
            """SELECT observation.id FROM observation
               LEFT JOIN membership ON observation_id = observation.id
               WHERE observation.model = ?1 AND coalesce(said, 0) >= 0
               AND observation.content_id IN (SELECT value FROM json_each(?2))
               AND (?3 = '[]' OR person_id IN (SELECT value FROM json_each(?3)))
               ORDER BY observation.content_id, position""",
            (model, json.dumps(list(contents)), json.dumps([*people])),
        )
        return [row[0] for row in rows]

    def place_of(self, path: bytes) -> tuple[float | None, float | None] | None:
        """Latitude and longitude of a photo that is present; None if it is not known."""
        row = self._database.row(
            """SELECT latitude, longitude FROM content JOIN file ON content_id = content.id
               WHERE path = ? AND NOT missing""",
            (path,),
        )
        return None if row is None else (row[0], row[1])

    def company(self, model: str, person: int | None) -> list[tuple[int, int, int]]:
        """(person, other person, photos that show both); of one person, or each pair once."""
        return self._database.rows(
            """WITH seen AS MATERIALIZED (
                    SELECT DISTINCT person_id, content_id FROM membership
                    WHERE model = ?1 AND person_id IS NOT NULL AND EXISTS (
                        SELECT 1 FROM file
                        WHERE file.content_id = membership.content_id AND NOT missing))
                SELECT one.person_id, two.person_id, count(*) AS n FROM seen AS one
                JOIN seen AS two ON two.content_id = one.content_id
                AND two.person_id <> one.person_id
                WHERE one.person_id = ?2 OR (?2 IS NULL AND one.person_id < two.person_id)
                GROUP BY one.person_id, two.person_id
                ORDER BY n DESC, one.person_id, two.person_id""",
            (model, person),
        )
