"""How long it takes to say who a face is, in a large library: after start, and the first time.

    python bench/time_identify.py --data DIR --faces 100000 [--cache DIR]

The library is made up (`large_library.py`, kept in --cache) and its portraits are chosen. Photos of
the album are then asked about one by one, as by `Library.identify`: reading, finding and measuring
the faces, which takes the same in a small library, and comparing them, which does not. Milliseconds
of the clock and of the process's CPU.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from fastface.library import Library
from large_library import make


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--photos", type=int, default=60, help="of the album")
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    asked = sorted((options.data / "album").glob("*.jpg"))[: options.photos]
    with tempfile.TemporaryDirectory() as folder:
        stored = (options.cache or Path(folder)) / f"large-{options.faces}.db"
        if not stored.exists():
            make(stored, options.data, options.faces)
        path = Path(folder) / "library.db"
        shutil.copy(stored, path)
        with Library(path) as library, library._store.atomic():
            library._recogniser.remember(library._model())
        with Library(path) as library:
            measure(library, asked)


def measure(library: Library, photos: list[Path]) -> None:
    first, model = Stopwatch(), library._model()
    with library._store.snapshot():
        library._recogniser.gallery(model)
    gallery = first.read()
    library.identify(photos[0])  # loads the models
    whole, compared = [], []
    for photo in photos:
        clock = Stopwatch()
        n = len(library.identify(photo))
        if not n:
            continue
        whole.append(clock.read() / n)
        metadata, seen = library._look(photo)
        faces = np.stack([face.face for face in seen])
        taken_at = np.full(n, metadata.taken_at, np.float64)
        clock = Stopwatch()
        with library._store.snapshot():
            library._recogniser.identify(model, faces, taken_at)
            library._store.names()
        compared.append(clock.read() / n)
    print(f"{'milliseconds, median (least to most)':40} {'waited':^25} {'of the processor':^25}")
    for what, taken in {
        "the gallery, at start": [gallery],
        "a face compared": compared,
        "a face, the photo looked at": whole,
    }.items():
        columns = 1000 * np.quantile(taken, [0.5, 0, 1], axis=0).T
        told = [f"{middle:7.1f}  ({low:.1f} to {high:.1f})" for middle, low, high in columns]
        print(f"{what:40} {told[0]:25} {told[1]:25} of {len(taken)}")


class Stopwatch:
    def __init__(self) -> None:
        self._start = np.array([time.perf_counter(), time.process_time()])

    def read(self) -> np.ndarray:
        """Seconds waited and of the processor."""
        return np.array([time.perf_counter(), time.process_time()]) - self._start


if __name__ == "__main__":
    main()
