"""The array boundary: any array gives the plain array's result, or an error naming the argument."""

from __future__ import annotations

import mmap
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

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
)


def added(atoms, queries):
    dictionary = LassoDictionary(np.shape(queries)[-1] if np.ndim(queries) else 1)
    dictionary.add(atoms, "everybody")
    return dictionary.lasso(queries, 0.3, threads=1)


# What each kernel makes of two arrays of rows, and what it calls them.
KERNELS = {
    "pairwise_edges": (
        lambda a, b: pairwise_edges(a, 0.5, torsos=b, alpha=0.5, beta=0.3, threads=1),
        ("faces", "torsos"),
    ),
    "neighbour_counts": (
        lambda a, b: neighbour_counts(a, 0.5, torsos=b, alpha=0.5, beta=0.3, threads=1),
        ("faces", "torsos"),
    ),
    "fused_distances": (
        lambda a, b: fused_distances(a, b, alpha=0.5, beta=0.3, threads=1),
        ("faces", "torsos"),
    ),
    "edges_between": (
        lambda a, b: edges_between(a, b, 0.5, threads=1),
        ("left", "right"),
    ),
    "nearest": (lambda a, b: nearest(a, b, 1, threads=1), ("queries", "gallery", "k")),
    "crowd_edges": (
        lambda a, b: crowd_edges(a, 0.5, max_members=2, first_sample=1, threads=1),
        ("faces",),
    ),
    "lasso": (lambda a, b: lasso(a, b, 0.3, threads=1), ("dictionary", "queries")),
    "lasso fista": (
        lambda a, b: lasso(a, b, 0.3, solver="fista", max_iter=50, threads=1),
        ("dictionary", "queries"),
    ),
    "lasso_path": (lambda a, b: lasso_path(a, b, [0.5, 0.1], threads=1), ("dictionary", "queries")),
    "LassoDictionary": (added, ("atoms", "queries", "n_dimensions")),
}


def misaligned(rows):
    bytes_of = np.zeros(rows.nbytes + 1, np.uint8)
    bytes_of[1:] = np.frombuffer(rows.tobytes(), np.uint8)
    return bytes_of[1:].view(np.float32).reshape(rows.shape)


def read_only(rows):
    rows = rows.copy()
    rows.flags.writeable = False
    return rows


LAYOUTS = {
    "plain": lambda rows: rows,
    "fortran": np.asfortranarray,
    "every other column": lambda rows: np.repeat(rows, 2, axis=1)[:, ::2],
    "every other row": lambda rows: np.repeat(rows, 2, axis=0)[::2],
    "backwards": lambda rows: rows[::-1, ::-1].copy()[::-1, ::-1],
    "big-endian": lambda rows: rows.astype(">f4"),
    "float64": lambda rows: rows.astype(np.float64),
    "objects": lambda rows: rows.astype(object),
    "misaligned": misaligned,
    "read-only": read_only,
    "list": lambda rows: rows.tolist(),
}

# Zeros, the smallest and the largest a row may hold, and everyday values.
VALUES = [0.0, -0.0, 1e-45, -1e-42, 1e-38, 1e-20, 1e14, -1e14, 1.0, -0.5, 0.25, 0.1]
HOSTILE = st.sampled_from([*VALUES, *VALUES, np.nan, np.inf, -np.inf, 1e300, 3e38, -1e16])
DTYPES = [np.float16, np.float32, np.float64, np.int8, np.int64, bool, "c8", "U3"]


def flat(result):
    """All arrays of whatever a kernel returns."""
    if isinstance(result, np.ndarray):
        return [result]
    if hasattr(result, "indptr"):
        return [result.indptr, result.indices, result.values, result.gap, result.n_iter]
    return [array for part in result for array in flat(part)]


def outcome(kernel, *rows):
    """The bits returned, or the error's message, which has to name an argument."""
    run, names = KERNELS[kernel]
    try:
        found = flat(run(*rows))
    except ValueError as problem:
        assert re.match(rf"({'|'.join(names)}): ", str(problem)), problem
        return str(problem)
    return [(array.dtype, array.shape, array.tobytes()) for array in found]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("kernel", KERNELS)
