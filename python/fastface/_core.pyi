"""Compiled kernels; hand-written stub, checked against the binary by mypy.stubtest."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

_Codes: TypeAlias = tuple[
    npt.NDArray[np.int64],
    npt.NDArray[np.int32],
    npt.NDArray[np.float32],
    npt.NDArray[np.float32],
    npt.NDArray[np.int32],
    int,
    npt.NDArray[np.int64],
]

_Rows: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.float16] | npt.NDArray[np.int8]
_Progress: TypeAlias = Callable[[float], object]

__version__: str

_Edges = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]

def target() -> str: ...
def available_targets() -> list[str]: ...
def select_target(target: str) -> None: ...
def pairwise_edges(
    faces: _Rows,
    threshold: float,
    torsos: _Rows | None,
    alpha: float,
    beta: float,
    groups: npt.NDArray[Any] | None,
    threads: int,
    progress: _Progress | None,
    quantise: bool = True,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]: ...
def neighbour_counts(
    faces: _Rows,
    threshold: float,
    torsos: _Rows | None,
    alpha: float,
    beta: float,
    groups: npt.NDArray[Any] | None,
    threads: int,
    progress: _Progress | None,
) -> npt.NDArray[np.int64]: ...
def edges_between(
    left: _Rows,
    right: _Rows,
    threshold: float,
    threads: int,
    progress: _Progress | None,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]: ...
def fused_distances(
    faces: _Rows,
    torsos: _Rows | None,
    alpha: float,
    beta: float,
    threads: int,
    progress: _Progress | None,
) -> npt.NDArray[np.float32]: ...
def nearest(
    queries: _Rows,
    gallery: _Rows,
    k: int,
    threads: int,
    progress: _Progress | None,
    quantise: bool = True,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]: ...
def median_linkage(
    n: int,
    i: npt.NDArray[Any],
    j: npt.NDArray[Any],
    d: npt.NDArray[Any],
    cut: list[tuple[int, float]],
    must_link: npt.NDArray[Any] | None,
    cannot_link: npt.NDArray[Any] | None,
    soft_cannot_link: npt.NDArray[Any] | None,
    soft_votes: int,
    voters: npt.NDArray[np.bool_] | None,
    joined: tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]] | None,
    threads: int,
    progress: _Progress | None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], int]: ...
def lasso(
    dictionary: npt.NDArray[np.float32],
    queries: npt.NDArray[np.float32],
    lams: Sequence[float],
    solver: str,
    positive: bool,
    tol: float,
    max_iter: int,
    threads: int,
    progress: _Progress | None,
) -> list[_Codes]: ...
def crowd_edges(
    faces: _Rows,
    threshold: float,
    crowd_threshold: float,
    groups: npt.NDArray[Any] | None,
    together: npt.NDArray[Any] | None,
    apart: npt.NDArray[np.bool_] | None,
    max_members: int,
    first_sample: int,
    seed: int,
    threads: int,
    progress: _Progress | None,
) -> tuple[_Edges, npt.NDArray[np.uint8], _Edges]: ...
def planes(pixels: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.float32]: ...
def shrink(pixels: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]: ...
def warp(
    pixels: npt.NDArray[np.uint8],
    window: tuple[int, int, int, int],
    factor: int,
    matrix: tuple[float, float, float, float, float, float],
    side: int,
) -> npt.NDArray[np.uint8]: ...

class ChainNetwork:
    def __init__(
        self,
        side: int,
        mean: float,
        layers: Sequence[
            tuple[
                npt.NDArray[np.float32],
                npt.NDArray[np.float32],
                npt.NDArray[np.float32],
                int,
                int,
                int | None,
            ]
        ],
        dense: npt.NDArray[np.float32],
        dense_bias: npt.NDArray[np.float32],
        rounding: Sequence[tuple[npt.NDArray[np.float32], int]],
    ) -> None: ...
    def run(self, crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]: ...

class FaceNetwork:
    def __init__(
        self,
        stem: npt.NDArray[np.float32],
        stem_bias: npt.NDArray[np.float32],
        layers: Sequence[
            tuple[
                npt.NDArray[np.float32],
                npt.NDArray[np.float32],
                npt.NDArray[np.float32],
                npt.NDArray[np.float32],
            ]
        ],
    ) -> None: ...
    def run(
        self, pixels: npt.NDArray[np.uint8], height: int, width: int
    ) -> list[npt.NDArray[np.float32]]: ...
    def find(
        self, pixels: npt.NDArray[np.uint8], height: int, width: int, least: float
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]: ...

class LassoDictionary:
    def __init__(self, n_dimensions: int) -> None: ...
    def __len__(self) -> int: ...
    def add(self, atoms: npt.NDArray[np.float32], label: int, threads: int) -> None: ...
    def remove(self, label: int) -> int: ...
    def lasso(
        self,
        queries: npt.NDArray[np.float32],
        lams: Sequence[float],
        solver: str,
        positive: bool,
        tol: float,
        max_iter: int,
        threads: int,
        progress: _Progress | None,
    ) -> list[_Codes]: ...
