"""New photos in a large library: how long they take, and how close that comes to grouping it all.

    python bench/time_update.py --data DIR --faces 100000 --new 500 [--rounds 3]

The library is made up (`large_library.py`) and grouped without its last photos, those of whole
moments. Then they arrive: their faces are assigned by the gallery as by `scan`, and grouped with
the others as by `update`; at last everything is grouped again, as by `update --full`. Each round
does the last two once more, in turn, on the library as it was before them. Seconds are
of the process's CPU and of the clock; F is BCubed against the made-up truth, of all clear faces
and of the new ones among them, and against the full run.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fastface.library import Library
from fastface.metrics import bcubed_scores
from fastface.store import Store
from fastface.updating import follow_scan
from interleave import spread
from large_library import draw, faces_of, fill, observations


def timed(what: str, call: Callable[[], object]) -> float:
    cpu, clock = time.process_time(), time.perf_counter()
    call()
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    print(f"{what:44} {cpu:8.2f} s CPU {clock:8.2f} s", flush=True)
    return cpu


def finish_scan(library: Library) -> None:
    """As `Library.scan` does once it has looked at the photos."""
    store = library._store
    follow_scan(store, library._roll, library._engine, library._recogniser)
    with store.atomic():
        store.count_people_if_due(library._model())


def labels(library: Library) -> np.ndarray:
    """(n,) the person of each face, 0 for none, in the order in which faces were made up."""
    found = sorted((face.photo.name, face.box.left, face.person) for face in library.faces())
    return np.array([int((person or "p0")[1:]) for _, _, person in found])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=500, help="photos")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    photos = draw(options.faces, rng)
    n_photos, truth = len(photos.moment), photos.person
    old = int(np.searchsorted(photos.moment, photos.moment[n_photos - options.new]))
    seen = observations(photos, faces_of(options.data, truth, rng), rng)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "library.db"
        store = Store(path)
        fill(store, photos, seen, 0, old)
        with Library(path) as library:
            timed(f"{old:,} photos, grouped as a whole", library.update)
        fill(store, photos, seen, old, n_photos)
        store.close()
        outcomes = {}
        with Library(path) as library:
            timed(f"{n_photos - old:,} new photos assigned", lambda: finish_scan(library))
            outcomes["assigned"] = labels(library)
        shares = []
        for _ in range(options.rounds):
            again = Path(shutil.copy(path, Path(folder) / "again.db"))
            with Library(again) as library:
                part = timed("updated", library.update)
                outcomes["updated"] = labels(library)
                whole = timed("grouped as a whole", library.recluster)
                outcomes["whole"] = labels(library)
            shares.append(part / whole)
    print(f"an update takes {spread(shares, '.1%')} of a full run, {len(shares)} rounds")
    new = photos.photo >= old
    for what, found in outcomes.items():
        clear = found > 0
        scores = [
            bcubed_scores(found[rows], against[rows]).f
            for against in (truth, outcomes["whole"])
            for rows in (clear, clear & new)
        ]
        print(
            f"{what:9} F {scores[0]:.4f}, of the new {scores[1]:.4f}; "
            f"against the full run {scores[2]:.4f}, of the new {scores[3]:.4f}"
        )


if __name__ == "__main__":
    main()
