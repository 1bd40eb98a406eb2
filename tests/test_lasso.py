"""Batched lasso against its twin, closed forms, spams and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastface.kernels import SparseCodes, lasso, lasso_path
from tests.reference import lasso as reference

SOLVERS = ["cd", "ista", "fista"]


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def people(n_people, n_exemplars, d, n_queries, seed=0, spread=0.8):
    """A dictionary of correlated exemplars and queries of the same people."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((n_people, d))
    owner = np.repeat(np.arange(n_people), n_exemplars)
    dictionary = centres[owner] + spread * rng.standard_normal((len(owner), d))
    asked = rng.integers(0, n_people, n_queries)
    return unit(dictionary), unit(centres[asked] + spread * rng.standard_normal((n_queries, d)))


def assert_valid(codes: SparseCodes, dictionary, queries, lam, positive=False, tol=1e-4):
    """Well formed, certified, and the certificate is the reference's, not the solver's opinion."""
    assert codes.indptr[0] == 0 and codes.indptr[-1] == len(codes.indices) == len(codes.values)
    assert (np.diff(codes.indptr) >= 0).all() and (codes.values != 0).all()
    for begin, end in zip(codes.indptr[:-1], codes.indptr[1:], strict=True):
        assert (np.diff(codes.indices[begin:end]) > 0).all()
    if positive:
        assert (codes.values > 0).all()
    gap = reference.relative_gap(dictionary, queries, codes.toarray(), lam, positive)
    np.testing.assert_allclose(codes.gap, gap, rtol=1e-5, atol=1e-12)
    assert (codes.gap <= np.float32(tol)).all()


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
def test_agrees_with_the_twin_on_every_target(target, solver, positive):
    for d in (1, 3, 15, 16, 17, 35, 128):
        dictionary, queries = people(6, 4, d, 9, seed=d)
        lam = 0.2
        codes = lasso(dictionary, queries, lam, solver=solver, positive=positive, tol=1e-6)
        assert_valid(codes, dictionary, queries, lam, positive, tol=1e-6)
        twin = reference.lasso(dictionary, queries, lam, positive)
        excess = reference.objective(dictionary, queries, codes.toarray(), lam)
        excess -= reference.objective(dictionary, queries, twin, lam)
        assert (excess <= 1.01e-6).all()  # the gap bounds the distance to the optimum
        if d == 128:  # where the optimum is unique and well conditioned
            np.testing.assert_allclose(codes.toarray(), twin, atol=3e-3)


# A single query; few atoms, whose Gram matrix pays; many, which are told apart by 8-bit words.
@pytest.mark.parametrize(("n_people", "n_queries"), [(40, 1), (15, 90), (40, 90)])
@pytest.mark.parametrize("positive", [False, True])
def test_every_way_through_a_batch_agrees_on_every_target(target, n_people, n_queries, positive):
    dictionary, queries = people(n_people, 20, 40, n_queries)
    dictionary[7] = 0
    dictionary[-1] = dictionary[0]
    queries[0] *= 1e-3
    for lam in (0.02, 0.3, 1.2):
        codes = lasso(dictionary, queries, lam, positive=positive)
        assert_valid(codes, dictionary, queries, lam, positive)
        again = lasso(dictionary, queries[::-1], lam, positive=positive, threads=3)
        np.testing.assert_array_equal(again.toarray()[::-1], codes.toarray())


def test_words_cannot_tell_apart_what_lies_within_their_error():
    # More atoms than candidates whose pulls differ by less than a word can say, and a small lambda.
    rng = np.random.default_rng(4)
    dictionary = unit(1 + 0.02 * rng.standard_normal((1500, 30)))
    queries = unit(1 + 0.3 * rng.standard_normal((60, 30)))
    for lam in (1e-3, 0.1, 1.9):
        assert_valid(lasso(dictionary, queries, lam), dictionary, queries, lam)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_path_is_certified_at_every_lambda(solver):
    dictionary, queries = people(30, 5, 48, 33)
    lams = [0.05, 1.0, 0.4, 0.4]
    path = lasso_path(dictionary, queries, lams, solver=solver)
    for lam, codes in zip(lams, path, strict=True):
        assert_valid(codes, dictionary, queries, lam)
    np.testing.assert_allclose(path[2].toarray(), path[3].toarray(), atol=1e-3)
    fresh = lasso(dictionary, queries, 0.05, solver=solver, tol=1e-7)
    warm = lasso_path(dictionary, queries, [0.1, 0.07, 0.05], solver=solver, tol=1e-7)[2]
    np.testing.assert_allclose(warm.toarray(), fresh.toarray(), atol=3e-3)
    if solver != "cd":  # a short way from the neighbour's codes
        assert warm.n_iter.mean() < fresh.n_iter.mean()
    assert lasso_path(dictionary, queries, [], solver=solver) == []


