"""The compiled kernels, typed and documented; one module per family."""

from fastface.kernels.distances import fused_distances, nearest, pairwise_edges
from fastface.kernels.lasso import SparseCodes, lasso
from fastface.kernels.linkage import LinkageResult, median_linkage, voter_edges

__all__ = [
    "LinkageResult",
    "SparseCodes",
    "fused_distances",
    "lasso",
    "median_linkage",
    "nearest",
    "pairwise_edges",
    "voter_edges",
]
