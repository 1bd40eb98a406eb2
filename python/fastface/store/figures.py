"""Derived: what is counted of each person, kept so that a list of people reads no faces."""

from __future__ import annotations

import json
import math
from collections.abc import Collection

import numpy as np

from fastface.arrays import distinct
from fastface.store.roster import RosterTables
from fastface.store.rows import Members, PersonFigures
from fastface.types import IntArray


class FigureTables(RosterTables):
    """Figures hold for one state of the facts and people, which they are kept with."""

    def person_figures(self, model: str, person: int | None = None) -> dict[int, PersonFigures]:
        """What is counted of everybody, or of one, who is seen on photos that are present."""
        one = () if person is None else (person,)
        if not self.are_counted(model):
            return count(self.members(model), one or None)
        chosen = "WHERE person = ?" if one else ""
        rows = self._database.rows(f"SELECT * FROM figure {chosen}", one)  # noqa: S608
        return {row[0]: PersonFigures(*row[1:]) for row in rows}

    def count_people(
        self, model: str, members: Members, touched: Collection[int] | None = None
    ) -> None:
        """Keeps the figures of these people, or all, as of now; nobody else's changed.

        members: as of now.  touched: None unless the others' figures were kept before.
        """
        if touched is None:
            self._database.run("DELETE FROM figure")
        else:
            self._database.run(
                "DELETE FROM figure WHERE person IN (SELECT value FROM json_each(?))",
                (json.dumps([*touched]),),
            )
        self._database.run_many(
            "INSERT INTO figure VALUES (?, ?, ?, ?, ?, ?, ?)",
            ((number, *figures) for number, figures in count(members, touched).items()),
        )
        self.set_state("figures", self._counted_of(model))

    def are_counted(self, model: str) -> bool:
        """Whether the figures of everybody are kept as of now."""
        return bool(self.state("figures") == self._counted_of(model))

    def count_people_if_due(self, model: str) -> None:
        """Keeps everybody's figures, and who is who, where facts changed since."""
        if not self.are_counted(model):
            members = self.members(model)
            self.count_people(model, members)
            self.keep_members(model, members)

    def _counted_of(self, model: str) -> list[str | int]:
        return [model, self.revision(), int(self.state("people_version", 0))]


def count(members: Members, people: Collection[int] | None = None) -> dict[int, PersonFigures]:
    """What is counted of these people, or of all, as far as they are on photos that are present.

    Of equally clear faces the first in canonical order is the clearest.
    """
    chosen = members.present & (members.persons > 0)
    if people is not None:
        chosen &= np.isin(members.persons, [*people])
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return {}
    rows = rows[np.lexsort((-members.quality[rows], members.persons[rows]))]
    persons, contents = members.persons[rows], members.contents[rows]
    taken_at, filmed = members.taken_at[rows], members.in_video[rows]
    who, start, n_faces = np.unique(persons, return_index=True, return_counts=True)
    columns = (
        who,
        _distinct(who, persons, contents),
        n_faces,
        members.ids[rows[start]],
        np.fmin.reduceat(taken_at, start),
        np.fmax.reduceat(taken_at, start),
        _distinct(who, persons[filmed], contents[filmed]),
    )
    return {
        n: PersonFigures(n_photos, faces, clearest, _known(first), _known(last), n_videos)
        for n, n_photos, faces, clearest, first, last, n_videos in zip(
            *(column.tolist() for column in columns), strict=True
        )
    }


def _distinct(who: IntArray, persons: IntArray, contents: IntArray) -> IntArray:
    """Of each of these people, ascending, on how many different photos they are."""
    width = int(contents.max(initial=0)) + 1
    of_pair = distinct(persons * width + contents) // width
    return np.asarray(np.bincount(np.searchsorted(who, of_pair), minlength=len(who)))


def _known(time: float) -> float | None:
    return None if math.isnan(time) else time
