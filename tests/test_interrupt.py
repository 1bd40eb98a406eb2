"""Ctrl-C, progress, and many threads at once."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from fastface.kernels import (
    LassoDictionary,
    crowd_edges,
    edges_between,
    fused_distances,
    lasso,
    lasso_path,
    median_linkage,
    nearest,
    neighbour_counts,
    pairwise_edges,
    planes,
    shrink,
)


def unit_rows(n, d, seed=0):
    rows = np.random.default_rng(seed).standard_normal((n, d), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def dictionary_of(atoms):
    dictionary = LassoDictionary(atoms.shape[1])
    dictionary.add(atoms)
    return dictionary


def all_pairs(n, distances):
    """Edges (i, j, d) of n rows, each with each."""
    i, j = np.triu_indices(n, 1)
    return i.astype(np.int32), j.astype(np.int32), distances(len(i))


# Ready to be called; each would take minutes, or a second at least.
ENDLESS = {
    "edges": lambda: partial(pairwise_edges, unit_rows(600_000, 8), -1),
    "edges in groups": lambda: partial(
        pairwise_edges, unit_rows(600_000, 8), -1, groups=np.arange(600_000) // 300_000
    ),
    "counts": lambda: partial(neighbour_counts, unit_rows(600_000, 8), -1),
    "edges between": lambda: partial(
        edges_between, unit_rows(400_000, 8), unit_rows(400_000, 8), -1
    ),
    "nearest": lambda: partial(nearest, unit_rows(400_000, 8), unit_rows(400_000, 8), 2),
    "crowds of nobody": lambda: partial(crowd_edges, unit_rows(400_000, 8), -1),
    "crowds": lambda: partial(crowd_edges, unit_rows(400_000, 16), 0.3, crowd_threshold=0.05),
    "linkage": lambda: partial(
        median_linkage, 5000, all_pairs(5000, np.random.default_rng(0).random), 0.7
    ),
    "linkage of equals": lambda: partial(median_linkage, 5000, all_pairs(5000, np.zeros), 0.7),
    "ista": lambda: partial(
        lasso, unit_rows(200, 16), unit_rows(60_000, 16), 0.01, solver="ista", tol=0
    ),
    "lasso": lambda: partial(
        lasso_path, unit_rows(3000, 64), unit_rows(20_000, 64), np.linspace(0.01, 0.1, 50)
    ),
    "dictionary": lambda: partial(
        dictionary_of(unit_rows(3000, 64)).lasso_path,
        unit_rows(20_000, 64),
        np.linspace(0.01, 0.1, 50),
    ),
}


@pytest.fixture(params=ENDLESS)
def endless(request):
    return ENDLESS[request.param]()


@pytest.mark.parametrize("threads", [1, 3])
def test_ctrl_c_stops_a_long_call(endless, threads):
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            endless(threads=threads)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


class EnoughError(Exception):
    pass


@pytest.mark.parametrize("threads", [1, 3])
def test_what_progress_raises_stops_the_call(endless, threads):
    told = []

    def progress(done):
        told.append((done, threading.get_ident()))
        if len(told) == 3:
            raise EnoughError

    with pytest.raises(EnoughError):
        endless(threads=threads, progress=progress)
    assert len(told) == 3
    shares = [done for done, _ in told]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] + 1e-9 < 1
    assert {thread for _, thread in told} == {threading.get_ident()}


def test_progress_ends_with_one():
    faces = unit_rows(300, 16)
    for call in (
        lambda tell: pairwise_edges(faces, 0.5, progress=tell),
        lambda tell: pairwise_edges(faces[:0], 0.5, progress=tell),
        lambda tell: neighbour_counts(faces, 0.5, progress=tell),
        lambda tell: edges_between(faces, faces, 0.5, progress=tell),
        lambda tell: crowd_edges(faces, 0.5, first_sample=20, progress=tell),
        lambda tell: crowd_edges(faces[:0], 0.5, progress=tell),
        lambda tell: median_linkage(300, pairwise_edges(faces, 0.9), 0.9, progress=tell),
        lambda tell: median_linkage(0, ([], [], []), 0.9, progress=tell),
        lambda tell: fused_distances(faces, progress=tell),
        lambda tell: nearest(faces, faces, 3, progress=tell),
        lambda tell: lasso(faces, faces, 0.5, progress=tell),
    ):
        told = []
        call(told.append)
        assert told[-1] == 1
        assert told == sorted(told)


@pytest.mark.parametrize("name", ["crowds", "linkage"])
def test_progress_of_many_stages_never_falls(name):
    told = []
    quick = {
        "crowds": lambda: partial(crowd_edges, crowded(60_000, 64), 0.3),
        "linkage": lambda: partial(
            median_linkage, 3000, all_pairs(3000, np.random.default_rng(0).random), 0.7
        ),
    }[name]()
    result = quick(threads=1, progress=told.append)
    assert told == sorted(told)
    assert (told[0] < 1, told[-1]) == (True, 1)
    for ours, untold in zip(flat(result), flat(quick(threads=1)), strict=True):
        np.testing.assert_array_equal(ours, untold)


def crowded(n, d):
    """Rows of which 50 people have a half, and nobody the others."""
    people = unit_rows(50, d)[np.arange(n // 2) % 50]
    rows = np.concatenate([people + 0.06 * unit_rows(n // 2, d, 1), unit_rows(n - n // 2, d, 2)])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def flat(result):
    """All arrays of whatever a kernel returns."""
    if isinstance(result, tuple):
        return [array for part in result for array in flat(part)]
    return [np.asarray(result)]


def test_a_matrix_is_told_of_and_stopped():
    faces = unit_rows(5000, 1024)
    told = []
    whole = fused_distances(faces, threads=1, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1

    def progress(done):
        raise EnoughError

    if (
        len(told) > 1
    ):  # a machine that does this in a twentieth of a second is not told before the end
        with pytest.raises(EnoughError):
            fused_distances(faces, threads=1, progress=progress)
    np.testing.assert_array_equal(whole, whole.T)


def test_progress_may_call_a_kernel():
    inner = []

    def progress(done):
        inner.append(nearest(np.eye(3), np.eye(3), 1, progress=lambda _: None)[0].ravel().tolist())
        if len(inner) == 2:
            raise EnoughError

    with pytest.raises(EnoughError):
        ENDLESS["edges"]()(threads=2, progress=progress)
    assert inner == [[0, 1, 2]] * 2


def test_many_python_threads_at_once(target):
    faces, torsos = unit_rows(500, 24, 1), unit_rows(500, 24, 2)
    dictionary = dictionary_of(faces[:100])
    groups = np.arange(500) // 90
    pixels = np.random.default_rng(3).integers(0, 256, (90, 70, 3), np.uint8)

    def everything(threads):
        edges = pairwise_edges(faces, 0.7, torsos=torsos, alpha=0.5, threads=threads)
        merged = median_linkage(500, edges, 0.7, threads=threads)
        crowds = crowd_edges(faces, 0.7, first_sample=16, max_members=4, threads=threads)
        joined = {"voters": crowds.voters, "joined": crowds.joined, "threads": threads}
        codes = [
            lasso(faces[:200], faces[200:], 0.3, threads=threads),
            lasso(faces[:200], faces[200:220], 0.3, solver="fista", threads=threads),
            *lasso_path(faces[:90], faces[90:], [0.4, 0.2], threads=threads),
            dictionary.lasso(faces[100:], 0.2, threads=threads),
        ]
        return [
            *edges,
            *pairwise_edges(faces, 0.7, torsos=torsos, groups=groups, threads=threads),
            neighbour_counts(faces, 0.7, torsos=torsos, alpha=0.5, threads=threads),
            *edges_between(faces[:200], torsos, 0.7, threads=threads),
            fused_distances(faces, torsos, alpha=0.5, threads=threads),
            *nearest(faces[:60], faces, 5, threads=threads),
            merged.labels,
            merged.linkage_matrix,
            *flat(crowds),
            *flat(median_linkage(500, crowds.edges, 0.7, **joined)),
            shrink(pixels, 30, 20),
            planes(pixels, 96, 72),
            *(
                part
                for code in codes
                for part in (code.indptr, code.indices, code.values, code.gap)
            ),
        ]

    expected = everything(1)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(everything, [1, 2, 3] * 8):
            for ours, alone in zip(found, expected, strict=True):
                np.testing.assert_array_equal(ours, alone)
