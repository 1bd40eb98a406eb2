"""Embedders of the installed packs: time for a face against accuracy on people nobody trained on.

    python bench/pareto_packs.py --data DIR [--json FILE] [--plot FILE] [PACK ...]

DIR holds `lfw/`.  Every image's central face is found once and cut out as each embedder wants it.
Networks run where a scan runs them: in fastface's kernels if those know them, else in ONNX Runtime.
Times are process CPU seconds on one thread for faces in batches of four, packs in turns; accuracy
is that of `accuracy_lfw.py`; BCubed F that of all images grouped at the best constant cut.  A pack
is on the front (*) if none is both faster and more accurate.  The plot (PNG or SVG) needs
matplotlib, of the extra `lab`; `fastface lab pareto` draws the same for networks of your own.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from accuracy_lfw import best_threshold, read_pairs
from fastface import models
from fastface.analysis import DECODE_SIDE
from fastface.chains import fastest_chain
from fastface.detection import Detector
from fastface.embedding import Embedder, align
from fastface.errors import ModelError
from fastface.images import decode
from fastface.inference import OrtSession
from fastface.kernels import median_linkage, pairwise_edges
from fastface.lab.pareto import on_front
from fastface.metrics import bcubed_scores
from interleave import interleaved

N_TIMED = 32
REPEATS = 9
TAUS = np.arange(0.025, 0.8001, 0.0125)  # of dlib's vectors all are near


@dataclass(frozen=True)
class Point:
    """ms: of one face, median and spread."""

    pack: str
    ms: float
    ms_low: float
    ms_high: float
    megabytes: float
    accuracy: float
    tar: float
    bcubed: float


def central_faces(folder: Path, files: list[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pixels and the landmarks (1, 5, 2) of the face nearest the centre."""
    file = models.installed()["detector"]
    detector = Detector(OrtSession(file.path, sha256=file.sha256))
    faces = []
    for name in files:
        pixels = decode(folder / name, min_side=DECODE_SIDE).pixels
        found = detector.detect(pixels)
        middle = found.boxes[:, :2] + found.boxes[:, 2:] / 2
        off_centre = np.linalg.norm(middle - np.array(pixels.shape[1::-1]) / 2, axis=1)
        faces.append((pixels, found.landmarks[[off_centre.argmin()]]))
    return faces


def load(pack: str) -> tuple[Embedder, float]:
    """The embedder of a pack, and its size in megabytes."""
    file, recipe = models.installed(pack)["embedder"], models.recipe(pack)
    session = OrtSession(file.path, sha256=file.sha256)
    network = fastest_chain(session, file.path, recipe.template.side)
    return Embedder(network, recipe.template, recipe.dims), file.path.stat().st_size / 1e6


def verification(
    vectors: np.ndarray, pairs: np.ndarray, same: np.ndarray, fold: np.ndarray
) -> tuple[float, float]:
    """Accuracy over the folds, and the share of same pairs accepted where 1 in 1,000 others is."""
    similarity = np.sum(vectors[pairs[:, 0]] * vectors[pairs[:, 1]], axis=1)
    accuracies = []
    for held_out in np.unique(fold):
        test = fold == held_out
        threshold = best_threshold(similarity[~test], same[~test])
        accuracies.append(np.mean((similarity[test] >= threshold) == same[test]))
    strict = np.quantile(similarity[~same], 0.999)
    return float(np.mean(accuracies)), float(np.mean(similarity[same] > strict))


def best_grouping(vectors: np.ndarray, people: np.ndarray) -> float:
    edges = pairwise_edges(vectors, float(TAUS[-1]))
    labels = (median_linkage(len(vectors), edges, float(tau))[0] for tau in TAUS)
    return max(bcubed_scores(label, people).f for label in labels)


def plot(points: list[Point], path: Path) -> None:
    """Accuracy over milliseconds, with the spread of the turns."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7, 4.5), constrained_layout=True)
    for point in points:
        spread = [[point.ms - point.ms_low], [point.ms_high - point.ms]]
        axis.errorbar(point.ms, point.accuracy, xerr=spread, fmt="o", capsize=3)
        label = f"{point.pack} ({point.megabytes:.0f} MB)"
        axis.annotate(label, (point.ms, point.accuracy), (4, 6), textcoords="offset points")
    axis.set(
        xlabel="CPU milliseconds for a face, one thread", ylabel="LFW accuracy", xlim=(0, None)
    )
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("packs", nargs="*", default=list(models.PACKS), metavar="PACK")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds lfw/")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE")
    args = parser.parse_args()
    embedders = {}
    for pack in args.packs:
        try:
            embedders[pack] = load(pack)
        except ModelError as error:
            print(f"left out: {error}")
    folder = args.data / "lfw"
    named, same, fold = read_pairs(folder / "pairs.txt")
    files = sorted({file for pair in named for file in pair})
    row = {file: k for k, file in enumerate(files)}
    pairs = np.array([(row[a], row[b]) for a, b in named])
    people = np.unique([file.partition("/")[0] for file in files], return_inverse=True)[1]
    faces = central_faces(folder, files)
    crops = {
        pack: np.concatenate([align(*face, embedder.template) for face in faces])
        for pack, (embedder, _) in embedders.items()
    }
    timings = interleaved(
        {
            pack: lambda e=embedder, c=crops[pack][:N_TIMED]: e.embed(c)
            for pack, (embedder, _) in embedders.items()
        },
        repeats=REPEATS,
    )
    points = []
    for pack, (embedder, megabytes) in embedders.items():
        vectors = embedder.embed(crops[pack])[0]
        ms = [1000 * seconds / N_TIMED for seconds in timings[pack].seconds]
        accuracy, tar = verification(vectors, pairs, same, fold)
        grouped = best_grouping(vectors, people)
        times = (float(np.median(ms)), min(ms), max(ms))
        points.append(Point(pack, *times, megabytes, accuracy, tar, grouped))
    print("pack       ms a face (spread)     times default     MB  LFW     TAR     BCubed F")
    front = on_front([p.ms for p in points], [p.accuracy for p in points])
    for point, best in zip(points, front, strict=True):
        ratio = timings[point.pack].ratio_to(timings[points[0].pack])
        print(
            f"{point.pack:9}{'*' if best else ' '} {point.ms:5.2f} "
            f"({point.ms_low:.2f} to {point.ms_high:.2f})  "
            f"{ratio[0]:.2f} ({ratio[1]:.2f} to {ratio[2]:.2f})  {point.megabytes:5.1f}  "
            f"{point.accuracy:.4f}  {point.tar:.4f}  {point.bcubed:.4f}"
        )
    if args.json:
        args.json.write_text(json.dumps([asdict(point) for point in points], indent=2))
    if args.plot:
        plot(points, args.plot)


if __name__ == "__main__":
    main()
