"""MedianLinkage: scikit-learn's own checks, agreement of its modes, bad input."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from scipy.cluster import hierarchy
from sklearn.utils.estimator_checks import check_estimator

from fastface.estimators import FaceClustering, MedianLinkage
from fastface.kernels import pairwise_edges
from fastface.metrics import pairwise_scores
from tests.reference import linkage as reference


def faces(seed, sizes, noise=0.8, dimension=32):
    """Vectors of several people, of any length, and the people."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(len(sizes)), sizes)
    centres = rng.standard_normal((len(sizes), dimension))
    X = centres[people] + noise * rng.standard_normal((len(people), dimension))
    return X * rng.uniform(0.1, 10, (len(X), 1)), people


# It follows the conventions without inheriting, so that scikit-learn need not be there.
@pytest.mark.filterwarnings("ignore:Estimator MedianLinkage does not inherit:UserWarning")
@pytest.mark.parametrize("mode", ["exact", "bounded"])
def test_scikit_learn_conventions(mode):
    check_estimator(MedianLinkage(mode=mode), on_skip=None)


@pytest.mark.parametrize("dtype", [np.float16, np.int8])
def test_narrow_rows_stay_narrow(dtype):
    X, people = faces(0, [200] * 100, dimension=256)
    X /= np.abs(X).max(axis=1, keepdims=True)
    X = (X * (127 if dtype is np.int8 else 1)).astype(dtype)
    tracemalloc.start()
    try:
        model = MedianLinkage(0.65).fit(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes + 6_000_000 < 4 * X.size  # which it would be in float32
    wide = MedianLinkage(0.65).fit(X.astype(np.float64))
    np.testing.assert_array_equal(model.labels_, wide.labels_)
    assert pairwise_scores(model.labels_, people).f > 0.97


@pytest.mark.parametrize("first", [np.float16, np.int8, np.float32])
@pytest.mark.parametrize("then", [np.float16, np.int8, np.float32])
def test_rows_of_another_type_are_added(first, then):
    X, people = faces(2, [40, 30, 20, 10])
    X = np.round(X / np.abs(X).max(axis=1, keepdims=True) * 100)
    order = np.random.default_rng(0).permutation(len(X))
    X, people = X[order], people[order]
    model = MedianLinkage(0.65).fit(X[:60].astype(first)).partial_fit(X[60:].astype(then))
    np.testing.assert_array_equal(model.labels_, MedianLinkage(0.65).fit(X).labels_)


@pytest.mark.parametrize("mode", ["exact", "bounded"])
def test_finds_the_people(mode):
    X, people = faces(0, [40, 30, 20, 10, 1])
    model = MedianLinkage(0.65, mode=mode).fit(X)
    assert pairwise_scores(model.labels_, people).f > 0.97
    assert model.n_features_in_ == 32
    assert model.n_clusters_ == model.labels_.max() + 1
    assert hierarchy.is_valid_linkage(model.linkage_matrix_)
    cut = hierarchy.fcluster(model.linkage_matrix_, 0.65, "distance")
    assert pairwise_scores(cut, model.labels_) == (1, 1, 1)


@pytest.mark.parametrize("mode", ["exact", "bounded"])
def test_one_or_two_pairs_must_be_nearer(mode):
    angles = np.arccos(1 - np.array([0, 0.49]))  # within .5, and not within .96 of it
    X = np.column_stack([np.cos(angles), np.sin(angles)])
    assert MedianLinkage(0.5, mode=mode).fit(X).n_clusters_ == 2
    assert MedianLinkage(0.5, mode=mode).fit(X[[0, 0, 1]]).n_clusters_ == 2
    assert MedianLinkage(0.5, mode=mode).fit(X[[0, 0, 0, 1]]).n_clusters_ == 1
    assert MedianLinkage(0.5, few_pairs=1, mode=mode).fit(X).n_clusters_ == 1


def test_one_cut_is_the_greedy_algorithm():
    X, _ = faces(3, [9] * 12)
    model = MedianLinkage(0.6, few_pairs=1, mode="exact").fit(X)
    unit = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    labels, _ = reference.median_linkage(len(X), pairwise_edges(unit, 0.6), 0.6)
    np.testing.assert_array_equal(model.labels_, labels)


def test_modes_agree_where_nobody_is_crowded():
    X, _ = faces(1, [9] * 30)
    exact = MedianLinkage(0.6, mode="exact").fit(X)
    bounded = MedianLinkage(0.6, max_members=200).fit(X)
    np.testing.assert_array_equal(bounded.linkage_matrix_, exact.linkage_matrix_)


def test_bounded_finds_crowds():
    X, people = faces(2, [4000, 1500, 500, *[4] * 50])  # more than is linked exactly
    order = np.random.default_rng(0).permutation(len(X))
    model = MedianLinkage(0.6).fit(X[order])
    assert pairwise_scores(model.labels_, people[order]).f > 0.99
    assert hierarchy.is_monotonic(model.linkage_matrix_)
    cut = hierarchy.fcluster(model.linkage_matrix_, np.float32(0.6), "distance")
    assert pairwise_scores(cut, model.labels_) == (1, 1, 1)


def in_batches(model, X, ends, groups=None):
    """The model after rows 0 to ends[0], then to ends[1] ..."""
    for begin, end in zip([0, *ends], [*ends, len(X)], strict=True):
        given = {} if groups is None else {"groups": groups[begin:end]}
        model.partial_fit(X[begin:end], **given)
    return model


@pytest.mark.parametrize("mode", ["exact", "bounded"])
@pytest.mark.parametrize("grouped", [False, True])
def test_partial_fit_is_fit_on_all_rows(mode, grouped):
    rng = np.random.default_rng(5)
    X, _ = faces(5, [30, 20, 10, *[3] * 20])
    X = X[rng.permutation(len(X))]
    X[[3, 90]] = 0
    groups = rng.integers(0, 3, len(X)) if grouped else None
    whole = MedianLinkage(0.6, mode=mode).fit(X, groups=groups)
    grown = in_batches(MedianLinkage(0.6, mode=mode), X, [1, 40, 41, 100], groups)
    np.testing.assert_array_equal(grown.labels_, whole.labels_)
    np.testing.assert_array_equal(grown.linkage_matrix_, whole.linkage_matrix_)


def test_partial_fit_keeps_constraints_and_takes_more():
    X, _ = faces(6, [12, 12])
    first = {"must_link": [(0, 12)], "cannot_link": [(1, 2)]}
    more = {"cannot_link": [(3, 23)], "soft_cannot_link": [(4, 5)]}
    both = first | more | {"cannot_link": [(1, 2), (3, 23)]}
    whole = MedianLinkage(0.6).fit(X, **both)
    grown = MedianLinkage(0.6).fit(X[:20], **first).partial_fit(X[20:], **more)
    np.testing.assert_array_equal(grown.linkage_matrix_, whole.linkage_matrix_)


def test_partial_fit_finds_crowds_and_lets_rows_join_them():
    X, people = faces(7, [4000, 2500, 1500, *[4] * 50])
    order = np.random.default_rng(0).permutation(len(X))
    X, people = X[order], people[order]
    whole = MedianLinkage(0.6).fit(X)
    ends = [6000, 6001, 7500]
    grown = in_batches(MedianLinkage(0.6), X, ends)
    least = pairwise_scores(whole.labels_, people).f - 1e-3
    assert pairwise_scores(grown.labels_, people).f > least
    assert hierarchy.is_valid_linkage(grown.linkage_matrix_)
    assert hierarchy.is_monotonic(grown.linkage_matrix_)
    assert grown._linked.n_searched == ends[0]  # crowds were not looked for again ...
    assert grown._linked.found.voters[ends[0] :].mean() < 0.2  # ... and most rows joined them
    again = np.flatnonzero(grown._linked.in_crowds())[:2]
    grown.partial_fit(X[:1], cannot_link=[again])
    assert grown.labels_[again[0]] != grown.labels_[again[1]]


def test_partial_fit_takes_changed_parameters_for_all_rows():
    X, _ = faces(8, [10, 10, 10])
    model = MedianLinkage(0.3).fit(X[:20]).set_params(threshold=0.65).partial_fit(X[20:])
    np.testing.assert_array_equal(model.labels_, MedianLinkage(0.65).fit(X).labels_)


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        (np.ones((2, 3)), {}, "X has 3 features, but MedianLinkage is expecting 2 features"),
        (np.ones((2, 2)), {"groups": [0, 1]}, "groups: expected where fit was given them"),
        (np.ones((2, 2)), {"must_link": [(0, 1, 2)]}, "must_link: expected shape"),
        (np.ones((2, 2)), {"must_link": [(0, 9)]}, "must_link: expected two different"),
        ([[np.nan, 1]], {}, "X: contains NaN"),
    ],
)
def test_a_refused_partial_fit_changes_nothing(X, options, message):
    model = MedianLinkage(0.5).fit(np.eye(2), must_link=[(0, 1)])
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, **options)
    assert len(model.partial_fit(np.eye(2)).labels_) == 4


