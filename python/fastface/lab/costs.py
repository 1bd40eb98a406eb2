"""What an ONNX file costs before it has run: parameters, operations, bytes of weights and maps.

The counterpart of `counting` for files: also for networks that PyTorch never saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastface.errors import ModelError


@dataclass(frozen=True, slots=True)
class Costs:
    """parameters: values of the weights.  macs: multiply-accumulates of convolutions and matrix
    products for one image.  weight_bytes: of the constants.  map_bytes: the most that is alive at
    once when every map is freed after its last use."""

    parameters: int
    macs: int
    weight_bytes: int
    map_bytes: int


def read_costs(path: Path) -> Costs:
    """The costs of one face (batch 1). Raises ModelError if the file is no ONNX model."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path)
    except (DecodeError, OSError) as error:
        raise ModelError(f"{path} is not an ONNX model: {error}") from error
    _fix_batch(model)
    inferred = onnx.shape_inference.infer_shapes(_in_own_operators(model), data_prop=True).graph
    weights = {i.name: onnx.numpy_helper.to_array(i) for i in inferred.initializer}
    shapes = {name: value.shape for name, value in weights.items()}
    sizes = {name: int(value.nbytes) for name, value in weights.items()}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        shape = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        if value.name not in weights and all(shape):
            shapes[value.name] = shape
            element = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
            sizes[value.name] = int(np.prod(shape)) * np.dtype(element).itemsize
    floats = [n for n, w in weights.items() if w.dtype.kind == "f" or w.dtype.itemsize == 1]
    return Costs(
        parameters=sum(weights[name].size for name in floats),
        macs=sum(_macs(node, shapes) for node in model.graph.node),
        weight_bytes=sum(value.nbytes for value in weights.values()),
        map_bytes=_most_alive(model.graph, {k: v for k, v in sizes.items() if k not in weights}),
    )


def _fix_batch(model: Any) -> None:
    for value in (*model.graph.input, *model.graph.output):
        dims = value.type.tensor_type.shape.dim
        if dims and not dims[0].dim_value:
            dims[0].dim_value = 1
    del model.graph.value_info[:]


def _in_own_operators(model: Any) -> Any:
    """A copy whose values have the same shapes, without the two layers of ONNX Runtime's own that
    8-bit packs are made of: ONNX cannot tell what these give."""
    import onnx
    from onnx import helper

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.node[:]
    for node in model.graph.node:
        x, y = node.input[0], node.output[0]
        if not node.domain:
            copy.graph.node.append(node)
        elif node.op_type == "QLinearConv":
            plain = onnx.NodeProto()
            plain.CopyFrom(node)
            plain.domain = ""
            plain.input[0], plain.output[0] = f"{x}_{y}_first", f"{y}_first"
            kept = [a for a in node.attribute if a.name != "channels_last"]
            del plain.attribute[:]
            plain.attribute.extend(kept)
            copy.graph.node.extend(
                [
                    helper.make_node("Transpose", [x], [plain.input[0]], perm=[0, 3, 1, 2]),
                    plain,
                    helper.make_node("Transpose", [plain.output[0]], [y], perm=[0, 2, 3, 1]),
                ]
            )
        elif node.op_type == "QGemm":
            copy.graph.node.append(helper.make_node("MatMulInteger", [x, node.input[3]], [y]))
    return copy


def _macs(node: Any, shapes: dict[str, tuple[int, ...]]) -> int:
    output = shapes.get(node.output[0], ())
    if node.op_type in ("Conv", "QLinearConv", "ConvInteger"):
        weight = shapes[node.input[3 if node.op_type == "QLinearConv" else 1]]
        return int(np.prod(output)) * int(np.prod(weight[1:]))
    if node.op_type in ("Gemm", "MatMul", "QGemm"):
        return int(np.prod(output)) * int(shapes[node.input[0]][-1])
    return 0


def _most_alive(graph: Any, sizes: dict[str, int]) -> int:
    last = {name: step for step, node in enumerate(graph.node) for name in node.input}
    alive = sum(sizes.get(value.name, 0) for value in graph.input)
    most = alive
    for step, node in enumerate(graph.node):
        alive += sum(sizes.get(name, 0) for name in node.output)
        most = max(most, alive)
        alive -= sum(sizes.get(name, 0) for name in set(node.input) if last[name] == step)
    return most
