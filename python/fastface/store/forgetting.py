"""Deleting somebody for good: observations, what was said of them, and what the file remembers.

SQLite overwrites what is deleted with zeros (`secure_delete`), but copies of it stay in the
write-ahead log, and may stay in pages that were reorganised, until the file is written anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastface.store.migrations import seal_verdicts, unseal_verdicts
from fastface.store.rows import PLACE, place
from fastface.store.tables import Tables
from fastface.types import Anchor, Box

_PENDING: Final = "scrub_pending"


class ForgettingTables(Tables):
    """The only place where facts and verdicts are deleted."""

    def delete_observations(self, ids: Iterable[int]) -> None:
        """Deletes observations with all that follows from them."""
        self._database.run_many("DELETE FROM observation WHERE id = ?", ((id_,) for id_ in ids))
        self.set_state(_PENDING, True)

    def redact(
        self, verdicts: Iterable[int], anchors: Iterable[int], payload: Mapping[str, Any]
    ) -> None:
        """Gives verdicts another payload and no anchors, and deletes single anchors of others.

        anchors: by the numbers of `anchors_on`.
        """
        said = json.dumps(payload)
        unseal_verdicts(self._database.run)
        self._database.run_many("DELETE FROM anchor WHERE rowid = ?", ((row,) for row in anchors))
        for verdict in verdicts:
            self._database.run("DELETE FROM anchor WHERE verdict_id = ?", (verdict,))
            self._database.run("UPDATE verdict SET payload = ? WHERE id = ?", (said, verdict))
        seal_verdicts(self._database.run)

    def anchors_on(self, hashes: Iterable[str]) -> dict[int, tuple[int, Anchor]]:
        """Every anchor on photos of these contents: its number -> verdict id, place."""
        rows = self._database.rows(
            """SELECT rowid, verdict_id, content_hash, box_left, box_top, box_width, box_height,
               at_s FROM anchor WHERE content_hash IN (SELECT value FROM json_each(?))""",
            (json.dumps(sorted(set(hashes))),),
        )
        return {row[0]: (row[1], Anchor(row[2], Box(*row[3:7]), row[7])) for row in rows}

    def observations_on(self, hashes: Iterable[str]) -> dict[int, Anchor]:
        """Every model's observations on photos of these contents, present or not."""
        rows = self._database.rows(
            f"""SELECT observation.id, {PLACE}
               FROM observation JOIN content ON content.id = content_id
               WHERE hash IN (SELECT value FROM json_each(?)) ORDER BY hash, position, model""",  # noqa: S608
            (json.dumps(sorted(set(hashes))),),
        )
        return {row[0]: place(row[1:]) for row in rows}

    def is_scrub_pending(self) -> bool:
        """Whether the file may hold copies of what was deleted."""
        return bool(self.state(_PENDING, False))

    def scrub(self) -> bool:
        """Writes the file anew, without copies of what was deleted; False: not all is gone yet.

        That is so inside a transaction, and while another program reads an older state.
        """
        if self._database.is_changing:
            return False
        self._database.run("VACUUM")
        if not self._database.empty_log():
            return False
        with self._database.atomic():
            self.set_state(_PENDING, False)
        return self._database.empty_log()
