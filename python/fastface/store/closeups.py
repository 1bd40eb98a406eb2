"""Everything that is known of a few faces, to explain what became of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from fastface.store.rows import FACE_TYPE, PLACE, TORSO_TYPE, place
from fastface.store.tables import Tables
from fastface.types import Anchor, FloatArray


class Closeup(NamedTuple):
    """face: (d,) float32, unit norm.  torso: (d',) float32 or None.  moment: -1 before grouping.

    face_id: the id that users see.  content: which photo.  place: where on it.
    """

    face_id: str
    content: int
    moment: int
    quality: float
    face: FloatArray
    torso: FloatArray | None
    place: Anchor


class CloseupTables(Tables):
    """Few observations, with all that a comparison needs."""

    def closeups(self, ids: Iterable[int]) -> dict[int, Closeup]:
        """These observations, by id."""
        rows = self._database.rows(
            f"""SELECT observation.id, position, content.id, coalesce(moment, -1), quality,
               face, torso, {PLACE}
               FROM observation JOIN content ON content.id = observation.content_id
               LEFT JOIN moment ON moment.content_id = content.id
               WHERE observation.id IN (SELECT value FROM json_each(?))""",  # noqa: S608
            (json.dumps(list(ids)),),
        )
        return {
            id_: Closeup(
                f"{where[0][:16]}-{position}",
                content,
                moment,
                quality,
                np.frombuffer(face, FACE_TYPE).astype(np.float32),
                None if torso is None else np.frombuffer(torso, TORSO_TYPE).astype(np.float32),
                place(where),
            )
            for id_, position, content, moment, quality, face, torso, *where in rows
        }

    def n_clear_in_moment(self, model: str, moment: int) -> int:
        """How many faces that can be grouped a moment has."""
        row = self._database.row(
            """SELECT count(*) FROM moment
               JOIN observation ON observation.content_id = moment.content_id
               WHERE moment = ? AND model = ? AND NOT unclear""",
            (moment, model),
        )
        return 0 if row is None else int(row[0])

    def n_clusters(self, model: str) -> int:
        """How many clusters the last grouping made."""
        row = self._database.row(
            "SELECT count(DISTINCT cluster) FROM membership WHERE cluster > 0 AND model = ?",
            (model,),
        )
        return 0 if row is None else int(row[0])
