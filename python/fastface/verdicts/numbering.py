"""Numbers for clusters: the same from one grouping to the next, and never one for two."""

from __future__ import annotations

import numpy as np

from fastface.types import IntArray


def number(labels: IntArray, before: IntArray, next_id: int) -> tuple[IntArray, int]:
    """(the number of each face's cluster, 0 for none; the next number that nobody had).

    labels: (n,) int64 in canonical order, -1 for none.  before: (n,) int64, the number of each
    face's cluster in the last grouping, 0 for none.  next_id: greater than every number ever given.

    A cluster keeps the number with which it shares most faces; the rest get new ones, the largest
    first.  Ties go to the older number, then to the earlier face, so the outcome does not depend on
    how labels are numbered.
    """
    rows = np.flatnonzero(labels >= 0)
    _, first, group, size = np.unique(
        labels[rows], return_index=True, return_inverse=True, return_counts=True
    )
    group, old = group.reshape(-1), before[rows]
    given = np.zeros(len(first), np.int64)
    width = int(old.max(initial=0)) + 1
    pairs, votes = np.unique(group[old > 0] * width + old[old > 0], return_counts=True)
    shared = np.stack(np.divmod(pairs, width))
    taken: set[int] = set()
    for pair in np.lexsort((first[shared[0]], shared[1], -votes)).tolist():
        cluster, number = shared[:, pair].tolist()
        if given[cluster] == 0 and number not in taken:
            given[cluster] = number
            taken.add(number)
    fresh = np.flatnonzero(given == 0)
    fresh = fresh[np.lexsort((first[fresh], -size[fresh]))]
    given[fresh] = np.arange(next_id, next_id + len(fresh))
    numbers = np.zeros(len(labels), np.int64)
    numbers[rows] = given[group]
    return numbers, next_id + len(fresh)
