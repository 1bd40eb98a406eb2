"""The compiled kernels, typed and documented; one module per family."""

from fastface.kernels.distances import fused_distances, nearest, pairwise_edges

__all__ = ["fused_distances", "nearest", "pairwise_edges"]