def test_layout_and_dtype_do_not_change_a_bit(kernel, data):
    n, m, d = (data.draw(st.integers(0, 6)) for _ in range(3))
    m = n if "torsos" in KERNELS[kernel][1] else m
    first, second = (
        data.draw(arrays.arrays(np.float32, (rows, d), elements=st.floats(-2, 2, width=32)))
        for rows in (n, m)
    )
    plain = outcome(kernel, first, second)
    for given_as in data.draw(st.lists(st.sampled_from(list(LAYOUTS)), min_size=2, max_size=2)):
        if given_as == "list" and 0 in (n, m, d):
            continue  # an empty list has lost its shape
        a, b = LAYOUTS[given_as](first), LAYOUTS[given_as](second)
        before = np.array(a, copy=True), np.array(b, copy=True)
        assert outcome(kernel, a, b) == plain, given_as
        np.testing.assert_array_equal(before[0], a)
        np.testing.assert_array_equal(before[1], b)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("kernel", KERNELS)
def test_any_shape_dtype_and_value_is_solved_or_refused_by_name(kernel, data):
    shapes = st.one_of(
        arrays.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=9),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    )
    shape = data.draw(shapes)
    same_shape = data.draw(st.integers(0, 3)) > 0  # else most would be refused for that
    first, second = (
        of_type(
            data.draw(arrays.arrays(np.float64, s, elements=HOSTILE)),
            data.draw(st.sampled_from(DTYPES)),
        )
        for s in (shape, shape if same_shape else data.draw(shapes))
    )
    found = outcome(kernel, first, second)
    assert found == outcome(kernel, first, second)
    if isinstance(found, list):
        for dtype, shape, raw in found:
            if dtype == np.float32:  # a distance may be infinite: nothing to compare
                assert not np.isnan(np.frombuffer(raw, dtype).reshape(shape)).any()


@settings(max_examples=30, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_stride_of_zero_is_a_row_again_and_again(kernel, data):
    row = data.draw(arrays.arrays(np.float32, (1, 4), elements=st.floats(-2, 2, width=32)))
    repeated = np.broadcast_to(row, (3, 4))
    assert outcome(kernel, repeated, repeated) == outcome(kernel, *[repeated.copy()] * 2)


NARROW = {
    "plain": lambda rows: rows,
    "fortran": np.asfortranarray,
    "every other column": lambda rows: np.repeat(rows, 2, axis=1)[:, ::2],
    "backwards": lambda rows: rows[::-1, ::-1].copy()[::-1, ::-1],
    "one row again and again": lambda rows: np.broadcast_to(rows[:1], rows.shape),
    "big-endian": lambda rows: rows.astype(rows.dtype.newbyteorder(">")),
    "read-only": read_only,
}
HALVES = st.one_of(
    st.floats(-2, 2, width=16), st.sampled_from([0.0, 6e-8, -6e-5, 65504.0, np.inf, np.nan])
)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("kernel", [name for name in KERNELS if "asso" not in name])
def test_narrow_rows_give_the_bits_of_their_float32(kernel, data):
    n, m, d = (data.draw(st.integers(0, 6)) for _ in range(3))
    m = n if "torsos" in KERNELS[kernel][1] else m
    narrow, wide = [], []
    for rows in (n, m):
        if data.draw(st.booleans()):
            given = data.draw(arrays.arrays(np.float16, (rows, d), elements=HALVES))
        else:
            given = data.draw(arrays.arrays(np.int8, (rows, d)))
        narrow.append(NARROW[data.draw(st.sampled_from(list(NARROW)))](given))
        wide.append(widened(narrow[-1]))
    assert outcome(kernel, *narrow) == outcome(kernel, *wide)


def widened(rows):
    """In float32; rows of int8 at unit norm."""
    floats = rows.astype(np.float32)
    if rows.dtype == np.int8:
        squares = np.square(rows, dtype=np.int64).sum(axis=1, dtype=np.float64)
        floats /= np.sqrt(np.maximum(squares, 1))[:, None].astype(np.float32)
    return floats


def of_type(rows, dtype):
    with np.errstate(all="ignore"):
        if np.dtype(dtype).kind in "ib":
            return np.nan_to_num(rows, posinf=9, neginf=-9).clip(-100, 100).astype(dtype)
        return rows.astype(dtype)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_edges_of_any_kind_are_linked_or_refused_by_name(data):
    n = data.draw(st.integers(0, 5))
    m = data.draw(st.integers(0, 6))
    length = data.draw(st.sampled_from([m, m + 1]))
    ends = st.one_of(st.integers(-2, 6), st.sampled_from([2**31, 2**32 + 1, -(2**63)]))
    i, j = (data.draw(arrays.arrays(np.int64, m, elements=ends)) for _ in range(2))
    d = data.draw(arrays.arrays(np.float64, length, elements=HOSTILE))
    try:
        result = median_linkage(n, (i, j, d), 0.5, threads=1)
    except ValueError as problem:
        assert re.match(r"(i|j|d|i, j|i, j, d|edges): ", str(problem)), problem
    else:
        heights = result.linkage_matrix[:, 2]
        assert len(result.labels) == n and (heights[1:] >= heights[:-1]).all()


COLUMNS = {
    "plain": lambda values: values,
    "every other": lambda values: np.repeat(values, 2)[::2],
    "backwards": lambda values: values[::-1].copy()[::-1],
    "big-endian": lambda values: values.astype(values.dtype.newbyteorder(">")),
    "64 bits": lambda values: values.astype(f"{values.dtype.kind}8"),
    "unsigned": lambda values: values.astype(np.uint64) if values.dtype.kind == "i" else values,
    "read-only": read_only,
    "list": lambda values: values.tolist(),
}


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_layout_of_edges_and_ids_does_not_change_a_bit(data):
    n = data.draw(st.integers(1, 6))
    some = st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), unique=True)
    pairs = sorted((i, j) for i, j in data.draw(some) if i < j)
    i, j = (np.array([pair[end] for pair in pairs], np.int32) for end in (0, 1))
    d = data.draw(arrays.arrays(np.float32, len(i), elements=st.floats(0, 1, width=32)))
    ids = data.draw(arrays.arrays(np.int64, n, elements=st.integers(0, 3)))
    rows = data.draw(arrays.arrays(np.float32, (n, 3), elements=st.floats(-1, 1, width=32)))

    def results(*columns):
        first, second, distances, groups = columns
        linked = median_linkage(n, (first, second, distances), 0.5, threads=1)
        return [
            array.tobytes()
            for array in flat(
                [
                    linked.labels,
                    linked.linkage_matrix,
                    pairwise_edges(rows, 0.5, groups=groups, threads=1),
                    neighbour_counts(rows, 0.5, groups=groups, threads=1),
                    crowd_edges(rows, 0.5, groups=groups, together=groups, threads=1),
                ]
            )
        ]

    given_as = [COLUMNS[data.draw(st.sampled_from(list(COLUMNS)))] for _ in range(4)]
    columns = (i, j, d, ids)
    laid_out = [as_given(column) for as_given, column in zip(given_as, columns, strict=True)]
    assert results(*laid_out) == results(*columns)


