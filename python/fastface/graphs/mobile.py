"""Graphs as the accelerators of phones want them: every shape fixed, and no layer that they lack.

NNAPI and CoreML compile a graph once, for one shape, and their lists of operators differ; what
`fit_mobile` leaves is on both.  CoreML's newer form, MLProgram, knows no Flatten, Pad or
BatchNormalization, and each of them would send the whole image back to the CPU and on again.
`onnx` is imported only inside these functions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from fastface.errors import ModelError
from fastface.graphs.graph import Array, Graph, attributes, read, write

Shape: TypeAlias = tuple[int, ...]

_WEIGHTS: Final = 64  # no constant that says how to reshape, resize or slice has more elements


def fit_mobile(content: bytes, shape: Sequence[int]) -> bytes:
    """The same network for inputs of one shape: (1, 3, height, width).

    Every rewrite is exact up to float32 rounding.  Raises ModelError if the network does not take
    such an input, or a shape inside depends on what it computes.
    """
    graph = read(content)
    fix_shapes(graph, shape)
    fold_batch_norms(graph)
    convolve_dense(graph)
    convolve_pads(graph)
    # CoreML keeps what it compiled under this name, or else under the file's, and would go on with
    # an old network where a new one took its place.  Letters and digits, under 64.
    key = hashlib.sha256(write(graph)).hexdigest()[:48]
    return write(graph, {"COREML_CACHE_KEY": key})


def fix_shapes(graph: Graph, shape: Sequence[int]) -> None:
    """Write the input's shape down, and what follows from it: Reshape's targets, output shapes.

    Flatten becomes the Reshape that it then is.
    """
    from onnx import helper

    (image,) = graph.inputs
    dims = image.type.tensor_type.shape.dim
    own = [dim.dim_value or None for dim in dims]
    if len(own) != len(shape) or any(a not in (None, b) for a, b in zip(own, shape, strict=True)):
        expected = ", ".join("any" if side is None else str(side) for side in own)
        raise ModelError(f"the network takes inputs of shape ({expected}), not {tuple(shape)}")
    for dim, side in zip(dims, shape, strict=True):
        dim.dim_value = side
    for value in graph.outputs:
        for dim in value.type.tensor_type.shape.dim:
            dim.Clear()
    shapes = shapes_of(graph)
    for k, node in enumerate(graph.nodes):
        if node.op_type in ("Flatten", "Reshape"):
            target = graph.constant(np.array(shapes[node.output[0]], np.int64))
            graph.nodes[k] = helper.make_node("Reshape", [node.input[0], target], [node.output[0]])
    for value in graph.outputs:
        for dim, side in zip(value.type.tensor_type.shape.dim, shapes[value.name], strict=True):
            dim.dim_value = side


def shapes_of(graph: Graph) -> dict[str, Shape]:
    """The shape of every value.  Raises ModelError where one is not fixed."""
    import onnx
    from onnx import helper, numpy_helper

    # Of weights only the shape matters: that many bytes need not be written and read again.
    weights = {k: v for k, v in graph.constants.items() if v.size > _WEIGHTS}
    small = [numpy_helper.from_array(v, k) for k, v in graph.constants.items() if k not in weights]
    declared = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        for name, v in weights.items()
    ]
    body = helper.make_graph(
        graph.nodes, "shapes", [*graph.inputs, *declared], graph.outputs, small
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", graph.opset)])
    try:
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"the network cannot have such an input: {reason}") from error
    shapes = {name: value.shape for name, value in graph.constants.items()}
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        dims = value.type.tensor_type.shape.dim
        if all(dim.HasField("dim_value") for dim in dims):
            shapes[value.name] = tuple(dim.dim_value for dim in dims)
    unknown = [name for node in graph.nodes for name in node.output if name and name not in shapes]
    if unknown:
        raise ModelError(f"the shape of '{unknown[0]}' depends on what the network computes")
    return shapes


def fold_batch_norms(graph: Graph) -> None:
    """Move every batch normalisation into the layer before it, or make it plain.

    It moves into a convolution or dense layer that nothing else looks at; else it is a depthwise
    1 x 1 convolution, or of a vector a product and a sum.
    """
    from onnx import helper

    shapes = shapes_of(graph)
    kept: list[Any] = []
    makers: dict[str, Any] = {}
    for node in graph.nodes:
        layers = [node]
        if node.op_type == "BatchNormalization":
            x, y = node.input[0], node.output[0]
            factor, offset = _affine(graph, node)
            before = makers.get(x)
            if before is not None and _is_linear(graph, before) and len(graph.consumers(x)) == 1:
                _scale_output(graph, before, factor, offset)
                before.output[0] = y
                makers[y] = before
                continue
            if len(shapes[x]) == 4:
                layers = [_depthwise(graph, x, y, factor, offset)]
            else:
                scaled = f"{y}_scaled"
                layers = [
                    helper.make_node("Mul", [x, graph.constant(_float32(factor))], [scaled]),
                    helper.make_node("Add", [scaled, graph.constant(_float32(offset))], [y]),
                ]
        kept += layers
        makers |= {name: layer for layer in layers for name in layer.output}
    graph.nodes = kept


def convolve_dense(graph: Graph) -> None:
    """Make every dense layer (Gemm, or MatMul with weights) of one vector a convolution.

    Where the vector is an image laid out, the convolution is as large as the image, so that no
    accelerator sees a vector longer than it can take; else it is 1 x 1.
    """
    from onnx import helper

    shapes = shapes_of(graph)
    makers = {name: node for node in graph.nodes for name in node.output}
    rewritten: list[Any] = []
    for node in graph.nodes:
        weight, bias = _dense(graph, node)
        x, y = node.input[0], node.output[0]
        if weight is None or shapes[x][0] != 1 or len(shapes[x]) != 2:
            rewritten.append(node)
            continue
        before = makers.get(x)
        if (
            before is not None
            and before.op_type == "Reshape"
            and _is_image(shapes[before.input[0]])
        ):
            image = before.input[0]
        else:
            image = f"{y}_pixel"
            target = graph.constant(np.array([1, shapes[x][1], 1, 1], np.int64))
            rewritten.append(helper.make_node("Reshape", [x, target], [image]))
            shapes[image] = (1, shapes[x][1], 1, 1)
        kernel = graph.constant(weight.reshape(-1, *shapes[image][1:]))
        inputs = [image, kernel] + ([] if bias is None else [graph.constant(bias)])
        sides = list(shapes[image][2:])
        rewritten.append(helper.make_node("Conv", inputs, [f"{y}_pixels"], kernel_shape=sides))
        target = graph.constant(np.array(shapes[y], np.int64))
        rewritten.append(helper.make_node("Reshape", [f"{y}_pixels", target], [y]))
    graph.nodes = rewritten
    _drop_unused(graph)


def convolve_pads(graph: Graph) -> None:
    """Make every Pad that adds zero channels or pixels the 1 x 1 convolution that does."""
    shapes = shapes_of(graph)
    graph.nodes = [
        _padding(graph, node, shapes) if _adds_zeros(graph, node, shapes) else node
        for node in graph.nodes
    ]


def _affine(graph: Graph, node: Any) -> tuple[Array, Array]:
    """A batch normalisation as factor and offset of each channel, (n,) float64."""
    gamma, beta, mean, variance = (
        graph.constants[name].astype(np.float64) for name in node.input[1:5]
    )
    factor = gamma / np.sqrt(variance + attributes(node).get("epsilon", 1e-5))
    return factor, beta - factor * mean


def _is_linear(graph: Graph, node: Any) -> bool:
    """Whether a scale and an offset of each output channel can move into a layer's weights."""
    dense = _dense(graph, node)[0] is not None and node.op_type == "Gemm"
    convolution = node.op_type == "Conv" and all(k in graph.constants for k in node.input[1:])
    return (dense or convolution) and not graph.is_output(node.output[0])


