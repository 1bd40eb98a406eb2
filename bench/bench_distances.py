"""Fused distances against NumPy, SciPy, scikit-learn and faiss; one thread, process CPU time.

    python -m pytest bench/bench_distances.py --benchmark-only --benchmark-columns=min,median,rounds

Every peer's result is compared with ours before it is timed, so a row of the table is the same
answer. scikit-learn has no fused distance; on unit rows its Euclidean search at sqrt(2 * threshold)
finds the same pairs of faces, and is its fastest path.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache

import faiss
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from fastface.kernels import fused_distances, nearest, pairwise_edges

THRESHOLD = 0.5
ALPHA, BETA = 0.8, 0.3
TOLERANCE = 1e-4  # n * eps of a 512-dimensional product, in every library's order of addition
K = 10

pytestmark = pytest.mark.benchmark(timer=time.process_time, min_rounds=3, max_time=1, warmup=False)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


@cache
def embeddings(n, d, seed):
    """Unit rows of n / 10 people; two of one person are at about 0.26."""
    rng = np.random.default_rng(seed)
    people = rng.normal(size=(max(n // 10, 1), d))
    rows = people[rng.integers(len(people), size=n)] + 0.6 * rng.normal(size=(n, d))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def size(request):
    """The row count asked for; a tenth of it where benchmarks only have to run, not to be timed."""
    return request.param // 10 if request.config.getoption("benchmark_disable") else request.param


# --- peers: each returns what pairwise_edges does, in any order of pairs


def fastface_edges(faces, torsos):
    return pairwise_edges(faces, THRESHOLD, torsos=torsos, alpha=ALPHA, beta=BETA, threads=1)


def numpy_edges(faces, torsos, rows_per_block=1024):
    """The twin in float32, a block of the upper triangle at a time."""
    found = []
    for begin in range(0, len(faces), rows_per_block):
        block = slice(begin, begin + rows_per_block)
        distances = 1 - faces[block] @ faces[begin:].T
        if torsos is not None:
            torso_distances = 1 - torsos[block] @ torsos[begin:].T
            np.minimum(distances, ALPHA * distances + BETA * torso_distances, out=distances)
        i, j = np.nonzero(distances <= THRESHOLD)
        above = i < j
        i, j = i[above], j[above]
        found.append((i + begin, j + begin, distances[i, j]))
    return tuple(np.concatenate(column) for column in zip(*found, strict=True))


def scipy_edges(faces, torsos):
    distances = cdist(faces, faces, "cosine")
    if torsos is not None:
        distances = np.minimum(
            distances, ALPHA * distances + BETA * cdist(torsos, torsos, "cosine")
        )
    i, j = np.nonzero(np.triu(distances <= THRESHOLD, k=1))
    return i, j, distances[i, j]


def sklearn_edges(faces, torsos):
    assert torsos is None
    search = NearestNeighbors(radius=np.sqrt(2 * THRESHOLD), algorithm="brute", n_jobs=1).fit(faces)
    distances, neighbours = search.radius_neighbors(faces)
    i = np.repeat(np.arange(len(faces)), [len(row) for row in neighbours])
    j, d = np.concatenate(neighbours), np.concatenate(distances)
    above = i < j
    return i[above], j[above], d[above] ** 2 / 2


def faiss_edges(faces, torsos):
    assert torsos is None
    index = faiss.IndexFlatIP(faces.shape[1])
    index.add(faces)
    limits, products, j = index.range_search(faces, 1 - THRESHOLD)
    i = np.repeat(np.arange(len(faces)), np.diff(limits.astype(np.int64)))
    above = i < j
    return i[above], j[above], 1 - products[above]


def assert_same_edges(ours, theirs):
    """The same pairs and distances, but for pairs on the threshold itself."""
    a, b = (
        {(i, j): d for i, j, d in zip(*map(np.ndarray.tolist, edges), strict=True)}
        for edges in (ours, theirs)
    )
    for i, j in a.keys() ^ b.keys():
        assert abs(a.get((i, j), b.get((i, j))) - THRESHOLD) < TOLERANCE
    assert all(abs(a[pair] - b[pair]) < TOLERANCE for pair in a.keys() & b.keys())


EDGES = [
    (n, d, d_torso, peer)
    for n, d, d_torso in [(5_000, 128, 0), (20_000, 128, 0), (5_000, 512, 512), (20_000, 512, 512)]
    for peer in (fastface_edges, numpy_edges, scipy_edges, sklearn_edges, faiss_edges)
    # scipy takes minutes and an n x n matrix; scikit-learn and faiss have no second modality
    if not (peer is scipy_edges and n > 5_000)
    if not (peer in (sklearn_edges, faiss_edges) and d_torso)
]


@pytest.mark.parametrize(("size", "d", "d_torso", "peer"), EDGES, indirect=["size"])
def test_edges(benchmark, size, d, d_torso, peer):
    benchmark.group = f"edges, n = {size}, d = {d}" + f" + {d_torso}" * bool(d_torso)
    faces = embeddings(size, d, 0)
    torsos = embeddings(size, d_torso, 1) if d_torso else None
    theirs = benchmark(peer, faces, torsos)
    assert_same_edges(fastface_edges(faces, torsos), theirs)


def fastface_block(faces, torsos):
    return fused_distances(faces, torsos, alpha=ALPHA, beta=BETA, threads=1)


def numpy_block(faces, torsos):
    distances = 1 - faces @ faces.T
    return np.minimum(distances, ALPHA * distances + BETA * (1 - torsos @ torsos.T))


def scipy_block(faces, torsos):
    distances = cdist(faces, faces, "cosine")
    return np.minimum(distances, ALPHA * distances + BETA * cdist(torsos, torsos, "cosine"))


@pytest.mark.parametrize("size", [5_000], indirect=True)
@pytest.mark.parametrize("peer", [fastface_block, numpy_block, scipy_block])
def test_block(benchmark, size, peer):
    benchmark.group = f"whole matrix, n = {size}, d = 128 + 128"
    faces, torsos = embeddings(size, 128, 0), embeddings(size, 128, 1)
    theirs = benchmark(peer, faces, torsos)
    np.testing.assert_allclose(fastface_block(faces, torsos), theirs, atol=TOLERANCE)


def fastface_nearest(queries, gallery):
    return nearest(queries, gallery, K, threads=1)


def numpy_nearest(queries, gallery):
    distances = 1 - queries @ gallery.T
    best = np.argpartition(distances, K, axis=1)[:, :K]
    order = np.argsort(np.take_along_axis(distances, best, axis=1), axis=1)
    best = np.take_along_axis(best, order, axis=1)
    return best, np.take_along_axis(distances, best, axis=1)


def sklearn_nearest(queries, gallery):
    distances, best = (
        NearestNeighbors(n_neighbors=K, algorithm="brute").fit(gallery).kneighbors(queries)
    )
    return best, distances**2 / 2


def faiss_nearest(queries, gallery):
    index = faiss.IndexFlatIP(gallery.shape[1])
    index.add(gallery)
    products, best = index.search(queries, K)
    return best, 1 - products


@pytest.mark.parametrize("size", [20_000], indirect=True)
@pytest.mark.parametrize("d", [128, 512])
@pytest.mark.parametrize("peer", [fastface_nearest, numpy_nearest, sklearn_nearest, faiss_nearest])
def test_nearest(benchmark, size, d, peer):
    gallery = embeddings(size, d, 0)
    queries = gallery[: size // 10]
    benchmark.group = f"nearest {K} of {size}, {len(queries)} queries, d = {d}"
    _, theirs = benchmark(peer, queries, gallery)
    np.testing.assert_allclose(fastface_nearest(queries, gallery)[1], theirs, atol=TOLERANCE)
