"""Each rewrite for phones, one after the other: does it compute the same on real crops, how fast?

    python bench/mobile_graphs.py --data DIR

For every installed pack's embedder, and the detector: the least cosine between the outputs of the
published network as installed and after each rewrite, over aligned faces of the LFW photos (for the
detector whole photos of the album); and CPU milliseconds an input on one thread, every stage in
turn. The coverage is what ONNX Runtime's mobile usability checker says before and after.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from onnxruntime.tools.mobile_helpers import usability_checker
from onnxruntime.tools.onnx_model_utils import ModelProtoWithShapeInfo
from PIL import Image, ImageOps

import interleave
from fastface import graphs, inference, models
from fastface.detection import Detector
from fastface.embedding import align
from fastface.errors import ModelError
from fastface.graphs import mobile
from fastface.images import decode

SIDE = 640  # of the detector's input
LISTS = {
    "MLProgram": "coreml_supported_mlprogram_ops.md",
    "NeuralNetwork": "coreml_supported_neuralnetwork_ops.md",
}


def stages(content: bytes, shape: tuple[int, ...]) -> Iterator[tuple[str, bytes]]:
    """The graph as installed and after each rewrite that changes it."""
    graph = graphs.read(content)
    yield "as installed", content
    before = content
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


def coverage(path: Path) -> str:
    """Nodes that NNAPI and the two forms of CoreML take, of all."""
    model = ModelProtoWithShapeInfo(path).model_with_shape_info
    rows = {"NNAPI": usability_checker.check_nnapi_partitions(model, True)}
    for name, file in LISTS.items():
        rows[name] = usability_checker.check_coreml_partitions(model, True, file)
    return ", ".join(
        f"{name} {row.num_supported_nodes}/{row.num_nodes} in {row.num_partitions}"
        for name, row in rows.items()
    )


def least_cosine(expected: list[np.ndarray], found: list[np.ndarray]) -> float:
    cosines = []
    for outputs in zip(expected, found, strict=True):
        a, b = (output.astype(np.float64).ravel() for output in outputs)
        cosines.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    return float(min(cosines))


def faces(data: Path, n: int) -> tuple[Detector, list[np.ndarray]]:
    found = models.installed()["detector"]
    detector = Detector(inference.OrtSession(found.path, sha256=found.sha256))
    return detector, [decode(path).pixels for path in sorted((data / "lfw").glob("*/*.jpg"))[:n]]


def report(name: str, content: bytes, inputs: list[np.ndarray], turns: int) -> None:
    ort = inference.load_runtime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    print(f"{name}, {len(inputs)} inputs of {inputs[0].shape}")
    sessions = {}
    with tempfile.TemporaryDirectory() as folder:
        for stage, changed in stages(content, inputs[0].shape):
            path = Path(folder) / f"{len(sessions)}.onnx"
            path.write_bytes(changed)
            sessions[stage] = ort.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
            covered = coverage(path)
            feeds = sessions[stage].get_inputs()[0].name
            outputs = [array for x in inputs for array in sessions[stage].run(None, {feeds: x})]
            if stage == "as installed":
                first = outputs
            print(f"  {stage:<24} cosine {least_cosine(first, outputs):.7f}   {covered}")

    def run(session: object) -> Callable[[], object]:
        feeds = session.get_inputs()[0].name
        return lambda: [session.run(None, {feeds: x}) for x in inputs[:8]]

    times = interleave.interleaved({stage: run(s) for stage, s in sessions.items()}, repeats=turns)
    for stage, timing in times.items():
        median, low, high = timing.ratio_to(times["as installed"])
        each = 1e3 * timing.median / len(inputs[:8])
        print(f"  {stage:<24} {each:7.2f} ms, {median:.2f} times as fast ({low:.2f} to {high:.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--crops", type=int, default=200)
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    detector, photos = faces(options.data, options.crops)
    landmarks = [detector.detect(pixels).landmarks[:1] for pixels in photos]
    for pack in models.PACKS:
        try:
            embedder = models.installed(pack)["embedder"]
        except ModelError as error:
            print(f"{pack}: {error}")
            continue
        cut = (
            align(*pair, embedder.recipe.template) for pair in zip(photos, landmarks, strict=True)
        )
        crops = [c.transpose(0, 3, 1, 2).astype(np.float32) for c in cut if len(c)]
        report(embedder.name, embedder.path.read_bytes(), crops, options.turns)
    squares = []
    for path in sorted((options.data / "album").glob("*.jpg"))[:20]:
        square = ImageOps.pad(Image.fromarray(decode(path).pixels), (SIDE, SIDE), centering=(0, 0))
        squares.append(np.asarray(square, np.float32).transpose(2, 0, 1)[None])
    found = models.installed()["detector"]
    report(found.name, found.path.read_bytes(), squares, options.turns)


if __name__ == "__main__":
    main()
