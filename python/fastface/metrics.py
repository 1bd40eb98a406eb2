"""How well a clustering agrees with the truth: pairwise and BCubed precision, recall and F."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

NOISE = -1


class Scores(NamedTuple):
    """Precision, recall and their harmonic mean, each in 0..1."""

    precision: float
    recall: float
    f: float


def pairwise_scores(labels: npt.ArrayLike, truth: npt.ArrayLike) -> Scores:
    """Precision and recall over the pairs that `labels` puts together.

    labels: (n,) integers, the clusters found; each -1 (noise) is a cluster of its own.
    truth: (n,) integers, the people; every value names one person, -1 too.
    A side without any pair scores 1: nothing was put together wrongly, or nothing was missed.
    Raises ValueError if the shapes differ.

    >>> pairwise_scores([0, 0, 0, 1], [5, 5, 6, 6])
    Scores(precision=0.3333333333333333, recall=0.5, f=0.4)
    """
    cells, found_sizes, true_sizes, _, _ = _contingency(labels, truth)
    right = _n_pairs(cells)
    found, true = _n_pairs(found_sizes), _n_pairs(true_sizes)
    return _scores(right / found if found else 1.0, right / true if true else 1.0)


def bcubed_scores(labels: npt.ArrayLike, truth: npt.ArrayLike) -> Scores:
    """BCubed precision and recall: each item's own, averaged over the items.

    An item's precision is the share of its cluster that is the same person, its recall the share
    of that person which is in its cluster; the item counts itself (Bagga and Baldwin, 1998,
    "Entity-based cross-document coreferencing using the vector space model"). Arguments and errors
    as `pairwise_scores`; no items score 1.

    >>> bcubed_scores([0, 0, 0, 1], [5, 5, 6, 6]).recall
    0.75
    """
    cells, found_sizes, true_sizes, found, true = _contingency(labels, truth)
    n = int(cells.sum())
    if n == 0:
        return _scores(1.0, 1.0)
    squares = cells.astype(np.float64) ** 2
    precision = float((squares / found_sizes[found]).sum() / n)
    recall = float((squares / true_sizes[true]).sum() / n)
    return _scores(precision, recall)


def _contingency(labels: npt.ArrayLike, truth: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], ...]:
    """Non-empty cells of the contingency table, both margins, and each cell's row and column."""
    found, true = np.asarray(labels), np.asarray(truth)
    if found.ndim != 1 or found.shape != true.shape:
        raise ValueError(
            f"labels, truth: expected 1-D of one length, got {found.shape} and {true.shape}"
        )
    alone = found == NOISE
    found = np.unique(found, return_inverse=True)[1].astype(np.int64)
    found[alone] = len(found) + np.arange(np.count_nonzero(alone))
    _, found, found_sizes = np.unique(found, return_inverse=True, return_counts=True)
    _, true, true_sizes = np.unique(true, return_inverse=True, return_counts=True)
    cell = found.astype(np.int64) * max(len(true_sizes), 1) + true
    keys, cells = np.unique(cell, return_counts=True)
    rows, columns = np.divmod(keys, max(len(true_sizes), 1))
    return cells, found_sizes, true_sizes, rows, columns


def _n_pairs(sizes: npt.NDArray[np.int64]) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def _scores(precision: float, recall: float) -> Scores:
    total = precision + recall
    return Scores(precision, recall, 2 * precision * recall / total if total else 0.0)
