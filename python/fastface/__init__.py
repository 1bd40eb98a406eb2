"""fastface finds who is in your photos, privately, on your own device.

Importing this package is light: numpy, onnxruntime and the rest load when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastface.analysis import Analyzer, analyze, embed_faces, verify
    from fastface.errors import (
        FastfaceError,
        LibraryError,
        ModelError,
        NotFoundError,
        PhotoError,
    )
    from fastface.estimators import FaceClustering, MedianLinkage
    from fastface.kernels import (
        fused_distances,
        median_linkage,
        nearest,
        neighbour_counts,
        pairwise_edges,
    )
    from fastface.kernels.lasso import SparseCodes, lasso, lasso_path
    from fastface.kernels.lasso_dictionary import LassoDictionary
    from fastface.library import Library
    from fastface.types import Box, Observation

_HOME = {
    "Analyzer": "analysis",
    "Box": "types",
    "FastfaceError": "errors",
    "LassoDictionary": "kernels",
    "Library": "library",
    "LibraryError": "errors",
    "FaceClustering": "estimators",
    "MedianLinkage": "estimators",
    "ModelError": "errors",
    "NotFoundError": "errors",
    "Observation": "types",
    "PhotoError": "errors",
    "SparseCodes": "kernels",
    "analyze": "analysis",
    "embed_faces": "analysis",
    "fused_distances": "kernels",
    "lasso": "kernels",
    "lasso_path": "kernels",
    "median_linkage": "kernels",
    "nearest": "kernels",
    "neighbour_counts": "kernels",
    "pairwise_edges": "kernels",
    "verify": "analysis",
}

__all__ = [
    "Analyzer",
    "Box",
    "FaceClustering",
    "FastfaceError",
    "LassoDictionary",
    "Library",
    "LibraryError",
    "MedianLinkage",
    "ModelError",
    "NotFoundError",
    "Observation",
    "PhotoError",
    "SparseCodes",
    "analyze",
    "embed_faces",
    "fused_distances",
    "lasso",
    "lasso_path",
    "median_linkage",
    "nearest",
    "neighbour_counts",
    "pairwise_edges",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("fastface-people")
    if name in _HOME:
        return getattr(importlib.import_module(f"fastface.{_HOME[name]}"), name)
    raise AttributeError(f"module 'fastface' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
