"""Fused distances against their NumPy twin on every SIMD target."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastface.kernels import (
    edges_between,
    fused_distances,
    nearest,
    neighbour_counts,
    pairwise_edges,
)
from tests.reference import distances as twin

LANES = (4, 8, 16)
# Around the lanes, the tiles (6 or 14 rows, 8 to 32 columns) and a block of tiles (112 rows).
SIZES = sorted(
    {0, 1, 2, 6, 7, 13, 14, 15, 67, 111, 113} | {w + e for w in (4, 8, 16, 32) for e in (-1, 0, 1)}
)


def embeddings(n, d, seed=0, *, people=4):
    """Unit rows in loose clusters."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(people, d))[rng.integers(people, size=n)] + 0.6 * rng.normal(
        size=(n, d)
    )
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def observations(n, d=19, d_torso=9, seed=0):
    """Faces and torsos, some of each missing: zeros, minus zeros or NaN."""
    rng = np.random.default_rng(seed + 1)
    faces, torsos = embeddings(n, d, seed), embeddings(n, d_torso, seed + 2)
    for rows in (faces, torsos):
        missing = rng.random(n) < 0.3
        rows[missing] = rng.choice(
            np.array([0.0, -0.0, np.nan], np.float32), size=(missing.sum(), 1)
        )
    return faces, torsos


def coarse(n, d, seed=0):
    """Rows of multiples of 1/8 whose products are exact in float32: ties are real ties."""
    return np.random.default_rng(seed).integers(-3, 4, size=(n, d)).astype(np.float32) / 8


def tolerance(d, d_torso=0, alpha=1.0, beta=1.0):
    """Bound on the rounding of a dot product of unit rows, d * eps, and of what follows it."""
    return 2.0**-24 * (max(1.0, alpha) * (d + 4) + beta * (d_torso + 4))


def assert_edges_match(found, expected_matrix, threshold, tol):
    """Same pairs in the same order, but for those within `tol` of the threshold."""
    i, j, d = found
    assert (i.dtype, j.dtype, d.dtype) == (np.int32, np.int32, np.float32)
    n = len(expected_matrix)
    assert np.all(i < j)
    assert np.all(np.diff(i.astype(np.int64) * n + j) > 0)
    np.testing.assert_allclose(d, expected_matrix[i, j], rtol=0, atol=tol)
    assert np.all(d <= np.float32(threshold))
    missed = np.triu(expected_matrix <= threshold - tol, k=1)
    missed[i, j] = False
    assert not missed.any()


@pytest.mark.parametrize("n", SIZES)
def test_block_and_edges_match_twin(target, n):
    faces, torsos = observations(n)
    for alpha, beta in [(1.0, 1.0), (0.5, 0.3), (0.0, 0.7), (1.5, 0.0), (0.8, 0.0)]:
        tol = tolerance(19, 9, alpha, beta)
        expected = twin.fused_distances(faces, torsos, alpha=alpha, beta=beta)
        block = fused_distances(faces, torsos, alpha=alpha, beta=beta)
        assert block.dtype == np.float32
        np.testing.assert_allclose(block, expected, rtol=0, atol=tol)
        np.testing.assert_array_equal(block, block.T)
        for threshold in (0.0, 0.35, 2.5):
            found = pairwise_edges(faces, threshold, torsos=torsos, alpha=alpha, beta=beta)
            assert_edges_match(found, expected, threshold, tol)
            i, j = np.nonzero(np.triu(block <= np.float32(threshold), k=1))
            np.testing.assert_array_equal(found[0], i)
            np.testing.assert_array_equal(found[1], j)
            np.testing.assert_array_equal(found[2], block[i, j])  # to the bit


@pytest.mark.parametrize("d", [1, 3, 15, 16, 17, 128, 512])
def test_dimensions(target, d):
    faces, torsos = embeddings(40, d, seed=d), embeddings(40, 2 * d, seed=d + 1)
    tol = tolerance(d, 2 * d, 0.5, 0.5)
    expected = twin.fused_distances(faces, torsos, alpha=0.5, beta=0.5)
    np.testing.assert_allclose(
        fused_distances(faces, torsos, alpha=0.5, beta=0.5), expected, rtol=0, atol=tol
    )
    np.testing.assert_allclose(
        fused_distances(faces), twin.fused_distances(faces), rtol=0, atol=tolerance(d)
    )