def _scale_output(graph: Graph, node: Any, factor: Array, offset: Array) -> None:
    weight = graph.constants[node.input[1]].astype(np.float64)
    outputs_last = node.op_type == "Gemm" and not attributes(node).get("transB", 0)
    along = factor if outputs_last else factor.reshape(-1, *[1] * (weight.ndim - 1))
    bias = graph.constants[node.input[2]].astype(np.float64) if len(node.input) > 2 else 0.0
    kept = [node.input[0], graph.constant(_float32(weight * along))]
    node.ClearField("input")
    node.input.extend([*kept, graph.constant(_float32(bias * factor + offset))])


def _depthwise(graph: Graph, x: str, y: str, factor: Array, offset: Array) -> Any:
    from onnx import helper

    weight = graph.constant(_float32(factor).reshape(-1, 1, 1, 1))
    inputs = [x, weight, graph.constant(_float32(offset))]
    return helper.make_node("Conv", inputs, [y], kernel_shape=[1, 1], group=factor.size)


def _dense(graph: Graph, node: Any) -> tuple[Array | None, Array | None]:
    """Weights (n_out, n_in) and bias (n_out,) of a dense layer; no weights if it is none."""
    weight = graph.constants.get(node.input[1]) if len(node.input) > 1 else None
    if weight is None or weight.ndim != 2:
        return None, None
    if node.op_type == "MatMul":
        return weight.T, None
    if node.op_type != "Gemm":
        return None, None
    how = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0} | attributes(node)
    bias = graph.constants.get(node.input[2]) if len(node.input) > 2 else None
    if how["transA"] or (len(node.input) > 2 and bias is None):
        return None, None
    weight = _float32((weight if how["transB"] else weight.T) * how["alpha"])
    if bias is not None:
        bias = np.broadcast_to(_float32(bias * how["beta"]).reshape(-1), len(weight))
    return weight, bias


