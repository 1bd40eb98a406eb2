"""Faces to clusters, in two passes, without a threshold to tune.

Pass 1 works inside each moment, where clothes say who is who, and is conservative: what it joins
stays joined. Pass 2 works across moments, on faces alone, by the median of the members' distances.
Where to cut is decided merge by merge (cut.py), from what the library itself shows of strangers and
of people: one of thousands of people needs closer pairs than an album of one family.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fastface import across, conflicts
from fastface.ageing import Ageing
from fastface.arrays import finite_rows, integer_column
from fastface.calibration import EXPECTED_FALSE_NEIGHBOURS, Calibration
from fastface.growing import Time
from fastface.kernels import median_linkage, pairwise_edges
from fastface.links import Links, chain, known_alike, link
from fastface.looks import Look
from fastface.rule import Rule
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
SORTED_BY = 8  # coordinates that tell any two faces apart, unless they are copies


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """Who is together.

    labels: (n,) int64, the cluster of each face, numbered by first appearance; -1 for unclear.
    pass1_labels: (n,) int64, the same after pass 1.  n_clusters: how many there are.
    threshold: the largest distance at which two single faces, like all others, may join in this
    library.  rule: what the library showed of strangers and of people; None without clear faces.
    """

    labels: IntArray
    pass1_labels: IntArray
    n_clusters: int
    threshold: float
    rule: Rule | None


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
    rule: Rule | None = None,
    calibration: Calibration | None = None,
    taken_at: npt.ArrayLike | None = None,
    ageing: Ageing | None = None,
    earlier: Sequence[Look] = (),
    threads: int | None = None,
) -> Clustering:
    """Groups faces by person.

    faces: (n, d) float32, unit rows.  torsos: (n, d') float32, unit rows, a row of zeros where
    missing; None if no face has one.  moments, photos: (n,) integers, the moment and the photo of
    each face.  unclear: (n,) bool, faces to leave out; they get -1.  said: (n,) integers,
    who a face is known to be, 0 where that is not known: faces of one are together, of two apart.
    given: (n,) integers, faces of one number, from 0 on, stay together and take no part in pass 1;
    negative for all others.  others: people of the library beside those of these faces.  rule: what
    the library as a whole showed when it was last grouped.
    calibration: the impostor curve of the embedder that made `faces`, the default pack's if None.
    taken_at: (n,) seconds since 1970, NaN where unknown; None: nowhere known.  ageing: how likeness
    fades with the years for this embedder; None: that is not known. With both, people are followed
    while they grow up.
    earlier: what models before this one saw of the same faces, as evidence across moments.
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
    when = None if taken_at is None else np.asarray(taken_at, np.float64)
    if when is not None and when.shape != (n,):
        raise ValueError(f"taken_at: expected one per face ({n}), got shape {when.shape}")
    curve = Calibration.of_pack() if calibration is None else calibration
    if not keep.any():
        nobody = np.full(n, -1, np.int64)
        return Clustering(nobody, nobody, 0, curve.threshold(1), None)

    known = np.zeros(n, np.int64) if said is None else integer_column("said", said, n)
    # Ties are broken by position, so positions must not depend on the order of the files.
    clear = np.flatnonzero(keep)
    clear = clear[np.lexsort(faces[clear, :SORTED_BY].T)]
    faces, moments, photos = faces[clear], moments[clear], photos[clear]
    torsos = None if torsos is None else torsos[clear]
    links = link(faces, known[clear])
    together = conflicts.same_photo(faces, photos, curve)
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
    del torsos  # a third of all that is held
    people = across.group(
        faces,
        across.Known(pass1, links.apart, together),
        prior=curve.strangers,
        time=None if when is None else Time.of(ageing, when[clear]),
        part=None if not others and rule is None else across.Part(others, rule),
        earlier=[look.take(clear) for look in earlier],
        threads=threads,
    )
    return Clustering(
        _spread(people.labels, clear, n),
        _spread(pass1, clear, n),
        int(people.labels.max(initial=-1)) + 1,
        people.rule.threshold,
        people.rule,
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


def _spread(labels: IntArray, rows: IntArray, n: int) -> IntArray:
    """Labels of some of n faces, numbered by first appearance among all; -1 for the others."""
    spread = np.full(n, -1, np.int64)
    spread[rows] = labels
    labelled = spread >= 0
    spread[labelled] = across.numbered(spread[labelled])
    return spread
