"""The append-only log of what the user said."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import numpy as np

from fastface.store.tables import Tables
from fastface.types import Anchor, Box, IntArray, Verdict

_WORDS: Final = "SELECT id, kind, payload, said_at FROM verdict WHERE id > ? ORDER BY id"


class VerdictLog(Tables):
    """Verdicts with their anchors; triggers refuse to change or delete any.

    Derived from them is what was heard: which observations the anchors are about.
    """

    def add_verdict(
        self,
        kind: str,
        payload: Mapping[str, Any],
        said_at: float,
        faces: Mapping[int, Collection[int]],
    ) -> int:
        """Appends what the user said; returns its id.

        faces: person -> the observations of which the verdict says so; their places are kept.
        """
        added = self._database.run(
            "INSERT INTO verdict (kind, payload, said_at) VALUES (?, ?, ?)",
            (kind, json.dumps(payload, sort_keys=True), said_at),
        )
        assert added.lastrowid is not None
        for person, observations in sorted(faces.items()):
            row = (added.lastrowid, person, json.dumps(sorted({*observations})))
            self._database.run(
                """INSERT INTO anchor
                   SELECT ?1, hash, box_left, box_top, box_width, box_height, ?2, at_s
                   FROM observation INDEXED BY observation_place
                   JOIN content ON content.id = content_id
                   WHERE observation.id IN (SELECT value FROM json_each(?3))
                   ORDER BY hash, position""",
                row,
            )
            self._database.run("INSERT INTO heard SELECT ?1, value, ?2 FROM json_each(?3)", row)
        return added.lastrowid

    def verdicts(self) -> list[Verdict]:
        """Everything the user said, in order."""
        anchors: dict[int, list[tuple[Anchor, int]]] = {}
        for verdict_id, person, at_s, content_hash, *box in self._database.rows(
            """SELECT verdict_id, person, at_s, content_hash, box_left, box_top, box_width,
               box_height FROM anchor ORDER BY verdict_id, rowid"""
        ):
            anchor = Anchor(content_hash, Box(*box), at_s)
            anchors.setdefault(verdict_id, []).append((anchor, person))
        return [
            Verdict(
                kind,
                json.loads(payload),
                tuple(anchor for anchor, _ in anchors.get(verdict_id, ())),
                said_at,
                tuple(person for _, person in anchors.get(verdict_id, ())),
                verdict_id,
            )
            for verdict_id, kind, payload, said_at in self._database.rows(_WORDS, (0,))
        ]

    def words(self, after: int = 0) -> list[Verdict]:
        """What was said after the verdict of this id, in order, without anchors."""
        return [
            Verdict(kind, json.loads(payload), (), said_at, (), id_)
            for id_, kind, payload, said_at in self._database.rows(_WORDS, (after,))
        ]

    def last_verdict(self) -> int:
        """The id of the last verdict, 0 before the first."""
        row = self._database.row("SELECT max(id) FROM verdict")
        return int(row[0] or 0) if row else 0

    def n_anchors(self) -> dict[int, int]:
        """How many faces each verdict is about, by its id; none where there is no face."""
        rows = self._database.rows("SELECT verdict_id, count(*) FROM anchor GROUP BY verdict_id")
        return dict(rows)

    def people_said(self) -> dict[int, set[int]]:
        """Whom each verdict says faces to be, by its id."""
        people: dict[int, set[int]] = {}
        for verdict_id, person in self._database.rows(
            "SELECT DISTINCT verdict_id, person FROM anchor"
        ):
            people.setdefault(verdict_id, set()).add(person)
        return people

    def heard(self, after: int = 0) -> IntArray:
        """(m, 3) int64: verdict id, observation id or 0, person; by verdict and observation."""
        rows = self._database.rows(
            """SELECT verdict_id, observation_id, person FROM heard WHERE verdict_id > ?
               ORDER BY verdict_id, observation_id, person""",
            (after,),
        )
        return np.array(rows, np.int64).reshape(-1, 3)

    def add_heard(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """Writes which observations verdicts are about, 0 for one that is not there."""
        self._database.run_many("INSERT OR IGNORE INTO heard VALUES (?, ?, ?)", rows)

    def drop_heard(self) -> None:
        """Lets go of what was heard, so that it is heard again."""
        self._database.run("DELETE FROM heard")

    def is_said(self, hashes: Iterable[str]) -> bool:
        """Whether a verdict is about one of these contents."""
        return bool(
            self._database.row(
                """SELECT 1 FROM anchor
                   WHERE content_hash IN (SELECT value FROM json_each(?)) LIMIT 1""",
                (json.dumps(list(hashes)),),
            )
        )

    def hashes_said(self) -> list[str]:
        """The contents of all photos that verdicts are about."""
        rows = self._database.rows("SELECT DISTINCT content_hash FROM anchor ORDER BY content_hash")
        return [row[0] for row in rows]

    def places_said(self, kind: str, content_hash: str) -> list[Anchor]:
        """Where on a photo verdicts of one kind are about."""
        rows = self._database.rows(
            """SELECT at_s, box_left, box_top, box_width, box_height
               FROM anchor JOIN verdict ON id = verdict_id WHERE kind = ? AND content_hash = ?""",
            (kind, content_hash),
        )
        return [Anchor(content_hash, Box(*box), at_s) for at_s, *box in rows]
