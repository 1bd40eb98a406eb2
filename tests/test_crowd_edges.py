"""Crowds found among rows: against the twin, on worst cases, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster import hierarchy

from fastface.kernels import crowd_edges, fused_distances, median_linkage, pairwise_edges
from fastface.metrics import bcubed_scores
from tests.reference import linkage as reference

problems = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "n": st.one_of(st.integers(0, 100), st.integers(50, 100)),
        "crowd": st.sampled_from([0.3, 0.6, 0.9]),
        "ties": st.booleans(),
        "max_members": st.sampled_from([1, 3, 6, 1000]),
        "first_sample": st.sampled_from([3, 6, 10, 20]),  # cells beyond 16 times as many
        "crowd_threshold": st.sampled_from([-1.0, 0.4, 0.6]),
        "together": st.booleans(),
        "apart": st.booleans(),
    }
)


def unit(X):
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def build(problem):
    """Rows, of whom a share crowds around two of few centres, and the options of a search."""
    rng, n = np.random.default_rng(problem["seed"]), problem["n"]
    person = np.where(
        rng.random(n) < problem["crowd"], rng.integers(0, 2, n), rng.integers(2, 9, n)
    )
    if problem["ties"]:  # a row is +-1/4 in 16 places: few distances, and all are exact
        centres = rng.choice([-0.25, 0.25], (9, 16))
        X = np.where(rng.random((n, 16)) < 0.08, -1, 1) * centres[person]
    else:
        X = rng.standard_normal((9, 16))[person] + 0.5 * rng.standard_normal((n, 16))
    options = {name: problem[name] for name in ("max_members", "first_sample", "crowd_threshold")}
    options["random_state"] = problem["seed"]
    options["together"] = rng.integers(0, n, n) if problem["together"] else np.arange(n)
    options["apart"] = (rng.random(n) < 0.2)[options["together"]] & problem["apart"]
    return unit(X), options


def distances(X, Y):
    """Of every row of X to each of Y, with the bits of the kernels."""
    return fused_distances(np.concatenate([X, Y]))[: len(X), len(X) :]


@given(problems)
@settings(max_examples=60, deadline=None)
def test_is_its_twin(problem):
    X, options = build(problem)
    expected, voters, joined = reference.crowd_edges(X, distances, 0.6, **options)
    for threads in (1, 3):
        found = crowd_edges(X, 0.6, threads=threads, **options)
        assert list(zip(*found.edges, strict=True)) == expected
        np.testing.assert_array_equal(found.voters, voters)
        assert list(zip(*found.joined, strict=True)) == joined


def test_many_rows_in_no_crowd_is_its_twin(target):
    X, _ = made_up_people(5, [3] * 60 + [1] * 220)
    options = {"crowd_threshold": -1.0, "max_members": 1, "first_sample": 8, "random_state": 1}
    nobody = {"together": np.arange(len(X)), "apart": np.zeros(len(X), dtype=bool)}
    expected, voters, joined = reference.crowd_edges(X, distances, 0.7, **options, **nobody)
    found = crowd_edges(X, 0.7, **options)
    assert list(zip(*found.edges, strict=True)) == expected
    np.testing.assert_array_equal(found.voters, voters)
    assert list(zip(*found.joined, strict=True)) == joined
    assert len(pairwise_edges(X, 0.7)[0]) > 1.2 * len(expected) > 0  # cells are not everything


def test_cells_find_who_belongs_together():
    X, people = made_up_people(6, [4] * 400 + [1] * 2000, dimension=128)
    options = {"crowd_threshold": -1, "max_members": 1000}
    every = crowd_edges(X, 0.5, first_sample=len(X), **options).edges
    (i, j, _) = crowd_edges(X, 0.5, first_sample=64, **options).edges
    of_one = np.count_nonzero(people[every[0]] == people[every[1]])
    assert np.count_nonzero(people[i] == people[j]) > 0.9 * of_one > 1000
    assert set(zip(i, j, strict=True)) <= set(zip(*every[:2], strict=True))


def test_a_full_cell_is_bounded():
    """Rows that are all equal look into the same four cells, in which 256 each find room."""
    X = np.tile(np.float32([0.6, 0.8]), (1200, 1))
    options = {"crowd_threshold": -1, "max_members": 1000, "first_sample": 64}
    edges = crowd_edges(X, 0.5, **options).edges
    room = 4 * 256
    assert len(edges[0]) == room * (room - 1) // 2 + (1200 - room) * room
    result = linked(X, 0.5, **options)
    assert result.n_clusters == 1


def made_up_people(seed, sizes, noise=0.7, dimension=32):
    rng = np.random.default_rng(seed)
    people = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centres = rng.standard_normal((len(sizes), dimension))
    return unit(centres[people] + noise * rng.standard_normal((len(people), dimension))), people


def linked(X, threshold, **options):
    edges, voters, joined = crowd_edges(X, threshold, **options)
    return median_linkage(len(X), edges, threshold, voters=voters, joined=joined)


def test_is_close_to_exact():
    X, people = made_up_people(1, [600, 300, 100] + [10] * 30)
    exact = median_linkage(len(X), pairwise_edges(X, 0.6), 0.6)
    least = bcubed_scores(exact.labels, people).f - 0.02
    for seed in range(5):
        result = linked(X, 0.6, max_members=16, first_sample=100, random_state=seed)
        assert bcubed_scores(result.labels, people).f > least
        assert hierarchy.is_monotonic(result.linkage_matrix)


def test_few_rows_are_linked_exactly():
    X, _ = made_up_people(2, [500, 20, 20])
    found = crowd_edges(X, 0.6, first_sample=271)
    for one, other in zip(found.edges, pairwise_edges(X, 0.6), strict=True):
        np.testing.assert_array_equal(one, other)
    assert found.voters.all()
    assert len(found.joined[0]) == 0


def test_groups_are_searched_one_by_one():
    X, _ = made_up_people(3, [200, 100, 50])
    groups = np.arange(len(X)) % 2
    options = {"max_members": 4, "first_sample": 32}
    edges, voters, joined = crowd_edges(X, 0.6, groups=groups, **options)
    for i, j, _ in (edges, joined):
        np.testing.assert_array_equal(groups[i], groups[j])
    assert len(joined[0]) > 150
    assert voters.sum() < 200


def test_a_row_of_zeros_has_no_edges():
    X, _ = made_up_people(4, [100, 50])
    X[[0, 70]] = 0
    edges, voters, joined = crowd_edges(X, 0.6, max_members=4, first_sample=32)
    assert not np.isin([0, 70], np.concatenate([*edges[:2], *joined[:2]])).any()
    assert not voters[[0, 70]].any()


WORST = {
    "all equal": lambda rng: np.ones((3000, 8)),
    "all far": lambda rng: rng.standard_normal((3000, 256)),
    "a chain": lambda rng: np.stack([np.cos(t := np.arange(3000) / 20), np.sin(t)], axis=1),
    "every row ten times": lambda rng: np.repeat(rng.standard_normal((300, 256)), 10, axis=0),
    "one crowd of a third": lambda rng: np.concatenate(
        [1 + 0.4 * rng.standard_normal((1000, 256)), rng.standard_normal((2000, 256))]
    ),
}


@pytest.mark.parametrize("name", WORST)
def test_worst_cases_stay_bounded(name):
    X = unit(WORST[name](np.random.default_rng(0)))
    edges, voters, joined = crowd_edges(X, 0.5, max_members=4, first_sample=64)
    assert len(edges[0]) <= 2 * 16 * voters.sum()  # among the free, and of crowds heard
    assert len(joined[0]) < len(X)
    n_clusters = median_linkage(len(X), edges, 0.5, voters=voters, joined=joined).n_clusters
    expected = {"all equal": 1, "all far": 3000, "every row ten times": 300}
    assert n_clusters == expected.get(name, n_clusters)
    assert name != "one crowd of a third" or n_clusters == 2001


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"faces": [[1, np.nan, 0, 0]]}, "faces: row 0 has NaN"),
        ({"faces": np.zeros(3)}, "faces: expected"),
        ({"threshold": np.nan}, "threshold: expected a finite number"),
        ({"crowd_threshold": 0.6}, "crowd_threshold: expected at most the threshold"),
        ({"max_members": 0}, "max_members: expected at least 1, got 0"),
        ({"first_sample": 0}, "first_sample: expected at least 1, got 0"),
        ({"random_state": -1}, "random_state"),
        ({"groups": [0, 1]}, "groups: expected one per row of faces, 3, got"),
        ({"together": [0, 1]}, "together: expected one per row of faces, 3, got"),
        ({"apart": [True]}, r"apart: expected one per observation, 3, got shape \(1,\)"),
    ],
)
def test_bad_input(change, message):
    arguments = {"faces": np.eye(3, 4), "threshold": 0.5} | change
    with pytest.raises(ValueError, match=message):
        crowd_edges(arguments.pop("faces"), arguments.pop("threshold"), **arguments)