def test_crowds_leave_constrained_rows_alone():
    X = np.ones((5000, 4))
    model = MedianLinkage().fit(X, cannot_link=[(0, 4999)])
    assert model.n_clusters_ == 2
    assert model.labels_[0] != model.labels_[4999]


def test_zero_rows_and_small_clusters_are_noise():
    X, _ = faces(3, [5, 3, 1])
    X = np.insert(X, 2, 0, axis=0)
    assert MedianLinkage(0.65).fit_predict(X).tolist() == [0, 0, -1, 0, 0, 0, 1, 1, 1, 2]
    model = MedianLinkage(0.65, min_cluster_size=4).fit(X)
    assert model.labels_.tolist() == [0, 0, -1, 0, 0, 0, -1, -1, -1, -1]
    assert model.n_clusters_ == 1
    assert MedianLinkage(0.65).fit_predict(np.zeros((3, 2))).tolist() == [-1, -1, -1]


def test_length_of_rows_does_not_matter():
    X, _ = faces(4, [5, 3, 1])
    expected = MedianLinkage(0.65).fit_predict(X)
    for scale in (1e-300, 1e300):
        np.testing.assert_array_equal(MedianLinkage(0.65).fit_predict(X * scale), expected)


def test_groups_and_constraints():
    X = np.ones((6, 4))
    assert MedianLinkage().fit_predict(X).tolist() == [0] * 6
    assert MedianLinkage().fit_predict(X, groups=[0, 0, 1, 1, 2, 2]).tolist() == [0, 0, 1, 1, 2, 2]
    assert MedianLinkage().fit(X, cannot_link=[(0, 5)]).n_clusters_ == 2
    assert MedianLinkage().fit_predict(np.eye(3), must_link=[(0, 2)]).tolist() == [0, 1, 0]
    assert MedianLinkage().fit(X[:2], soft_cannot_link=[(0, 1)]).n_clusters_ == 2
    assert MedianLinkage().fit(X, soft_cannot_link=[(0, 1)]).n_clusters_ == 1


