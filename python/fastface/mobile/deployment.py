"""What ONNX Runtime does for phones: its file format, and its word on what accelerators take."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

from fastface.inference import load_runtime

# Lists of operators that come with ONNX Runtime's usability checker.
_COREML_LISTS: Final = {
    "CoreML MLProgram": "coreml_supported_mlprogram_ops.md",
    "CoreML NeuralNetwork": "coreml_supported_neuralnetwork_ops.md",
}


class Coverage(NamedTuple):
    """Of so many layers an accelerator takes so many, in so many parts."""

    covered: int
    layers: int
    parts: int

    @property
    def whole(self) -> bool:
        return self.covered == self.layers and self.parts == 1


def coverage(path: Path) -> dict[str, Coverage]:
    """What NNAPI and both forms of CoreML take of a model, by ONNX Runtime's usability checker."""
    load_runtime()  # first, for its telemetry is switched off before anything of it is loaded
    from onnxruntime.tools.mobile_helpers import usability_checker as checker

    model = _with_shapes(path)
    found = {"NNAPI": checker.check_nnapi_partitions(model, True)}
    for name, operators in _COREML_LISTS.items():
        found[name] = checker.check_coreml_partitions(model, True, operators)
    return {
        name: Coverage(part.num_supported_nodes, part.num_nodes, part.num_partitions)
        for name, part in found.items()
    }


def save_ort(path: Path, target: Path) -> None:
    """Write an ONNX file in ONNX Runtime's own format, which small builds for phones read.

    Layers are fused only when the file is loaded, and only those that no accelerator took; the
    layout for x86 is left out.
    """
    ort = load_runtime()
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(target)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.save_model_format", "ORT")
    options.add_session_config_entry("optimization.minimal_build_optimizations", "save")
    ort.InferenceSession(
        path,
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=["NchwcTransformer"],
    )


def operators(path: Path) -> str:
    """The operators of a model in the form that a reduced build of ONNX Runtime is made from.

    One line, domain;version;names.
    """
    model = _with_shapes(path)
    names = sorted({node.op_type for node in model.graph.node})
    return f"ai.onnx;{model.opset_import[0].version};{','.join(names)}\n"


def _with_shapes(path: Path) -> Any:
    load_runtime()
    from onnxruntime.tools.onnx_model_utils import ModelProtoWithShapeInfo

    return ModelProtoWithShapeInfo(path).model_with_shape_info