def test_each_kind_of_missing(target):
    face, other = np.array([1, 0], np.float32), np.array([0.6, 0.8], np.float32)
    none = np.zeros(2, np.float32)
    faces = np.stack([face, other, none, none, face])
    torsos = np.stack([face, face, other, none, none])
    D = fused_distances(faces, torsos, alpha=0.5, beta=0.25)
    inf = np.inf
    np.testing.assert_allclose(
        D,
        [
            [0, 0.2, inf, inf, 0],  # 0.2 = alpha * 0.4 + beta * 0
            [0.2, 0, inf, inf, 0.4],  # a torso missing: the face alone
            [inf, inf, inf, inf, inf],
            [inf, inf, inf, inf, inf],
            [0, 0.4, inf, inf, 0],
        ],
        atol=1e-7,
    )
    i, j, d = pairwise_edges(
        faces, 0.5, torsos=torsos, alpha=0.5, beta=0.25, groups=[7, 7, 7, 7, -7]
    )
    assert list(zip(i, j, strict=True)) == [(0, 1), (0, 2), (1, 2)]
    np.testing.assert_allclose(d, [0.2, 0.1, 0.1], atol=1e-7)  # beta * 0.4 where a face is missing


@pytest.mark.parametrize("n", [0, 1, 2, 15, 67, 130])
@pytest.mark.parametrize("n_groups", [1, 3, 40])
@pytest.mark.parametrize("alpha", [0.4, 1.0])
def test_groups_match_twin(target, n, n_groups, alpha):
    faces, torsos = observations(n, seed=n)
    groups = np.random.default_rng(n).integers(-5, n_groups - 5, size=n)
    for rows in (None, torsos):
        found = pairwise_edges(faces, 0.4, torsos=rows, alpha=alpha, beta=0.6, groups=groups)
        expected = twin.fused_distances(faces, rows, alpha=alpha, beta=0.6, groups=groups)
        assert_edges_match(found, expected, 0.4, tolerance(19, 9))


@pytest.mark.parametrize("sizes", [(1500, 1, 600, 2), (1025, 1025)])
def test_large_groups(sizes):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    np.random.default_rng(0).shuffle(groups)
    faces = coarse(len(groups), 6)
    found = pairwise_edges(faces, 0.3, groups=groups, threads=3)
    expected = twin.pairwise_edges(faces, 0.3, groups=groups)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("m", [1, 2, 15, 16, 17, 33, 113])
def test_nearest_matches_twin_to_the_tie(target, m):
    gallery, queries = coarse(m, 5, seed=m), coarse(23, 5, seed=m + 1)
    gallery[m // 2] = 0
    queries[3] = np.nan
    for k in sorted({1, min(4, m), m}):
        indices, distances = nearest(queries, gallery, k)
        assert (indices.dtype, distances.dtype) == (np.int64, np.float32)
        expected_indices, expected_distances = twin.nearest(queries, gallery, k)
        np.testing.assert_array_equal(indices, expected_indices)
        np.testing.assert_array_equal(distances, expected_distances)


@pytest.mark.parametrize("n", [0, 1, 2, 33, 400, 2500])
@pytest.mark.parametrize("grouped", [False, True])
def test_counts_are_those_of_the_edges(target, n, grouped):
    faces, torsos = observations(n, seed=n)
    rng = np.random.default_rng(n)
    groups = np.where(rng.random(n) < 0.8, 0, rng.integers(0, 9, n)) if grouped else None
    options = {"torsos": torsos, "alpha": 0.5, "beta": 0.3, "groups": groups}
    i, j, _ = pairwise_edges(faces, 0.4, **options)
    for threads in (1, 4):
        found = neighbour_counts(faces, 0.4, **options, threads=threads)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, np.bincount(np.concatenate([i, j]), minlength=n))
    coarse_faces = coarse(min(n, 100), 4)
    np.testing.assert_array_equal(
        neighbour_counts(coarse_faces, 0.75), twin.neighbour_counts(coarse_faces, 0.75)
    )


def test_halves_and_bytes(target):
    """float16 is the float32 of the same values; int8 rows are directions."""
    faces = embeddings(300, 64)
    halves = faces.astype(np.float16)
    for ours, theirs in zip(
        pairwise_edges(halves, 0.4), pairwise_edges(halves.astype(np.float32), 0.4), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    steps = np.round(faces * (127 / np.abs(faces).max(axis=1, keepdims=True))).astype(np.int8)
    steps[7] = 0
    directions = steps / np.maximum(np.linalg.norm(steps, axis=1, keepdims=True), 1)
    np.testing.assert_allclose(
        fused_distances(steps), twin.fused_distances(directions), rtol=0, atol=tolerance(64)
    )
    for rows in (halves, steps):  # what is given stays as it was
        before = rows.copy()
        np.testing.assert_array_equal(nearest(rows[:5], rows, 1)[0].ravel(), range(5))
        np.testing.assert_array_equal(before, rows)


@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0), (1, 1), (67, 15), (300, 301)])
def test_edges_between_are_those_of_all_rows_together(target, n, m):
    rows, _ = observations(n + m, 37)
    for threads in (1, 3):
        i, j, d = edges_between(rows[:n], rows[n:], 0.6, threads=threads)
        p, q, expected = pairwise_edges(rows, 0.6)
        across = (p < n) & (q >= n)
        np.testing.assert_array_equal(i, p[across])
        np.testing.assert_array_equal(j, q[across] - n)
        np.testing.assert_array_equal(d, expected[across])


