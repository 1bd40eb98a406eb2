r"""Is a scan more than the sum of its parts, and how does it scale from one worker to two?

    python bench/pipeline_parts.py --data ../shared/data [--photos 6] [--turns 9]

Photos of twelve megapixels, as in `twelve_megapixels.py`.  In each turn the same few are scanned
with one worker and with two, each time into a library of its own, with the models loaded before;
and every part is done alone, by the main thread: each step of a photo's path, writing what was
seen, grouping.  Parts and scans are compared in process CPU seconds.  What waits for what shows in
the wall clock alone, which other programs at work spoil (as root, `chrt -r 1` keeps them away):
of that the best turn is told beside the median, and the processor seconds of all threads beside
those of the busiest, the most that two cores can gain.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from fastface import images, models
from fastface.analysis import DECODE_SIDE, Analyzer
from fastface.benchmark import STEPS, time_photo
from fastface.embedding import BATCH
from fastface.inference import OrtSession
from fastface.library import Library
from fastface.photos import content_hash
from fastface.pipeline import PackEngine
from fastface.reading import Reading
from fastface.store import Store
from fastface.types import ImageArray, Observation
from twelve_megapixels import make_photos


class Warm(PackEngine):
    """The default pack, loaded once; `seconds` of each thread that analysed."""

    loaded = Analyzer()
    seconds: ClassVar[dict[int, float]] = {}

    def make_analyzer(self) -> Warm:
        return self

    def analyze(self, pixels: ImageArray) -> list[Observation]:
        found = self.loaded.analyze(pixels)
        self.seconds[threading.get_ident()] = time.thread_time()
        return found


def scan(folder: Path, scratch: Path, workers: int) -> tuple[float, float, list[float]]:
    """Wall and CPU seconds of a scan, and those of its threads, the main one last."""
    Warm.seconds.clear()
    with Library(Path(tempfile.mkdtemp(dir=scratch)) / "library.db", engine=Warm()) as library:
        own = time.thread_time()
        wall, cpu = time.perf_counter(), time.process_time()
        library.scan(folder, workers=workers)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        own = time.thread_time() - own
    return wall, cpu, [*sorted(Warm.seconds.values()), own]


def store_and_group(photos: Sequence[Path], scratch: Path) -> tuple[float, float]:
    """CPU seconds of writing what was seen, in one transaction, and of grouping it."""
    readings = []
    for path in photos:
        photo = images.decode(path, min_side=DECODE_SIDE)
        readings.append(Reading(photo.metadata, Warm.loaded.analyze(photo.pixels)))
    hashes = [content_hash(path) for path in photos]
    engine = Warm()
    target = Path(tempfile.mkdtemp(dir=scratch)) / "library.db"
    Library(target, engine=engine).close()
    store, began = Store(target), time.process_time()
    with store.atomic():
        for path, key, reading in zip(photos, hashes, readings, strict=True):
            store.add_analysis(key, reading.metadata, engine.model_tag, reading.observations)
            status = path.stat()
            store.put_file(os.fsencode(path), status.st_size, status.st_mtime_ns, key)
    stored = time.process_time()
    store.close()
    with Library(target, engine=engine) as library:
        grouping = time.process_time()
        library.recluster()
        return stored - began, time.process_time() - grouping


def embedding(network: OrtSession, photos: Sequence[Path]) -> tuple[float, float]:
    """CPU seconds of embedding all faces, and of the network alone on the same batches."""
    whole = alone = 0.0
    for photo in photos:
        pixels = images.decode(photo, min_side=DECODE_SIDE).pixels
        crops = Warm.loaded.cut_out(pixels)
        planes = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32)
        batches = [planes[start : start + BATCH] for start in range(0, len(planes), BATCH)]
        times = [time.process_time()]
        Warm.loaded.embed_faces(crops)
        times.append(time.process_time())
        for batch in batches:
            network.run({network.input: batch})
        times.append(time.process_time())
        whole, alone = whole + times[1] - times[0], alone + times[2] - times[1]
    return whole, alone


def told(name: str, values: Sequence[float], unit: str = "", scale: float = 1) -> None:
    values = [scale * value for value in values]
    middle = statistics.median(values)
    print(f"{name:44} {middle:8.3f}{unit} ({min(values):.3f} to {max(values):.3f})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds album/")
    parser.add_argument("--photos", type=int, default=6, help="of a turn")
    parser.add_argument("--turns", type=int, default=9)
    args = parser.parse_args()
    models.verify()
    embedder = models.installed()["embedder"]
    network = OrtSession(embedder.path, sha256=embedder.sha256)
    names = [*STEPS, "store", "group"]
    steps: list[list[float]] = []
    scans: dict[int, list[tuple[float, float, list[float]]]] = {1: [], 2: []}
    embeddings: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "photos"
        folder.mkdir()
        photos = list(make_photos(args.data, folder, args.photos))
        for turn in range(-1, args.turns):
            for workers in (1, 2) if turn % 2 else (2, 1):
                measured = scan(folder, Path(scratch), workers)
                if turn >= 0:
                    scans[workers].append(measured)
            parts = np.sum([time_photo(Warm.loaded, photo) for photo in photos], axis=0).tolist()
            parts += store_and_group(photos, Path(scratch))
            if turn >= 0:
                steps.append(parts)
                embeddings.append(embedding(network, photos))
    n = args.photos
    print(f"{n} photos of 12 megapixels, {args.turns} turns; median (least to most)")
    for name, values in zip(names, zip(*steps, strict=True), strict=True):
        told(f"{name}, CPU a photo", values, " ms", 1000 / n)
    told("all parts, CPU a photo", [sum(parts) for parts in steps], " ms", 1000 / n)
    told("scan with 1 worker, CPU a photo", [cpu for _, cpu, _ in scans[1]], " ms", 1000 / n)
    pairs = list(zip(scans[1], steps, strict=True))
    told("scan / parts, CPU", [cpu / sum(parts) for (_, cpu, _), parts in pairs])
    told("embedding / network alone, CPU", [whole / alone for whole, alone in embeddings])
    both = list(zip(scans[1], scans[2], strict=True))
    told("CPU of 2 workers / of 1", [two[1] / one[1] for one, two in both])
    told("1 worker / 2 workers, wall", [one[0] / two[0] for one, two in both])
    best = min(one[0] for one, _ in both) / min(two[0] for _, two in both)
    print(f"{'the same, best turn of each':44} {best:8.3f}")
    told("2 workers: CPU of all / of the busiest thread", [cpu / max(t) for _, cpu, t in scans[2]])


if __name__ == "__main__":
    main()
