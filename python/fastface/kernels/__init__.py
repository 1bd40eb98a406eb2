"""The compiled kernels, typed and documented; one module per family."""

from fastface.kernels.linkage import LinkageResult, median_linkage

__all__ = ["LinkageResult", "median_linkage"]
