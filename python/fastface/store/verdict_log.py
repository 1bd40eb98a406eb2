"""The append-only log of what the user said."""

from __future__ import annotations

import json

from fastface.store.tables import Tables
from fastface.types import Anchor, Box, Verdict


class VerdictLog(Tables):
    """Verdicts with their anchors; triggers refuse to change or delete any."""

    def add_verdict(self, verdict: Verdict) -> None:
        """Appends what the user said."""
        added = self._database.run(
            "INSERT INTO verdict (kind, payload, said_at) VALUES (?, ?, ?)",
            (verdict.kind, json.dumps(verdict.payload, sort_keys=True), verdict.said_at),
        )
        self._database.run_many(
            "INSERT INTO anchor VALUES (?, ?, ?, ?, ?, ?)",
            ((added.lastrowid, anchor.content_hash, *anchor.box) for anchor in verdict.anchors),
        )

    def verdicts(self) -> list[Verdict]:
        """Everything the user said, in order."""
        anchors: dict[int, list[Anchor]] = {}
        for verdict_id, content_hash, *box in self._database.rows(
            """SELECT verdict_id, content_hash, box_left, box_top, box_width, box_height
               FROM anchor ORDER BY verdict_id, rowid"""
        ):
            anchors.setdefault(verdict_id, []).append(Anchor(content_hash, Box(*box)))
        return [
            Verdict(kind, json.loads(payload), tuple(anchors.get(verdict_id, ())), said_at)
            for verdict_id, kind, payload, said_at in self._database.rows(
                "SELECT id, kind, payload, said_at FROM verdict ORDER BY id"
            )
        ]
