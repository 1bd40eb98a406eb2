"""Exact changes to a graph: the same function of its input, up to float32 rounding, but faster,
for any batch, or fit for phones.  `onnx` is imported only inside these functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from fastface.errors import ModelError
from fastface.graphs.graph import Array, Graph, attributes

# Squared rounding of float32: an input would have to be 2 ** 24 times the others to make it count.
_FELT: Final = 2.0**-48


def fold_constants(graph: Graph) -> None:
    """Evaluate what depends on weights alone; drop Identity and, being one at inference, Dropout.

    Block-wise DequantizeLinear (ONNX opset 21) repeats each scale `block_size` times along `axis`.
    """
    kept: list[Any] = []
    renamed: dict[str, str] = {}
    for node in graph.nodes:
        for k, name in enumerate(node.input):
            node.input[k] = renamed.get(name, name)
        output = node.output[0]
        weights = [graph.constants.get(name) for name in node.input if name]
        if any(map(graph.is_output, node.output)):
            kept.append(node)
        elif node.op_type in ("Dropout", "Identity"):
            renamed[output] = node.input[0]
        elif any(weight is None for weight in weights):
            kept.append(node)
        elif node.op_type == "DequantizeLinear":
            how = attributes(node)
            axis, block = how.get("axis", 1), how.get("block_size", 0)
            graph.constants[output] = _dequantise(weights, axis, block)
        else:
            graph.constants.update(_evaluate(graph, node))
    graph.nodes = kept


def _evaluate(graph: Graph, node: Any) -> dict[str, Array]:
    """Outputs of a node whose inputs are all constants, by ONNX's own reference."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    inputs = list(dict.fromkeys(name for name in node.input if name))
    opsets = [helper.make_opsetid("", graph.opset)]
    function = helper.make_function("", "constant", inputs, list(node.output), [node], opsets)
    feeds = {name: graph.constants[name] for name in inputs}
    values = ReferenceEvaluator(function).run(None, feeds, attributes={})
    return dict(zip(node.output, map(np.asarray, values), strict=True))


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


def drop_tiny_weights(graph: Graph) -> None:
    """Make zero of weights too small for a sum with the largest of their layer to feel.

    Training leaves such in channels that nothing needs.  Their products are subnormal numbers, for
    which Intel's processors take a hundred cycles: one published network runs 15 times as fast
    without them, to the same bits.
    """
    for node in graph.nodes:
        if node.op_type in ("Conv", "Gemm") and node.input[1] in graph.constants:
            weight = graph.constants[node.input[1]]
            tiny = np.abs(weight) < _FELT * np.abs(weight).max(initial=0)
            if np.any(tiny & (weight != 0)):
                node.input[1] = graph.constant(np.where(tiny, np.float32(0), weight))


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
