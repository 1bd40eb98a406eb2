"""Published files to files that run: one function per model, named in the table of models.

Every embedder comes out alike: float32 RGB crops `data` (batch, 3, side, side), 0..255, in; raw
vectors `fc1` (batch, dims) out.  The channel order and scale that a network was trained on are
part of its graph.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from typing import Final, Literal

import numpy as np

from fastface.errors import ModelError
from fastface.graphs import dlib
from fastface.graphs.eight_bits import Range, quantise, read_chain
from fastface.graphs.graph import OPSET, Graph, read, write
from fastface.graphs.rewrites import (
    drop_tiny_weights,
    fold_constants,
    free_axes,
    reverse_input_channels,
    rewrite_prelu,
)

Colour = Literal["RGB", "BGR"]

# As ArcFace's exports, and SFace, call them.
INPUT: Final = "data"
OUTPUT: Final = "fc1"

_YUNET_OUTPUTS: Final = {
    f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32)
}


def convert_yunet(content: bytes) -> bytes:
    """YuNet for any photo size: float32 (n, 3, h, w) RGB 0..255, h and w multiples of 32."""
    graph = read(content)
    outputs = {value.name for value in graph.outputs}
    if outputs != _YUNET_OUTPUTS or len(graph.inputs) != 1:
        raise ModelError(f"not a YuNet: its outputs are {', '.join(sorted(outputs))}")
    fold_constants(graph)
    free_axes(graph, {0: "batch", 2: "height", 3: "width"}, cells=True)
    reverse_input_channels(graph)
    graph.opset = OPSET
    return write(graph)


def convert_rounded(content: bytes) -> bytes:
    """SFace or peoplenet, whose published weights are rounded to 8 bits, in floats and for any
    number of faces: float32 (n, 3, 112, 112) RGB 0..255 -> (n, 128)."""
    graph = read(content)
    fold_constants(graph)
    graph.opset = OPSET
    return _finish_embedder(graph)


def convert_sface_int8(content: bytes) -> bytes:
    """SFace in 8 bits, by the ranges that `bench/calibrate_int8.py` measured on real crops."""
    return convert_chain_int8(content, _sface_ranges(), side=112)


def convert_chain_int8(content: bytes, ranges: Sequence[Range], *, side: int) -> bytes:
    """A network of SFace's kind in 8 bits: float32 (n, 3, side, side) RGB 0..255 -> vectors.

    ranges: of each channel before each PReLU.  It needs operators of ONNX Runtime's own.
    """
    graph = read(content)
    fold_constants(graph)
    graph = quantise(read_chain(graph, side), ranges)
    graph.rename(graph.inputs[0], INPUT)
    graph.rename(graph.outputs[0], OUTPUT)
    return write(graph)


def _sface_ranges() -> list[Range]:
    table = json.loads((resources.files("fastface.graphs") / "sface_ranges.json").read_text())
    tenths = [(np.array(row["low"]), np.array(row["high"])) for row in table["layers"]]
    return [(low / 10, high / 10) for low, high in tenths]


def convert_faceplugin(content: bytes) -> bytes:
    """faceplugin's feature network: RGB (x - 127) / 128, 112 pixels -> (n, 512)."""
    return convert_embedder(content, mean=[127.0], scale=[128.0])


def convert_dlib(content: bytes) -> bytes:
    """dlib's ResNet from its own format: RGB 0..255, 150 pixels -> (n, 128)."""
    graph = dlib.read_resnet(content)
    _normalise_input(graph, "RGB", dlib.MEAN, [dlib.SCALE])
    return _finish_embedder(graph)


def convert_embedder(
    content: bytes,
    *,
    colour: Colour = "RGB",
    mean: Sequence[float] = (0.0,),
    scale: Sequence[float] = (1.0,),
    output: str | None = None,
) -> bytes:
    """Any network from one aligned crop, planes first, to one vector.

    colour: the channel order it was trained on.  mean, scale: it was trained on (x - mean) / scale
    of 0..255, one value or one per channel in its own order.  output: which of its outputs is the
    vector, where there are several.
    Raises ModelError for another kind of network.
    """
    graph = read(content)
    if len(graph.inputs) != 1:
        names = ", ".join(value.name for value in graph.inputs)
        raise ModelError(f"an embedder has one input, a crop; this model asks for {names}")
    _choose_output(graph, output)
    fold_constants(graph)
    _normalise_input(graph, colour, mean, scale)
    return _finish_embedder(graph)


def _choose_output(graph: Graph, output: str | None) -> None:
    names = [value.name for value in graph.outputs]
    if output is None and len(names) == 1:
        return
    if output not in names:
        raise ModelError(f"output: expected one of {', '.join(names)}, got {output}")
    graph.outputs = [value for value in graph.outputs if value.name == output]


def _normalise_input(
    graph: Graph, colour: Colour, mean: Sequence[float], scale: Sequence[float]
) -> None:
    """Begin with (x - mean) / scale, then the channel order of the network, on RGB 0..255.

    Padding stays what it was, zeros after normalisation, so the mean is taken off by a layer of
    its own; ONNX Runtime fuses the rest.
    """
    from onnx import helper

    (image,) = graph.inputs
    per_channel = [np.asarray(values, np.float32) for values in (mean, scale)]
    if colour == "BGR":
        per_channel = [v[::-1] if v.size == 3 else v for v in per_channel]
    offset, factor = (v.reshape(1, -1, 1, 1) for v in per_channel)
    nodes, name = [], "rgb"
    if offset.any():
        nodes.append(helper.make_node("Sub", [name, graph.constant(offset)], ["centred"]))
        name = "centred"
    if (factor != 1).any():
        nodes.append(helper.make_node("Mul", [name, graph.constant(1 / factor)], ["scaled"]))
        name = "scaled"
    if colour == "BGR":
        order = graph.constant(np.array([2, 1, 0], np.int64))
        nodes.append(helper.make_node("Gather", [name, order], ["turned"], axis=1))
        name = "turned"
    for node in graph.consumers(image.name):
        node.input[:] = [name if i == image.name else i for i in node.input]
    graph.nodes = nodes + graph.nodes
    image.name = "rgb"


def _finish_embedder(graph: Graph) -> bytes:
    """What makes every embedder fast, free in the number of faces, and called alike."""
    _free_batch(graph)
    rewrite_prelu(graph)
    drop_tiny_weights(graph)
    graph.rename(graph.inputs[0], INPUT)
    graph.rename(graph.outputs[0], OUTPUT)
    return write(graph)


def _free_batch(graph: Graph) -> None:
    """Let the number of crops vary, also where a Reshape has the exported one written down."""
    free_axes(graph, {0: "batch"})
    for node in graph.nodes:
        if node.op_type == "Reshape" and node.input[1] in graph.constants:
            shape = graph.constants[node.input[1]].astype(np.int64)
            if len(shape) > 1 and shape[0] == 1:
                node.input[1] = graph.constant(np.concatenate([[0], shape[1:]]))