def _is_image(shape: Shape) -> bool:
    return len(shape) == 4 and shape[0] == 1


def _adds_zeros(graph: Graph, node: Any, shapes: Mapping[str, Shape]) -> bool:
    if node.op_type != "Pad" or attributes(node).get("mode", b"constant") != b"constant":
        return False
    ends, *value = (graph.constants.get(name) for name in node.input[1:])
    if ends is None or len(value) > 1 or any(v is None or v.any() for v in value):
        return False
    image = _is_image(shapes[node.input[0]])
    return image and not ends[[0, 4]].any() and bool((ends >= 0).all())


def _padding(graph: Graph, node: Any, shapes: Mapping[str, Shape]) -> Any:
    """A convolution that hands every channel on, to where it belongs, with zeros around it."""
    from onnx import helper

    before, after = graph.constants[node.input[1]].reshape(2, 4)[:, 1:]
    n_in, n_out = shapes[node.input[0]][1], shapes[node.output[0]][1]
    groups = n_in if n_in == n_out else 1
    weight = np.zeros((n_out, n_in // groups, 1, 1), np.float32)
    if groups > 1:
        weight[:] = 1.0
    else:
        weight[before[0] + np.arange(n_in), np.arange(n_in)] = 1.0
    return helper.make_node(
        "Conv",
        [node.input[0], graph.constant(weight)],
        list(node.output),
        kernel_shape=[1, 1],
        group=groups,
        pads=[*before[1:].tolist(), *after[1:].tolist()],
    )


def _drop_unused(graph: Graph) -> None:
    """Leave out what nothing looks at any more."""
    wanted = {value.name for value in graph.outputs}
    kept = []
    for node in reversed(graph.nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    graph.nodes = kept[::-1]


def _float32(values: Array) -> Array:
    return np.asarray(values, np.float32)
