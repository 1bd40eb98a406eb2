r"""The whole path, photos in and people out, against the classic choice of a Python user.

fastface (`Library.scan`, default settings) and PyPI `face_recognition` 1.3.0 with dlib's Chinese
whispers look at the same labelled album in turns, a few photos each, every one in a process of its
own, so that a noisy machine slows both alike and peak memory is told apart. A labelled face that
a program misses counts as a cluster of its own.

    pip install "setuptools<81" wheel click dlib-bin
    pip install --no-deps --no-build-isolation \
        face_recognition==1.3.0 face-recognition-models==0.3.0
    python bench/whole_path.py --data ../shared/data
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing as mp
import os
import resource
import shutil
import sys
import tempfile
import time
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

Face = tuple[tuple[float, float, float, float], int]  # box in 0..1, cluster

# dlib's own example clusters at 0.5; the others are there so that the peer is seen at its best.
PEER_THRESHOLDS = (0.40, 0.45, 0.50, 0.55, 0.60)


def peak_memory_mb() -> float:
    scale = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def serve(connection: Connection, program: Any) -> None:
    """Answer each batch of photos with its wall and CPU seconds, then `None` with the faces."""
    while (photos := connection.recv()) is not None:
        wall, cpu = time.perf_counter(), time.process_time()
        program.add(photos)
        connection.send((time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = time.perf_counter(), time.process_time()
    clusterings = program.clusterings()
    connection.send((time.perf_counter() - wall, time.process_time() - cpu))
    connection.send((clusterings, peak_memory_mb()))


class Fastface:
    """Batches arrive as folders scanned into one library."""

    def __init__(self, folder: Path, workers: int | None) -> None:
        import fastface

        self.library = fastface.Library(folder / "library.sqlite")
        self.folder, self.workers, self.batches = folder, workers, 0

    def add(self, photos: list[Path]) -> None:
        batch = self.folder / f"batch-{self.batches:03d}"
        batch.mkdir()
        for photo in photos:
            shutil.copy(photo, batch / photo.name)
        self.batches += 1
        self.library.scan(batch, workers=self.workers)

    def clusterings(self) -> dict[str, dict[str, list[Face]]]:
        ids: dict[str, int] = {}
        faces: dict[str, list[Face]] = {}
        for index, face in enumerate(self.library.faces()):
            # A face left out of every group (unclear) is a cluster of its own.
            key = face.person or f"alone-{index}"
            found = faces.setdefault(face.photo.name, [])
            found.append((tuple(face.box), ids.setdefault(key, len(ids))))
        return {"fastface": faces}


class FaceRecognition:
    """face_recognition's defaults: HOG detector, no upsampling beyond its own, ResNet encodings."""

    def __init__(self) -> None:
        warnings.filterwarnings("ignore")
        import dlib
        import face_recognition

        self.dlib, self.api = dlib, face_recognition
        self.boxes: list[tuple[str, tuple[float, float, float, float]]] = []
        self.encodings: list[Any] = []

    def add(self, photos: list[Path]) -> None:
        for photo in photos:
            image = self.api.load_image_file(photo)
            height, width = image.shape[:2]
            locations = self.api.face_locations(image)
            for top, right, bottom, left in locations:
                box = (
                    left / width,
                    top / height,
                    (right - left) / width,
                    (bottom - top) / height,
                )
                self.boxes.append((photo.name, box))
            self.encodings += self.api.face_encodings(image, locations)

    def clusterings(self) -> dict[str, dict[str, list[Face]]]:
        vectors = [self.dlib.vector(encoding) for encoding in self.encodings]
        result: dict[str, dict[str, list[Face]]] = {}
        for threshold in PEER_THRESHOLDS:
            labels = self.dlib.chinese_whispers_clustering(vectors, threshold)
            faces: dict[str, list[Face]] = {}
            for (name, box), label in zip(self.boxes, labels, strict=True):
                faces.setdefault(name, []).append((box, label))
            result[f"face_recognition, Chinese whispers at {threshold}"] = faces
        return result


