"""The scores against their definitions, pair by pair and item by item."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastface.metrics import bcubed_scores, pairwise_scores

labelled = st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 4)), min_size=0, max_size=30)


def together(labels):
    """(n, n) bool: in one cluster; noise is with itself only."""
    labels = np.asarray(labels, dtype=int)
    same = labels[:, None] == labels[None, :]
    return (same & (labels != -1)[:, None]) | np.eye(len(labels), dtype=bool)


@given(labelled)
def test_pairwise_is_counted_over_pairs(items):
    labels, truth = [a for a, _ in items], np.array([b for _, b in items], dtype=int)
    upper = np.triu(np.ones((len(items), len(items)), dtype=bool), 1)
    found, true = together(labels) & upper, (truth[:, None] == truth[None, :]) & upper
    precision = (found & true).sum() / found.sum() if found.any() else 1.0
    recall = (found & true).sum() / true.sum() if true.any() else 1.0
    scores = pairwise_scores(labels, truth)
    assert scores[:2] == pytest.approx((precision, recall))
    assert scores.f == pytest.approx(
        2 * precision * recall / (precision + recall) if precision + recall else 0.0
    )


@given(labelled)
def test_bcubed_is_averaged_over_items(items):
    labels, truth = [a for a, _ in items], np.array([b for _, b in items], dtype=int)
    found, true = together(labels), truth[:, None] == truth[None, :]
    both = (found & true).sum(axis=1)
    expected = (
        (np.mean(both / found.sum(axis=1)), np.mean(both / true.sum(axis=1))) if items else (1, 1)
    )
    assert bcubed_scores(labels, truth)[:2] == pytest.approx(expected)


def test_perfect_and_worst():
    truth = np.repeat(np.arange(5), 4)
    for score in (pairwise_scores, bcubed_scores):
        assert score(truth[::-1], truth) == (1, 1, 1)
        assert score(np.arange(20), truth).precision == 1
        assert score(np.zeros(20, dtype=int), truth).recall == 1
        assert score(np.full(20, -1), truth) == score(np.arange(20), truth)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="labels, truth"):
        pairwise_scores([0, 1], [0])
    with pytest.raises(ValueError, match="labels, truth"):
        bcubed_scores([[0]], [[0]])
