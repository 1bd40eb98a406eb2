"""The append-only log of what the user said."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fastface.arrays import distinct
from fastface.store.rows import PLACE_TYPE
from fastface.store.tables import Tables
from fastface.types import Anchor, Box, IntArray, Verdict

_WORDS: Final = "SELECT id, kind, payload, said_at FROM verdict WHERE id > ? ORDER BY id"


class VerdictLog(Tables):
    """Verdicts with their anchors; triggers refuse to change or delete any.

    A place has the number of the observation that was seen there, and outlives it.
    """

    def add_verdict(
        self,
        kind: str,
        payload: Mapping[str, Any],
        said_at: float,
        faces: Mapping[int, Sequence[int] | IntArray],
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
            places = distinct(np.asarray(observations, PLACE_TYPE))
            self._database.run(
                "INSERT INTO anchor VALUES (?, ?, ?)", (added.lastrowid, person, places.tobytes())
            )
        return added.lastrowid

    def said(self, kind: str | None = None) -> IntArray:
        """(m, 3) int64: verdict id, person, place; of each anchor, or of one kind of verdict's."""
        rows = self._database.rows(
            """SELECT verdict_id, person, places FROM anchor
               WHERE ?1 IS NULL OR verdict_id IN (SELECT id FROM verdict WHERE kind = ?1)
               ORDER BY verdict_id, person""",
            (kind,),
        )
        places = [np.frombuffer(row[2], PLACE_TYPE) for row in rows]
        whose = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2)
        return np.column_stack(
            [
                np.repeat(whose, [len(numbers) for numbers in places], axis=0),
                np.concatenate([np.empty(0, PLACE_TYPE), *places]).astype(np.int64),
            ]
        )

    def places(self, numbers: Iterable[int]) -> dict[int, Anchor]:
        """Where these places are, by photo and place in it."""
        return self._places("place.id", numbers)

    def places_on(self, hashes: Iterable[str]) -> dict[int, Anchor]:
        """All places that were ever seen on photos of these contents, by number."""
        return self._places("hash", sorted(set(hashes)))

    def _places(self, column: str, values: Iterable[int | str]) -> dict[int, Anchor]:
        rows = self._database.rows(
            f"""SELECT place.id, hash, box_left, box_top, box_width, box_height, at_s
               FROM place JOIN content ON content.id = content_id
               WHERE {column} IN (SELECT value FROM json_each(?))
               ORDER BY hash, position, place.id""",  # noqa: S608
            (json.dumps([*values]),),
        )
        return {id_: Anchor(hash_, Box(*box), at_s) for id_, hash_, *box, at_s in rows}

    def verdicts(self) -> list[Verdict]:
        """Everything the user said, in order."""
        said = self.said()
        where = self.places(distinct(said[:, 2]).tolist())
        rank = {number: k for k, number in enumerate(where)}
        anchors: dict[int, list[tuple[int, int, int]]] = {}
        for verdict, person, number in said.tolist():
            anchors.setdefault(verdict, []).append((person, rank[number], number))
        return [
            replace(
                word,
                anchors=tuple(where[number] for _, _, number in faces),
                people=tuple(person for person, _, _ in faces),
            )
            for word in self.words()
            for faces in [sorted(anchors.get(word.id, ()))]
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
        size = np.dtype(PLACE_TYPE).itemsize
        rows = self._database.rows(
            "SELECT verdict_id, sum(length(places)) / ? FROM anchor GROUP BY verdict_id", (size,)
        )
        return dict(rows)

    def people_said(self) -> dict[int, set[int]]:
        """Whom each verdict says faces to be, by its id."""
        people: dict[int, set[int]] = {}
        for verdict_id, person in self._database.rows("SELECT verdict_id, person FROM anchor"):
            people.setdefault(verdict_id, set()).add(person)
        return people

    def is_said(self, hashes: Iterable[str]) -> bool:
        """Whether a verdict is about one of these contents."""
        places = np.array([*self.places_on(hashes)], np.int64)
        return bool(np.isin(places, self.said()[:, 2]).any())

    def places_said(self, kind: str, content_hash: str) -> list[Anchor]:
        """Where on a photo verdicts of one kind are about."""
        said = self.said(kind)[:, 2]
        if not len(said):
            return []
        places = self.places_on([content_hash])
        about: npt.NDArray[np.bool_] = np.isin([*places], said)
        return [place for place, yes in zip(places.values(), about.tolist(), strict=True) if yes]
