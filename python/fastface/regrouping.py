"""Groups again what new photos, photos that are gone and answers can have changed, and no more.

The faces in moments that changed are grouped afresh. With them are looked at the clusters that new
faces come near, that lost a face, or of which something was said: a small one by the faces it has
in each moment, so that it may fall apart; for a large one some of its faces speak. All others stay.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fastface.arrays import distinct
from fastface.pipeline import Engine, earlier_looks, remember_grouping, rests_on
from fastface.recognition import Recogniser
from fastface.roll import Roll
from fastface.store import Members, Store
from fastface.types import IntArray

SPOKESMEN: Final = 64  # faces that speak for a larger cluster
REACH_S: Final = 36 * 3600.0  # further away, a photo that comes or goes changes no moment
GROWN_BY: Final = 4  # exemplars are chosen again once one face in so many is new


class Standing(NamedTuple):
    """Faces of clusters that are looked at again: (k,) rows of the members.

    unit: (k,) which of them were of one cluster and said to be one person, or not spoken of.
    given: (k,) which of them stay together whatever comes.  speaks: (k,) bool, for their unit.
    """

    rows: IntArray
    unit: IntArray
    given: IntArray
    speaks: npt.NDArray[np.bool_]


def regroup_some(store: Store, roll: Roll, engine: Engine, recogniser: Recogniser) -> None:
    """Brings moments, clusters and people up to date with what changed since the last grouping."""
    model, last = engine.model_tag, store.state("grouping", {})
    with store.snapshot():
        roll.look(model)
        members, seat = roll.members, roll.rulings.seat
        told = {**last, **rests_on(store)}
        arrived, departed = store.arrived(model), store.departed()
        moved = _new_moments(store, engine, [*arrived, *departed])
        gallery = recogniser.gallery(model)
        free = members.present & np.isin(members.contents, [*moved])
        new = members.present & np.isin(members.contents, arrived)
        faces = [*store.embeddings(model, members.ids[new].tolist()).values()]
        near = gallery.within_reach(np.stack(faces)) if faces else []

        touched = free | np.isin(members.persons, near) | np.isin(members.contents, departed)
        touched[roll.said_since(last.get("verdict", 0))] = True
        clusters = distinct(members.clusters[touched & (members.clusters > 0)])
        looked_at = members.present & ~free & np.isin(members.clusters, clusters)
        before = store.moments(members.contents)
        standing = _standing(members, looked_at, seat, before)
        rows = np.concatenate([np.flatnonzero(free), standing.rows[standing.speaks]])
        facts = store.facts_of(model, members.ids[rows].tolist())
        earlier = earlier_looks(store, model, facts)
    rows = members.rows_of(facts.ids)
    moments = np.empty(len(facts.content_ids), np.int64)
    moments[facts.photo_index] = before[rows]
    at = [k for k, content in enumerate(facts.content_ids.tolist()) if content in moved]
    moments[at] = [moved[content] for content in facts.content_ids[at].tolist()]
    given = np.full(len(members.ids), -1)
    given[standing.rows] = standing.given
    grouping = engine.group(
        facts,
        seat[rows],
        moments=moments,
        given=given[rows],
        others=len(np.setdiff1d(members.clusters[members.present], clusters)),
        rule=last.get("rule"),
        gallery=gallery,
        earlier=earlier,
    )
    labels = _labels(members, standing, rows, grouping.labels)
    with roll.changing(model):  # with what somebody may have said meanwhile
        store.change_moments(moved.items(), departed)
        roll.regroup(members.ids, labels)
        store.outdate(_grown(roll.members, arrived))
        remember_grouping(store, engine, told)


def _new_moments(store: Store, engine: Engine, contents: list[int]) -> dict[int, int]:
    """The photos whose moments change as these contents come or go -> the new moment."""
    photos = store.photo_facts(engine.model_tag, store.around(contents, REACH_S))
    moments = engine.moments(photos)
    again = changed(moments, store.moments(photos.content_ids))
    numbers = store.next_moment() + moments[again]
    return dict(zip(photos.content_ids[again].tolist(), numbers.tolist(), strict=True))


def _grown(members: Members, arrived: list[int]) -> list[int]:
    """The people of whose faces so many are new that their exemplars are to be chosen again."""
    people = members.persons[members.present]
    new = np.bincount(people[np.isin(members.contents[members.present], arrived)])
    grown = np.flatnonzero(new * GROWN_BY > np.bincount(people)[: len(new)])
    return [person for person in grown.tolist() if person]


def changed(moments: IntArray, before: IntArray) -> npt.NDArray[np.bool_]:
    """(p,) photos of moments that are not, but for photos that are gone, moments of before.

    moments, before: (p,) int64, the moment of each photo now and before, -1 for a new photo.

    >>> changed(np.array([0, 0, 1, 1, 2, 3]), np.array([5, 5, 6, -1, 7, 7])).tolist()
    [False, False, True, True, True, True]
    """
    now, then = np.unique(np.stack([moments, before]), axis=1)
    several = [_repeated(now), _repeated(then), then < 0]
    return np.isin(moments, now[np.logical_or.reduce(several)])


def _repeated(values: IntArray) -> npt.NDArray[np.bool_]:
    """Whether each value is there more than once."""
    _, index, count = np.unique(values, return_inverse=True, return_counts=True)
    repeated: npt.NDArray[np.bool_] = count[index.reshape(-1)] > 1
    return repeated


def _standing(
    members: Members, looked_at: npt.NDArray[np.bool_], seat: IntArray, moment: IntArray
) -> Standing:
    rows = np.flatnonzero(looked_at)
    unit, size = _numbered(members.clusters[rows], seat[rows])
    in_moment, _ = _numbered(unit, moment[rows] + 1)
    large = size[unit] > SPOKESMEN
    given = np.where(large, unit, len(size) + in_moment)
    order = np.argsort(unit, kind="stable")
    rank = np.empty(len(rows), np.int64)
    rank[order] = np.arange(len(rows)) - np.repeat(np.cumsum(size) - size, size)
    # Evenly spread: every rank where the running share of the spokesmen reaches a next number.
    speaks = rank * SPOKESMEN // size[unit] != (rank - 1) * SPOKESMEN // size[unit]
    return Standing(rows, unit, given, speaks | ~large)


def _numbered(one: IntArray, other: IntArray) -> tuple[IntArray, IntArray]:
    """(k,) a number for each pair of numbers, from 0 on, and how often each is there."""
    pairs = one * (int(other.max(initial=0)) + 1) + other
    _, number, count = np.unique(pairs, return_inverse=True, return_counts=True)
    return number.reshape(-1), count


def _labels(members: Members, standing: Standing, looked_at: IntArray, found: IntArray) -> IntArray:
    """(n,) the label of each member's cluster, -1 for none; who was not looked at stays.

    looked_at: rows of the members that were grouped; found: their labels.
    """
    labels = np.where(members.present & (members.clusters > 0), members.clusters, -1)
    offset = int(members.clusters.max(initial=0)) + 1
    labels[looked_at] = np.where(found < 0, -1, found + offset)
    voice = np.zeros(int(standing.unit.max(initial=-1)) + 1, np.int64)
    voice[standing.unit[standing.speaks]] = standing.rows[standing.speaks]
    silent = ~standing.speaks
    labels[standing.rows[silent]] = labels[voice[standing.unit[silent]]]
    return labels
