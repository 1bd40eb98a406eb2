"""Deleting somebody for good: observations, what was said of them, and what the file remembers.

SQLite overwrites what is deleted with zeros (`secure_delete`), but copies of it stay in the
write-ahead log, and may stay in pages that were reorganised, until the file is written anew.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import numpy as np

from fastface.store.migrations import seal_verdicts, unseal_verdicts
from fastface.store.rows import PLACE, PLACE_TYPE, place
from fastface.store.tables import Tables
from fastface.types import Anchor

_PENDING: Final = "scrub_pending"


class ForgettingTables(Tables):
    """The only place where facts and verdicts are deleted."""

    def delete_observations(self, ids: Iterable[int], places: Iterable[int]) -> None:
        """Deletes observations with all that follows from them, and places nobody speaks of."""
        run, run_many = self._database.run, self._database.run_many
        run_many("DELETE FROM observation WHERE id = ?", ((id_,) for id_ in ids))
        unseal_verdicts(run, ["place"])
        run_many("DELETE FROM place WHERE id = ?", ((number,) for number in places))
        seal_verdicts(run, ["place"])
        self.set_state(_PENDING, True)

    def redact(
        self, verdicts: Collection[int], places: Collection[int], payload: Mapping[str, Any]
    ) -> None:
        """Gives verdicts another payload and no anchors; others lose those at these places."""
        run, said = self._database.run, json.dumps(payload)
        unseal_verdicts(run)
        for row, verdict, blob in self._database.rows(
            "SELECT rowid, verdict_id, places FROM anchor"
        ):
            numbers = np.frombuffer(blob, PLACE_TYPE)
            left = numbers[~np.isin(numbers, [*places])]
            if verdict in verdicts or not len(left):
                run("DELETE FROM anchor WHERE rowid = ?", (row,))
            elif len(left) < len(numbers):
                run("UPDATE anchor SET places = ? WHERE rowid = ?", (left.tobytes(), row))
        for verdict in verdicts:
            run("UPDATE verdict SET payload = ? WHERE id = ?", (said, verdict))
        seal_verdicts(run)

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
