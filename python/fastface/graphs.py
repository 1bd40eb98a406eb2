"""Model graphs rewritten at install time: weights as plain float32, shapes free, PReLU fast.

The published files are int8 block-quantised; ONNX Runtime refuses one of them and runs the other
slowly. Every step here is exact up to float32 rounding. `onnx` is imported only by these functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fastface.errors import ModelError

Array = npt.NDArray[Any]

# What ONNX Runtime 1.20 and every mobile build understand.
_OPSET, _IR_VERSION = 13, 8

# What can be read: before 7 broadcasting followed other rules; 21 has the blocks of the published
# files, which `fold_constants` removes, and is the newest that ONNX Runtime 1.20 knows.
_READABLE_OPSETS = range(7, 22)


@dataclass
class Graph:
    """An ONNX graph taken apart: nodes in order, constants by name, true inputs and outputs."""

    nodes: list[Any]
    constants: dict[str, Array]
    inputs: list[Any]
    outputs: list[Any]
    _n_names: int = field(default=0, repr=False)

    def constant(self, value: Array) -> str:
        """Name of a new constant that holds `value`."""
        self._n_names += 1
        name = f"fastface_{self._n_names}"
        self.constants[name] = np.ascontiguousarray(value)
        return name

    def consumers(self, name: str) -> list[Any]:
        return [node for node in self.nodes if name in node.input]


def read(content: bytes) -> Graph:
    """Parse a model file; only what the caller must feed stays an input (weights may be declared).

    Raises ModelError if `content` is not an ONNX model, keeps weights outside itself (a session
    made from such bytes would read files under the working directory), or is written in operators
    that are not ONNX's own or of a version that cannot be run.
    """
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    try:
        model = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise ModelError("the model file is not an ONNX model") from error
    graph = model.graph
    if not graph.node:
        raise ModelError("the model file is not an ONNX model")
    _check_operators(model)
    external = [i.name for i in graph.initializer if i.external_data]
    if external or any(a.HasField("g") or a.graphs for n in graph.node for a in n.attribute):
        raise ModelError("models with external data or nested graphs are not accepted")
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    used = {name for node in graph.node for name in node.input}
    inputs = [i for i in graph.input if i.name in used and i.name not in constants]
    return Graph(list(graph.node), constants, inputs, list(graph.output))


def _check_operators(model: Any) -> None:
    own = ("", "ai.onnx")
    foreign = sorted(
        {f"{node.domain}.{node.op_type}" for node in model.graph.node if node.domain not in own}
    )
    if foreign:
        raise ModelError(f"the model needs operators that are not ONNX's own: {', '.join(foreign)}")
    version = next((opset.version for opset in model.opset_import if opset.domain in own), 1)
    if version not in _READABLE_OPSETS:
        raise ModelError(
            f"the model is written in ONNX operator set {version}; "
            f"{_READABLE_OPSETS[0]} to {_READABLE_OPSETS[-1]} can be read: export it again"
        )


def write(graph: Graph) -> bytes:
    """Serialise the graph with the constants that are still used; the same bytes every time.

    Raises ModelError if the nodes do not fit together as a graph of operator set 13.
    """
    import onnx
    from onnx import helper, numpy_helper

    used = {name for node in graph.nodes for name in node.input}
    constants = [numpy_helper.from_array(v, k) for k, v in graph.constants.items() if k in used]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "fastface", graph.inputs, graph.outputs, constants),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="fastface",
    )
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"the model does not fit together: {reason}") from error
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def fold_constants(graph: Graph) -> None:
    """Evaluate what depends on weights alone: DequantizeLinear, Reshape, Constant; drop Dropout.

    Block-wise DequantizeLinear (ONNX opset 21) repeats each scale `block_size` times along `axis`.
    """
    from onnx import helper, numpy_helper

    kept: list[Any] = []
    renamed: dict[str, str] = {}
    constants = graph.constants
    for node in graph.nodes:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        for k, name in enumerate(node.input):
            node.input[k] = renamed.get(name, name)
        weights = [constants.get(name) for name in node.input]
        fixed = all(w is not None for w in weights)
        output = node.output[0]
        if node.op_type == "Constant":
            constants[output] = numpy_helper.to_array(attributes["value"])
        elif node.op_type == "Dropout":  # the identity at inference
            renamed[output] = node.input[0]
        elif node.op_type == "DequantizeLinear" and fixed:
            axis, block = attributes.get("axis", 1), attributes.get("block_size", 0)
            constants[output] = _dequantise(weights, axis, block)
        elif node.op_type == "Reshape" and fixed:
            constants[output] = constants[node.input[0]].reshape(constants[node.input[1]])
        else:
            kept.append(node)
    graph.nodes = kept


def _dequantise(weights: Sequence[Any], axis: int, block: int) -> Array:
    quantised, scale = weights[:2]
    zero = weights[2] if len(weights) > 2 else np.zeros_like(scale, dtype=quantised.dtype)
    if block:
        within = tuple(slice(0, size) for size in quantised.shape)
        scale = np.repeat(scale, block, axis)[within]
        zero = np.repeat(zero, block, axis)[within]
    elif scale.size > 1:  # one scale per channel
        shape = [1] * quantised.ndim
        shape[axis] = -1
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    steps = quantised.astype(np.float32) - zero.astype(np.float32)
    return _float32(steps * scale)


def free_axes(graph: Graph, axes: Mapping[int, str], *, cells: bool = False) -> None:
    """Let the input's `axes` (index -> name) vary instead of the exported constants.

    cells: the outputs are per grid cell, (batch, cells, channels): their final Reshape lists a
    fixed cell count, which is replaced by -1.
    """
    for value in graph.inputs:
        for axis, name in axes.items():
            value.type.tensor_type.shape.dim[axis].dim_param = name
    for value in graph.outputs:
        dims = value.type.tensor_type.shape.dim
        dims[0].dim_param = axes[0]
        if cells:
            dims[1].dim_param = f"{value.name}_cells"
    if not cells:
        return
    for node in graph.nodes:
        if node.op_type == "Reshape":
            shape = graph.constants[node.input[1]].astype(np.int64)
            shape[:2] = 0, -1
            node.input[1] = graph.constant(shape)


def reverse_input_channels(graph: Graph) -> None:
    """Make a network that was trained on BGR take RGB: reverse its first convolution's input."""
    (first,) = graph.consumers(graph.inputs[0].name)
    if first.op_type != "Conv":
        raise ModelError("the first layer is not a convolution")
    first.input[1] = graph.constant(graph.constants[first.input[1]][:, ::-1])