@pytest.mark.parametrize("lams", [0.3, [[0.3]], [0.3, 0], [0.3, float("nan")], [-1]])
def test_bad_paths_are_refused(lams):
    with pytest.raises(ValueError, match="lams: expected"):
        lasso_path(np.eye(3), np.eye(3), lams)


@pytest.mark.parametrize("solver", SOLVERS)
def test_orthonormal_atoms_are_soft_thresholded(solver):
    rng = np.random.default_rng(1)
    dictionary = np.linalg.qr(rng.standard_normal((40, 40)))[0].astype(np.float32)
    queries = rng.standard_normal((5, 40)).astype(np.float32)
    inner = queries.astype(float) @ dictionary.T.astype(float)
    expected = np.sign(inner) * np.maximum(np.abs(inner) - 0.4, 0)
    codes = lasso(dictionary, queries, 0.8, solver=solver, tol=1e-9)
    np.testing.assert_allclose(codes.toarray(), expected, atol=1e-5)


def test_agrees_with_spams_whose_lambda_is_half():
    spams = pytest.importorskip("spams")
    dictionary, queries = people(20, 10, 64, 30)
    lam = 0.2
    codes = lasso(dictionary, queries, lam, tol=1e-7)
    theirs = spams.lasso(
        np.asfortranarray(queries.T, np.float64),
        np.asfortranarray(dictionary.T, np.float64),
        lambda1=lam / 2,
        mode=2,
        numThreads=1,
    )
    np.testing.assert_allclose(codes.toarray(), theirs.toarray().T, atol=1e-3)


@pytest.mark.parametrize("positive", [False, True])
def test_agrees_with_scikit_learn(positive):
    linear_model = pytest.importorskip("sklearn.linear_model")
    dictionary, queries = people(10, 5, 64, 8)
    lam = 0.3
    model = linear_model.Lasso(
        alpha=lam / 2 / 64, fit_intercept=False, tol=1e-10, max_iter=100_000, positive=positive
    )
    model.fit(dictionary.T.astype(float), queries.T.astype(float))
    codes = lasso(dictionary, queries, lam, positive=positive, tol=1e-7)
    np.testing.assert_allclose(codes.toarray(), model.coef_, atol=1e-3)


@pytest.mark.parametrize("solver", SOLVERS)
def test_nothing_is_chosen_from_lambda_max_on(solver):
    dictionary, queries = people(5, 3, 32, 6)
    for query in queries:
        lam_max = 2 * np.abs(dictionary.astype(float) @ query).max()
        at_the_limit = lasso(dictionary, query[None], lam_max * (1 + 1e-6), solver=solver)
        assert len(at_the_limit.values) == 0 and at_the_limit.gap[0] <= 1e-12
        assert len(lasso(dictionary, query[None], lam_max * 0.9, solver=solver).values) > 0


@pytest.mark.parametrize("solver", SOLVERS)
def test_zero_queries_zero_atoms_and_empty_inputs(solver):
    dictionary, queries = people(4, 3, 20, 5)
    dictionary[3] = 0
    queries[2] = -0.0
    codes = lasso(dictionary, queries, 0.1, solver=solver)
    assert_valid(codes, dictionary, queries, 0.1)
    assert codes.indptr[2] == codes.indptr[3] and codes.gap[2] == 0
    assert 3 not in codes.indices

    for atoms, rows in [((0, 7), (3, 7)), ((4, 7), (0, 7)), ((0, 7), (0, 7))]:
        empty = lasso(np.zeros(atoms, "f4"), np.ones(rows, "f4"), 0.1, solver=solver)
        assert empty.shape == (rows[0], atoms[0]) and len(empty.values) == 0
        assert (empty.gap == 0).all()
    assert len(lasso(np.zeros((4, 7), "f4"), np.ones((2, 7), "f4"), 0.1, solver=solver).values) == 0


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("positive", [False, True])
def test_duplicates_and_near_duplicates(solver, positive):
    dictionary, queries = people(5, 4, 48, 12, spread=0.3)
    nearly = unit(dictionary + 1e-4 * np.random.default_rng(3).standard_normal(dictionary.shape))
    dictionary = np.concatenate([dictionary, dictionary, nearly, -dictionary[:3]])
    codes = lasso(dictionary, queries, 0.05, solver=solver, positive=positive)
    assert_valid(codes, dictionary, queries, 0.05, positive)


