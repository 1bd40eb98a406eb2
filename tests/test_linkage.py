"""Median-of-members linkage against its twin, its properties, and bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster import hierarchy

from fastface.kernels import median_linkage
from fastface.metrics import pairwise_scores
from tests.reference import linkage as reference

STEPS = [(1, 0.4), (2, 0.5), (6, 0.7)]


def random_edges(rng, n, density, n_distances=0):
    """A random graph; `n_distances` > 0 draws from so many distances, so that ties abound."""
    i, j = np.triu_indices(n, 1)
    kept = rng.random(len(i)) < density
    d = rng.random(kept.sum())
    if n_distances:
        d = np.floor(d * n_distances) / n_distances
    return i[kept].astype(np.int32), j[kept].astype(np.int32), d.astype(np.float32)


def faces(rng, sizes, noise, dimension=32):
    """Unit vectors scattered around one centre per person, and the people."""
    people = np.repeat(np.arange(len(sizes)), sizes)
    centres = rng.standard_normal((len(sizes), dimension)) / np.sqrt(dimension)
    scatter = noise * rng.standard_normal((len(people), dimension)) / np.sqrt(dimension)
    X = centres[people] + scatter
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32), people


def edges_of(X, threshold):
    D = (1 - X @ X.T).astype(np.float32)
    i, j = np.nonzero(np.triu(threshold >= D, 1))
    return i.astype(np.int32), j.astype(np.int32), D[i, j]


def random_pairs(rng, n, count):
    return [tuple(rng.choice(n, 2, replace=False)) for _ in range(count)] if n > 1 else []


def assert_same(result, expected):
    labels, matrix = expected
    np.testing.assert_array_equal(result.labels, labels)
    np.testing.assert_array_equal(result.linkage_matrix, matrix)
    assert result.n_clusters == len(set(labels.tolist()))


problems = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "n": st.integers(0, 14),
        "density": st.sampled_from([0.2, 0.5, 0.9, 1.0]),
        "n_distances": st.sampled_from([0, 1, 3, 8]),
    }
)


def build(problem):
    rng = np.random.default_rng(problem["seed"])
    edges = random_edges(rng, problem["n"], problem["density"], problem["n_distances"])
    return rng, problem["n"], edges


@given(problems, st.sampled_from([0.0, 0.3, 0.6, 2.0]))
@settings(max_examples=150, deadline=None)
def test_exact_is_the_greedy_algorithm(problem, threshold):
    _, n, edges = build(problem)
    assert_same(median_linkage(n, edges, threshold), reference.median_linkage(n, edges, threshold))


@given(
    problems, st.integers(0, 3), st.integers(0, 3), st.integers(0, 4), st.sampled_from([1, 2, 5])
)
@settings(max_examples=150, deadline=None)
def test_constraints(problem, n_must, n_cannot, n_soft, soft_votes):
    rng, n, edges = build(problem)
    constraints = {
        "must_link": random_pairs(rng, n, n_must),
        "cannot_link": random_pairs(rng, n, n_cannot),
        "soft_cannot_link": random_pairs(rng, n, n_soft),
        "soft_votes": soft_votes,
    }
    together = reference.median_linkage(n, ([], [], []), 0, must_link=constraints["must_link"])[0]
    if any(together[a] == together[b] for a, b in constraints["cannot_link"]):
        with pytest.raises(ValueError, match="contradicts must_link"):
            median_linkage(n, edges, 0.6, **constraints)
        return
    result = median_linkage(n, edges, 0.6, **constraints)
    assert_same(result, reference.median_linkage(n, edges, 0.6, **constraints))
    assert all(result.labels[a] == result.labels[b] for a, b in constraints["must_link"])
    assert all(result.labels[a] != result.labels[b] for a, b in constraints["cannot_link"])


@given(problems)
@settings(max_examples=150, deadline=None)
def test_steps(problem):
    _, n, edges = build(problem)
    assert_same(median_linkage(n, edges, STEPS), reference.median_linkage(n, edges, STEPS))


@given(problems, st.integers(0, 5), st.integers(0, 2), st.integers(0, 2), st.booleans())
@settings(max_examples=200, deadline=None)
def test_voters_speak_for_what_is_joined(problem, n_joined, n_must, n_soft, steps):
    rng, n, edges = build(problem)
    pairs = random_pairs(rng, n, n_joined)
    options = {
        "voters": rng.random(n) < 0.6,
        "joined": [
            (*sorted(pair), d) for pair, d in zip(pairs, rng.random(len(pairs)), strict=True)
        ],
        "must_link": random_pairs(rng, n, n_must),
        "soft_cannot_link": random_pairs(rng, n, n_soft),
        "soft_votes": 3,
    }
    options["joined"] = [(i, j, float(np.float32(d))) for i, j, d in options["joined"]]
    threshold = STEPS if steps else 0.7
    expected = reference.median_linkage(n, edges, threshold, **options)
    options["joined"] = list(zip(*options["joined"], strict=True)) or ([], [], [])
    assert_same(median_linkage(n, edges, threshold, **options), expected)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_order_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    n = 40
    i, j, d = random_edges(rng, n, 0.4, rng.choice([0, 5]))
    expected = median_linkage(n, (i, j, d), 0.7)
    order = rng.permutation(len(i))
    shuffled = median_linkage(n, (i[order], j[order], d[order]), 0.7)
    np.testing.assert_array_equal(shuffled.linkage_matrix, expected.linkage_matrix)
    np.testing.assert_array_equal(shuffled.labels, expected.labels)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_names_do_not_matter_without_ties(seed):
    rng = np.random.default_rng(seed)
    n = 40
    i, j, d = random_edges(rng, n, 0.4)
    d = (np.argsort(rng.random(len(d))) / len(d)).astype(np.float32)
    expected = median_linkage(n, (i, j, d), 0.7)
    name = rng.permutation(n)
    renamed = median_linkage(n, (*np.sort([name[i], name[j]], axis=0), d), 0.7)
    assert pairwise_scores(renamed.labels[name], expected.labels) == (1, 1, 1)
    merged = np.isfinite(
        expected.linkage_matrix[:, 2]
    )  # what never merged joins in the names' order
    np.testing.assert_array_equal(
        renamed.linkage_matrix[merged, 2:], expected.linkage_matrix[merged, 2:]
    )


def test_threads_do_not_matter():
    rng = np.random.default_rng(3)
    parts = [random_edges(rng, 60, 0.5, 20) for _ in range(60)]
    edges = tuple(
        np.concatenate([part[k] + (60 * p if k < 2 else 0) for p, part in enumerate(parts)])
        for k in range(3)
    )
    assert len(edges[0]) > 20_000  # below, one thread does it all
    one, four = (median_linkage(3600, edges, 0.6, threads=t) for t in (1, 4))
    np.testing.assert_array_equal(one.linkage_matrix, four.linkage_matrix)
    np.testing.assert_array_equal(one.labels, four.labels)


def test_groups_are_independent_problems():
    rng = np.random.default_rng(4)
    parts = [random_edges(rng, 30, 0.5) for _ in range(10)]
    edges = tuple(
        np.concatenate([part[k] + (30 * p if k < 2 else 0) for p, part in enumerate(parts)])
        for k in range(3)
    )
    labels = median_linkage(300, edges, 0.5).labels
    alone = [median_linkage(30, part, 0.5).labels for part in parts]
    offsets = np.cumsum([0] + [part.max() + 1 for part in alone[:-1]])
    np.testing.assert_array_equal(labels, np.concatenate(np.array(alone) + offsets[:, None]))


def test_the_cut_is_monotone_and_scipy_agrees():
    X, _ = faces(np.random.default_rng(5), [30, 20, 5, 5, 1, 1], 0.9)
    edges = edges_of(X, 0.8)
    whole = median_linkage(len(X), edges, 0.8)
    assert hierarchy.is_valid_linkage(whole.linkage_matrix)
    assert hierarchy.is_monotonic(whole.linkage_matrix)
    assert np.isinf(whole.linkage_matrix[-1, 2])
    hierarchy.dendrogram(whole.linkage_matrix, no_plot=True)
    n_clusters = len(X)
    for threshold in np.linspace(0.2, 0.8, 13):
        cut = hierarchy.fcluster(whole.linkage_matrix, np.float32(threshold), "distance")
        labels = median_linkage(len(X), edges, threshold).labels
        assert pairwise_scores(cut, labels) == (1, 1, 1)
        assert labels.max() + 1 <= n_clusters
        n_clusters = labels.max() + 1


def test_lower_median_by_hand():
    # 0 and 1 are one cluster at 0.1. Of its two distances to 2, one suffices; to 3, none is there.
    edges = ([0, 0, 2], [1, 2, 3], np.float32([0.1, 0.3, 0.4]))
    result = median_linkage(4, edges, 0.5)
    np.testing.assert_array_equal(result.linkage_matrix[:2, 2], np.float32([0.1, 0.3]))
    np.testing.assert_array_equal(result.labels, [0, 0, 0, 1])  # 3 has one of three


def test_soft_cannot_link_is_outvoted():
    i, j = np.triu_indices(6, 1)
    d = np.where((i < 3) == (j < 3), 0.1, 0.4)
    n_clusters = [
        median_linkage(6, (i, j, d), 0.5, soft_cannot_link=[(0, 3)], soft_votes=votes).n_clusters
        for votes in (1, 8, 9)
    ]
    assert n_clusters == [1, 1, 2]  # the other 8 pairs are near: 8 far ones leave the lower median


WORST = {
    "all equal": lambda n: (*np.triu_indices(n, 1), np.zeros(n * (n - 1) // 2)),
    "all far": lambda n: ([], [], []),
    "a chain": lambda n: (np.arange(n - 1), np.arange(1, n), np.full(n - 1, 0.1)),
    "a star": lambda n: (np.zeros(n - 1, int), np.arange(1, n), np.linspace(0.1, 0.2, n - 1)),
}


@pytest.mark.parametrize("name", WORST)
def test_worst_cases(name):
    n = 600
    result = median_linkage(n, WORST[name](n), 0.5)
    expected = {"all equal": 1, "all far": n, "a star": n - 2, "a chain": 200}
    assert result.n_clusters == expected[name]
    assert result.linkage_matrix.shape == (n - 1, 4)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_tiny(n):
    result = median_linkage(n, ([], [], []), 0.5)
    assert (result.labels.tolist(), result.n_clusters) == (list(range(n)), n)
    assert result.linkage_matrix.shape == (max(n - 1, 0), 4)


def test_odd_distances():
    edges = ([0, 2, 4], [1, 3, 5], np.float32([-1e-7, -0.0, 1e-45]))
    result = median_linkage(6, edges, 0.5)
    assert result.n_clusters == 3
    assert (result.linkage_matrix[:, 2] >= 0).all()  # SciPy refuses negative heights
    assert median_linkage(2, ([0], [1], [np.inf]), 0.5).n_clusters == 2
    assert median_linkage(2, ([0], [1], [np.inf]), np.inf).n_clusters == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edges": ([1], [0], [0.1])}, r"edges: expected 0 <= i < j < 3, got \(1, 0\)"),
        ({"edges": ([0], [3], [0.1])}, "edges: expected"),
        ({"edges": ([-1], [2], [0.1])}, "edges: expected"),
        ({"edges": ([0, 0], [1, 1], [0.1, 0.2])}, r"edges: \(0, 1\) is there twice"),
        ({"edges": ([0], [1], [np.nan])}, "NaN"),
        ({"edges": ([0], [1, 2], [0.1])}, "i, j, d: expected the same length"),
        ({"edges": ([[0]], [[1]], [[0.1]])}, "i: expected a 1-D array"),
        ({"edges": ([0.5], [1], [0.1])}, "i: expected integers, got dtype float64"),
        ({"edges": ([0], [2**40], [0.1])}, "j: 1099511627776 is out of range"),
        (
            {"edges": ([0], np.array([2**32 - 1], np.uint32), [0.1])},
            "j: 4294967295 is out of range",
        ),
        ({"threshold": np.nan}, "threshold: must not be NaN"),
        ({"threshold": []}, "threshold: the first step"),
        ({"threshold": [(2, 0.5)]}, "threshold: the first step"),
        ({"threshold": [(1, 0.5), (2, 0.4)]}, "threshold: steps must"),
        ({"threshold": [(1, 0.5), (1, 0.6)]}, "threshold: steps must"),
        ({"must_link": [(0, 3)]}, "must_link: expected two different observations below 3"),
        ({"must_link": [(1, 1)]}, "must_link: expected two different"),
        ({"must_link": [0, 1]}, r"must_link: expected shape \(pairs, 2\), got \(2,\)"),
        ({"cannot_link": [(0.0, 1.0)]}, "cannot_link: expected integers"),
        ({"cannot_link": [(0, -1)]}, "cannot_link: expected two different"),
        ({"soft_cannot_link": [(0, 3)]}, "soft_cannot_link: expected two different"),
        ({"must_link": [(0, 1)], "cannot_link": [(1, 0)]}, r"cannot_link: \(0, 1\) contradicts"),
        ({"soft_votes": 0}, "soft_votes"),
        ({"voters": [True]}, r"voters: expected one per observation, 3, got shape \(1,\)"),
        ({"joined": ([0], [3], [0.1])}, "joined: 3 is out of range"),
        ({"joined": ([0], [1, 2], [0.1])}, "joined: expected three arrays of one length"),
        ({"joined": ([0], [1], [np.nan])}, "joined: a distance is NaN"),
    ],
)
def test_bad_input(change, message):
    arguments = {"n": 3, "edges": ([0], [1], [0.1]), "threshold": 0.5} | change
    with pytest.raises(ValueError, match=message):
        median_linkage(
            arguments.pop("n"), arguments.pop("edges"), arguments.pop("threshold"), **arguments
        )
