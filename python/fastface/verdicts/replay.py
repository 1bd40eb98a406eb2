"""Divides the clusters among people: a pure function of clusters and of what counts.

1. A face is the person it was last said to be, whatever cluster it is in and although it may be in
   none; a face that is no face is nobody.
2. A person claims the cluster that holds most of the faces a number of theirs was said of, every
   cluster of which more than half was said to be theirs, and, once something was said of them, the
   cluster of their own number.
3. The other faces of a cluster follow the one who claims it; of several each face follows whom it
   resembles, or, where likeness is not known, the one with most faces there.  Nobody gets a face
   that was said not to be theirs: if nobody else claims its cluster, it has the number that it
   got then, and is nobody's if that is theirs now.
4. A cluster that nobody claims is a person of its own number, without a name.

Ties go to the earlier face in canonical order (see `store.Facts`).  Nothing here remembers an
earlier outcome, so an undone verdict leaves no trace, and replaying changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from fastface.arrays import distinct
from fastface.types import IntArray
from fastface.verdicts.weighing import Rulings

# Faces (k,) and, for each side, its faces -> the index of the side each face resembles most (k,).
Likeness = Callable[[IntArray, Sequence[IntArray]], IntArray]


class Claims(NamedTuple):
    """cluster -> those who claim it, the one with most faces there first.

    firm: (cluster, person) of claims that hold whatever faces come to the cluster, of which
    nothing was said.
    """

    by_cluster: dict[int, list[int]]
    firm: set[tuple[int, int]]

    def holders(self) -> dict[int, int]:
        """Claimed cluster -> who gets any face that comes to it; 0 where that is not certain.

        The others are held by the person of their own number.
        """
        return {
            cluster: claimants[0]
            if len(claimants) == 1 and (cluster, claimants[0]) in self.firm
            else 0
            for cluster, claimants in self.by_cluster.items()
        }


def claim(clusters: IntArray, rulings: Rulings) -> Claims:
    """Who claims which cluster; arguments as for `replay`."""
    clusters = np.asarray(clusters, np.int64)
    if rulings.seat.shape != clusters.shape:
        raise ValueError(f"clusters: expected {len(rulings.seat)} of them, got {len(clusters)}")
    return _claims(np.where(rulings.not_face, 0, clusters), rulings)


def replay(
    clusters: IntArray,
    rulings: Rulings,
    likeness: Likeness | None = None,
    claimed: Claims | None = None,
) -> IntArray:
    """(n,) int64: each face's person, 0 for nobody.

    clusters: (n,) int64 in canonical order, the lasting number of each face's cluster, 0 for none;
    see `numbering`.  rulings: of the same n faces.  likeness: who a face resembles.  claimed: by
    `claim`, if that is known already.
    """
    claims = (claimed or claim(clusters, rulings)).by_cluster
    live = np.where(rulings.not_face, 0, np.asarray(clusters, np.int64))
    holder = rulings.kin.roots_of(np.arange(int(live.max(initial=0)) + 1)).copy()
    holder[[*claims]] = [claimants[0] for claimants in claims.values()]
    persons = np.where(rulings.seat > 0, rulings.seat, holder[live])

    choose = _Choice(rulings.seat, likeness)
    contested = [cluster for cluster, claimants in claims.items() if len(claimants) > 1]
    free = np.flatnonzero((rulings.seat == 0) & np.isin(live, contested))
    for cluster in contested:
        faces = free[live[free] == cluster]
        persons[faces] = choose(faces, claims[cluster])
    for face, refused in rulings.refused.items():
        if int(persons[face]) in refused:
            others = [p for p in claims.get(int(live[face]), ()) if p not in refused]
            spare = rulings.spare[face]
            persons[face] = 0 if spare in refused else spare
            if others:
                persons[face] = choose(np.array([face]), others)[0]
    return persons


def _claims(live: IntArray, rulings: Rulings) -> Claims:
    size = np.bincount(live)
    first_face = np.zeros(len(size), np.int64)
    first_face[live[::-1]] = np.arange(len(live))[::-1]  # of several, numpy keeps the last
    numbers = np.flatnonzero(size)
    seated = np.flatnonzero((rulings.seat > 0) & (live > 0))
    cluster, person, seats, first = _tally(live[seated], rulings.seat[seated], seated)
    rank = {
        pair: (-n, face)
        for pair, n, face in zip(
            zip(cluster.tolist(), person.tolist(), strict=True),
            seats.tolist(),
            first.tolist(),
            strict=True,
        )
    }
    most = 2 * seats > size[cluster]
    firm = _homes(live, rulings)
    known = rulings.kin.roots_of(np.array(sorted(rulings.kin.people), np.int64))
    owner = rulings.kin.roots_of(numbers)
    for k in np.flatnonzero(np.isin(owner, known) & (numbers > 0)).tolist():
        firm.add((int(numbers[k]), int(owner[k])))
        rank.setdefault((int(numbers[k]), int(owner[k])), (0, int(first_face[numbers[k]])))
    claims: dict[int, list[int]] = {}
    majorities = {(int(cluster[k]), int(person[k])) for k in np.flatnonzero(most)}
    for pair in sorted(firm | majorities, key=lambda pair: (rank[pair], pair)):
        claims.setdefault(pair[0], []).append(pair[1])
    return Claims(claims, firm)


def _homes(live: IntArray, rulings: Rulings) -> set[tuple[int, int]]:
    """(cluster, person): for each number ever said, where most of its faces are."""
    face, number = rulings.said[:, live[rulings.said[0]] > 0]
    number, face = np.divmod(distinct(number * len(live) + face), len(live))
    cluster, number, count, first = _tally(live[face], number, face)
    order = np.lexsort((first, -count, number))
    best = order[np.flatnonzero(np.diff(number[order], prepend=-1))]
    roots = rulings.kin.roots_of(number[best])
    return set(zip(cluster[best].tolist(), roots.tolist(), strict=True))


def _tally(
    clusters: IntArray, people: IntArray, faces: IntArray
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Each pair (cluster, person) with its number of faces and its earliest face."""
    width = int(people.max(initial=0)) + 1
    key, first, count = np.unique(clusters * width + people, return_index=True, return_counts=True)
    cluster, person = np.divmod(key, width)
    return cluster, person, count, faces[first]


class _Choice:
    """Who gets a face that several people claim."""

    def __init__(self, seat: IntArray, likeness: Likeness | None) -> None:
        self._seat, self._likeness = seat, likeness

    def __call__(self, faces: IntArray, people: Sequence[int]) -> IntArray:
        """(k,) the person that each face resembles most; the first where that is not known."""
        who = np.array(people, np.int64)
        sides = [np.flatnonzero(self._seat == person) for person in people]
        if self._likeness is None or len(people) == 1 or not all(len(side) for side in sides):
            return np.full(len(faces), who[0])
        chosen: IntArray = who[self._likeness(faces, sides)]
        return chosen