@pytest.mark.parametrize("lam", [1e-3, 1e-5])
def test_dense_codes_of_a_small_lambda(lam):
    dictionary, queries = people(60, 5, 64, 6)
    codes = lasso(dictionary, queries, lam)
    assert_valid(codes, dictionary, queries, lam)
    assert np.diff(codes.indptr).min() > 30


def test_more_atoms_than_candidates():
    # Enough for the coordinate solver to leave most atoms out of sight, and to have to come back.
    dictionary, queries = people(400, 10, 24, 40, spread=1.5)
    for lam in (0.05, 0.4):
        codes = lasso(dictionary, queries, lam, tol=1e-5)
        assert_valid(codes, dictionary, queries, lam, tol=1e-5)


@pytest.mark.parametrize("solver", SOLVERS)
def test_scale_of_atoms_and_queries_is_free(solver):
    dictionary, queries = people(6, 4, 32, 8)
    plain = lasso(dictionary, queries, 0.2, solver=solver, tol=1e-7)
    for power in (-40, -3, 5, 45):  # powers of two: exact in float32
        scale = np.float32(2.0**power)
        codes = lasso(
            dictionary * scale, queries * scale, 0.2 * float(scale) ** 2, solver=solver, tol=1e-7
        )
        np.testing.assert_array_equal(codes.toarray(), plain.toarray())
    mixed = dictionary * np.geomspace(0.3, 3, len(dictionary), dtype=np.float32)[:, None]
    assert_valid(lasso(mixed, queries, 0.2, solver=solver), mixed, queries, 0.2)


@pytest.mark.parametrize("solver", SOLVERS)
def test_threads_and_order_do_not_change_a_bit(solver):
    dictionary, queries = people(10, 4, 40, 100)
    codes = lasso(dictionary, queries, 0.15, solver=solver, threads=1)
    shuffled = np.random.default_rng(0).permutation(len(queries))
    for threads in (2, 4, None):
        again = lasso(dictionary, queries, 0.15, solver=solver, threads=threads)
        for name in ("indptr", "indices", "values", "gap", "n_iter"):
            np.testing.assert_array_equal(getattr(again, name), getattr(codes, name))
    moved = lasso(dictionary, queries[shuffled], 0.15, solver=solver)
    np.testing.assert_array_equal(moved.toarray(), codes.toarray()[shuffled])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_atoms=st.integers(1, 40),
    d=st.integers(1, 40),
    n=st.integers(1, 5),
    ratio=st.floats(0.01, 1.2),
    positive=st.booleans(),
    solver=st.sampled_from(SOLVERS),
    repeated=st.booleans(),
)
def test_certificates_hold(seed, n_atoms, d, n, ratio, positive, solver, repeated):
    rng = np.random.default_rng(seed)
    dictionary = rng.standard_normal((n_atoms, d)).astype(np.float32)
    dictionary *= rng.uniform(0.3, 3, (n_atoms, 1)).astype(np.float32)
    if repeated:
        dictionary[rng.integers(0, n_atoms)] = dictionary[0]
    queries = rng.standard_normal((n, d)).astype(np.float32)
    lam = 2 * ratio * float(np.abs(queries @ dictionary.T).max())
    codes = lasso(dictionary, queries, lam, solver=solver, positive=positive, max_iter=100_000)
    assert_valid(codes, dictionary, queries, lam, positive)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_permuted_atoms_permute_the_codes(seed):
    rng = np.random.default_rng(seed)
    dictionary, queries = people(8, 4, 64, 4, seed=seed)
    order = rng.permutation(len(dictionary))
    plain = lasso(dictionary, queries, 0.3, tol=1e-7).toarray()
    moved = lasso(dictionary[order], queries, 0.3, tol=1e-7).toarray()
    np.testing.assert_allclose(moved, plain[:, order], atol=2e-3)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_query_that_runs_out_of_iterations_says_so(solver):
    dictionary, queries = people(20, 10, 48, 10, spread=0.3)
    codes = lasso(dictionary, queries, 0.01, solver=solver, tol=1e-6, max_iter=2)
    assert (codes.n_iter <= 2).all() and (codes.gap > 1e-6).any()
    gap = reference.relative_gap(dictionary, queries, codes.toarray(), 0.01)
    np.testing.assert_allclose(codes.gap, gap, rtol=1e-5, atol=1e-12)


