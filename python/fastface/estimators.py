"""Clustering in scikit-learn's conventions, without importing scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from inspect import signature
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from fastface import across, conflicts
from fastface.arrays import integer_column
from fastface.estimator_input import column_of, more_pairs, narrow_rows, rows_named, unit_rows
from fastface.kernels.linkage import MAX_MEMBERS
from fastface.linked_rows import LinkedRows, Search
from fastface.types import IntArray

if TYPE_CHECKING:
    from sklearn.utils import Tags

# Chosen on made-up faces with look-alikes; bench/quality_linkage.py has what it brings on others.
FEW_PAIRS = 0.96

CONSTRAINTS = ("must_link", "cannot_link", "soft_cannot_link")


class _Estimator:
    """What scikit-learn asks of any estimator: parameters by name, a repr, tags."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments by name. deep: ignored, there are no nested estimators."""
        return {name: getattr(self, name) for name in signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Changes constructor arguments; ValueError for a name that is none."""
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(f"{name}: not a parameter of {type(self).__name__}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = signature(type(self)).parameters
        changed = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value is not defaults[name].default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _keep_column_names(self, X: Any) -> None:
        """Of a data frame, as scikit-learn does."""
        names = np.asarray(getattr(X, "columns", ()), dtype=object)
        if len(names) and all(isinstance(name, str) for name in names):
            self.feature_names_in_ = names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def __sklearn_tags__(self) -> Tags:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type="clusterer",
            target_tags=TargetTags(required=False),
            input_tags=InputTags(),
        )


class MedianLinkage(_Estimator):
    """Agglomerative clustering by the median cosine distance of the members.

    Rows of X are brought to unit length; their distance is 1 - cosine. Two clusters are as far
    apart as the lower median of the distances between their members, and the two closest merge
    until none are within `threshold`. So neither one stray member nor one good match decides, as
    in single and complete linkage, and only pairs within the threshold are ever stored, where
    average linkage needs all.

    threshold: the largest distance at which clusters merge, in 0..2.
    few_pairs: the share of `threshold` up to which clusters merge that have only one or two pairs
    of members between them, in 0..1: the lower median of so few is the least of them, which chance
    makes small. 1: no difference.
    mode: "exact": the tree of the greedy algorithm; memory grows with the pairs of rows within the
    threshold. "bounded": people with many rows are found in a sample first, and `max_members` of
    them speak for each such crowd, so the pairs inside crowds, most of all pairs, are never made
    (`fastface.kernels.crowd_edges`); up to 4,096 rows the same as "exact".
    max_members: see mode.  random_state: int, the seed of the sample.
    min_cluster_size: smaller clusters become noise; at 1, who is alone is a cluster.
    threads: None for one per core; the result does not depend on it.

    labels_: (n,) int64, 0 to n_clusters_ - 1 by first appearance, -1 for noise: rows of zeros and
    members of clusters that are too small.
    linkage_matrix_: (n - 1, 4) float64, SciPy's form; infinite heights above the threshold.
    n_clusters_: without noise.  n_features_in_: columns of X.

    >>> X = [[1, 0], [0.9, 0.1], [0, 1], [0, 0]]
    >>> MedianLinkage(0.5).fit_predict(X)
    array([ 0,  0,  1, -1])
    """

    def __init__(
        self,
        threshold: float = 0.6,
        *,
        few_pairs: float = FEW_PAIRS,
        mode: Literal["exact", "bounded"] = "bounded",
        max_members: int = MAX_MEMBERS,
        random_state: int = 0,
        min_cluster_size: int = 1,
        threads: int | None = None,
    ) -> None:
        self.threshold = threshold
        self.few_pairs = few_pairs
        self.mode = mode
        self.max_members = max_members
        self.random_state = random_state
        self.min_cluster_size = min_cluster_size
        self.threads = threads

    def fit(
        self,
        X: npt.ArrayLike,
        y: None = None,
        *,
        groups: npt.ArrayLike | None = None,
        must_link: npt.ArrayLike | None = None,
        cannot_link: npt.ArrayLike | None = None,
        soft_cannot_link: npt.ArrayLike | None = None,
    ) -> Self:
        """Clusters the rows of X.

        X: (n, d) real; float16 and int8 stay so, others are kept in float32.  y: ignored.
        groups: (n,) integers; rows of different groups are not compared: many small problems in
        one call.  must_link, cannot_link: (k, 2) integers, pairs of rows that share a cluster, or
        never do.  soft_cannot_link: (k, 2) integers, pairs whose own distance counts as far, which
        other members can outvote.
        Raises ValueError, naming the argument, for wrong shapes and values.
        """
        self._check_parameters()
        rows = narrow_rows(X)
        self.n_features_in_ = rows.shape[1]
        self._keep_column_names(X)
        groups = None if groups is None else column_of("groups", groups, len(rows))
        constraints = dict(
            zip(CONSTRAINTS, (must_link, cannot_link, soft_cannot_link), strict=True)
        )
        apart = rows_named(len(rows), *constraints.values())
        linked = LinkedRows.of(self._search(), rows, groups, apart, self.threads)
        return self._link(linked, constraints)

    def partial_fit(
        self,
        X: npt.ArrayLike,
        y: None = None,
        *,
        groups: npt.ArrayLike | None = None,
        must_link: npt.ArrayLike | None = None,
        cannot_link: npt.ArrayLike | None = None,
        soft_cannot_link: npt.ArrayLike | None = None,
    ) -> Self:
        """Adds rows to those that are clustered; `labels_` and the matrix are of all, in order.

        Only the new rows are compared, with each other and with those before. In mode "exact" the
        result is that of `fit` on all rows. In mode "bounded" new rows join the crowds there are,
        and crowds are looked for afresh whenever the rows have doubled; while there are at most
        4,096 the result is that of `fit` too.

        X: (m, d) real.  groups: (m,) integers, of the new rows, if `fit` was given some.
        must_link, cannot_link, soft_cannot_link: (k, 2) integers, more pairs of rows, counted from
        the first row of all. Parameters changed since the last call take effect on all rows.
        Raises ValueError, naming the argument, for wrong shapes and values.

        >>> model = MedianLinkage(0.5).fit([[1, 0], [0, 1]])
        >>> model.partial_fit([[0.9, 0.1]]).labels_
        array([0, 1, 0])
        """
        if not hasattr(self, "_linked"):
            return self.fit(
                X,
                groups=groups,
                must_link=must_link,
                cannot_link=cannot_link,
                soft_cannot_link=soft_cannot_link,
            )
        self._check_parameters()
        rows, before = narrow_rows(X), self._linked
        if rows.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {rows.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        if rows.dtype != before.rows.dtype:
            rows, before = unit_rows(rows), replace(before, rows=unit_rows(before.rows))
        if (groups is None) != (before.groups is None):
            raise ValueError("groups: expected where fit was given them, and only there")
        groups = None if groups is None else column_of("groups", groups, len(rows))
        constraints = {
            name: more_pairs(name, self._constraints[name], pairs)
            for name, pairs in zip(
                CONSTRAINTS, (must_link, cannot_link, soft_cannot_link), strict=True
            )
        }
        apart = rows_named(len(before.rows) + len(rows), *constraints.values())
        if before.search == self._search():
            linked = before.grown(rows, groups, apart, self._clusters, self.threads)
        else:
            linked = LinkedRows.of(
                self._search(),
                np.concatenate([before.rows, rows]),
                None if groups is None else np.concatenate([before.groups, groups]),
                apart,
                self.threads,
            )
        return self._link(linked, constraints)

    def _search(self) -> Search:
        bounded = self.mode == "bounded"
        return Search(self.threshold, self.max_members if bounded else None, self.random_state)

    def _link(self, linked: LinkedRows, constraints: dict[str, npt.ArrayLike | None]) -> Self:
        """Labels of all rows from what is known of their distances."""
        result = linked.link(self.few_pairs, threads=self.threads, **constraints)
        self._linked, self._constraints = linked, constraints
        self._clusters = result.labels
        self.linkage_matrix_ = result.linkage_matrix
        noise = np.bincount(result.labels)[result.labels] < self.min_cluster_size
        noise |= ~self._linked.rows.any(axis=1)
        self.labels_, self.n_clusters_ = _without(noise, result.labels, result.n_clusters)
        return self

    def fit_predict(self, X: npt.ArrayLike, y: None = None, **constraints: Any) -> IntArray:
        """`fit`, then `labels_`."""
        return self.fit(X, y, **constraints).labels_

    def _check_parameters(self) -> None:
        if not isinstance(self.threshold, Real) or not 0 <= self.threshold <= 2:
            raise ValueError(f"threshold: expected 0 to 2, got {self.threshold!r}")
        if not isinstance(self.few_pairs, Real) or not 0 <= self.few_pairs <= 1:
            raise ValueError(f"few_pairs: expected 0 to 1, got {self.few_pairs!r}")
        if self.mode not in ("exact", "bounded"):
            raise ValueError(f"mode: expected 'exact' or 'bounded', got {self.mode!r}")
        for name, least in (("max_members", 1), ("random_state", 0), ("min_cluster_size", 1)):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < least:
                raise ValueError(f"{name}: expected an integer from {least}, got {value!r}")


class FaceClustering(_Estimator):
    """Finds the people among face embeddings, of any embedder, without a threshold.

    The linkage is that of `MedianLinkage`; where two clusters merge is decided by odds, from how
    close strangers come to each of their rows, which is measured on X itself. That takes embeddings
    of many people, in tens of dimensions or more, as networks trained on faces make them.

    min_cluster_size: smaller clusters become noise; at 1, who is alone is a cluster.
    threads: None for one per core; the result does not depend on it.

    labels_: (n,) int64, 0 to n_clusters_ - 1 by first appearance, -1 for noise: rows of zeros and
    members of clusters that are too small.
    threshold_: the largest distance at which two single rows, like all others, may be one person;
    NaN if all rows are zeros.
    n_clusters_: without noise.  n_features_in_: columns of X.

    >>> rng = np.random.default_rng(0)
    >>> people = np.repeat(rng.standard_normal((30, 128)), 4, axis=0)
    >>> FaceClustering().fit(people + 0.5 * rng.standard_normal((120, 128))).n_clusters_
    30
    """

    def __init__(self, *, min_cluster_size: int = 1, threads: int | None = None) -> None:
        self.min_cluster_size = min_cluster_size
        self.threads = threads

    def fit(self, X: npt.ArrayLike, y: None = None, *, photos: npt.ArrayLike | None = None) -> Self:
        """Clusters the rows of X.

        X: (n, d) real.  y: ignored.  photos: (n,) integers, the photo of each row: two on one photo
        are likely two people, which other photos can outweigh.
        Raises ValueError, naming the argument, for wrong shapes and values.
        """
        if not isinstance(self.min_cluster_size, Integral) or self.min_cluster_size < 1:
            raise ValueError(
                f"min_cluster_size: expected an integer from 1, got {self.min_cluster_size!r}"
            )
        rows = unit_rows(X)
        self.n_features_in_ = rows.shape[1]
        self._keep_column_names(X)
        present = np.flatnonzero(rows.any(axis=1))
        known = across.Known.nothing(len(present))
        if photos is not None:
            of_photo = integer_column("photos", photos, len(rows))[present]
            known = known._replace(together=conflicts.on_one_photo(of_photo))
        self.labels_: IntArray = np.full(len(rows), -1, np.int64)
        self.n_clusters_, self.threshold_ = 0, float("nan")
        if len(present):
            people = across.group(rows[present], known, threads=self.threads)
            self.threshold_ = people.rule.threshold
            sizes = np.bincount(people.labels)
            noise = sizes[people.labels] < self.min_cluster_size
            self.labels_[present], self.n_clusters_ = _without(noise, people.labels, len(sizes))
        return self

    def fit_predict(self, X: npt.ArrayLike, y: None = None, **evidence: Any) -> IntArray:
        """`fit`, then `labels_`."""
        labels: IntArray = self.fit(X, y, **evidence).labels_
        return labels


def _without(
    noise: npt.NDArray[np.bool_], labels: IntArray, n_clusters: int
) -> tuple[IntArray, int]:
    """Labels with -1 for noise and the rest numbered through, and how many clusters are left."""
    kept = np.zeros(n_clusters, dtype=bool)
    kept[labels[~noise]] = True
    renumbered = np.where(kept, np.cumsum(kept) - 1, -1)
    return np.where(noise, -1, renumbered[labels]), int(kept.sum())
