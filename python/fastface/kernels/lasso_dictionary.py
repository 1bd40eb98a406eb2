"""A dictionary for the lasso that is asked again and again while people come and go."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from operator import index

import numpy as np
import numpy.typing as npt

from fastface import _core
from fastface.kernels.arguments import Progress, as_floats, thread_count
from fastface.kernels.lasso import SparseCodes, falling_path


class LassoDictionary:
    """Labelled atoms, prepared once for `lasso` and kept prepared as labels come and go.

    n_dimensions: of every atom and query. Adding atoms costs what they alone cost; removing them
    computes nothing. Solving, adding and removing may happen in several threads at once: every
    result belongs to one state of the dictionary, and names its atoms by label.

    >>> people = LassoDictionary(3)
    >>> people.add([[1, 0, 0]], "Ada")
    >>> people.add([[0, 1, 0], [0, 0, 1]], "Alan")
    >>> codes = people.lasso([[0.2, 0, 2]], 0.5)
    >>> codes.labels.tolist(), codes.values.tolist()
    (['Alan'], [1.75])
    >>> people.remove("Alan"), len(people)
    (2, 1)
    """

    def __init__(self, n_dimensions: int) -> None:
        if index(n_dimensions) < 1:
            raise ValueError(f"n_dimensions: expected at least 1, got {n_dimensions}")
        self._core = _core.LassoDictionary(index(n_dimensions))
        # A number once given to a label stays its own, so that results in flight can be read.
        self._numbers: dict[Hashable, int] = {}
        self._labels: list[Hashable] = []
        self._numbering = threading.Lock()

    def __len__(self) -> int:
        return len(self._core)

    def add(
        self, atoms: npt.ArrayLike, label: Hashable = None, *, threads: int | None = None
    ) -> None:
        """Append copies of atoms, (k, n_dimensions) float32, under a label, new or not.

        Raises ValueError naming what is wrong with an atom, as `lasso` does; then none was added.
        """
        with self._numbering:
            number = self._numbers.setdefault(label, len(self._labels))
            if number == len(self._labels):
                self._labels.append(label)
        self._core.add(as_floats("atoms", atoms), number, thread_count(threads))

    def remove(self, label: Hashable) -> int:
        """Remove the atoms of a label; returns how many there were.

        The last atoms take their places: indices of atoms change, labels do not.
        """
        number = self._numbers.get(label)
        return 0 if number is None else self._core.remove(number)

    def lasso(
        self,
        queries: npt.ArrayLike,
        lam: float,
        *,
        positive: bool = False,
        tol: float = 1e-4,
        max_iter: int = 10_000,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> SparseCodes:
        """Sparse codes of queries, (n, n_dimensions) float32, as `fastface.lasso` defines them.

        `progress` must not change the dictionary.
        """
        return self._solve(queries, [float(lam)], positive, tol, max_iter, threads, progress)[0]

    def lasso_path(
        self,
        queries: npt.ArrayLike,
        lams: npt.ArrayLike,
        *,
        positive: bool = False,
        tol: float = 1e-4,
        max_iter: int = 10_000,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> list[SparseCodes]:
        """Codes for each of `lams`, as `fastface.lasso_path` defines them."""
        falling, places = falling_path(lams)
        path = self._solve(queries, falling, positive, tol, max_iter, threads, progress)
        return [path[place] for place in places]

    def _solve(
        self,
        queries: npt.ArrayLike,
        lams: list[float],
        positive: bool,
        tol: float,
        max_iter: int,
        threads: int | None,
        progress: Progress | None,
    ) -> list[SparseCodes]:
        options = ("cd", positive, float(tol), index(max_iter), thread_count(threads), progress)
        path = self._core.lasso(as_floats("queries", queries), lams, *options)
        labels = np.fromiter(self._labels, object)
        return [SparseCodes(*codes[:6], labels=labels[codes[6]]) for codes in path]
