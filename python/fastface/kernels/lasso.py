"""Sparse codes of embeddings over a dictionary of exemplars, each with a certificate."""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fastface import _core
from fastface.kernels.arguments import Progress, as_floats, thread_count
from fastface.types import FloatArray, IntArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Int32Array: TypeAlias = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class SparseCodes:
    """The codes of n queries over n_atoms atoms, in CSR form.

    indptr: (n + 1,) int64; query i owns entries indptr[i] to indptr[i + 1].  indices: int32 atoms,
    ascending within a query.  values: float32 coefficients, never 0.  gap: (n,) float32, relative
    duality gap: (primal - dual) / |y|^2, evaluated in float64 at these values; a query whose gap
    is above the `tol` asked for is not certified.  n_iter: (n,) int32, passes of coordinate descent
    or gradient steps.  n_atoms: rows of the dictionary.  labels: of the atoms in `indices`, as
    objects; None unless the dictionary was a `LassoDictionary`.
    """

    indptr: IntArray
    indices: Int32Array
    values: FloatArray
    gap: FloatArray
    n_iter: Int32Array
    n_atoms: int
    labels: npt.NDArray[np.object_] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n_atoms), the shape of the dense matrix."""
        return len(self.gap), self.n_atoms

    def toarray(self) -> FloatArray:
        """The codes as a dense (n, n_atoms) float32 matrix."""
        dense = np.zeros(self.shape, np.float32)
        rows = np.repeat(np.arange(len(self.gap)), np.diff(self.indptr))
        dense[rows, self.indices] = self.values
        return dense

    def tocsr(self) -> csr_array[Any, tuple[int, int]]:
        """The codes as a `scipy.sparse.csr_array`; needs SciPy."""
        from scipy.sparse import csr_array

        return csr_array((self.values, self.indices, self.indptr), shape=self.shape)


def lasso(
    dictionary: npt.ArrayLike,
    queries: npt.ArrayLike,
    lam: float,
    *,
    solver: Literal["cd", "ista", "fista"] = "cd",
    positive: bool = False,
    tol: float = 1e-4,
    max_iter: int = 10_000,
    threads: int | None = None,
    progress: Progress | None = None,
) -> SparseCodes:
    """Sparse code of each query y: the x that minimises ``|y - D'x|^2 + lam * |x|_1``.

    There is no 1/2 before the square: `spams` (mode 2) and `sklearn.linear_model.Lasso` (times d)
    call half of this `lam` theirs. x is exactly zero for lam >= 2 * max |D y|.

    dictionary: (n_atoms, d) float32 D, one atom per row; unit norm is usual, not required, and a
    zero atom is never chosen.  queries: (n, d) float32.  lam: above 0.  positive: ask for x >= 0.
    solver: "cd", coordinate descent on a growing working set with exact steps on its support, is
    the fast one; "ista" and "fista" (Beck and Teboulle 2009) are proximal gradient methods on all
    atoms, with the adaptive restart of O'Donoghue and Candes (2015).
    tol: a query is done when its relative duality gap, (primal - dual) / |y|^2, is at most this.
    Float32 coefficients cannot certify much below 1e-7.  max_iter: passes or steps per query; one
    that needs more is returned as it stands.  threads: None for one per core.
    progress: called with the share of the queries that is done, 0 to 1, in the calling thread, some
    twenty times a second, and with 1 at the end; what it raises, like Ctrl-C, stops the call within
    0.2 s.

    Returns `SparseCodes`; compare its `gap` with tol. Same bits for any `threads` and any order of
    the queries; how many there are may choose another way to the same tolerance.
    Raises ValueError naming the argument for wrong shapes, NaN, infinities, rows of a norm above
    1e15, and options out of range.

    >>> codes = lasso(np.eye(3, dtype="f4"), np.array([[1, 0.2, -2]], dtype="f4"), 0.5)
    >>> codes.toarray()
    array([[ 0.75,  0.  , -1.75]], dtype=float32)
    """
    options = (solver, positive, float(tol), index(max_iter), thread_count(threads), progress)
    (codes,) = _core.lasso(
        as_floats("dictionary", dictionary), as_floats("queries", queries), [float(lam)], *options
    )
    return SparseCodes(*codes[:6])


def lasso_path(
    dictionary: npt.ArrayLike,
    queries: npt.ArrayLike,
    lams: npt.ArrayLike,
    *,
    solver: Literal["cd", "ista", "fista"] = "cd",
    positive: bool = False,
    tol: float = 1e-4,
    max_iter: int = 10_000,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[SparseCodes]:
    """`lasso` for several values of lam, each query starting from its codes for the next larger.

    lams: (k,), above 0, in any order. The other arguments are those of `lasso`; max_iter counts for
    each lam anew. Returns k `SparseCodes`, in the order of `lams`, certified like any others.

    >>> y = np.array([[1, 0.2, -2]], dtype="f4")
    >>> for codes in lasso_path(np.eye(3, dtype="f4"), y, [3, 1]):
    ...     print(codes.toarray())
    [[ 0.   0.  -0.5]]
    [[ 0.5  0.  -1.5]]
    """
    falling, places = falling_path(lams)
    options = (solver, positive, float(tol), index(max_iter), thread_count(threads), progress)
    path = _core.lasso(
        as_floats("dictionary", dictionary), as_floats("queries", queries), falling, *options
    )
    return [SparseCodes(*path[place][:6]) for place in places]


def falling_path(lams: npt.ArrayLike) -> tuple[list[float], list[int]]:
    """The lams of a path from large to small, and where in that each was asked for."""
    asked = np.asarray(lams, np.float64)
    if asked.ndim != 1:
        raise ValueError(f"lams: expected a 1-D array, got shape {asked.shape}")
    if not (np.isfinite(asked) & (asked > 0)).all():
        raise ValueError("lams: expected positive finite numbers")
    order = np.argsort(-asked, kind="stable")
    return asked[order].tolist(), np.argsort(order).tolist()
