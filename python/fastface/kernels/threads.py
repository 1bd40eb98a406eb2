"""The `threads` argument that every kernel takes."""

from __future__ import annotations

from operator import index


def thread_count(threads: int | None) -> int:
    """As the core counts them: 0 is one per core."""
    if threads is None:
        return 0
    if index(threads) < 1:
        raise ValueError(f"threads: expected None or at least 1, got {threads}")
    return index(threads)
