"""Ctrl-C, progress, and many threads at once."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fastface.kernels import (
    LassoDictionary,
    fused_distances,
    lasso,
    lasso_path,
    median_linkage,
    nearest,
    pairwise_edges,
)


def unit_rows(n, d, seed=0):
    rows = np.random.default_rng(seed).standard_normal((n, d), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def dictionary_of(atoms):
    dictionary = LassoDictionary(atoms.shape[1])
    dictionary.add(atoms)
    return dictionary


# Each would take minutes, or many seconds.
ENDLESS = {
    "edges": lambda **options: pairwise_edges(unit_rows(600_000, 8), -1, **options),
    "edges in groups": lambda **options: pairwise_edges(
        unit_rows(600_000, 8), -1, groups=np.arange(600_000) // 300_000, **options
    ),
    "nearest": lambda **options: nearest(
        unit_rows(400_000, 8), unit_rows(400_000, 8), 2, **options
    ),
    "ista": lambda **options: lasso(
        unit_rows(200, 16), unit_rows(60_000, 16), 0.01, solver="ista", tol=0, **options
    ),
    "lasso": lambda **options: lasso_path(
        unit_rows(3000, 64), unit_rows(20_000, 64), np.linspace(0.01, 0.1, 50), **options
    ),
    "dictionary": lambda **options: dictionary_of(unit_rows(3000, 64)).lasso_path(
        unit_rows(20_000, 64), np.linspace(0.01, 0.1, 50), **options
    ),
}


@pytest.mark.parametrize("call", ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("threads", [1, 3])
def test_ctrl_c_stops_a_long_call(call, threads):
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            call(threads=threads)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


class EnoughError(Exception):
    pass


@pytest.mark.parametrize("call", ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("threads", [1, 3])
def test_what_progress_raises_stops_the_call(call, threads):
    told = []

    def progress(done):
        told.append((done, threading.get_ident()))
        if len(told) == 3:
            raise EnoughError

    with pytest.raises(EnoughError):
        call(threads=threads, progress=progress)
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
        lambda tell: fused_distances(faces, progress=tell),
        lambda tell: nearest(faces, faces, 3, progress=tell),
        lambda tell: lasso(faces, faces, 0.5, progress=tell),
    ):
        told = []
        call(told.append)
        assert told[-1] == 1
        assert told == sorted(told)


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
        ENDLESS["edges"](threads=2, progress=progress)
    assert inner == [[0, 1, 2]] * 2


def test_many_python_threads_at_once(target):
    faces, torsos = unit_rows(500, 24, 1), unit_rows(500, 24, 2)
    dictionary = dictionary_of(faces[:100])
    groups = np.arange(500) // 90

    def everything(threads):
        edges = pairwise_edges(faces, 0.7, torsos=torsos, alpha=0.5, threads=threads)
        merged = median_linkage(500, edges, 0.7, threads=threads)
        codes = [
            lasso(faces[:200], faces[200:], 0.3, threads=threads),
            dictionary.lasso(faces[100:], 0.2, threads=threads),
        ]
        return [
            *edges,
            *pairwise_edges(faces, 0.7, torsos=torsos, groups=groups, threads=threads),
            fused_distances(faces, torsos, alpha=0.5, threads=threads),
            *nearest(faces[:60], faces, 5, threads=threads),
            merged.labels,
            merged.linkage_matrix,
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