def test_more_rows_than_an_index_can_name_are_refused():
    rows = zeros(2**31, 1)
    with pytest.raises(ValueError, match=r"dictionary: more than 2\*\*31 - 1 atoms"):
        lasso(rows, np.ones((1, 1)), 0.5)


@pytest.mark.parametrize("kernel", [name for name in KERNELS if "asso" not in name])
def test_more_rows_than_an_index_can_name_are_refused_by_every_search(kernel):
    run, names = KERNELS[kernel]
    with pytest.raises(
        ValueError, match=rf"({'|'.join(names)}): expected at most 2\*\*31 - 1 rows"
    ):
        run(*[zeros(2**31, 1, np.int8)] * 2)


def test_more_values_than_32_bits_can_count():
    # The one atom that is not zero lies past 2**31 values.
    atoms, query = zeros(2**23 + 1, 257), np.zeros((1, 257), np.float32)
    atoms[-1, -1] = query[0, -1] = 1
    codes = lasso(atoms, query, 0.5, threads=1)
    assert (codes.indices.tolist(), codes.values.tolist()) == ([2**23], [0.75])
    assert codes.gap[0] <= 1e-4


def zeros(rows, columns, dtype=np.float32):
    """Gigabytes of zeros that cost no memory until they are written to."""
    if not hasattr(mmap, "MADV_NOHUGEPAGE"):
        pytest.skip("needs Linux")
    size = np.dtype(dtype).itemsize * rows * columns
    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)  # of huge pages the zeros would take memory
    return np.frombuffer(memory, dtype).reshape(rows, columns)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8])
def test_rows_are_borrowed_not_copied(dtype):
    # NumPy's allocations are counted, the core's are in cpp/tests/memory_test.cpp.
    rows = np.random.default_rng(0).integers(-9, 9, (2000, 256)).astype(dtype)
    for search in (
        lambda: pairwise_edges(rows, -1, torsos=rows, alpha=0.5),
        lambda: neighbour_counts(rows, -1),
        lambda: edges_between(rows, rows, -1),
        lambda: nearest(rows[:2], rows, 1),
        lambda: crowd_edges(rows, -1, first_sample=100),
    ):
        tracemalloc.start()
        search()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < rows.nbytes / 4