def test_nearest_without_queries():
    indices, distances = nearest(np.zeros((0, 4)), np.eye(4), 2)
    assert indices.shape == distances.shape == (0, 2)


def test_threshold_is_inclusive(target):
    faces = coarse(80, 4)
    for threshold in (0.75, 0.875, 1.0):  # reached by some pairs exactly
        found = pairwise_edges(faces, threshold)
        expected = twin.pairwise_edges(faces, threshold)
        assert (expected[2] == threshold).any()
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_torso_is_looked_at_wherever_it_could_decide(target):
    """The bound on F that rules torsos out allows for alpha = 0 and for alpha * F underflowing."""
    torsos = np.ones((40, 1), np.float32)
    faces = np.hstack([np.full((40, 1), 0.75**0.5), 0.5 * np.eye(40)])  # F = 0.25
    for alpha, threshold in [(0.0, 0.0), (1e-45, 0.0), (0.4, 0.1000001), (1.0, 0.2500001)]:
        i, _, d = pairwise_edges(faces, threshold, torsos=torsos, alpha=alpha)
        assert len(i) == 40 * 39 / 2
        assert d.max() <= np.float32(threshold)


def test_threads_do_not_change_a_bit(target):
    faces, torsos = observations(700, seed=3)
    groups = np.random.default_rng(3).integers(0, 30, size=700)
    calls = [
        lambda threads: pairwise_edges(faces, 0.4, torsos=torsos, alpha=0.5, threads=threads),
        lambda threads: pairwise_edges(faces, 0.4, torsos=torsos, groups=groups, threads=threads),
        lambda threads: (fused_distances(faces, torsos, alpha=0.5, threads=threads),),
        lambda threads: nearest(faces[:300], faces, 5, threads=threads),
    ]
    for call in calls:
        for one, four in zip(call(1), call(4), strict=True):
            np.testing.assert_array_equal(one, four)


@settings(deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(0, 90), alpha=st.sampled_from([0.3, 1.0]))
def test_permuting_rows_permutes_results_to_the_bit(seed, n, alpha):
    faces, torsos = observations(n, seed=seed)
    groups = np.random.default_rng(seed).integers(0, 3, size=n)
    order = np.random.default_rng(seed + 1).permutation(n)
    block = fused_distances(faces, torsos, alpha=alpha)
    permuted = fused_distances(faces[order], torsos[order], alpha=alpha)
    np.testing.assert_array_equal(permuted, block[np.ix_(order, order)])

    def edge_set(faces, torsos, groups, names):
        i, j, d = pairwise_edges(faces, 0.5, torsos=torsos, alpha=alpha, groups=groups)
        low, high = np.minimum(names[i], names[j]), np.maximum(names[i], names[j])
        return set(zip(low.tolist(), high.tolist(), d.tolist(), strict=True))

    assert edge_set(faces, torsos, groups, np.arange(n)) == edge_set(
        faces[order], torsos[order], groups[order], order
    )


@settings(deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(2, 60), low=st.floats(0, 1), high=st.floats(0, 1))
def test_edges_grow_with_the_threshold(seed, n, low, high):
    low, high = sorted([low, high])
    faces, torsos = observations(n, seed=seed)
    narrow, wide = (
        set(
            zip(
                *(x.tolist() for x in pairwise_edges(faces, t, torsos=torsos, alpha=0.5)),
                strict=True,
            )
        )
        for t in (low, high)
    )
    assert narrow <= wide


@settings(deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 60), k=st.integers(1, 60))
def test_nearest_agrees_with_the_block(seed, n, k):
    faces, _ = observations(n, seed=seed)
    k = min(k, n)
    _, distances = nearest(faces, faces, k)
    block = fused_distances(faces)
    off_diagonal = ~np.eye(n, dtype=bool)
    for row in range(n):
        rest = np.sort(block[row][off_diagonal[row]])
        assert set(rest[: k - 1]) <= set(distances[row]) | {np.inf}


@pytest.mark.parametrize("tiny", [1e-45, 1e-38, 1e-30, 1e-20])
def test_tiny_rows_are_present(target, tiny):
    faces = np.full((20, 3), tiny, np.float32)
    np.testing.assert_array_equal(fused_distances(faces), 1 - np.eye(20))


