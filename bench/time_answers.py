"""What a user waits for in a large library: the list of people, and each kind of answer.

    python bench/time_answers.py --data DIR --faces 100000 [--cache DIR]

Turns go round the verbs, on people of every size in turn; "after start" is the first answer of a
process, which reads who is who. The library is made up (`large_library.py`), kept in --cache.
"""

from __future__ import annotations

import argparse
import functools
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fastface.library import Library
from large_library import make

RANKS = (0, 2, 10, 50, 250)  # of the people by number of photos


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=3, help="rounds over people of every size")
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stored = (options.cache or Path(folder)) / f"large-{options.faces}.db"
        if not stored.exists():
            make(stored, options.data, options.faces)
        path = Path(folder) / "library.db"
        shutil.copy(stored, path)
        seconds = measure(path, options.turns)
    print(f"{options.faces} faces, milliseconds: median (least to most) of turns")
    print(f"{'':30} {'waited':^25} {'of the processor':^25}")
    for what, taken in seconds.items():
        columns = 1000 * np.quantile(taken, [0.5, 0, 1], axis=0).T
        told = [f"{middle:7.1f}  ({low:.1f} to {high:.1f})" for middle, low, high in columns]
        print(f"{what:30} {told[0]:25} {told[1]:25} of {len(taken)}")


def measure(path: Path, turns: int) -> dict[str, list[tuple[float, float]]]:
    """What was done -> seconds waited and seconds of the processor, of each turn."""
    seconds: dict[str, list[tuple[float, float]]] = {}

    def timed(what: str, call: Callable[[], object]) -> None:
        start, used = time.perf_counter(), time.process_time()
        call()
        taken = time.perf_counter() - start, time.process_time() - used
        seconds.setdefault(what, []).append(taken)

    def answer(library: Library, turn: int, rank: int) -> None:
        person, other = (p.id for p in library.people()[rank : rank + 2])
        faces = [face.id for face in library.faces(person)]
        size = "largest" if rank == 0 else "others"
        timed(f"name, {size}", lambda: library.name(person, f"Ada {turn} {rank}"))
        timed(f"merge, {size}", lambda: library.merge(person, other))
        timed("undo", library.undo)
        timed("confirm", lambda: library.confirm(person, faces[:5]))
        timed("reject", lambda: library.reject(person, faces[:2]))
        timed("undo", library.undo)
        timed(f"split, {size}", lambda: library.split(person, faces[:2]))
        timed("undo", library.undo)
        timed("history", library.history)

    for turn in range(turns):
        with Library(path) as library:
            timed("people", library.people)
            last = library.people()[-1].id
            timed("first answer after start", functools.partial(library.hide, last))
            for rank in RANKS:
                answer(library, turn, rank)
            timed("suggest, 20 questions", library.suggest)
    return seconds


if __name__ == "__main__":
    main()
