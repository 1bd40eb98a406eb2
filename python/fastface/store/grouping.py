"""Derived tables: moments, clusters and people.  May be thrown away and computed again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from fastface.store.rows import (
    FACE_TYPE,
    PLACE,
    PersonRow,
    path_of,
    place,
    range_under,
    stack,
)
from fastface.store.tables import PATH, PRESENT, Tables
from fastface.types import Anchor, FloatArray, IntArray


class GroupingTables(Tables):
    """Which faces were grouped, and who they are."""

    def unplaced(self, model: str) -> list[int]:
        """The present photos on which this model saw faces that have no cluster."""
        rows = self._database.rows(
            f"""SELECT DISTINCT observation.content_id FROM observation
                JOIN content ON content.id = observation.content_id
                LEFT JOIN membership ON observation_id = observation.id
                WHERE observation_id IS NULL AND observation.model = ? AND {PATH} IS NOT NULL
                ORDER BY observation.content_id""",  # noqa: S608
            (model,),
        )
        return [row[0] for row in rows]

    def is_placed(self, contents: Iterable[int]) -> bool:
        """Whether what some model saw on one of these photos has a cluster already."""
        return bool(
            self._database.row(
                """SELECT 1 FROM observation JOIN membership ON observation_id = observation.id
                   WHERE observation.content_id IN (SELECT value FROM json_each(?)) LIMIT 1""",
                (json.dumps(list(contents)),),
            )
        )

    def count_grouped(self) -> int:
        """How many observations have a place in a grouping."""
        row = self._database.row("SELECT count(*) FROM membership")
        return int(row[0]) if row else 0

    def clusters_of(self, ids: Iterable[int]) -> list[int]:
        """The clusters of those of these observations that have one."""
        rows = self._database.rows(
            """SELECT cluster FROM membership WHERE cluster > 0 AND observation_id IN
               (SELECT value FROM json_each(?)) ORDER BY cluster""",
            (json.dumps(list(ids)),),
        )
        return [row[0] for row in rows]

    def anchors(self, ids: Iterable[int]) -> dict[int, Anchor]:
        """Where these observations are."""
        rows = self._database.rows(
            f"""SELECT observation.id, {PLACE}
               FROM observation JOIN content ON content.id = content_id
               WHERE observation.id IN (SELECT value FROM json_each(?))""",  # noqa: S608
            (json.dumps(list(ids)),),
        )
        return {row[0]: place(row[1:]) for row in rows}

    def followed(self) -> dict[int, Anchor]:
        """Where the observations in videos are, by id."""
        rows = self._database.rows(
            f"""SELECT observation.id, {PLACE} FROM observation
               JOIN content ON content.id = content_id WHERE at_s IS NOT NULL"""  # noqa: S608
        )
        return {row[0]: place(row[1:]) for row in rows}

    def add_memberships(self, rows: Iterable[tuple[int, int, int | None, int]]) -> None:
        """Writes (observation id, cluster, person id, said) of those the last grouping missed."""
        self._database.run_many(
            """INSERT INTO membership
               SELECT id, ?2, ?3, ?4, content_id, model, quality FROM observation WHERE id = ?1""",
            rows,
        )

    def change_memberships(
        self, observations: Iterable[int], cluster: int, person: int | None, said: int
    ) -> None:
        """Writes one cluster, person and word over what was there of some observations."""
        self._database.run(
            """UPDATE membership SET cluster = ?2, person_id = ?3, said = ?4
               WHERE observation_id IN (SELECT value FROM json_each(?1))""",
            (json.dumps(list(observations)), cluster, person, said),
        )

    def mark_said(self, observations: Iterable[int], said: int) -> None:
        """Writes one word where nothing else changed: no index has to follow."""
        self._database.run(
            """UPDATE membership SET said = ?2
               WHERE observation_id IN (SELECT value FROM json_each(?1))""",
            (json.dumps(list(observations)), said),
        )

    def drop_superseded_memberships(self, model: str) -> bool:
        """Lets go of what an earlier model saw, on photos that this one has seen; whether any."""
        if not self._database.row("SELECT 1 FROM analysis WHERE model <> ? LIMIT 1", (model,)):
            return False
        dropped = self._database.run(
            f"""DELETE FROM membership WHERE observation_id IN (
                SELECT observation.id FROM observation
                JOIN {PRESENT} present ON present.content_id = observation.content_id
                JOIN analysis ON analysis.content_id = observation.content_id
                WHERE analysis.model = ?1 AND observation.model <> ?1)""",  # noqa: S608
            (model,),
        )
        return dropped.rowcount > 0

    def people_version(self) -> int:
        """A number that grows whenever people are written."""
        return int(self.state("people_version", 0))

    def person_rows(self) -> dict[int, PersonRow]:
        """Everybody by number, those of missing photos too."""
        rows = self._database.rows("SELECT id, name, hidden, cover FROM person ORDER BY id")
        return {row[0]: PersonRow(row[1], bool(row[2]), row[3]) for row in rows}

    def next_person(self) -> int:
        """A number that nobody ever had."""
        row = self._database.row("SELECT max(person) FROM anchor")
        return max(int(self.state("next_person", 1)), 1 + ((row and row[0]) or 0))

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

    def moments(self, contents: IntArray) -> IntArray:
        """(p,) int64: the moment of each of these contents at the last grouping, -1 for none."""
        rows = self._database.rows(
            """SELECT content_id, moment FROM moment WHERE content_id BETWEEN ? AND ?
               UNION ALL SELECT -1, -1 ORDER BY content_id""",
            (int(contents.min(initial=0)), int(contents.max(initial=0))),
        )
        known, moment = np.array(rows, np.int64).T
        at = np.searchsorted(known, contents, side="right") - 1
        return np.where(known[at] == contents, moment[at], -1)

    def next_moment(self) -> int:
        """A number that no moment has."""
        row = self._database.row("SELECT max(moment) FROM moment")
        return 1 + (-1 if row is None or row[0] is None else int(row[0]))

    def arrived(self, model: str) -> list[int]:
        """The contents of present photos that the last grouping did not see."""
        rows = self._database.rows(
            f"""SELECT content_id FROM analysis JOIN content ON content.id = content_id
                WHERE model = ? AND NOT EXISTS (
                    SELECT 1 FROM moment WHERE moment.content_id = content.id)
                AND {PATH} IS NOT NULL ORDER BY content_id""",  # noqa: S608
            (model,),
        )
        return [row[0] for row in rows]

    def departed(self) -> list[int]:
        """The contents that the last grouping saw and that are not present any more."""
        rows = self._database.rows(
            """SELECT content_id FROM moment WHERE NOT EXISTS (
                   SELECT 1 FROM file WHERE file.content_id = moment.content_id AND NOT missing)"""
        )
        return [row[0] for row in rows]

    def around(self, contents: Iterable[int], seconds: float) -> set[int]:
        """All contents that were taken so close to these, with the whole of their moments.

        Around one without a clock is all that has none in its folder and below.
        """
        chosen = set(contents)
        rows = self._database.rows(
            """SELECT content.id, taken_at, coalesce(moment, -1) FROM content
               LEFT JOIN moment ON content_id = content.id WHERE taken_at IS NOT NULL"""
        )
        ids, taken_at, moment = np.array(rows, np.float64).reshape(-1, 3).T
        times = np.sort(taken_at[np.isin(ids, [*chosen])])
        after = np.searchsorted(times, taken_at - seconds)
        near = after < np.searchsorted(times, taken_at + seconds, side="right")
        near |= np.isin(moment, moment[near & (moment >= 0)])
        chosen.update(ids[near].astype(np.int64).tolist())
        for folder in self._clockless_folders(chosen):
            rows = self._database.rows(
                """SELECT content_id FROM file JOIN content ON content.id = content_id
                   WHERE taken_at IS NULL AND path >= ? AND path < ?""",
                range_under(folder),
            )
            chosen.update(row[0] for row in rows)
        return chosen

    def _clockless_folders(self, contents: Iterable[int]) -> set[Path]:
        rows = self._database.rows(
            """SELECT path FROM file JOIN content ON content.id = content_id
               WHERE taken_at IS NULL AND content_id IN (SELECT value FROM json_each(?))""",
            (json.dumps(list(contents)),),
        )
        return {path_of(row[0]).parent for row in rows}

    def replace_moments(self, moments: Iterable[tuple[int, int]]) -> None:
        """Writes (content id, moment) of every photo that is present."""
        self._database.run("DELETE FROM moment")
        self.change_moments(moments)

    def change_moments(
        self, moments: Iterable[tuple[int, int]], departed: Iterable[int] = ()
    ) -> None:
        """Writes (content id, moment) of some photos, and lets go of those that are gone."""
        self._database.run_many(
            "DELETE FROM moment WHERE content_id = ?", ((content,) for content in departed)
        )
        self._database.run_many("REPLACE INTO moment VALUES (?, ?)", moments)

    def embeddings(self, model: str, ids: Iterable[int]) -> dict[int, FloatArray]:
        """Face embeddings, (d,) float32 each, of those of these observations the model made."""
        found, faces = self.vectors(model, ids)
        return dict(zip(found.tolist(), faces, strict=True))

    def vectors(self, model: str, ids: Iterable[int]) -> tuple[IntArray, FloatArray]:
        """(k,) observations, of these, that the model made, and (k, d) float32 their faces."""
        rows = self._database.rows(
            """SELECT id, face FROM observation
               WHERE model = ? AND id IN (SELECT value FROM json_each(?))""",
            (model, json.dumps(list(ids))),
        )
        return np.array([row[0] for row in rows], np.int64), stack([r[1] for r in rows], FACE_TYPE)