def test_long_rows_do_not_overflow(target):
    faces = np.array([[1e17, 1e17], [1e17, 1e17], [-1e17, -1e17]], np.float32)
    D = fused_distances(faces)
    assert np.all(np.isfinite(D)) and D[0, 1] == 0 and D[0, 2] > 1e34


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x.astype(np.float64),
        lambda x: x.astype(">f4"),
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x[::-1].copy()[::-1],
        lambda x: x.tolist(),
    ],
    ids=["float64", "big-endian", "fortran", "strided", "reversed", "list"],
)
def test_any_real_array_is_accepted(convert):
    faces = embeddings(30, 8)
    np.testing.assert_array_equal(fused_distances(convert(faces)), fused_distances(faces))


def test_read_only_input_is_left_alone():
    faces = embeddings(30, 8)
    faces[3] = np.nan
    faces.flags.writeable = False
    before = faces.copy()
    pairwise_edges(faces, 0.5)
    np.testing.assert_array_equal(faces, before)


def with_value(value):
    rows = np.eye(5, dtype=np.float64)
    rows[3, 1] = value
    return rows


EYE = np.eye(5, dtype=np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pairwise_edges(EYE[0], 0.5), r"faces: expected a 2-D array .*\(5,\)"),
        (lambda: pairwise_edges(EYE[:, :0], 0.5), r"faces: expected at least one dimension"),
        (lambda: pairwise_edges(with_value(np.nan), 0.5), "faces: row 3 has NaN"),
        (lambda: pairwise_edges(with_value(-np.inf), 0.5), "faces: row 3 has NaN or infinite"),
        (lambda: pairwise_edges(with_value(1e300), 0.5), "faces: row 3 has NaN or infinite"),
        (lambda: pairwise_edges(with_value(1e30), 0.5), "faces: row 3 is too long"),
        (lambda: pairwise_edges(EYE, 0.5, torsos=with_value(np.nan)), "torsos: row 3"),
        (
            lambda: pairwise_edges(EYE, 0.5, torsos=EYE[:4]),
            "torsos: expected as many rows as faces, 5",
        ),
        (lambda: pairwise_edges(EYE, np.nan), "threshold: expected a finite number, got nan"),
        (lambda: pairwise_edges(EYE, np.inf), "threshold: expected a finite number, got inf"),
        (lambda: pairwise_edges(EYE, 0.5, alpha=-0.1), "alpha: expected a finite number >= 0"),
        (lambda: pairwise_edges(EYE, 0.5, beta=np.nan), "beta: expected a finite number >= 0"),
        (
            lambda: pairwise_edges(EYE, 0.5, groups=[1, 2]),
            "groups: expected one per row of faces, 5",
        ),
        (lambda: pairwise_edges(EYE, 0.5, groups=[0.5] * 5), "groups: expected integers"),
        (
            lambda: pairwise_edges(EYE, 0.5, threads=0),
            "threads: expected None or at least 1, got 0",
        ),
        (lambda: fused_distances(EYE, EYE[0]), "torsos: expected a 2-D array"),
        (lambda: fused_distances(EYE, alpha=np.inf), "alpha: expected a finite number >= 0"),
        (lambda: fused_distances(EYE, threads=-2), "threads: expected None or at least 1, got -2"),
        (lambda: nearest(EYE, EYE, 0), "k: expected 1 to 5, the rows of gallery, got 0"),
        (lambda: nearest(EYE, EYE, 6), "k: expected 1 to 5, the rows of gallery, got 6"),
        (lambda: nearest(EYE, EYE[:0], 1), "k: expected 1 to 0"),
        (lambda: nearest(EYE, EYE[:, :4], 1), "gallery: expected 5 dimensions like queries"),
        (lambda: nearest(EYE, with_value(np.nan), 1), "gallery: row 3"),
        (lambda: nearest(with_value(np.nan), EYE, 1), "queries: row 3"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: pairwise_edges(EYE, "near"),
        lambda: nearest(EYE, EYE, 1.5),
        lambda: pairwise_edges(EYE, 0.5, threads=1.5),
    ],
)
def test_errors_carry_no_embeddings(call):
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert "array(" not in str(caught.value)


def test_memory_is_linear():
    """30,000 rows in 400 MB above the start: their n x n matrix would be 3,600 MB."""
    code = """
import resource, numpy as np
from fastface.kernels import nearest, pairwise_edges
rows = np.random.default_rng(0).normal(size=(30_000, 4)).astype("f4")
rows /= np.linalg.norm(rows, axis=1, keepdims=True)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 400_000_000,) * 2)
assert len(pairwise_edges(rows, 1e-3, threads=1)[0]) > 0
nearest(rows, rows[:10_000], 3, threads=1)
"""
    if sys.platform != "linux":
        pytest.skip("limits memory by Linux's means")
    subprocess.run([sys.executable, "-c", code], check=True)
