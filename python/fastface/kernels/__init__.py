"""The compiled kernels, typed and documented; one module per family."""

from fastface.kernels.lasso import SparseCodes, lasso

__all__ = ["SparseCodes", "lasso"]
