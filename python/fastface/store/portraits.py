"""Derived: the exemplars that stand for each person, and of which faces they were chosen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fastface.store.rows import FACE_TYPE, stack
from fastface.store.tables import Tables
from fastface.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class OwnFaces:
    """Faces of some people, each person's together, people ascending.

    ids, people: (n,) int64, the observation and whose it is.  faces: (n, d) float32, unit rows.
    quality: (n,) float32, 0..1.  confirmed: (n,) bool, looked at by the user.  taken_at: (n,)
    float64, seconds by the camera's clock, NaN where unknown.
    """

    ids: IntArray
    people: IntArray
    faces: FloatArray = field(repr=False)
    quality: FloatArray
    confirmed: npt.NDArray[np.bool_]
    taken_at: npt.NDArray[np.float64]


class PortraitTables(Tables):
    """A portrait is a person's exemplars, chosen from all the faces of theirs that there were."""

    def outdated(self, since: int = 0) -> list[int]:
        """Those whose faces changed since this version of the people, and since their portrait."""
        rows = self._database.rows(
            "SELECT person FROM outdated WHERE since >= ? ORDER BY person", (since,)
        )
        return [row[0] for row in rows]

    def outdate(self, people: Iterable[int]) -> None:
        """Remembers that these people have other faces; before the version of the people grows."""
        version = int(self.state("people_version", 0))
        self._database.run_many(
            "REPLACE INTO outdated VALUES (?, ?)", ((person, version) for person in people)
        )

    def exemplars(self, model: str) -> tuple[IntArray, IntArray, FloatArray]:
        """(k,) observations, (k,) people and (k, d) faces of all portraits, the first first."""
        rows = self._database.rows(
            """SELECT observation_id, person, face FROM exemplar
               JOIN observation ON id = observation_id WHERE model = ? ORDER BY person, rank""",
            (model,),
        )
        return (
            np.array([row[0] for row in rows], np.int64),
            np.array([row[1] for row in rows], np.int64),
            stack([row[2] for row in rows], FACE_TYPE),
        )

    def own_faces(self, model: str, people: Iterable[int]) -> OwnFaces:
        """All faces of some people, within a person in canonical order."""
        rows = self._database.rows(
            """SELECT observation_id, person_id, face, membership.quality, said > 0, taken_at
               FROM membership JOIN content ON content.id = membership.content_id
               JOIN observation ON observation.id = observation_id
               WHERE person_id IN (SELECT value FROM json_each(?)) AND membership.model = ?
               ORDER BY person_id, hash, position""",
            (json.dumps(list(people)), model),
        )
        ids, whose, faces, quality, confirmed, taken_at = (
            zip(*rows, strict=True) if rows else [()] * 6
        )
        return OwnFaces(
            np.array(ids, np.int64),
            np.array(whose, np.int64),
            stack([*faces], FACE_TYPE),
            np.array(quality, np.float32),
            np.array(confirmed, np.bool_),
            np.array(taken_at, np.float64),
        )

    def put_portraits(self, exemplars: Mapping[int, Sequence[int]]) -> None:
        """Writes the exemplars of some people, in place of those they had; they are up to date."""
        people = [(person,) for person in exemplars]
        self._database.run_many("DELETE FROM exemplar WHERE person = ?", people)
        self._database.run_many(
            "REPLACE INTO exemplar VALUES (?, ?, ?)",
            (
                (id_, person, rank)
                for person, ids in exemplars.items()
                for rank, id_ in enumerate(ids)
            ),
        )
        self._database.run_many("DELETE FROM outdated WHERE person = ?", people)
