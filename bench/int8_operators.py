r"""Where the time of the face network goes, operator by operator, in float32 and in 8 bits.

    python bench/int8_operators.py [--runs 60]

ONNX Runtime's own profile of the installed packs `default` and `int8`, one face on one thread, the
two in turns; medians over the runs.  Layers are told apart by their weights' shape.  Times are of
the clock inside each operator, so let nothing else run (as root: `chrt -r 1`).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from fastface import models
from fastface.inference import load_runtime

WARM_UP = 5
KINDS = ("full convolutions", "depthwise convolutions", "PReLU", "dense", "the rest")


def kind(event: dict[str, Any]) -> str:
    """What an operator's run belongs to."""
    operator, name = event["args"]["op_name"], event["name"]
    shapes = [next(iter(shape.values())) for shape in event["args"]["input_type_shape"]]
    if operator in ("Gemm", "QGemm"):
        return "dense"
    if operator in ("Relu", "Clip", "Concat"):
        return "PReLU"
    if operator not in ("Conv", "QLinearConv"):
        return "the rest"
    weight = next(shape for shape in shapes[1:] if len(shape) == 4)
    if weight[1] > 1:
        return "full convolutions"
    if "_linear" in name or max(weight[2:]) < 3:  # a scale per channel: half of a PReLU
        return "PReLU"
    return "depthwise convolutions"


class Profiled:
    def __init__(self, pack: str, folder: Path) -> None:
        runtime: Any = load_runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = str(folder / pack)
        options.add_session_config_entry("session.x64quantprecision", "1")
        self.path = models.installed(pack)["embedder"].path
        self.session = runtime.InferenceSession(self.path, options)

    def milliseconds(self) -> dict[str, float]:
        """By kind, then of all, the profile over."""
        times: dict[str, list[float]] = defaultdict(list)
        of: dict[str, str] = {}
        weights = {i.name: list(i.dims) for i in onnx.load(self.path).graph.initializer}
        nodes = {node.name or node.output[0]: node for node in onnx.load(self.path).graph.node}
        for event in json.loads(Path(self.session.end_profiling()).read_text()):
            if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
                name = event["name"].removesuffix("_kernel_time")
                times[name].append(event["dur"] / 1000)
                if name not in of:
                    node = nodes.get(name)
                    if node is not None and node.op_type == "QLinearConv":  # weights are hidden
                        event["args"]["input_type_shape"][1] = {"int8": weights[node.input[3]]}
                    of[name] = kind(event)
        found = dict.fromkeys(KINDS, 0.0)
        for name, values in times.items():
            found[of[name]] += float(np.median(values[WARM_UP:]))
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=60)
    args = parser.parse_args()
    image = np.random.default_rng(0).uniform(0, 255, (1, 3, 112, 112)).astype(np.float32)
    with tempfile.TemporaryDirectory() as scratch:
        packs = {pack: Profiled(pack, Path(scratch)) for pack in ("default", "int8")}
        for _ in range(WARM_UP + args.runs):
            for pack in packs.values():
                pack.session.run(None, {"data": image})
        found = {name: pack.milliseconds() for name, pack in packs.items()}
    print(f"{'ms of a face':24} {'float32':>8} {'int8':>8}   times")
    for name in (*KINDS, "all"):
        plain, small = (
            sum(times.values()) if name == "all" else times[name] for times in found.values()
        )
        print(f"{name:24} {plain:8.2f} {small:8.2f} {plain / max(small, 1e-9):7.2f}")


if __name__ == "__main__":
    main()
