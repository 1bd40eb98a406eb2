"""The 8-bit prefilter drops no pair: bounds against vectors made to break them, on every target."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastface import _core
from fastface.kernels import fused_distances
from tests.adversarial import KINDS, adversarial_rows

ROWS = 140  # below 128 rows nothing is quantised


def edges(faces, threshold, torsos, alpha, *, quantise, groups=None, threads=1):
    return _core.pairwise_edges(
        faces, float(threshold), torsos, alpha, 0.5, groups, threads, None, quantise
    )


def thresholds(distances, rng):
    """Distances of some pairs, and their float32 neighbours on both sides."""
    finite = distances[np.isfinite(distances) & (distances < 1e30)]
    chosen = rng.choice(finite, size=3).astype(np.float32)
    below, above = np.nextafter(chosen, np.float32(-1)), np.nextafter(chosen, np.float32(np.inf))
    return np.concatenate([chosen, below, above])


@pytest.mark.parametrize("kind", KINDS)
@settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    d=st.sampled_from([1, 2, 3, 5, 16, 31, 64, 130, 512]),
    seed=st.integers(0, 2**31),
    alpha=st.sampled_from([0.3, 1.0]),
)
def test_not_a_bit_differs_from_float32(target, kind, d, seed, alpha):
    faces = adversarial_rows(kind, ROWS, d, seed)
    torsos = adversarial_rows(kind, ROWS, d + 3, seed + 1)
    if alpha == 1.0:
        torsos = None
    block = fused_distances(faces, torsos, alpha=alpha, beta=0.5)
    for threshold in thresholds(block, np.random.default_rng(seed)):
        quick = edges(faces, threshold, torsos, alpha, quantise=True)
        plain = edges(faces, threshold, torsos, alpha, quantise=False)
        for ours, theirs in zip(quick, plain, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        i, j = np.nonzero(np.triu(block <= threshold, k=1))
        np.testing.assert_array_equal(quick[0], i)
        np.testing.assert_array_equal(quick[1], j)
        np.testing.assert_array_equal(quick[2], block[i, j])


@pytest.mark.parametrize("missing", ["faces", "torsos", "both"])
def test_missing_rows_and_groups(target, missing):
    rng = np.random.default_rng(7)
    faces, torsos = (adversarial_rows("tiny beside huge", 700, 37, s) for s in (1, 2))
    if missing != "torsos":
        faces[rng.random(700) < 0.3] = np.nan
    if missing != "faces":
        torsos[rng.random(700) < 0.3] = 0
    for groups in (None, rng.integers(0, 3, size=700)):
        for threads in (1, 3):
            quick, plain = (
                edges(faces, 0.4, torsos, 0.5, quantise=q, groups=groups, threads=threads)
                for q in (True, False)
            )
            assert len(plain[0]) > 0
            for ours, theirs in zip(quick, plain, strict=True):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["unit", "ties", "tiny beside huge"])
def test_nearest_is_the_same_with_and_without_bytes(target, name):
    rng = np.random.default_rng(3)
    if name == "tiny beside huge":
        gallery, queries = (adversarial_rows(name, n, 37, n) for n in (900, 400))
    else:
        gallery, queries = (rng.standard_normal((n, 37), np.float32) for n in (900, 400))
        if name == "ties":
            gallery, queries = np.round(gallery), np.round(queries)
            gallery[1::2] = gallery[::2]
            gallery, queries = gallery / 8, queries / 8
        else:
            gallery, queries = (
                rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (gallery, queries)
            )
    gallery[rng.random(900) < 0.1] = 0
    queries[rng.random(400) < 0.1] = np.nan
    for k in (1, 7, 899, 900):
        for threads in (1, 3):
            quick, plain = (
                _core.nearest(queries, gallery, k, threads, None, quantise)
                for quantise in (True, False)
            )
            for ours, theirs in zip(quick, plain, strict=True):
                np.testing.assert_array_equal(ours, theirs)
