"""Batched lasso against its NumPy twin, spams, scikit-learn and celer; one thread, CPU time.

    python -m pytest bench/bench_lasso.py --benchmark-only --benchmark-columns=min,median,rounds

Everybody solves to a relative duality gap of 1e-4, checked in float64 at the codes returned, so a
row of the table is the same answer. Only spams, in float32, is allowed to miss one query in a
hundred: it sometimes returns a wrong code without a word. `us_per_query` and `missed` stand in the
saved JSON (--benchmark-json). A gallery of 20,000 atoms is left to ourselves and to the product
with which everybody has to begin: spams spends minutes on its Gram matrix of 1.6 GB.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import spams
from celer import Lasso as CelerLasso
from sklearn.linear_model import Lasso
from threadpoolctl import threadpool_limits

from fastface.kernels import LassoDictionary, lasso
from tests.reference import lasso as reference

DIMENSIONS = 512
EXEMPLARS = 20  # per person
LAM_SHARE = 0.14  # of the mean lambda_max: 15 to 35 atoms chosen
GAP = 1e-4

pytestmark = pytest.mark.benchmark(timer=time.process_time, min_rounds=3, max_time=1, warmup=False)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


@cache
def gallery(n_atoms, n_queries):
    """Unit exemplars and queries of the same people; two of one person have a cosine of 0.66."""
    rng = np.random.default_rng(n_atoms)
    people = rng.standard_normal((n_atoms // EXEMPLARS, DIMENSIONS), np.float32)

    def photos_of(person):
        rows = people[person] + 0.72 * rng.standard_normal((len(person), DIMENSIONS), np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    dictionary = photos_of(np.repeat(np.arange(len(people)), EXEMPLARS))
    queries = photos_of(rng.integers(0, len(people), n_queries))
    lam = LAM_SHARE * 2 * float(np.abs(queries @ dictionary.T).max(axis=1).mean())
    return dictionary, queries, lam


def fastface_cd(dictionary, queries, lam):
    return lasso(dictionary, queries, lam, tol=GAP, threads=1).toarray()


def fastface_fista(dictionary, queries, lam):
    return lasso(dictionary, queries, lam, solver="fista", tol=GAP, threads=1).toarray()


def numpy_twin(dictionary, queries, lam):
    return reference.lasso(dictionary, queries, lam, tol=GAP)


def spams_lars(dictionary, queries, lam):
    codes = spams.lasso(
        np.asfortranarray(queries.T),
        np.asfortranarray(dictionary.T),
        lambda1=lam / 2,
        mode=2,
        numThreads=1,
    )
    return codes.T.toarray()


def sklearn_gram(dictionary, queries, lam):
    model = Lasso(
        alpha=lam / 2 / DIMENSIONS,
        fit_intercept=False,
        precompute=np.ascontiguousarray(dictionary @ dictionary.T),
        tol=GAP,
        max_iter=5000,
    )
    return np.atleast_2d(model.fit(dictionary.T, queries.T).coef_)


def celer_each(dictionary, queries, lam):
    """celer takes one query at a time, and long: the first few. Its tol is on half our gap."""
    model = CelerLasso(alpha=lam / 2 / DIMENSIONS, fit_intercept=False, tol=GAP / 2)
    atoms = np.asfortranarray(dictionary.T)
    return np.array([model.fit(atoms, query).coef_ for query in queries[:8]])


@cache
def prepared(n_atoms, n_queries):
    dictionary = LassoDictionary(DIMENSIONS)
    atoms = gallery(n_atoms, n_queries)[0]
    for person in range(n_atoms // EXEMPLARS):
        dictionary.add(atoms[person * EXEMPLARS : (person + 1) * EXEMPLARS], person)
    return dictionary


def fastface_dictionary(dictionary, queries, lam):
    """A gallery that is asked again: whatever follows from the atoms alone is known."""
    return prepared(len(dictionary), len(queries)).lasso(queries, lam, threads=1).toarray()


ALL = [fastface_cd, fastface_dictionary, spams_lars, sklearn_gram, celer_each, fastface_fista]
CASES = (
    [(200, 256, solver) for solver in [*ALL, numpy_twin]]
    + [(2_000, 1_024, solver) for solver in ALL[:5]]
    + [(2_000, 1, solver) for solver in ALL[:5]]
    + [(20_000, n, solver) for n in (1, 128) for solver in ALL[:2]]
)


@pytest.mark.parametrize(
    ("n_atoms", "n_queries", "solve"),
    CASES,
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_lasso(benchmark, request, n_atoms, n_queries, solve):
    if request.config.getoption("benchmark_disable"):  # only has to run, not to be timed
        n_atoms, n_queries = n_atoms // 10, n_queries // 8 + 1
    dictionary, queries, lam = gallery(n_atoms, n_queries)
    codes = solve(dictionary, queries, lam)
    solved = len(codes)
    missed = int((reference.relative_gap(dictionary, queries[:solved], codes, lam) > GAP).sum())
    assert missed <= (n_queries // 100 if solve is spams_lars else 0)
    benchmark.group = f"lasso, {n_atoms} atoms, batch {n_queries}"
    benchmark(solve, dictionary, queries, lam)
    if benchmark.stats:
        benchmark.extra_info["missed"] = missed
        benchmark.extra_info["us_per_query"] = round(benchmark.stats["median"] / solved * 1e6, 1)


@pytest.mark.parametrize(("n_atoms", "n_queries"), [(200, 256), (2_000, 1_024), (20_000, 128)])
def test_bound(benchmark, n_atoms, n_queries):
    """One product of all queries with all atoms, by NumPy's BLAS: what a full scan costs."""
    dictionary, queries, _ = gallery(n_atoms, n_queries)
    benchmark.group = f"lasso, {n_atoms} atoms, batch {n_queries}"
    benchmark(lambda: queries @ dictionary.T)
