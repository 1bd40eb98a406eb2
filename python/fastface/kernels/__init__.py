"""The compiled kernels, typed and documented; one module per family."""

from fastface.kernels.chains import ChainNetwork
from fastface.kernels.distances import (
    edges_between,
    fused_distances,
    nearest,
    neighbour_counts,
    pairwise_edges,
)
from fastface.kernels.faces import Cells, FaceNetwork
from fastface.kernels.images import planes, shrink, warp
from fastface.kernels.lasso import SparseCodes, lasso, lasso_path
from fastface.kernels.lasso_dictionary import LassoDictionary
from fastface.kernels.linkage import CrowdEdges, LinkageResult, crowd_edges, median_linkage

__all__ = [
    "Cells",
    "ChainNetwork",
    "CrowdEdges",
    "FaceNetwork",
    "LassoDictionary",
    "LinkageResult",
    "SparseCodes",
    "crowd_edges",
    "edges_between",
    "fused_distances",
    "lasso",
    "lasso_path",
    "median_linkage",
    "nearest",
    "neighbour_counts",
    "pairwise_edges",
    "planes",
    "shrink",
    "warp",
]