@pytest.mark.parametrize("mode", ["exact", "bounded"])
def test_a_crowd_of_equals(mode):
    X = np.ones((1200, 8))
    assert MedianLinkage(mode=mode, max_members=16).fit(X).n_clusters_ == 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"threshold": -0.1}, "threshold"),
        ({"threshold": "0.5"}, "threshold"),
        ({"few_pairs": 1.5}, "few_pairs"),
        ({"few_pairs": None}, "few_pairs"),
        ({"mode": "fast"}, "mode"),
        ({"max_members": 0}, "max_members"),
        ({"max_members": 1.5}, "max_members"),
        ({"random_state": -1}, "random_state"),
        ({"min_cluster_size": 0}, "min_cluster_size"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        MedianLinkage(**parameters).fit(np.eye(3))


def test_bad_input():
    with pytest.raises(ValueError, match=r"groups: expected shape \(3,\), got \(2,\)"):
        MedianLinkage().fit(np.eye(3), groups=[0, 1])
    with pytest.raises(ValueError, match="must_link"):
        MedianLinkage().fit(np.eye(3), must_link=[(0, 3)])
    with pytest.raises(ValueError, match="not a parameter of MedianLinkage"):
        MedianLinkage().set_params(linkage="average")


def test_scikit_learn_is_not_imported():
    script = (
        "import sys; from fastface.estimators import MedianLinkage; "
        "MedianLinkage().fit([[1, 0], [0, 1]]); assert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_repr_names_what_was_changed():
    assert repr(MedianLinkage(0.5, mode="exact")) == "MedianLinkage(threshold=0.5, mode='exact')"


@pytest.mark.filterwarnings("ignore:Estimator FaceClustering does not inherit:UserWarning")
def test_face_clustering_follows_the_conventions():
    check_estimator(FaceClustering(), on_skip=None)


@pytest.mark.parametrize("shared", [0.0, 3.0])
def test_face_clustering_needs_no_threshold(shared):
    """Also where all faces share a direction, so that strangers are close."""
    X, people = faces(5, [40, 20, *[4] * 30, *[1] * 20], dimension=128)
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    X[:, 0] += shared / 4
    model = FaceClustering().fit(X)
    assert pairwise_scores(model.labels_, people).f > 0.97
    assert 0 < model.threshold_ < 1
    without = FaceClustering(min_cluster_size=2).fit(X)
    assert (without.labels_[-20:] == -1).mean() > 0.9
    assert without.n_clusters_ < model.n_clusters_


def test_face_clustering_heeds_photos_and_zero_rows():
    X, _ = faces(6, [20, 20, *[2] * 40], dimension=128)
    X[20:40] = 0.75 * X[:20] / np.linalg.norm(X[:20], axis=1, keepdims=True) + 0.3 * (
        X[20:40] / np.linalg.norm(X[20:40], axis=1, keepdims=True)
    )
    X[-1] = 0
    photos = np.arange(len(X))
    photos[20:40] = photos[:20]
    alike = FaceClustering().fit(X)
    assert alike.labels_[-1] == -1
    assert set(alike.labels_[:20]) & set(alike.labels_[20:40])
    apart = FaceClustering().fit(X, photos=photos)
    assert not set(apart.labels_[:20]) & set(apart.labels_[20:40])
    with pytest.raises(ValueError, match="photos"):
        FaceClustering().fit(X, photos=photos[:3])
    with pytest.raises(ValueError, match="min_cluster_size"):
        FaceClustering(min_cluster_size=0).fit(X)
    nobody = FaceClustering().fit(np.zeros((3, 8)))
    assert nobody.labels_.tolist() == [-1, -1, -1]
    assert nobody.n_clusters_ == 0
