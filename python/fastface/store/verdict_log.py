"""The append-only log of what the user said."""

from __future__ import annotations

import json

from fastface.store.tables import Tables
from fastface.types import Anchor, Box, Verdict


class VerdictLog(Tables):
    """Verdicts with their anchors; triggers refuse to change or delete any."""

    def add_verdict(self, verdict: Verdict) -> int:
        """Appends what the user said; returns its id."""
        added = self._database.run(
            "INSERT INTO verdict (kind, payload, said_at) VALUES (?, ?, ?)",
            (verdict.kind, json.dumps(verdict.payload, sort_keys=True), verdict.said_at),
        )
        self._database.run_many(
            "INSERT INTO anchor VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (added.lastrowid, anchor.content_hash, *anchor.box, person)
                for anchor, person in zip(verdict.anchors, verdict.people, strict=True)
            ),
        )
        assert added.lastrowid is not None
        return added.lastrowid

    def verdicts(self, after: int = 0) -> list[Verdict]:
        """Everything the user said, in order; or what came after the verdict of this id."""
        anchors: dict[int, list[tuple[Anchor, int]]] = {}
        for verdict_id, content_hash, left, top, width, height, person in self._database.rows(
            """SELECT verdict_id, content_hash, box_left, box_top, box_width, box_height, person
               FROM anchor WHERE verdict_id > ? ORDER BY verdict_id, rowid""",
            (after,),
        ):
            anchor = Anchor(content_hash, Box(left, top, width, height))
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
            for verdict_id, kind, payload, said_at in self._database.rows(
                "SELECT id, kind, payload, said_at FROM verdict WHERE id > ? ORDER BY id", (after,)
            )
        ]
