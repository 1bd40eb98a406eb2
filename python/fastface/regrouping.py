"""Groups again what new photos, photos that are gone and answers can have changed, and no more.

The faces in moments that changed are grouped afresh. With them are looked at the clusters that new
faces come near, that lost a face, or of which something was said: a small one by the faces it has
in each moment, so that it may fall apart; for a large one some of its faces speak. All others stay.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fastface.pipeline import Engine, put_grouping, rests_on
from fastface.recognition import Recogniser
from fastface.roll import Roll
from fastface.store import Members, Store
from fastface.types import IntArray

SPOKESMEN: Final = 64  # faces that speak for a larger cluster


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
        members = roll.members
        told = {"n_whole": last["n_whole"], **rests_on(store)}
        photos = store.photo_facts(model)
        moments, before = engine.moments(photos), store.moments(photos.content_ids)
        again = changed(moments, before)
        content = store.contents_of(members.ids)
        gallery = recogniser.gallery(model)
        free = store.with_faces(photos, model, store.ids_on(model, photos.content_ids[again]))
        is_new = before[free.photo_index] < 0
        near = gallery.within_reach(free.faces[is_new & ~free.unclear])

        is_free = np.isin(members.ids, free.ids)
        touched = is_free | np.isin(members.persons, [n for n in near if n])
        touched |= np.isin(content, store.contents_gone(photos.content_ids))
        touched[roll.said_since(last.get("verdict", 0))] = True
        clusters = np.unique(members.clusters[touched])
        standing = _standing(
            members,
            ~is_free & np.isin(members.clusters, clusters[clusters > 0]),
            roll.rulings.seat,
            _moment_of(content, photos.content_ids, moments),
        )
        ids = np.concatenate([free.ids, members.ids[standing.rows[standing.speaks]]])
        facts = store.with_faces(photos, model, ids)
        said = roll.seats(facts.ids)
    given = np.full(len(members.ids) + 1, -1)  # the last for those that are not among the members
    given[standing.rows] = standing.given
    here = members.present & (members.clusters > 0)
    others = len(np.setdiff1d(members.clusters[here], clusters))
    grouping = engine.group(
        facts,
        said,
        moments=moments,
        given=given[members.rows_of(facts.ids)],
        others=others,
        rule=last.get("rule"),
        gallery=gallery,
    )
    labels = _labels(members, standing, members.rows_of(facts.ids), grouping.labels)
    with roll.changing(model):
        found = dict(zip(members.ids.tolist(), labels.tolist(), strict=True))
        put_grouping(store, roll, engine, photos, grouping, found, told)
        new = {roll.members.persons[row] for row in members.rows_of(free.ids[is_new])}
        store.outdate({int(person) for person in new} - {0})


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


def _moment_of(content: IntArray, content_ids: IntArray, moments: IntArray) -> IntArray:
    """(n,) the moment of each face's photo, -1 where the photo is not among `content_ids`."""
    order = np.argsort(content_ids)
    at = np.minimum(np.searchsorted(content_ids[order], content), max(len(order) - 1, 0))
    if not len(order):
        return np.full(len(content), -1)
    return np.where(content_ids[order][at] == content, moments[order][at], -1)


def _standing(
    members: Members, looked_at: npt.NDArray[np.bool_], seat: IntArray, moment: IntArray
) -> Standing:
    rows = np.flatnonzero(looked_at & members.present)
    _, unit, size = np.unique(
        np.stack([members.clusters[rows], seat[rows]]),
        axis=1,
        return_inverse=True,
        return_counts=True,
    )
    unit = unit.reshape(-1)
    _, in_moment = np.unique(np.stack([unit, moment[rows]]), axis=1, return_inverse=True)
    large = size[unit] > SPOKESMEN
    given = np.where(large, unit, len(size) + in_moment.reshape(-1))
    order = np.argsort(unit, kind="stable")
    rank = np.empty(len(rows), np.int64)
    rank[order] = np.arange(len(rows)) - np.repeat(np.cumsum(size) - size, size)
    # Evenly spread: every rank where the running share of the spokesmen reaches a next number.
    speaks = rank * SPOKESMEN // size[unit] != (rank - 1) * SPOKESMEN // size[unit]
    return Standing(rows, unit, given, speaks | ~large)


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
