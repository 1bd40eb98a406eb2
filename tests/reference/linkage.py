"""Median-of-members linkage by its definition: the median of every two clusters, every time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

MASK = (1 << 64) - 1


def mix(x):
    """SplitMix64."""
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def visiting_order(n, seed):
    return sorted(range(n), key=lambda i: mix(mix(seed) ^ i))


CROWD, RIVAL, MOST, ALL = 8, 4, 4, 16  # as in cpp/algorithms/crowd_edges.cpp
ROWS_PER_CELL, MOST_CELLS, ROWS_TO_MOVE = 16, 8192, 8  # as in .../cells.hpp
PROBES, MOST_OF_CELL = 4, 256
LOOKS, SLACK = 4, np.float32(0.05)  # as in cpp/algorithms/voters.hpp


def nearest(D, row, others, threshold, most):
    """(row, other, distance) of the `most` nearest of `others` within the threshold."""
    near = [(D[row, other], other) for other in others if D[row, other] <= np.float32(threshold)]
    return [(row, other, d) for d, other in sorted(near)[:most]]


def quantised(X):
    """(scales, integers of at most 127): what the kernels make of rows."""
    peak = np.abs(X).max(axis=1, keepdims=True)
    present = peak >= np.float32(2**-60)
    inverse = np.divide(np.float32(127), peak, out=np.zeros_like(peak), where=present)
    return np.where(present, peak / np.float32(127), 0), np.rint(X.astype(float) * inverse)


def products_of_quantised(X, centres):
    (scales, rows), (others, columns) = quantised(X), quantised(centres)
    return scales * (others.T * (rows @ columns.T).astype(np.float32))


def nearest_centres(X, centres):
    """(rows, centres) the centres by how near they are to each row, by 8-bit products."""
    return np.argsort(-products_of_quantised(X, centres), axis=1, kind="stable")


def moved_centres(X, rows, count):
    """The first rows, each moved to the mean of those that are nearest to it."""
    centres = X[rows[:count]].copy()
    rows = rows[: ROWS_TO_MOVE * count]
    nearest = nearest_centres(X[rows], centres)[:, 0]
    for cell in np.unique(nearest):
        total = np.add.reduce(X[rows[nearest == cell]], axis=0, dtype=np.float32)
        norm = np.float32(np.sqrt(np.cumsum(total.astype(np.float64) ** 2)[-1]))
        if norm >= np.float32(1e-6):
            centres[cell] = total / norm
    return centres


def sharing_cells(X, rows):
    """For each row those listed before it that are compared with it: one of both looks into the
    other's cell."""
    rows = np.array(rows)
    count = min(max(len(rows) // ROWS_PER_CELL, 1), MOST_CELLS)
    cells = nearest_centres(X[rows], moved_centres(X, rows, count))[:, :PROBES]
    inside = [[] for _ in range(count)]
    for k, looks_into in enumerate(cells):
        room = [cell for cell in looks_into if len(inside[cell]) < MOST_OF_CELL]
        if room:
            inside[room[0]].append(k)
    before = [set() for _ in rows]
    for k, looks_into in enumerate(cells):
        for other in (row for cell in looks_into for row in inside[cell]):
            if other != k:
                before[max(k, other)].add(rows[min(k, other)])
    return before


def edges_among(X, D, rows, threshold, first_sample, max_members):
    most = len(rows) if len(rows) <= 2 * first_sample else MOST * max_members
    before = [rows[:k] for k in range(len(rows))]
    if len(rows) > ALL * first_sample:
        before = sharing_cells(X, rows)
    return [
        edge
        for row, others in zip(rows, before, strict=True)
        for edge in nearest(D, row, others, threshold, most)
    ]


def named(matrix, n):
    """The merges of a linkage matrix by the largest members of what they bring together."""
    name, merges = list(range(n)), []
    for a, b, d, _ in matrix[np.isfinite(matrix[:, 2])]:
        low, high = sorted((name[int(a)], name[int(b)]))
        merges.append((low, high, d))
        name.append(high)
    return merges


def find_crowds(X, D, sample, threshold, first_sample, max_members):
    """(members of each crowd, voters of each crowd, those of each rival, the crowds' merges)."""
    place = {row: k for k, row in enumerate(sample)}
    edges = [
        (*sorted((place[i], place[j])), d)
        for i, j, d in edges_among(X, D, sample, threshold, first_sample, max_members)
    ]
    labels, matrix = median_linkage(
        len(sample), list(zip(*edges, strict=True)) or [()] * 3, threshold
    )
    last = {label: k for k, label in enumerate(labels)}
    clusters = [
        [row for row, label in zip(sample, labels, strict=True) if label == wanted]
        for wanted in sorted(last, key=last.get)
    ]
    crowds = [members for members in clusters if len(members) >= CROWD]
    rivals = [members[:max_members] for members in clusters if RIVAL <= len(members) < CROWD]
    taken = {row for members in crowds for row in members}
    merges = [
        (sample[a], sample[b], d) for a, b, d in named(matrix, len(sample)) if sample[a] in taken
    ]
    return crowds, [members[:max_members] for members in crowds], rivals, merges


def looks(X, voters, threshold):
    """For each row the clusters that are near it on average, the nearest first."""
    if not voters:
        return [[] for _ in X]
    means = [np.add.reduce(X[who], dtype=np.float32) / np.float32(len(who)) for who in voters]
    least = np.float32(1) - (np.float32(threshold) + SLACK)
    products = products_of_quantised(X, np.array(means, np.float32))
    order = np.argsort(-products, axis=1, kind="stable")
    return [
        [k for k in by_row if row[k] >= least] for by_row, row in zip(order, products, strict=True)
    ]


def crowd_edges(
    X,
    distance,
    threshold,
    *,
    crowd_threshold,
    max_members,
    first_sample,
    random_state,
    together,
    apart,
):
    """(sorted edges, voters, what joined); distance(X, Y) is that of each row of X to each of Y."""
    D = distance(X, X)
    order = visiting_order(len(D), random_state)
    first = {}
    for row in order:
        first.setdefault(together[row], row)
    free = [row for row in order if first[together[row]] == row and not apart[row]]
    crowd_of, voters, joined = {}, [], []
    size = first_sample
    while 2 * size <= len(free):
        crowds, chosen, rivals, merges = find_crowds(
            X, D, free[:size], crowd_threshold, first_sample, max_members
        )
        joined += merges
        taken = {row: len(voters) + k for k, members in enumerate(crowds) for row in members}
        level = chosen + rivals
        near = looks(X, level, crowd_threshold)
        for row in free[size:]:
            asked = sorted(near[row][:LOOKS])
            medians = {k: np.sort(D[row, level[k]])[(len(level[k]) - 1) // 2] for k in asked}
            best = min(asked, key=medians.__getitem__, default=len(crowds))
            if best < len(crowds) and medians[best] <= np.float32(crowd_threshold):
                taken[row] = len(voters) + best
                joined.append((row, min(chosen[best], key=lambda who: D[row, who]), medians[best]))
        voters += chosen
        crowd_of |= taken
        free = [row for row in free if row not in taken]
        size *= 2
    free += [row for row in order if first[together[row]] == row and apart[row]]
    free += [row for row in order if first[together[row]] != row and first[together[row]] in free]
    edges = edges_among(X, D, free, threshold, first_sample, max_members)
    speakers = [row for who in voters for row in who]
    near = looks(X, voters, threshold)
    for row in free + speakers:
        earlier = [k for k in near[row] if k < crowd_of.get(row, len(voters))]
        for k in earlier[:LOOKS]:
            edges += nearest(D, row, voters[k], threshold, len(voters[k]))
    votes = np.zeros(len(D), dtype=bool)
    votes[free + speakers] = True
    return sorted((min(i, j), max(i, j), d) for i, j, d in edges), votes, joined


def median_linkage(
    n,
    edges,
    threshold,
    *,
    voters=None,
    joined=(),
    must_link=(),
    cannot_link=(),
    soft_cannot_link=(),
    soft_votes=1,
):
    """(labels, linkage matrix) of the greedy algorithm."""
    steps = threshold if isinstance(threshold, list) else [(1, threshold)]
    distance = np.full((n, n), np.inf)
    for i, j, d in zip(*edges, strict=True):
        if d <= np.float32(steps[-1][1]):
            distance[i, j] = distance[j, i] = d
    soft = {frozenset(map(int, pair)) for pair in soft_cannot_link}
    never = {frozenset(map(int, pair)) for pair in cannot_link}
    for i, j in soft_cannot_link:
        distance[i, j] = distance[j, i] = np.inf

    speaks = np.ones(n, dtype=bool)

    def voices(members):
        return [m for m in members if speaks[m]]

    def linkage(a, b):
        """Height at which a and b would merge next, or infinity."""
        if any(frozenset((x, y)) in never for x in a for y in b):
            return np.inf
        values, pairs = [], 0
        for x in voices(a):
            for y in voices(b):
                pairs += 1
                values.append(distance[x, y])
                if frozenset((x, y)) in soft:
                    values += [np.inf] * (soft_votes - 1)
        level = max(sorted(values)[(len(values) - 1) // 2], current)
        allowed = [t for least, t in steps if least <= pairs][-1]
        return level if level <= np.float32(allowed) else np.inf

    clusters = {i: [i] for i in range(n)}  # by largest member
    node, rows, current = list(range(n)), [], -np.inf

    def merge(low, high, height):
        members = clusters.pop(low) + clusters[high]
        clusters[high] = members
        rows.append([*sorted((node[low], node[high])), max(height, 0), len(members)])
        node[high] = n + len(rows) - 1

    for i, j, height in [*sorted((*sorted(map(int, pair)), 0) for pair in must_link), *joined]:
        low, high = sorted(next(c for c in clusters if x in clusters[c]) for x in (i, j))
        if low != high:
            merge(low, high, height)
    for members in clusters.values():
        if voters is not None and voters[members].any():
            speaks[members] = voters[members]
    while len(clusters) > 1:
        names = sorted(clusters)
        height, low, high = min(
            (linkage(clusters[a], clusters[b]), a, b) for a in names for b in names if a < b
        )
        if height == np.inf:
            break
        merge(low, high, height)
        current = height
    if len(joined):
        # Trees, one for each cluster: their edges by height are merges again.
        merges = sorted(named(np.array(rows).reshape(-1, 4), n), key=lambda merge: merge[2])
        clusters, node, rows = {i: [i] for i in range(n)}, list(range(n)), []
        for i, j, height in merges:
            low, high = sorted(next(c for c in clusters if x in clusters[c]) for x in (i, j))
            merge(low, high, height)
    labels, order = np.empty(n, dtype=np.int64), sorted(clusters.values(), key=min)
    for label, members in enumerate(order):
        labels[members] = label
    names = sorted(clusters)
    for low, high in pairwise(names):
        merge(low, high, np.inf)
    return labels, np.array(rows, dtype=float).reshape(-1, 4)
