"""What an answer changes: who is who before and after it, told apart."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from fastface.store import Members, PersonRow, person_key
from fastface.types import Changes, FacesMoved, IntArray, PersonChange, PersonState


class WhoIsWho(NamedTuple):
    """The people of one moment.  members: as `Roll.members`; people: by number."""

    members: Members
    people: dict[int, PersonRow]


def compare(before: WhoIsWho, after: WhoIsWho) -> Changes:
    """People who are new, gone or different, and faces that went from one to another."""
    was, now = _aligned(before.members, after.members)
    moved = np.flatnonzero(was[0] != now[0])
    pairs = Counter(zip(was[0][moved].tolist(), now[0][moved].tolist(), strict=True))
    marked = (was[0] == now[0]) & (was[1] != now[1]) & (now[0] > 0)
    confirmed = Counter(now[0][marked & (now[1] > 0)].tolist())
    old, new = _states(before), _states(after)
    return Changes(
        people=tuple(
            PersonChange(person_key(n), old.get(n), new.get(n))
            for n in sorted(old.keys() | new.keys())
            if old.get(n) != new.get(n)
        ),
        moved=tuple(
            FacesMoved(count, _key(source), _key(target))
            for (source, target), count in sorted(pairs.items())
        ),
        confirmed={person_key(n): count for n, count in sorted(confirmed.items())},
    )


def _aligned(before: Members, after: Members) -> tuple[IntArray, IntArray]:
    """(2, n) persons and what was said, of every face that is in either; 0 where it is not."""
    ids = np.union1d(before.ids, after.ids)
    both = []
    for members in (before, after):
        rows = members.rows_of(ids)
        both.append(np.stack([np.append(c, 0)[rows] for c in (members.persons, members.said)]))
    return both[0], both[1]


def _states(who: WhoIsWho) -> dict[int, PersonState]:
    n_faces = np.bincount(who.members.persons)
    return {
        n: PersonState(row.name, int(n_faces[n]), row.hidden, row.cover)
        for n, row in who.people.items()
    }


def _key(number: int) -> str | None:
    return person_key(number) if number else None
