"""Compiled kernels; hand-written stub, checked against the binary by mypy.stubtest."""

from typing import Any

import numpy as np
import numpy.typing as npt

__version__: str

def target() -> str: ...
def available_targets() -> list[str]: ...
def select_target(target: str) -> None: ...
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
    max_members: int,
    seed: int,
    threads: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], int]: ...