def rewrite_prelu(graph: Graph) -> None:
    """Replace every PReLU, which falls out of ONNX Runtime's fast CPU layout, by plain layers.

    With slope a, c = 1 - a and k = a / c:  PReLU(x) = a x + c relu(x) = c (relu(x) + k x).
    *fold*: k x is a depthwise 1x1 convolution and c moves into the next layers' weights; it needs
    a < 1 and only convolutions or batch normalisations next.  *muladd*: else, a x + c relu(x).
    """
    from onnx import helper

    rewritten = []
    for node in graph.nodes:
        if node.op_type != "PRelu":
            rewritten.append(node)
            continue
        x, y = node.input[0], node.output[0]
        slope = graph.constants[node.input[1]].astype(np.float64).reshape(-1)
        gain = 1.0 - slope
        consumers = graph.consumers(y)
        fold = bool(np.all(gain > 0)) and all(n.op_type in _SCALE_INPUT for n in consumers)
        relu, linear, curved = f"{y}_relu", f"{y}_linear", f"{y}_relu"
        rewritten.append(helper.make_node("Relu", [x], [relu]))
        if fold:
            for consumer in consumers:
                _SCALE_INPUT[consumer.op_type](graph, consumer, gain)
            slope = slope / gain
        else:
            curved = f"{y}_curved"
            rewritten.append(_scale_channels(graph, relu, curved, gain))
        rewritten.append(_scale_channels(graph, x, linear, slope))
        rewritten.append(helper.make_node("Add", [curved, linear], [y]))
    graph.nodes = rewritten


def _scale_channels(graph: Graph, x: str, y: str, factor: Array) -> Any:
    from onnx import helper

    weight = graph.constant(_float32(factor).reshape(-1, 1, 1, 1))
    return helper.make_node("Conv", [x, weight], [y], kernel_shape=[1, 1], group=factor.size)


def _scale_conv_input(graph: Graph, node: Any, factor: Array) -> None:
    """Give a convolution whose input is `factor` times smaller per channel the same output."""
    weight = graph.constants[node.input[1]].astype(np.float64)
    n_out, n_in = weight.shape[:2]  # n_in: input channels of one group
    groups = factor.size // n_in
    per_output = np.repeat(factor.reshape(groups, n_in), n_out // groups, axis=0)
    node.input[1] = graph.constant(_float32(weight * per_output[:, :, None, None]))


def _scale_norm_input(graph: Graph, node: Any, factor: Array) -> None:
    """The same for a batch normalisation: gamma (c x - mean) / sqrt(var + eps) + beta."""
    gamma, mean = (graph.constants[node.input[k]].astype(np.float64) for k in (1, 3))
    node.input[1] = graph.constant(_float32(gamma * factor))
    node.input[3] = graph.constant(_float32(mean / factor))


def _float32(values: Array) -> Array:
    return np.asarray(values, np.float32)


_SCALE_INPUT: dict[str, Callable[[Graph, Any, Array], None]] = {
    "Conv": _scale_conv_input,
    "BatchNormalization": _scale_norm_input,
}


def convert_yunet(content: bytes) -> bytes:
    """YuNet for any photo size: float32 (n, 3, h, w) RGB 0..255, h and w multiples of 32."""
    graph = read(content)
    fold_constants(graph)
    free_axes(graph, {0: "batch", 2: "height", 3: "width"}, cells=True)
    reverse_input_channels(graph)
    return write(graph)


def convert_sface(content: bytes) -> bytes:
    """SFace for any number of faces: float32 (n, 3, 112, 112) RGB 0..255 -> (n, 128)."""
    graph = read(content)
    fold_constants(graph)
    free_axes(graph, {0: "batch"})
    rewrite_prelu(graph)
    return write(graph)
