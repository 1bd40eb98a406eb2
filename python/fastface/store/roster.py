"""Derived: who is who as columns, so that a library of many faces is open at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fastface.store.rows import Members
from fastface.store.tables import Tables

# What changes with the facts only, and what an answer changes: a row of the table each.
_PARTS: Final = {
    1: {
        "ids": "<i8",
        "contents": "<i8",
        "quality": "<f8",
        "taken_at": "<f8",
        "present": "?",
        "in_video": "?",
    },
    2: {"clusters": "<i4", "persons": "<i4", "said": "i1", "stored": "?"},
}
_TYPES: Final = {part: np.dtype([*columns.items()]) for part, columns in _PARTS.items()}
_WIDE: Final = {"i": np.int64, "f": np.float64, "b": np.bool_}  # as they are computed with
_COLUMNS: Final = """observation.id, content.id,
    coalesce(membership.quality, observation.quality), taken_at,
    observation.model = ? AND EXISTS (
        SELECT 1 FROM file WHERE content_id = content.id AND NOT missing) AS present,
    duration_s IS NOT NULL,
    coalesce(cluster, 0), coalesce(person_id, 0), coalesce(said, 0),
    observation_id IS NOT NULL"""


class RosterTables(Tables):
    """Where every observation is in the last grouping."""

    def members(self, model: str) -> Members:
        """Every observation's place in the last grouping, and those it does not know yet.

        Those of photos that are missing now, or that only an earlier model saw, come with
        `present=False`: their clusters' numbers are remembered for when they are back.
        """
        rows = self._database.rows("SELECT id, version, faces FROM roster")
        kept = {part: faces for part, version, faces in rows if version == self._of(part, model)}
        if len(kept) == len(_PARTS):
            tables = {part: np.frombuffer(blob, _TYPES[part]) for part, blob in kept.items()}
            return _members({name: tables[part][name] for part in _PARTS for name in _PARTS[part]})
        return self._read_members(model)

    def keep_members(self, model: str, members: Members) -> None:
        """Keeps what `members` returns of the facts and people as they are now."""
        rows = self._database.rows("SELECT id, version FROM roster")
        kept = {part for part, version in rows if version == self._of(part, model)}
        for part in _PARTS.keys() - kept:
            table = np.empty(len(members.ids), _TYPES[part])
            for name in _PARTS[part]:
                table[name] = getattr(members, name)
            row = (part, self._of(part, model), table.tobytes())
            self._database.run("REPLACE INTO roster VALUES (?, ?, ?)", row)

    def _of(self, part: int, model: str) -> str:
        """The state of the library that a part describes."""
        people = [] if part == 1 else [int(self.state("people_version", 0))]
        return json.dumps([model, self.revision(), *people])

    def _read_members(self, model: str) -> Members:
        rows = self._database.rows(
            f"""SELECT {_COLUMNS}
                FROM content JOIN observation ON content.id = observation.content_id
                LEFT JOIN membership ON observation_id = observation.id
                WHERE present OR observation_id IS NOT NULL
                ORDER BY hash, position, observation.model""",  # noqa: S608
            (model,),
        )
        types = {**_PARTS[1], **_PARTS[2]}
        columns = np.array(rows, np.float64).reshape(-1, len(types)).T
        return _members(
            {name: c.astype(types[name]) for name, c in zip(types, columns, strict=True)}
        )


def _members(columns: Mapping[str, npt.NDArray[Any]]) -> Members:
    return Members(**{name: c.astype(_WIDE[c.dtype.kind]) for name, c in columns.items()})