def test_a_tolerance_beyond_float32_ends_and_is_reported():
    dictionary, queries = people(20, 10, 48, 10)
    codes = lasso(dictionary, queries, 0.1, tol=0)
    assert (codes.gap < 1e-5).all() and (codes.n_iter < 1_000).all()
    gap = reference.relative_gap(dictionary, queries, codes.toarray(), 0.1)
    np.testing.assert_allclose(codes.gap, gap, rtol=1e-5, atol=1e-12)


def test_a_zero_tolerance_at_lambda_max_ends():
    dictionary, queries = people(20, 10, 48, 20)
    for query in queries:
        lam_max = 2 * float(np.abs(dictionary @ query).max())
        codes = lasso(dictionary, query[None], lam_max, tol=0)
        assert codes.gap[0] < 1e-10 and codes.n_iter[0] < 100


def test_csr_output():
    sparse = pytest.importorskip("scipy.sparse")
    dictionary, queries = people(5, 3, 16, 4)
    codes = lasso(dictionary.astype(float).tolist(), np.asfortranarray(queries), 0.2)
    assert codes.indptr.dtype == np.int64 and codes.indices.dtype == np.int32
    assert codes.values.dtype == codes.gap.dtype == np.float32 and codes.n_iter.dtype == np.int32
    assert isinstance(codes.tocsr(), sparse.csr_array)
    np.testing.assert_array_equal(codes.tocsr().toarray(), codes.toarray())


D = np.eye(3, dtype=np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dictionary": D[0]}, r"dictionary: expected a 2-D array .* got shape \(3,\)"),
        ({"queries": D[None]}, r"queries: expected a 2-D array .* got shape \(1, 3, 3\)"),
        ({"queries": D[:, :2]}, "queries: expected 3 columns like the dictionary, got 2"),
        ({"dictionary": D * np.float32("nan")}, "dictionary: row 0 holds NaN"),
        ({"queries": np.where(D > 0, np.inf, D)}, "queries: row 0 is infinite or too large"),
        ({"queries": D * np.float32(1e19)}, "queries: row 0 is infinite or too large"),
        (
            {"dictionary": np.diag([1, 1e16, 1]).astype("f4")},
            "dictionary: row 1 is infinite or too",
        ),
        ({"lam": 0}, "lam: expected a positive finite number"),
        ({"lam": float("nan")}, "lam: expected a positive finite number"),
        ({"lam": float("inf")}, "lam: expected a positive finite number"),
        ({"solver": "lars"}, "solver: expected 'cd', 'ista' or 'fista', got 'lars'"),
        ({"tol": -1.0}, "tol: expected a finite number, 0 or more"),
        ({"max_iter": 0}, "max_iter: expected at least 1, got 0"),
        ({"threads": 0}, "threads: expected None or at least 1, got 0"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"dictionary": D, "queries": D, "lam": 0.5} | change
    with pytest.raises(ValueError, match=message):
        lasso(
            arguments.pop("dictionary"), arguments.pop("queries"), arguments.pop("lam"), **arguments
        )


@pytest.mark.parametrize("solver", ["cd", "ista", "fista"])
def test_atoms_too_small_to_square(solver):
    codes = lasso([[1e-20, 0], [0, 1e-30]], [[0.0, 0.0], [1.0, 1.0]], 1.0, solver=solver)
    assert codes.values.size == 0
    np.testing.assert_array_equal(codes.gap, 0)
