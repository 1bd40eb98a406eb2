"""Measure the ranges of SFace's layers on real crops, for its 8-bit form.

    python bench/calibrate_int8.py --data DIR --model FILE > sface_ranges.json

DIR holds `train/`, folders of aligned 112-pixel crops; FILE is the published SFace (ONNX).  Half
of a seeded sample gives the lowest and highest value of each channel before its PReLU; then, layer
by layer, ranges are made narrower as long as the 8-bit vectors of the other half come closer to the
float32 ones.  The ranges are written in tenths, for `fastface/graphs/`; progress goes to the error
stream.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper
from PIL import Image

from fastface import graphs
from fastface.graphs.eight_bits import Range
from fastface.inference import load_runtime

N_CROPS = 400
N_COMPARED = 32
FACTORS = (0.85, 0.7)
BATCH = 4


def sample(folder: Path, n: int) -> np.ndarray:
    """(n, 3, 112, 112) float32 crops of 0..255, the same each time."""
    files = sorted((folder / "train").glob("*/*.jpg")) + sorted(
        (folder / "train").glob("*/*/*.jpg")
    )
    chosen = random.Random(0).sample(files, n)
    crops = [np.asarray(Image.open(file).convert("RGB")) for file in chosen]
    return np.stack(crops).transpose(0, 3, 1, 2).astype(np.float32)


def session_of(content: bytes):
    ort = load_runtime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def extremes(content: bytes, crops: np.ndarray) -> list[Range]:
    """Lowest and highest value of each channel before each PReLU."""
    graph = graphs.read(content)
    graphs.fold_constants(graph)
    inputs = [node.input[0] for node in graph.nodes if node.op_type == "PRelu"]
    graph.outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4) for name in inputs
    ]
    session = session_of(graphs.write(graph))
    name = session.get_inputs()[0].name
    low, high = None, None
    for crop in crops:
        values = session.run(None, {name: crop[None]})
        lowest = [v.min(axis=(0, 2, 3)) for v in values]
        highest = [v.max(axis=(0, 2, 3)) for v in values]
        low = lowest if low is None else list(map(np.minimum, low, lowest))
        high = highest if high is None else list(map(np.maximum, high, highest))
    return list(zip(low, high, strict=True))


def embed(content: bytes, crops: np.ndarray) -> np.ndarray:
    session = session_of(content)
    batches = [crops[i : i + BATCH] for i in range(0, len(crops), BATCH)]
    raw = np.concatenate([session.run(None, {graphs.INPUT: batch})[0] for batch in batches])
    return raw / np.linalg.norm(raw, axis=1, keepdims=True)


def rounded(ranges: list[Range]) -> list[Range]:
    """As the file keeps them."""
    return [(np.rint(low * 10) / 10, np.rint(high * 10) / 10) for low, high in ranges]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds train/")
    parser.add_argument("--model", type=Path, required=True, help="the published SFace")
    args = parser.parse_args()
    content = args.model.read_bytes()
    crops = sample(args.data, N_CROPS)
    ranges = extremes(content, crops[: N_CROPS // 2])
    others = crops[-N_COMPARED:]
    expected = embed(graphs.convert_rounded(content), others)

    def closeness(candidate: list[Range]) -> float:
        vectors = embed(graphs.convert_chain_int8(content, rounded(candidate), side=112), others)
        return float(np.mean(np.sum(vectors * expected, axis=1)))

    best = closeness(ranges)
    for layer, (low, high) in enumerate(ranges):
        for factor in FACTORS:
            candidate = [*ranges]
            candidate[layer] = low * factor, high * factor
            if (cosine := closeness(candidate)) <= best:
                break
            best, ranges = cosine, candidate
        print(f"layer {layer + 1} of {len(ranges)}: cosine {best:.5f}", file=sys.stderr)
    layers = [
        {
            "low": np.rint(low * 10).astype(int).tolist(),
            "high": np.rint(high * 10).astype(int).tolist(),
        }
        for low, high in ranges
    ]
    table = {"embedder": "sface-2021dec", "crops": N_CROPS // 2, "unit": 0.1, "layers": layers}
    print(json.dumps(table, separators=(",", ":")).replace('{"low"', '\n{"low"'))


if __name__ == "__main__":
    main()
