"""The compiled kernels, typed and documented; one module per family."""

from fastface.kernels.distances import fused_distances, nearest, pairwise_edges
from fastface.kernels.lasso import SparseCodes, lasso, lasso_path
from fastface.kernels.lasso_dictionary import LassoDictionary
from fastface.kernels.linkage import LinkageResult, median_linkage, voter_edges

__all__ = [
    "LassoDictionary",
    "LinkageResult",
    "SparseCodes",
    "fused_distances",
    "lasso",
    "lasso_path",
    "median_linkage",
    "nearest",
    "pairwise_edges",
    "voter_edges",
]