def run_fastface(connection: Connection, folder: str, workers: int | None) -> None:
    serve(connection, Fastface(Path(folder), workers))


def run_face_recognition(connection: Connection) -> None:
    serve(connection, FaceRecognition())


def truth(data: Path) -> dict[str, list[tuple[tuple[float, float, float, float], str]]]:
    """Labelled faces of the named people; strangers and faces marked 'ignore' have no identity."""
    labels = json.loads((data / "album_labels.json").read_text())
    faces = {}
    for name, photo in labels.items():
        width, height = photo["size"]
        faces[name] = [
            (
                (
                    face["box"][0] / width,
                    face["box"][1] / height,
                    face["box"][2] / width,
                    face["box"][3] / height,
                ),
                face["person"],
            )
            for face in photo["faces"]
            if face["person"].startswith("person_")
        ]
    return faces


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over the smaller box: dlib's boxes are tighter than the labels."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0) / min(a[2] * a[3], b[2] * b[3])


def score(found: dict[str, list[Face]], wanted: dict[str, Any]) -> dict[str, float]:
    from fastface.metrics import bcubed_scores

    labels, people, missed, alone = [], [], 0, -1
    for name, faces in sorted(wanted.items()):
        unused = list(found.get(name, []))
        for box, person in faces:
            best = max(unused, key=lambda face: overlap(face[0], box), default=None)
            if best is not None and overlap(best[0], box) >= 0.5:
                unused.remove(best)
                labels.append(best[1])
            else:
                missed += 1
                labels.append(alone)
                alone -= 1
            people.append(int(person.removeprefix("person_")))
    precision, recall, f = bcubed_scores(np.array(labels), np.array(people))
    return {
        "precision": precision,
        "recall": recall,
        "f": f,
        "missed": missed,
        "faces": len(people),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with album/ and album_labels.json"
    )
    parser.add_argument("--batch", type=int, default=15, help="photos per turn")
    parser.add_argument(
        "--workers", type=int, default=None, help="fastface's threads (default: its own)"
    )
    arguments = parser.parse_args()

    photos = sorted((arguments.data / "album").glob("*.jpg"))
    batches = [photos[i : i + arguments.batch] for i in range(0, len(photos), arguments.batch)]
    context = mp.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        programs = {}
        for name, target, extra in (
            ("fastface", run_fastface, (folder, arguments.workers)),
            ("face_recognition", run_face_recognition, ()),
        ):
            here, there = context.Pipe()
            process = context.Process(target=target, args=(there, *extra))
            process.start()
            stack.callback(process.join)
            programs[name] = here
        seconds = {name: np.zeros((len(batches) + 1, 2)) for name in programs}
        for turn, batch in enumerate([*batches, None]):
            for name, connection in programs.items():
                connection.send(batch)
                seconds[name][turn] = connection.recv()
        results = {name: connection.recv() for name, connection in programs.items()}

    wanted = truth(arguments.data)
    print(f"{len(photos)} photos, {os.cpu_count()} cores, turns of {arguments.batch} photos")
    for name, figures in seconds.items():
        wall, cpu = figures.sum(axis=0)
        print(
            f"{name:17s} {len(photos) / wall:6.2f} photos/s, "
            f"{len(photos) / cpu:6.2f} per CPU second, peak memory {results[name][1]:.0f} MB"
        )
    turns = seconds["face_recognition"][:-1] / seconds["fastface"][:-1]
    for index, kind in enumerate(("wall", "CPU")):
        low, middle, high = np.percentile(turns[:, index], [10, 50, 90])
        print(
            f"ratio of {kind} time per turn: median {middle:.1f} (10-90 %: {low:.1f} to {high:.1f})"
        )
    for _, (clusterings, _) in results.items():
        for name, found in clusterings.items():
            s = score(found, wanted)
            print(
                f"{name}: BCubed P {s['precision']:.4f} R {s['recall']:.4f} F {s['f']:.4f}, "
                f"{s['missed']} of {s['faces']} labelled faces missed"
            )


if __name__ == "__main__":
    main()
