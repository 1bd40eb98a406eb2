"""Which groupings are least sure, and how many faces an answer would set right.

Two people may be one, or one person two. Either way the doubt is about two sides, groups of faces,
and one question settles it: are they one person? The evidence is that of the grouping itself: the
median distance of the sides, how often strangers come so close, and the photos that show both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fastface.arrays import distinct
from fastface.calibration import Calibration
from fastface.conflicts import TWIN_RATE, against
from fastface.kernels import median_linkage, nearest, pairwise_edges
from fastface.types import FloatArray, IntArray

# What two sides are like is read from so many faces of each, and where a person would fall apart
# from so many of theirs.
VOICES: Final = 16
SHOWN: Final = 6  # faces of a side to look at
MEMBERS: Final = 96
# People who may be one are sought among the nearest of all, and of those seen this often: of
# thousands of people, some seen once come near everybody by chance.
NEIGHBOURS: Final = 8
OFTEN: Final = 5
# True neighbours that a side is expected to have beyond the cut, against the false ones that the
# curve expects: the odds that a doubt is right (bench/review_answers.py).
TRUE_NEIGHBOURS: Final = 0.2
LOOKED_AT: Final = 400  # pairs of people, the likeliest by their means
FARTHEST: Final = 2.0  # cosine distance


@dataclass(frozen=True, slots=True, eq=False)
class Doubt:
    """Two sides that may be grouped wrongly.

    people: the persons of the sides, twice the same where one may be two.  one, other: rows of
    their faces, the larger side first; of two people only those that speak for them.
    same: how likely the sides are one person, 0..1.  gain: faces expected to be set right.
    """

    people: tuple[int, int]
    one: IntArray
    other: IntArray
    same: float
    gain: float


class Known(NamedTuple):
    """What is known of n faces.

    persons, photos: (n,) int64, whose face it is and the photo it is on.  groups: (n,) int64, the
    same for faces of a person that the grouping put together, another for those the user joined.
    confirmed: (n,) bool, faces that the user looked at one by one.  weight: (n,) float64, the
    clearest speak first.
    """

    persons: IntArray
    photos: IntArray
    groups: IntArray
    confirmed: npt.NDArray[np.bool_]
    weight: npt.NDArray[np.float64]


Embed = Callable[[IntArray], FloatArray]  # rows of faces -> (k, d) float32, unit norm


def two_that_may_be_one(
    known: Known,
    embed: Embed,
    settled: Callable[[int, int], bool],
    curve: Calibration,
    limit: int,
    *,
    bias: float = 1.0,
) -> list[Doubt]:
    """The pairs of people whose being one is likely and would set most faces right, best first.

    settled: whether two people, the lower first, are not to be asked about.  bias: how many times
    likelier than the curve says such doubts proved in this library.
    """
    people, sizes = np.unique(known.persons, return_counts=True)
    if len(people) < 2:
        return []
    voices = _spread(known, known.persons, VOICES)
    start = np.flatnonzero(np.diff(known.persons[voices], prepend=-1))
    count = np.diff(np.append(start, len(voices)))
    faces = embed(voices)
    # The dot product of two means is the mean similarity of the pairs: close to the median.
    means = np.add.reduceat(faces, start, axis=0)
    means /= count[:, None]
    pairs = _neighbours(means, sizes)
    pairs = pairs[[not settled(*both) for both in people[pairs].tolist()]]
    a, b = pairs.T
    rough = 1.0 - np.einsum("nd,nd->n", means[a], means[b])
    shared = _shared_photos(known, np.searchsorted(people, known.persons), pairs)
    both = (sizes[a], sizes[b])
    likely = np.argsort(-_gain(bias * _odds(rough, both, shared, len(people), curve), both))
    found = []
    for k in np.sort(likely[: max(4 * limit, LOOKED_AT)]).tolist():
        own, others = (slice(start[side], start[side] + count[side]) for side in pairs[k])
        exact = float(np.quantile(1.0 - faces[own] @ faces[others].T, 0.5, method="lower"))
        size = (int(both[0][k]), int(both[1][k]))
        odds = bias * _odds(exact, size, shared[k], len(people), curve)
        sides = [(size[0], voices[own], people[a[k]]), (size[1], voices[others], people[b[k]])]
        sides.sort(key=lambda side: -side[0])
        found.append(
            Doubt(
                (int(sides[0][2]), int(sides[1][2])),
                sides[0][1],
                sides[1][1],
                float(odds / (1 + odds)),
                float(_gain(odds, size)),
            )
        )
    return sorted(found, key=lambda doubt: -doubt.gain)[:limit]


def one_that_may_be_two(
    known: Known, embed: Embed, curve: Calibration, limit: int, *, bias: float = 1.0
) -> list[Doubt]:
    """The people whose being two is likely and would set most faces right, best first.

    Everybody is taken apart where they hold together least, each of those whom the user joined
    alone; what the user confirmed of one person holds. bias: as in `two_that_may_be_one`.
    """
    n_people = len(distinct(known.persons))
    groups, sizes = np.unique(known.groups, return_counts=True)
    rows = _spread(known, known.groups, MEMBERS)
    rows = rows[sizes[np.searchsorted(groups, known.groups[rows])] > 1]
    if not len(rows):
        return []
    merges = _last_merges(embed(rows), known.groups[rows], known.confirmed[rows])
    first = rows[np.array([left[0] for _, left, _ in merges], np.int64)]
    whole = sizes[np.searchsorted(groups, known.groups[first])]
    share = whole / [len(a) + len(b) for _, a, b in merges]
    size = share * [len(a) for _, a, _ in merges], share * [len(b) for _, _, b in merges]
    rough = bias / _odds([height for height, _, _ in merges], size, 0, n_people, curve)
    found = []
    for k in np.argsort(-_gain(rough, size), kind="stable")[: max(4 * limit, LOOKED_AT)].tolist():
        height, *both = merges[k]
        one, other = sorted((rows[side] for side in both), key=len, reverse=True)
        shared = len(np.intersect1d(known.photos[one], known.photos[other]))
        both_sizes = float(size[0][k]), float(size[1][k])
        odds = bias / _odds(height, both_sizes, shared, n_people, curve)
        found.append(_divided(known, one, other, odds, both_sizes))
    return sorted(found, key=lambda doubt: -doubt.gain)[:limit]


def twice_on_a_photo(
    known: Known, embed: Embed, curve: Calibration, limit: int, *, bias: float = 1.0
) -> list[Doubt]:
    """People who are on one photo twice, and the face of the two that is less like them.

    Left out are faces of whom the user said who they are, and mirrors. bias: as in
    `two_that_may_be_one`.
    """
    n_people = len(distinct(known.persons))
    order = np.lexsort((known.weight, known.persons, known.photos))
    again = (known.photos[order[1:]] == known.photos[order[:-1]]) & (
        known.persons[order[1:]] == known.persons[order[:-1]]
    )
    by_person = np.lexsort((-known.weight, known.persons))
    persons, in_group = known.persons[by_person], _how_many(known.groups)
    found = []
    for at in np.flatnonzero(again).tolist():
        pair = order[at : at + 2]
        bounds = (
            np.searchsorted(persons, known.persons[pair[0]], side=s) for s in ("left", "right")
        )
        own = by_person[slice(*bounds)]
        voices = own[: VOICES + 2]  # the clearest
        voices = voices[~np.isin(voices, pair)][:VOICES]
        if known.confirmed[pair].all() or not len(voices):
            continue
        faces = embed(pair)
        twins = float(curve.log10_rate(1.0 - faces[0] @ faces[1])) <= np.log10(TWIN_RATE)
        if twins:
            continue
        heights = np.quantile(1.0 - faces @ embed(voices).T, 0.5, axis=1, method="lower")
        heights[known.confirmed[pair]] = -1.0
        less = int(heights.argmax())
        if in_group[pair[less]] == 1:
            continue  # the user said so of this very face
        sizes = (float(len(own) - 1), 1.0)
        odds = bias / _odds(float(heights[less]), sizes, 1, n_people, curve)
        found.append(_divided(known, voices, pair[less : less + 1], odds, sizes))
    return sorted(found, key=lambda doubt: -doubt.gain)[:limit]


def more_like_somebody_else(
    known: Known, embed: Embed, curve: Calibration, limit: int, *, bias: float = 1.0
) -> list[Doubt]:
    """People some of whose faces are more like somebody else, best first.

    A linkage never lets go of a face that it took in, and such a face is no fringe of its cluster,
    so taking people apart finds it last.  A doubt is about the faces of a person that go to one
    other, no more than can be shown; those that the user confirmed stay. bias: as in
    `two_that_may_be_one`.
    """
    people, sizes = np.unique(known.persons, return_counts=True)
    rows = _spread(known, known.persons, MEMBERS)
    start = np.flatnonzero(np.diff(known.persons[rows], prepend=-1))
    count = np.diff(np.append(start, len(rows)))
    if len(people) < 2 or not (count > 1).any():
        return []
    faces = embed(rows)
    sums = np.add.reduceat(faces, start, axis=0)
    rivals: dict[int, list[int]] = {}
    means = np.asarray(sums / count[:, None], np.float32)
    for a, b in _neighbours(means, sizes).tolist():
        rivals.setdefault(a, []).append(b)
        rivals.setdefault(b, []).append(a)
    free = ~known.confirmed[rows] & (_how_many(known.groups)[rows] > 1)
    # Means of distances, which are close to their medians; to their own without themselves.
    to_own, to_best = np.zeros(len(rows)), np.full(len(rows), FARTHEST)
    best = np.zeros(len(rows), np.int64)
    asked = [a for a in np.flatnonzero(count > 1).tolist() if a in rivals]
    for a in asked:
        near, own = rivals[a], slice(start[a], start[a] + count[a])
        to_own[own] = 1.0 - (faces[own] @ sums[a] - 1.0) / (count[a] - 1)
        to_others = 1.0 - faces[own] @ sums[near].T / count[near]
        closest = to_others.argmin(axis=1)
        to_best[own] = to_others[np.arange(count[a]), closest]
        best[own] = np.array(near)[closest]
    n_own = np.maximum(np.repeat(count, count) - 1, 1)
    decades = curve.log10_rate(to_own, (1, n_own)) - curve.log10_rate(to_best, (1, count[best]))
    decades[~free] = 0.0
    likely = TRUE_NEIGHBOURS / len(people)  # by chance, somebody of many is near to any face
    found = []
    for a in asked:
        own = slice(start[a], start[a] + count[a])
        unlike = np.flatnonzero(decades[own] > 0)
        for rival in sorted({*best[own][unlike].tolist()}):
            mine = unlike[best[own][unlike] == rival]
            strays = mine[np.argsort(-decades[own][mine], kind="stable")][:SHOWN]
            odds = bias * likely * 10.0 ** float(np.clip(decades[own][strays].mean(), 0, 12))
            others = np.ones(count[a], bool)
            others[strays] = False
            rest = np.flatnonzero(others)[:VOICES]
            if len(rest):
                both = float(sizes[a] - len(strays)), float(len(strays))
                found.append(_divided(known, rows[own][rest], rows[own][strays], odds, both))
    return sorted(found, key=lambda doubt: -doubt.gain)[:limit]


def _how_many(groups: IntArray) -> IntArray:
    """(n,) the size of each row's group."""
    _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse])


