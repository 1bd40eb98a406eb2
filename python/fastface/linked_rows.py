"""Rows and what the linkage has to know of them, and how more rows are added to both.

All of a set's pairs are looked for once. Rows that come later are compared with those that are
there and with each other; the linkage, which is quick beside that, runs again on all that is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fastface.kernels import (
    CrowdEdges,
    LinkageResult,
    crowd_edges,
    edges_between,
    median_linkage,
    pairwise_edges,
)
from fastface.kernels.arguments import Rows
from fastface.kernels.linkage import Edges
from fastface.types import IntArray

Flags = npt.NDArray[np.bool_]

Cut = list[tuple[int, float]]

RIVAL = 4  # voters of a cluster that keeps rows from joining a crowd; as in crowd_edges


def stricter_for_few(threshold: float, few_pairs: float) -> Cut:
    """The threshold of `median_linkage` by number of pairs of members.

    few_pairs: the share of the threshold that one or two pairs must come within, whose lower median
    is the least of them.
    """
    return [(1, few_pairs * threshold), (3, threshold)]


@dataclass(frozen=True, slots=True)
class Search:
    """How pairs are looked for: the options of `pairwise_edges` and `crowd_edges`.

    max_members: None: all pairs count, there are no crowds.
    """

    threshold: float
    max_members: int | None
    random_state: int


@dataclass(frozen=True, slots=True, eq=False)
class LinkedRows:
    """rows: (n, d), as `pairwise_edges` takes them.  groups: (n,) integers or None.

    found: their edges; in a search without crowds everybody is a voter and nobody has joined.
    n_searched: how many of the rows took part in the last search for crowds among all.
    """

    search: Search
    rows: Rows
    groups: npt.NDArray[Any] | None
    found: CrowdEdges
    n_searched: int

    @classmethod
    def of(
        cls,
        search: Search,
        rows: Rows,
        groups: npt.NDArray[Any] | None,
        apart: Flags,
        threads: int | None,
    ) -> LinkedRows:
        """apart: (n,) bool, rows that no crowd may take in."""
        found = _search(search, rows, groups, apart, threads)
        return cls(search, rows, groups, found, len(rows))

    def link(self, few_pairs: float, **options: Any) -> LinkageResult:
        """`median_linkage` of the rows, with its options.  few_pairs: see `stricter_for_few`."""
        edges, voters, joined = self.found
        cut = stricter_for_few(self.search.threshold, few_pairs)
        return median_linkage(len(self.rows), edges, cut, voters=voters, joined=joined, **options)

    def in_crowds(self) -> Flags:
        """(n,) bool: the rows that make up crowds."""
        taken = np.zeros(len(self.rows), dtype=bool)
        taken[self.found.joined[0]] = taken[self.found.joined[1]] = True
        return taken

    def grown(
        self,
        rows: Rows,
        groups: npt.NDArray[Any] | None,
        apart: Flags,
        clusters: IntArray,
        threads: int | None,
    ) -> LinkedRows:
        """With more rows.  apart: (n + len(rows),) bool.  clusters: (n,) the labels so far.

        Crowds are looked for afresh once there are twice as many rows as last time, and where a
        row that is apart by now belongs to one. So it costs a constant share of all searches.
        """
        n = len(self.rows)
        everything = np.concatenate([self.rows, rows])
        all_groups = groups
        if groups is not None and self.groups is not None:
            all_groups = np.concatenate([self.groups, groups])
        if self.search.max_members is not None and (
            len(everything) >= 2 * self.n_searched or apart[:n][self.in_crowds()].any()
        ):
            return LinkedRows.of(self.search, everything, all_groups, apart, threads)

        row, voter, d = self._heard(rows, threads)
        if all_groups is not None:
            same = all_groups[n + row] == all_groups[voter]
            row, voter, d = row[same], voter[same], d[same]
        joining, member, median = self._joining((row, voter, d), apart[n:], clusters)
        others = np.setdiff1d(np.arange(len(rows)), joining)
        new = _search(
            self.search,
            rows[others],
            None if groups is None else groups[others],
            apart[n:][others],
            threads,
        )
        voters = np.zeros(len(rows), dtype=bool)
        voters[others] = new.voters
        counts = voters[row]
        names = (n + np.arange(len(rows))).astype(np.int32)
        found = CrowdEdges(
            _together(
                self.found.edges,
                (voter[counts], names[row[counts]], d[counts]),
                _renamed(new.edges, names[others]),
            ),
            np.concatenate([self.found.voters, voters]),
            _together(
                self.found.joined,
                (member, names[joining], median),
                _renamed(new.joined, names[others]),
            ),
        )
        return LinkedRows(self.search, everything, all_groups, found, self.n_searched)

    def _heard(self, rows: Rows, threads: int | None) -> Edges:
        """(new row, voter, distance) of all within the threshold."""
        voters = np.flatnonzero(self.found.voters).astype(np.int32)
        row, heard, d = edges_between(
            rows, self.rows[voters], self.search.threshold, threads=threads
        )
        return row, voters[heard], d

    def _joining(self, heard: Edges, apart: Flags, clusters: IntArray) -> Edges:
        """Which new rows join a crowd: (new row, the nearest member of it, the median).

        heard: (new row, voter, distance).  A row goes to the cluster with the least median to its
        voters, as in `crowd_edges`; clusters of fewer than RIVAL voters do not matter.
        """
        taken = self.in_crowds()
        n_voters = np.bincount(clusters[self.found.voters], minlength=int(clusters.max()) + 1)
        has_crowd = np.zeros(len(n_voters), dtype=bool)
        has_crowd[clusters[taken]] = True
        matters = has_crowd | (n_voters >= RIVAL)
        row, voter, d = (part[matters[clusters[heard[1]]] & ~apart[heard[0]]] for part in heard)
        order = np.lexsort((voter, d, clusters[voter], row))
        row, voter, d = row[order], voter[order], d[order]
        pair = row.astype(np.int64) * len(n_voters) + clusters[voter]  # of a row and a cluster
        pairs, start, count = np.unique(pair, return_index=True, return_counts=True)
        middle = (n_voters[pairs % len(n_voters)] - 1) // 2
        near = count > middle
        median = d[(start + middle)[near]]
        pairs = pairs[near]
        by_row = np.lexsort((pairs, median, pairs // len(n_voters)))
        pairs, median = pairs[by_row], median[by_row]
        best = np.diff(pairs // len(n_voters), prepend=-1) != 0
        best &= has_crowd[pairs % len(n_voters)]
        pairs, median = pairs[best], median[best]
        in_crowd = taken[voter]
        reached, first = np.unique(pair[in_crowd], return_index=True)
        joins = np.isin(pairs, reached)
        nearest = np.flatnonzero(in_crowd)[first[np.searchsorted(reached, pairs[joins])]]
        return row[nearest], voter[nearest], median[joins]


def _search(
    search: Search,
    rows: Rows,
    groups: npt.NDArray[Any] | None,
    apart: Flags,
    threads: int | None,
) -> CrowdEdges:
    if search.max_members is None:
        edges = pairwise_edges(rows, search.threshold, groups=groups, threads=threads)
        nobody = np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32)
        return CrowdEdges(edges, np.ones(len(rows), dtype=bool), nobody)
    return crowd_edges(
        rows,
        search.threshold,
        max_members=search.max_members,
        random_state=search.random_state,
        groups=groups,
        apart=apart,
        threads=threads,
    )


def _renamed(edges: Edges, names: npt.NDArray[np.int32]) -> Edges:
    i, j, d = edges
    return names[i], names[j], d


def _together(*edges: Edges) -> Edges:
    i, j, d = (np.concatenate(part) for part in zip(*edges, strict=True))
    return i, j, d
