"""Faces to clusters, in two passes, without a threshold to tune.

Pass 1 works inside each moment, where clothes say who is who, and is conservative: what it joins
stays joined. Pass 2 works across moments, on faces alone, by the median of the members' distances.
Where to cut is decided merge by merge, from how rare the merge would be between two different
people (calibration.py): a pair of single faces needs to be closer than two large clusters do, and
a library of thousands of people needs closer pairs than an album of one family.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fastface.arrays import finite_rows, integer_column
from fastface.calibration import EXPECTED_FALSE_NEIGHBOURS, Calibration
from fastface.kernels import crowd_edges, median_linkage, pairwise_edges
from fastface.links import Links, chain, known_alike, link
from fastface.types import FloatArray, IntArray

# Pass 1 is never undone, so it may be wrong a tenth as often, and never trusts a small moment more
# than one of ten faces: that two faces are alone in a moment says little about who they are.
PASS1_CAUTION = 0.1
PASS1_MIN_CANDIDATES = 10
# The torso's say inside a moment, D = min(F, ALPHA * F + BETA * T): what brings most pairs of one
# person together while at most doubling the false matches, one stranger in ten dressed alike
# (bench/torso_weights.py).
ALPHA = 0.85
BETA = 0.40
# Two faces in one photo closer than chance brings two people together once in ten million pairs
# are a mirror, a collage or a screen, not two people.
TWIN_RATE = 1e-7
# Each photo that shows both of two clusters speaks against their being one person, by this many
# decades. Clusters collect strays, so the count is taken relative to the root of the smaller size.
DECADES_PER_SHARED_PHOTO = 2.0
# The linkage looks only at pairs that could matter where clusters hold this many faces on average;
# in a library of fewer people large clusters meet a slightly stricter cut than they could.
FACES_PER_PERSON = 50
# Above so many faces, whoever is often seen is found first, and MAX_MEMBERS faces speak for each
# such crowd: pairs inside crowds are never made, however often one person was photographed.
MAX_EXACT = 20_000
MAX_MEMBERS = 32
SPOKESMEN = 64
SORTED_BY = 8  # coordinates that tell any two faces apart, unless they are copies


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """Who is together.

    labels: (n,) int64, the cluster of each face, numbered by first appearance; -1 for unclear.
    pass1_labels: (n,) int64, the same after pass 1.  n_clusters: how many there are.
    threshold: the largest distance at which two single faces may join in this library.
    """

    labels: IntArray
    pass1_labels: IntArray
    n_clusters: int
    threshold: float


def cluster(
    faces: npt.ArrayLike,
    torsos: npt.ArrayLike | None = None,
    *,
    moments: npt.ArrayLike,
    photos: npt.ArrayLike,
    unclear: npt.ArrayLike | None = None,
    said: npt.ArrayLike | None = None,
    given: npt.ArrayLike | None = None,
    others: int = 0,
    calibration: Calibration | None = None,
    threads: int | None = None,
) -> Clustering:
    """Groups faces by person.

    faces: (n, d) float32, unit rows.  torsos: (n, d') float32, unit rows, a row of zeros where
    missing; None if no face has one.  moments, photos: (n,) integers, the moment and the photo of
    each face.  unclear: (n,) bool, faces to leave out; they get -1.  said: (n,) integers,
    who a face is known to be, 0 where that is not known: faces of one are together, of two apart.
    given: (n,) integers, faces of one number, from 0 on, stay together and take no part in pass 1;
    negative for all others.  others: people of the library beside those of these faces.
    calibration: the impostor curve of the embedder that made `faces`, the default pack's if None.
    threads: None for all; the result does not depend on it, nor, but for the numbers, on the order
    of the faces.

    Two faces of one photo are never joined in pass 1; in pass 2 each such photo is evidence
    against, which other photos can outweigh. Both leave alone what is a mirror or a collage.
    Raises ValueError, naming the argument, for wrong shapes or values that are not finite.

    Method: two passes after Apple, "Recognizing People in Photos Through Private On-Device Machine
    Learning" (2021); the cut rule is ours.

    >>> faces = np.eye(3, dtype="f4")[[0, 0, 1, 2]]
    >>> cluster(faces, moments=[0, 0, 1, 1], photos=[0, 1, 2, 3]).labels
    array([0, 0, 1, 2])
    """
    faces, torsos = (
        finite_rows("faces", faces),
        None if torsos is None else finite_rows("torsos", torsos),
    )
    n = len(faces)
    moments, photos = integer_column("moments", moments, n), integer_column("photos", photos, n)
    keep = np.ones(n, bool) if unclear is None else ~np.asarray(unclear, bool)
    if (torsos is not None and len(torsos) != n) or keep.shape != (n,):
        raise ValueError(f"torsos, unclear: expected one per face ({n})")
    curve = Calibration.of_pack() if calibration is None else calibration
    if not keep.any():
        nobody = np.full(n, -1, np.int64)
        return Clustering(nobody, nobody, 0, curve.threshold(1))

    known = np.zeros(n, np.int64) if said is None else integer_column("said", said, n)
    # Ties are broken by position, so positions must not depend on the order of the files.
    clear = np.flatnonzero(keep)
    clear = clear[np.lexsort(faces[clear, :SORTED_BY].T)]
    faces, moments, photos = faces[clear], moments[clear], photos[clear]
    torsos = None if torsos is None else torsos[clear]
    links = link(faces, known[clear])
    together = _same_photo(faces, photos, curve)
    together = together[~known_alike(known[clear], together)]
    if given is not None:
        stands = integer_column("given", given, n)[clear]
        both = stands[together]
        together = together[(both[:, 0] < 0) | (both[:, 0] != both[:, 1])]
        links = links._replace(together=np.concatenate([links.together, chain(stands)]))
        # In a moment of its own, a face meets nobody.
        alone = moments.max() + 1 + np.arange(len(clear))
        moments = np.where(stands < 0, moments, alone)
    pass1 = _inside_moments(faces, torsos, moments, together, links, curve, threads)
    labels = _across_moments(faces, pass1, together, links.apart, curve, others, threads)
    n_clusters = int(labels.max(initial=-1)) + 1
    return Clustering(
        _spread(labels, clear, n),
        _spread(pass1, clear, n),
        n_clusters,
        curve.threshold(max(n_clusters + others, 1)),
    )


def _inside_moments(
    faces: FloatArray,
    torsos: FloatArray | None,
    moments: IntArray,
    together: IntArray,
    links: Links,
    curve: Calibration,
    threads: int | None,
) -> IntArray:
    """Pass 1: labels of clusters that no later evidence will take apart."""
    _, moments, counts = np.unique(moments, return_inverse=True, return_counts=True)
    limits = np.array([moment_threshold(m, curve) for m in counts])
    widest = float(limits.max(initial=0.0))
    i, j, distance = pairwise_edges(
        faces, widest, torsos=torsos, alpha=ALPHA, beta=BETA, groups=moments, threads=threads
    )
    near = distance <= limits[moments[i]]
    edges = (i[near], j[near], distance[near])
    return median_linkage(
        len(faces),
        edges,
        widest,
        must_link=links.together,
        cannot_link=np.unique(np.sort(np.concatenate([together, links.apart])), axis=0),
        threads=threads,
    ).labels


def moment_threshold(n_faces: int, curve: Calibration) -> float:
    """Largest distance that joins two faces inside a moment of so many faces, in pass 1."""
    expected = EXPECTED_FALSE_NEIGHBOURS * PASS1_CAUTION
    return curve.threshold(max(n_faces, PASS1_MIN_CANDIDATES), expected)


def _across_moments(
    faces: FloatArray,
    pass1: IntArray,
    together: IntArray,
    apart: IntArray,
    curve: Calibration,
    others: int,
    threads: int | None,
) -> IntArray:
    """Pass 2: labels of people, from faces alone."""
    if len(faces) <= MAX_EXACT:
        return _linked(faces, pass1, together, apart, curve, others, None, threads)
    # Members of a crowd whom no voter speaks for end up beside it. So the clusters are linked once
    # more, exactly, each through a few of its faces, and each conflict through one of them.
    labels = _linked(faces, pass1, together, apart, curve, others, MAX_MEMBERS, threads)
    spokesmen = _spokesmen(labels)
    speaks_for = np.zeros(int(labels.max()) + 1, np.int64)
    speaks_for[labels[spokesmen]] = np.arange(len(spokesmen))
    conflicts = speaks_for[labels[together]]
    conflicts = conflicts[conflicts[:, 0] != conflicts[:, 1]]
    apart = speaks_for[labels[apart]]
    found = _linked(
        faces[spokesmen], labels[spokesmen], conflicts, apart, curve, others, None, threads
    )
    return _numbered(found[speaks_for[labels]])


def _linked(
    faces: FloatArray,
    given: IntArray,
    together: IntArray,
    apart: IntArray,
    curve: Calibration,
    others: int,
    max_members: int | None,
    threads: int | None,
) -> IntArray:
    """Labels by median linkage and the cut of `_read_off`, on top of the `given` clusters.

    max_members: of a crowd that speak for it, see `crowd_edges`; None: all pairs count.
    """
    n = len(faces)
    widest = curve.threshold(max(n / FACES_PER_PERSON + others, 2), sizes=(np.inf, np.inf))
    if max_members is None:
        sample: dict[str, Any] = {}
        edges = pairwise_edges(faces, widest, threads=threads)
    else:
        edges, voters, joined = crowd_edges(
            faces,
            widest,
            # The candidates of a single face are the crowds.
            crowd_threshold=curve.threshold(max(n / FACES_PER_PERSON, 2), sizes=(1, max_members)),
            max_members=max_members,
            together=given,
            apart=np.isin(given, given[apart]),
            threads=threads,
        )
        i, j, d = joined
        sample = {"voters": voters, "joined": (i, j, np.zeros_like(d))}  # no cut comes between
    _, matrix, _ = median_linkage(
        n,
        edges,
        widest,
        must_link=chain(given),
        cannot_link=apart,
        soft_cannot_link=np.unique(together, axis=0),
        threads=threads,
        **sample,
    )
    merges = matrix[np.isfinite(matrix[:, 2])]
    return _read_off(merges, n, _conflicts(merges, n, together), curve, others)


def _spokesmen(labels: IntArray) -> IntArray:
    """Rows of at most SPOKESMEN faces of each cluster, evenly spread over its members."""
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    count = np.repeat(counts, counts)
    # Every rank where the running share of SPOKESMEN reaches a next whole number.
    spread = rank * SPOKESMEN // count != (rank - 1) * SPOKESMEN // count
    return np.sort(order[(count <= SPOKESMEN) | spread])


def _read_off(
    merges: npt.NDArray[np.float64],
    n: int,
    conflicts: IntArray,
    curve: Calibration,
    others: int = 0,
) -> IntArray:
    """Cuts a dendrogram merge by merge: one stands if it and all below it are too rare by chance.

    merges: (m, 4) the finite rows of a linkage matrix of n faces.  conflicts: (m,) how often a
    photo shows both sides.  others: clusters beside these.  A merge stands if, among the clusters
    there are at that point, fewer than EXPECTED_FALSE_NEIGHBOURS of other people would come as
    close by chance.
    """
    left, right = merges[:, 0].astype(np.int64), merges[:, 1].astype(np.int64)
    sizes = np.concatenate([np.ones(n), merges[:, 3]])
    evidence = log10_chance(merges[:, 2], (sizes[left], sizes[right]), conflicts, curve)
    enough = np.log10(EXPECTED_FALSE_NEIGHBOURS)
    stands = np.ones(n + len(merges), bool)
    n_clusters = n + others
    for row in range(len(merges)):
        children = stands[left[row]] and stands[right[row]]
        stands[n + row] = children and evidence[row] + np.log10(n_clusters) <= enough
        n_clusters -= int(stands[n + row])
    top = np.arange(n + len(merges))
    for row in np.flatnonzero(stands[n:])[::-1]:
        top[left[row]] = top[right[row]] = top[n + row]
    return _numbered(top[:n])


def log10_chance(
    distance: npt.ArrayLike,
    sizes: tuple[npt.ArrayLike, npt.ArrayLike],
    conflicts: npt.ArrayLike,
    curve: Calibration,
) -> npt.NDArray[np.float64]:
    """How rare it is that clusters of two people look so much like one: log10 of a rate.

    distance: the median of the members' distances.  sizes: of the two clusters.  conflicts: how
    often a photo shows both.  Broadcasts.  A merge stands if this rate, times the number of
    clusters there are, is at most EXPECTED_FALSE_NEIGHBOURS.
    """
    smaller = np.minimum(*(np.asarray(size, np.float64) for size in sizes))
    rate = curve.log10_rate(distance, sizes)
    return rate + DECADES_PER_SHARED_PHOTO * np.asarray(conflicts) / np.sqrt(smaller)


def _conflicts(merges: npt.NDArray[np.float64], n: int, together: IntArray) -> IntArray:
    """For each merge, how many of the pairs `together` it brings into one cluster."""
    others: dict[int, list[int]] = {}
    for i, j in together.tolist():
        others.setdefault(i, []).append(j)
        others.setdefault(j, []).append(i)
    # Only faces that have a partner are followed. A merged set keeps the larger one's name, so
    # each face changes hands at most log2(n) times.
    home = {face: face for face in others}
    members = {face: [face] for face in others}
    set_at = dict(home)  # by node of the dendrogram
    counts = np.zeros(len(merges), np.int64)
    for row, (a, b) in enumerate(merges[:, :2].astype(np.int64).tolist()):
        sets = [set_at.pop(node) for node in (a, b) if node in set_at]
        if not sets:
            continue
        large = set_at[n + row] = max(sets, key=lambda s: len(members[s]))
        if len(sets) == 2:
            small = sets[0] if large == sets[1] else sets[1]
            moving = members.pop(small)
            counts[row] = sum(home[other] == large for face in moving for other in others[face])
            home.update(dict.fromkeys(moving, large))
            members[large] += moving
    return counts


def _same_photo(faces: FloatArray, photos: IntArray, curve: Calibration) -> IntArray:
    """(m, 2) the pairs of faces in one photo that are two people, mirrors and collages left out."""
    order = np.argsort(photos, kind="stable")
    starts = np.flatnonzero(np.diff(photos[order], prepend=photos[order[:1]] - 1))
    counts = np.diff(np.append(starts, len(photos)))
    pairs = [np.empty((0, 2), np.int64)]
    for count in np.unique(counts[counts > 1]):
        group = order[starts[counts == count][:, None] + np.arange(count)]
        left, right = np.triu_indices(count, 1)
        pairs.append(np.stack([group[:, left].ravel(), group[:, right].ravel()], axis=1))
    together = np.concatenate(pairs)
    distance = 1.0 - np.einsum("nd,nd->n", faces[together[:, 0]], faces[together[:, 1]])
    apart: npt.NDArray[np.bool_] = curve.log10_rate(distance) > np.log10(TWIN_RATE)
    return np.asarray(together[apart], np.int64)


def _numbered(labels: IntArray) -> IntArray:
    """The same groups, numbered from 0 by first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    numbered: IntArray = rank[inverse]
    return numbered


def _spread(labels: IntArray, rows: IntArray, n: int) -> IntArray:
    """Labels of some of n faces, numbered by first appearance among all; -1 for the others."""
    spread = np.full(n, -1, np.int64)
    spread[rows] = labels
    labelled = spread >= 0
    spread[labelled] = _numbered(spread[labelled])
    return spread