def _divided(
    known: Known,
    one: IntArray,
    other: IntArray,
    odds: npt.ArrayLike,
    sizes: tuple[float, float],
) -> Doubt:
    person = int(known.persons[one[0]])
    chance = np.asarray(odds) / (1 + np.asarray(odds))
    return Doubt((person, person), one, other, float(1 - chance), float(_gain(odds, sizes)))


def divide(doubt: Doubt, known: Known, embed: Embed) -> Doubt:
    """A doubt about one person, with all faces of the group, each on the side it is more like."""
    sampled = np.concatenate([doubt.one, doubt.other])
    rest = np.setdiff1d(np.flatnonzero(known.groups == known.groups[sampled[0]]), sampled)
    means = np.stack([embed(side).mean(axis=0) for side in (doubt.one, doubt.other)])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    closer = (embed(rest) @ means.T).argmax(axis=1) if len(rest) else rest
    return Doubt(
        doubt.people,
        np.concatenate([doubt.one, rest[closer == 0]]),
        np.concatenate([doubt.other, rest[closer == 1]]),
        doubt.same,
        doubt.gain,
    )


def _spread(known: Known, group: IntArray, most: int) -> IntArray:
    """Rows of at most so many faces of each group: the confirmed, then the clearest."""
    order = np.lexsort((-known.weight, ~known.confirmed, group))
    start = np.flatnonzero(np.diff(group[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(start, np.diff(np.append(start, len(order))))
    return np.asarray(order[rank < most])


def _neighbours(means: FloatArray, sizes: IntArray) -> IntArray:
    """(k, 2) pairs of people that are near each other, each once, lower first."""
    pairs = []
    for others in (np.arange(len(means)), np.flatnonzero(sizes >= OFTEN)):
        if len(others):
            near, _ = nearest(means, means[others], min(NEIGHBOURS + 1, len(others)))
            who = np.repeat(np.arange(len(means)), near.shape[1])
            pairs.append(np.column_stack([who, others[near.ravel()]]))
    low, high = np.sort(np.concatenate(pairs), axis=1).T
    return np.column_stack(_distinct(low[low != high], high[low != high]))


def _distinct(one: IntArray, other: IntArray) -> tuple[IntArray, IntArray]:
    """Pairs of numbers from 0 on, each once and in order: one key sorts far faster than two."""
    width = int(other.max(initial=0)) + 1
    return np.divmod(distinct(one * width + other), width)


def _shared_photos(known: Known, person: IntArray, pairs: IntArray) -> IntArray:
    """(k,) how many photos show both of each pair of people (rows of `person`'s numbers)."""
    photo, who = _distinct(known.photos, person)
    n_people = int(person.max()) + 1
    found = [np.empty(0, np.int64)]
    for step in range(1, len(photo)):
        both = np.flatnonzero(photo[step:] == photo[:-step])
        if not len(both):
            break
        found.append(who[both] * n_people + who[both + step])
    key, count = np.unique(np.concatenate(found), return_counts=True)
    key, count = np.append(key, -1), np.append(count, 0)  # -1: for those never seen together
    asked = pairs[:, 0] * n_people + pairs[:, 1]
    at = np.minimum(np.searchsorted(key[:-1], asked), len(key) - 1)
    return np.where(key[at] == asked, count[at], 0)


def _odds(
    distance: npt.ArrayLike,
    sizes: tuple[npt.ArrayLike, npt.ArrayLike],
    shared: npt.ArrayLike,
    n_people: int,
    curve: Calibration,
) -> npt.NDArray[np.float64]:
    """How much likelier two sides are one person than two of `n_people`."""
    false = curve.log10_rate(distance, sizes) + np.log10(n_people)
    false = false + against(shared, np.minimum(*sizes))
    return np.asarray(TRUE_NEIGHBOURS / 10.0 ** np.clip(false, -12, 12))


def _gain(
    odds: npt.ArrayLike, sizes: tuple[npt.ArrayLike, npt.ArrayLike]
) -> npt.NDArray[np.float64]:
    """Faces expected to be set right: by how much BCubed's sum over them grows, times the chance.

    Where sides of a and b faces are joined, recall grows by b / (a + b) for each of a faces and by
    a / (a + b) for each of b; where they are divided, precision does.
    """
    a, b = (np.asarray(size, np.float64) for size in sizes)
    chance = np.asarray(odds) / (1.0 + np.asarray(odds))
    return np.asarray(chance * 2 * a * b / (a + b))


def _last_merges(
    faces: FloatArray, group: IntArray, confirmed: npt.NDArray[np.bool_]
) -> list[tuple[float, IntArray, IntArray]]:
    """(height, one side, the other) of the merge that completes each group; rows of `faces`."""
    sure = np.flatnonzero(confirmed)
    sure = sure[np.argsort(group[sure], kind="stable")]
    chain = np.column_stack([sure[:-1], sure[1:]])
    chain = chain[group[chain[:, 0]] == group[chain[:, 1]]]
    n = len(faces)
    edges = pairwise_edges(faces, FARTHEST, groups=group)
    matrix = median_linkage(n, edges, FARTHEST, must_link=chain).linkage_matrix
    merges = matrix[np.isfinite(matrix[:, 2])]
    children = merges[:, :2].astype(np.int64)
    last = np.ones(len(merges), bool)
    last[children[children >= n] - n] = False
    side = np.arange(n + len(merges))  # the child of a last merge that each node is below
    both = children.tolist()
    for row in np.flatnonzero(~last)[::-1].tolist():
        side[both[row]] = side[n + row]
    order = np.argsort(side[:n], kind="stable")
    of_leaf = side[order]
    sides = children[last]
    start, end = (np.searchsorted(of_leaf, sides, side=edge) for edge in ("left", "right"))
    unsure = np.append(0, np.cumsum(~confirmed[order]))
    # Who is confirmed throughout is all that is known of somebody.
    asked = (unsure[end] - unsure[start]).any(axis=1)
    found = []
    for height, (a, b), (c, d) in zip(
        merges[last, 2][asked].tolist(), start[asked].tolist(), end[asked].tolist(), strict=True
    ):
        found.append((height, order[a:c], order[b:d]))
    return found
