"""Questions about photos: who is on them, who is not, when and where; and who is with whom."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from fastface.errors import NotFoundError
from fastface.looking import OpenLibrary
from fastface.moments import distance_km
from fastface.periods import Period
from fastface.store import person_key
from fastface.types import Face, Person, PhotoRow

NEAR_KM = 1.0  # a village, a beach, a large park


@dataclass(frozen=True, slots=True)
class Company:
    """Two people, and on how many photos both are."""

    person: Person
    other: Person
    n_photos: int


class Searches(OpenLibrary):
    """Searches; see `Library`."""

    def search(
        self,
        people: Iterable[str] = (),
        *,
        without: Iterable[str] = (),
        since: str | None = None,
        until: str | None = None,
        near: str | Path | tuple[float, float] | None = None,
        km: float = NEAR_KM,
    ) -> list[PhotoRow]:
        """Photos with all of some people and none of others, at a time and a place.

        people, without: ids or names.  since, until: `2019`, `2019-06`, `2019-06-30` or
        `2019-06-30T12:00`, by the camera's clock; both are part of what is found: until 2019 ends
        with December.  near: a photo of the library, or (latitude, longitude) in degrees.
        km: how far from there.
        Returns them oldest first, those without a clock last, which no time is asked of; with the
        faces of `people`, or all faces.  A photo without a place is near nothing.
        Raises NotFoundError for a person or photo that is not in the library or a photo without a
        place, ValueError for what is no time or place.
        """
        start = None if since is None else Period.parse("since", since).start
        end = None if until is None else Period.parse("until", until).end
        if start is not None and end is not None and start >= end:
            raise ValueError(f"since, until: {since} is after {until}")
        if not km > 0:
            raise ValueError(f"km: expected a number above 0, got {km}")
        with self._store.snapshot():
            wanted = {self._find(person) for person in people}
            others = {self._find(person) for person in without}
            found = self._store.search(self._model(), wanted, others, start, end)
            if near is not None:
                place = self._place(near)
                found = {id_: row for id_, row in found.items() if _is_near(row, place, km)}
            ids = self._store.faces_on(self._model(), found, wanted)
            faces: dict[Path, list[Face]] = defaultdict(list)
            known = self._store.faces_by_id(ids)
            for id_ in ids:
                faces[known[id_].photo].append(known[id_])
        return [replace(row, faces=tuple(faces[row.path])) for row in found.values()]

    def together(self, person: str | None = None) -> list[Company]:
        """Who is on photos with whom, most often first: with one person (id or name), or everybody.

        Hidden people are left out.  Raises NotFoundError for a person that is not in the library.
        """
        with self._store.snapshot():
            number = None if person is None else self._find(person)
            rows = self._store.company(self._model(), number)
            shown = {p.id: p for p in self.people()}
            if number is not None:  # who is asked for is known, hidden or not
                shown.update(
                    (p.id, p) for p in self.people(hidden=True) if p.id == person_key(number)
                )
        pairs = [(person_key(one), person_key(other), n) for one, other, n in rows]
        return [
            Company(shown[one], shown[other], n)
            for one, other, n in pairs
            if one in shown and other in shown
        ]

    def _place(self, near: str | Path | tuple[float, float]) -> tuple[float, float]:
        if isinstance(near, tuple):
            latitude, longitude = near
            if not (abs(latitude) <= 90 and abs(longitude) <= 180):
                raise ValueError(f"near: expected degrees up to 90 and 180, got {near}")
            return latitude, longitude
        place = self._store.place_of(os.fsencode(os.path.realpath(near)))
        if place is None:
            raise NotFoundError(f"{near} is not in the library; scan its folder first")
        if place[0] is None or place[1] is None:
            raise NotFoundError(f"{near} does not say where it was taken")
        return place[0], place[1]


def _is_near(row: PhotoRow, place: tuple[float, float], km: float) -> bool:
    if row.latitude is None or row.longitude is None:
        return False
    return bool(distance_km(row.latitude, row.longitude, *place) <= km)
