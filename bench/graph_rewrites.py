"""Each rewrite of a graph, one after the other: does it compute the same on real crops, how fast?

    python bench/graph_rewrites.py --data DIR [--packages DIR]

For the detector and every installed pack's embedder: the least cosine between the outputs before
and after each rewrite, over aligned faces of the LFW photos (for the detector whole photos of the
album), and CPU milliseconds an input on one thread, all stages in turn. With the published packages
in a folder it begins with the network as published, its weights read but PReLU as it was. The
coverage is what ONNX Runtime's mobile usability checker says: layers taken of all, in how many
parts.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image, ImageOps

import interleave
from fastface import graphs, inference, models
from fastface.detection import Detector
from fastface.embedding import align
from fastface.errors import ModelError
from fastface.graphs import conversions, mobile
from fastface.images import decode
from fastface.mobile.deployment import coverage
from fastface.models import fetch

SIDE = 640  # of the detector's input


def stages(published: bytes | None, installed: bytes, shape: tuple[int, ...]) -> Iterator:
    """Name and content of the graph as published, installed, and after each further rewrite."""
    if published is not None:
        yield "as published", published
    if installed != published:
        yield "as installed", installed
    graph = graphs.read(installed)
    before = installed
    for name, rewrite in (
        ("one shape", lambda graph: mobile.fix_shapes(graph, shape)),
        ("batch norms folded", mobile.fold_batch_norms),
        ("dense layers convolved", mobile.convolve_dense),
        ("pads convolved", mobile.convolve_pads),
    ):
        rewrite(graph)
        after = graphs.write(graph)
        if after != before:
            yield name, after
        before = after


def as_published(model: models.Model, packages: Path | None) -> bytes | None:
    """The network converted but for the rewrite of PReLU."""
    if packages is None:
        return None
    content = fetch.from_folder((model,), packages)[model.name]
    with mock.patch.object(conversions, "rewrite_prelu", lambda _: None):
        return getattr(graphs, model.conversion)(content)


def least_cosine(expected: list[np.ndarray], found: list[np.ndarray]) -> float:
    cosines = []
    for outputs in zip(expected, found, strict=True):
        a, b = (output.astype(np.float64).ravel() for output in outputs)
        cosines.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    return float(min(cosines))


def report(
    name: str, published: bytes | None, installed: bytes, inputs: list[np.ndarray], turns: int
) -> None:
    ort = inference.load_runtime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    print(f"{name}, {len(inputs)} inputs of {inputs[0].shape}")
    runs: dict[str, Callable[[int], list[np.ndarray]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for stage, content in stages(published, installed, inputs[0].shape):
            path = Path(folder) / f"{len(runs)}.onnx"
            path.write_bytes(content)
            session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

            def run(n: int, session: object = session) -> list[np.ndarray]:
                feeds = session.get_inputs()[0].name
                return [array for x in inputs[:n] for array in session.run(None, {feeds: x})]

            runs[stage] = run
            outputs = run(len(inputs))
            if len(runs) == 1:
                first = outputs
            taken = ", ".join(
                f"{who} {part.covered}/{part.layers} in {part.parts}"
                for who, part in coverage(path).items()
            )
            print(f"  {stage:<24} cosine {least_cosine(first, outputs):.7f}   {taken}")
    n = min(8, len(inputs))
    times = interleave.interleaved(
        {stage: (lambda run=run: run(n)) for stage, run in runs.items()}, repeats=turns
    )
    base = next(iter(times.values()))
    for stage, timing in times.items():
        median, low, high = timing.ratio_to(base)
        each = 1e3 * timing.median / n
        print(f"  {stage:<24} {each:7.2f} ms, {median:.2f} times as fast ({low:.2f} to {high:.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--packages", type=Path, help="folder with the published packages")
    parser.add_argument("--crops", type=int, default=100)
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    found = models.installed()["detector"]
    detector = Detector(inference.OrtSession(found.path, sha256=found.sha256))
    paths = sorted((options.data / "lfw").glob("*/*.jpg"))[: options.crops]
    photos = [decode(path).pixels for path in paths]
    landmarks = [detector.detect(pixels).landmarks[:1] for pixels in photos]
    for pack in models.PACKS.values():
        try:
            embedder = models.installed(pack.name)["embedder"]
        except ModelError as error:
            print(f"{pack.name}: {error}")
            continue
        published = as_published(pack.model("embedder"), options.packages)
        template = embedder.recipe.template
        cut = (align(*pair, template) for pair in zip(photos, landmarks, strict=True))
        crops = [c.transpose(0, 3, 1, 2).astype(np.float32) for c in cut if len(c)]
        report(embedder.name, published, embedder.path.read_bytes(), crops, options.turns)
    squares = []
    for path in sorted((options.data / "album").glob("*.jpg"))[:20]:
        square = ImageOps.pad(Image.fromarray(decode(path).pixels), (SIDE, SIDE), centering=(0, 0))
        squares.append(np.asarray(square, np.float32).transpose(2, 0, 1)[None])
    report(found.name, None, found.path.read_bytes(), squares, options.turns)


if __name__ == "__main__":
    main()
