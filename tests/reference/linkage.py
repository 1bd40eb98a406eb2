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


def choose_voters(near, max_members, seed):
    """(n,) bool from the (n, n) bool of neighbours: visited in random order, one votes unless
    `max_members` of its neighbours do."""
    voter = np.zeros(len(near), dtype=bool)
    for i in sorted(range(len(near)), key=lambda i: mix(mix(seed) ^ i)):
        voter[i] = (near[i] & voter).sum() < max_members
    return voter


def heard(distance, voter, max_members):
    """Without the distances that do not count: only voters do, to others the nearest of them."""
    distance = np.where(voter[:, None] | voter[None, :], distance, np.inf)
    for i in np.flatnonzero(~voter):
        far = np.argsort(distance[i], kind="stable")[2 * max_members :]
        distance[i, far] = distance[far, i] = np.inf
    return distance


def median_linkage(
    n,
    edges,
    threshold,
    *,
    max_members=None,
    random_state=0,
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
    voter = np.ones(n, dtype=bool)
    if max_members:
        voter = choose_voters(np.isfinite(distance), max_members, random_state)
        distance = heard(distance, voter, max_members)
    for i, j in soft_cannot_link:
        distance[i, j] = distance[j, i] = np.inf

    def voices(members):
        return [m for m in members if voter[m]] or members

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

    for pair in sorted(tuple(sorted(map(int, pair))) for pair in must_link):
        low, high = sorted(next(c for c in clusters if x in clusters[c]) for x in pair)
        if low != high:
            merge(low, high, 0)
    while len(clusters) > 1:
        names = sorted(clusters)
        height, low, high = min(
            (linkage(clusters[a], clusters[b]), a, b) for a in names for b in names if a < b
        )
        if height == np.inf:
            break
        merge(low, high, height)
        current = height
    labels, order = np.empty(n, dtype=np.int64), sorted(clusters.values(), key=min)
    for label, members in enumerate(order):
        labels[members] = label
    names = sorted(clusters)
    for low, high in pairwise(names):
        merge(low, high, np.inf)
    return labels, np.array(rows, dtype=float).reshape(-1, 4)
