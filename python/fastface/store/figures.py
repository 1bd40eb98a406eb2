"""Derived: what is counted of each person, kept so that a list of people reads no faces."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Final

from fastface.store.rows import PersonFigures
from fastface.store.tables import Tables

# Of more people than these it is quicker to count everybody's faces, in the order they are in.
FEW: Final = 200


class FigureTables(Tables):
    """Figures hold for one state of the facts and people, which they are kept with."""

    def person_figures(self, model: str, person_id: int | None = None) -> dict[int, PersonFigures]:
        """What is counted of everybody, or of one, who is seen on photos that are present."""
        one = () if person_id is None else (person_id,)
        if self._are_kept(model):
            chosen = "WHERE person = ?" if one else ""
            rows = self._database.rows(f"SELECT * FROM figure {chosen}", one)  # noqa: S608
        else:
            rows = self._database.rows(_counted("= ?2" if one else "IS NOT NULL"), (model, *one))
        return {row[0]: PersonFigures(*row[1:]) for row in rows}

    def count_people(self, model: str, touched: Collection[int] | None = None) -> None:
        """Keeps the figures of these people, or all, as of now; those of nobody else changed.

        touched: as returned by `uncounted`.
        """
        if touched is None:
            self._database.run("DELETE FROM figure")
            self._database.run(f"INSERT INTO figure {_counted('IS NOT NULL')}", (model,))
        else:
            numbers = json.dumps(sorted(touched))
            some = "IN (SELECT value FROM json_each(?2))"
            self._database.run(
                "DELETE FROM figure WHERE person IN (SELECT value FROM json_each(?))", (numbers,)
            )
            self._database.run(f"INSERT INTO figure {_counted(some)}", (model, numbers))
        self.set_state("figures", self._now(model))

    def uncounted(self, model: str, touched: Collection[int]) -> Collection[int] | None:
        """These people, if the others' figures hold and the few are quicker; None for all.

        To be asked before anything changes but the memberships of these people.
        """
        return touched if len(touched) <= FEW and self._are_kept(model) else None

    def count_people_if_due(self, model: str) -> None:
        """Keeps everybody's figures, where facts changed since."""
        if not self._are_kept(model):
            self.count_people(model)

    def _are_kept(self, model: str) -> bool:
        return bool(self.state("figures") == self._now(model))

    def _now(self, model: str) -> list[str | int]:
        return [model, self.revision(), int(self.state("people_version", 0))]


def _counted(whose: str) -> str:
    """The columns of `figure` of the people that a condition on their number names."""
    return f"""WITH seen AS (
            SELECT person_id, membership.content_id AS content_id, quality, observation_id
            FROM membership WHERE person_id {whose} AND model = ?1 AND EXISTS (
                SELECT 1 FROM file
                WHERE file.content_id = membership.content_id AND NOT missing))
        SELECT who, n_photos, n_faces, clearest, first, last, n_videos FROM
        (SELECT person_id AS who, count(DISTINCT content_id) AS n_photos, count(*) AS n_faces,
                observation_id AS clearest, max(quality) FROM seen GROUP BY person_id)
        JOIN (SELECT person_id, min(taken_at) AS first, max(taken_at) AS last,
                     count(DISTINCT iif(duration_s IS NULL, NULL, content_id)) AS n_videos
              FROM seen JOIN content ON content.id = content_id GROUP BY person_id)
        ON person_id = who"""  # noqa: S608
