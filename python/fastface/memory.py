"""Staying within the memory that a scan was given: how many photos at a time, and which may wait.

What a worker holds of an ordinary photo is small and alike; what a decoder holds of a large one is
neither.  So the first is counted by the number of workers, and for the second each asks before.

Grouping comes after, when workers and decoders are done, and is not part of it: all faces are held
at once.  A scan groups libraries of up to 10,000 faces, at 4 kB a face; `update` groups larger
ones, at 13 kB a face of 100,000 (1.3 GB), most of them the torsos.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from fastface import machine
from fastface.errors import PhotoError

MEGABYTE: Final = 1_000_000

# Resident bytes, measured with margin (bench/peak_memory.py): Python, ONNX Runtime, the models and
# the library; then what a worker's arrays take, a decoded photo of ORDINARY_BYTES included.
BASE_BYTES: Final = 210 * MEGABYTE
WORKER_BYTES: Final = 90 * MEGABYTE
ORDINARY_BYTES: Final = 32 * MEGABYTE

# Of the machine's memory a scan takes at most this share, where nobody says otherwise.
_DEFAULT_SHARE: Final = 0.5


class MemoryLimitError(PhotoError):
    """Not a broken photo: with more memory it can be read."""


class MemoryBudget:
    """Bytes that decoders may hold together; who asks waits for a turn, in the order of asking.

    n_bytes: beyond what each worker has for an ordinary photo.  A process that gets a copy has a
    budget of that size of its own.
    """

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes
        self._free = n_bytes
        self._waiting: list[object] = []
        self._changed = threading.Condition()

    def __reduce__(self) -> tuple[Callable[[int], MemoryBudget], tuple[int]]:
        return MemoryBudget, (self.n_bytes,)

    def allows(self, n_bytes: int) -> bool:
        """Whether so many bytes can be had, now or later."""
        return n_bytes - ORDINARY_BYTES <= self.n_bytes

    @contextmanager
    def reserve(self, n_bytes: int) -> Iterator[None]:
        """Hold so many bytes for the time of the block.

        Raises MemoryLimitError if they are more than there will ever be.
        """
        extra = max(0, n_bytes - ORDINARY_BYTES)
        if not self.allows(n_bytes):
            short = -(-(extra - self.n_bytes) // MEGABYTE)
            raise MemoryLimitError(
                f"decoding takes {n_bytes // MEGABYTE} MB, {short} MB more than the memory limit "
                "leaves (--max-memory, max_memory)"
            )
        turn = object()
        with self._changed:
            self._waiting.append(turn)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is turn and extra <= self._free)
                self._free -= extra
            finally:
                self._waiting.remove(turn)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += extra
                self._changed.notify_all()


def share_out(max_memory: int | None, workers: int | None) -> tuple[int, MemoryBudget]:
    """How many workers a scan has, and what their decoders may hold.

    max_memory: bytes of the whole process, by default half of the machine's.  workers: by default
    one per core, and fewer where memory is short.
    Raises ValueError if either is below 1 or they do not go together.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers: expected at least 1, got {workers}")
    n_bytes = int(machine.memory_bytes() * _DEFAULT_SHARE) if max_memory is None else max_memory
    at_most = (n_bytes - BASE_BYTES) // WORKER_BYTES
    if max_memory is None:
        at_most = max(at_most, workers or 1)  # a small machine is no reason to refuse
    least = BASE_BYTES + (workers or 1) * WORKER_BYTES
    if at_most < (workers or 1):
        whose = "1 worker" if (workers or 1) == 1 else f"{workers} workers"
        raise ValueError(
            f"max_memory: expected at least {least // MEGABYTE} MB for {whose}, "
            f"got {n_bytes // MEGABYTE} MB"
        )
    workers = workers or min(machine.usable_cores(), at_most)
    return workers, MemoryBudget(max(0, n_bytes - BASE_BYTES - workers * WORKER_BYTES))
