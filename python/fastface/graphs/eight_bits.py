"""A chain of convolutions with PReLU between them, computed in 8 bits by ONNX Runtime's CPU code.

Values are bytes q that stand for s (q - z), with a scale s for every channel and a zero point z for
the whole image, channels last; weights are signed bytes with a scale for every output.  Scales of
channels cost nothing: the layer before divides by them and the layer after multiplies.

ONNX Runtime has no PReLU in 8 bits.  Here it is part of a depthwise convolution over two images,
x and relu(x), the latter one pass that clips bytes at the zero point:  PReLU(x) = a x + (1 - a)
relu(x).  Where a depthwise layer follows, `_convolve_curved` gives each of its taps both weights;
where a full one does, or where two passes over few channels are faster, `_curve` has the two taps
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np

from fastface.errors import ModelError
from fastface.graphs.graph import Array, Graph, attributes
from fastface.graphs.mobile import fix_shapes, fold_batch_norms

# Lowest and highest value of each channel before its PReLU, (n,) each.
Range: TypeAlias = tuple[Array, Array]

RUNTIME: Final = "com.microsoft"  # the domain of ONNX Runtime's own operators
_MAX_WEIGHT: Final = 127
_MAX_BYTE: Final = 255

# `_curve` looks at channels of neighbouring pixels as channels of one: loops over few are slow.
_LANES: Final = 512


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution and the PReLU after it. weight: (n_out, n_in of a group, h, w) float64."""

    weight: Array
    bias: Array
    slope: Array
    stride: int
    pad: int

    @property
    def is_depthwise(self) -> bool:
        return int(self.weight.shape[1]) == 1

    @property
    def takes_both(self) -> bool:
        """Whether the PReLU before is part of this layer: measured, not where there are few
        channels and as many pixels after it as before."""
        return self.is_depthwise and (self.stride > 1 or len(self.weight) >= _LANES)


@dataclass(frozen=True, slots=True)
class Chain:
    """A network: (crop - mean) * scale, then layers, then one dense layer.

    side: of the crop.  weight: (n_out, channels, h, w) float64, of the dense layer.
    """

    side: int
    mean: float
    scale: float
    layers: tuple[Layer, ...]
    weight: Array
    bias: Array


@dataclass(frozen=True, slots=True)
class _Bytes:
    """An image of bytes in the graph: its name, side, scales (channels,) and zero point."""

    name: str
    side: int
    scale: Array
    zero: int


def read_chain(graph: Graph, side: int) -> Chain:
    """The network of a graph with constants folded; ModelError if it is none such."""
    fix_shapes(graph, (1, 3, side, side))
    fold_batch_norms(graph)
    nodes = list(graph.nodes)
    constants = graph.constants

    def take(*op_types: str) -> list[Any]:
        taken = nodes[: len(op_types)]
        if [node.op_type for node in taken] != list(op_types):
            found = ", ".join(node.op_type for node in taken)
            raise ModelError(f"8 bits: expected {', '.join(op_types)}, found {found}")
        del nodes[: len(op_types)]
        return taken

    mean, scale = (float(constants[node.input[1]].item()) for node in take("Sub", "Mul"))
    layers = []
    while len(nodes) > 1 and nodes[1].op_type == "PRelu":
        convolution, prelu = take("Conv", "PRelu")
        layers.append(_layer(graph, convolution, constants[prelu.input[1]]))
    last, _, dense = take("Conv", "Reshape", "Gemm")
    affine = _layer(graph, last, np.zeros(1))
    if affine.weight.shape[1:] != (1, 1, 1) or not attributes(dense).get("transB", 0):
        raise ModelError("8 bits: expected a batch normalisation before the dense layer")
    n_channels = len(affine.weight)
    weight = constants[dense.input[1]].astype(np.float64)
    pixels = weight.shape[1] // n_channels
    weight = weight.reshape(len(weight), n_channels, 1, pixels)
    bias = constants[dense.input[2]] + np.einsum("ocip,c->o", weight, affine.bias)
    weight = weight * affine.weight.reshape(-1, 1, 1)
    return Chain(side, mean, scale, tuple(layers), weight, bias)


def _layer(graph: Graph, node: Any, slope: Array) -> Layer:
    own = attributes(node)
    weight = graph.constants[node.input[1]].astype(np.float64)
    pads, strides = own.get("pads", [0] * 4), own.get("strides", [1, 1])
    if len({*pads}) > 1 or len({*strides}) > 1 or own.get("group", 1) not in (1, len(weight)):
        raise ModelError("8 bits: a convolution is neither full nor depthwise, or lopsided")
    bias = graph.constants[node.input[2]].astype(np.float64)
    return Layer(weight, bias, slope.astype(np.float64).reshape(-1), strides[0], pads[0])


def quantise(chain: Chain, ranges: Sequence[Range]) -> Graph:
    """The chain in 8 bits: crops (n, 3, side, side), float32 of 0..255 -> vectors, float32.

    ranges: of every layer; what lies outside is clipped.
    """
    from onnx import TensorProto, helper

    crops = helper.make_tensor_value_info(
        "crops", TensorProto.FLOAT, ["batch", 3, chain.side, chain.side]
    )
    vectors = helper.make_tensor_value_info(
        "vectors", TensorProto.FLOAT, ["batch", len(chain.weight)]
    )
    builder = _Builder(Graph([], {}, [crops], [vectors]))
    first, *others = chain.layers
    image, first = builder.enter(chain, first)
    image = builder.convolve(image, first, ranges[0])
    before, low_high = first, ranges[0]
    for layer, range_ in zip(others, ranges[1:], strict=True):
        if layer.takes_both:
            image = builder.convolve_curved(image, layer, range_, before.slope)
        else:
            image = builder.convolve(builder.curve(image, before.slope, low_high), layer, range_)
        before, low_high = layer, range_
    builder.leave(builder.curve(image, before.slope, low_high), chain)
    return builder.graph


class _Builder:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def add(
        self, op_type: str, *inputs: str | Array | np.generic, domain: str = "", **more: Any
    ) -> str:
        """Append a node, constants made of arrays among its inputs; the name of its output."""
        from onnx import helper

        names = [i if isinstance(i, str) else self.graph.constant(np.asarray(i)) for i in inputs]
        output = f"{op_type}_{len(self.graph.nodes)}"
        node = helper.make_node(op_type, names, [output], domain=domain, **more)
        self.graph.nodes.append(node)
        return output

    def enter(self, chain: Chain, layer: Layer) -> tuple[_Bytes, Layer]:
        """Crops as bytes, with a fourth channel that counts for nothing: four are copied faster.

        The first layer is returned as one of bytes around a whole zero point, the mean
        rounded down.
        """
        from onnx import TensorProto

        name = self.add("Cast", "crops", to=TensorProto.UINT8)
        name = self.add("Gather", name, np.array([0, 1, 2, 0]), axis=1)
        name = self.add("Transpose", name, perm=[0, 2, 3, 1])
        zero = int(chain.mean)
        offset = (zero - chain.mean) * chain.scale
        weight = np.pad(layer.weight, ((0, 0), (0, 1), (0, 0), (0, 0)))
        bias = layer.bias + offset * weight.sum(axis=(1, 2, 3))
        image = _Bytes(name, chain.side, np.full(4, chain.scale), zero)
        return image, replace(layer, weight=weight, bias=bias)

    def leave(self, image: _Bytes, chain: Chain) -> None:
        """The dense layer."""
        weight = chain.weight * image.scale.reshape(-1, 1, 1)
        n_out = len(weight)
        weight = weight.transpose(0, 2, 3, 1).reshape(n_out, -1)
        rounded, scale = _round_weights(weight)
        flat = self.add("Reshape", image.name, np.array([0, weight.shape[1]]))
        self.add(
            "QGemm",
            flat,
            np.float32(1),
            np.uint8(image.zero),
            rounded.T,
            scale.astype(np.float32),
            np.zeros(n_out, np.int8),
            np.rint(chain.bias / scale).astype(np.int32),
            domain=RUNTIME,
        )
        self.graph.nodes[-1].output[0] = "vectors"

    def convolve(self, image: _Bytes, layer: Layer, range_: Range) -> _Bytes:
        """A layer without its PReLU."""
        by_input = (-1, 1, 1, 1) if layer.is_depthwise else (1, -1, 1, 1)
        weight = layer.weight * image.scale.reshape(by_input)
        strides, pads = [layer.stride] * 2, [layer.pad] * 4
        return self._convolve(image, weight, layer, range_, strides=strides, pads=pads)

    def convolve_curved(self, image: _Bytes, layer: Layer, range_: Range, slope: Array) -> _Bytes:
        """The PReLU before a depthwise layer, and the layer without its own.

        Rows of x and relu(x) alternate.
        """
        weight = layer.weight * image.scale.reshape(-1, 1, 1, 1)
        a = slope.reshape(-1, 1, 1, 1)
        both = np.zeros((*weight.shape[:2], 2 * weight.shape[2], weight.shape[3]))
        both[:, :, 0::2], both[:, :, 1::2] = a * weight, (1 - a) * weight
        name = self.add("Concat", image.name, self._relu(image), axis=2)
        shape = np.array([0, 2 * image.side, image.side, len(weight)])
        doubled = replace(image, name=self.add("Reshape", name, shape))
        strides = [2 * layer.stride, layer.stride]
        pads = [2 * layer.pad, layer.pad] * 2
        return self._convolve(doubled, both, layer, range_, strides=strides, pads=pads)

    def curve(self, image: _Bytes, slope: Array, range_: Range) -> _Bytes:
        """PReLU alone, of an image whose values are in `range_`."""
        n_channels, side = len(slope), image.side
        below, above = slope * np.minimum(range_[0], 0), np.maximum(range_[1], 0)
        scale, zero = round_range((np.minimum(below, 0), np.maximum(above, below)))
        taps, unit = _round_slopes(slope)
        pixels = max(1, _LANES // n_channels)  # seen as one; sides are multiples of enough
        name = self.add("Concat", image.name, self._relu(image), axis=1)
        shape = np.array([0, 2, side * side // pixels, pixels * n_channels])
        name = self._convolution(
            self.add("Reshape", name, shape),
            image.zero,
            np.tile(taps, (pixels, 1)).reshape(-1, 1, 2, 1),
            np.tile(unit * image.scale / scale, pixels),
            np.zeros(pixels * n_channels, np.int32),
            zero,
            kernel_shape=[2, 1],
        )
        name = self.add("Reshape", name, np.array([0, side, side, n_channels]))
        return _Bytes(name, side, scale, zero)

    def _relu(self, image: _Bytes) -> str:
        return self.add("Clip", image.name, np.uint8(image.zero))

    def _convolve(
        self, image: _Bytes, weight: Array, layer: Layer, range_: Range, **more: Any
    ) -> _Bytes:
        """weight: for bytes in, and values out."""
        scale, zero = round_range(range_)
        rounded, unit = _round_weights(weight)
        bias = np.clip(np.rint(layer.bias / unit), -(2**30), 2**30).astype(np.int32)
        name = self._convolution(
            image.name,
            image.zero,
            rounded,
            unit / scale,
            bias,
            zero,
            kernel_shape=list(weight.shape[2:]),
            **more,
        )
        return _Bytes(name, image.side // layer.stride, scale, zero)

    def _convolution(
        self,
        image: str,
        zero: int,
        weight: Array,
        scale: Array,
        bias: Array,
        zero_out: int,
        **more: Any,
    ) -> str:
        """scale: of outputs in steps for a product of bytes, so that those of images can be 1."""
        return self.add(
            "QLinearConv",
            image,
            np.float32(1),
            np.uint8(zero),
            weight,
            scale.astype(np.float32),
            np.zeros(len(weight), np.int8),
            np.float32(1),
            np.uint8(zero_out),
            bias,
            domain=RUNTIME,
            channels_last=1,
            group=len(weight) if weight.shape[1] == 1 else 1,
            **more,
        )


def round_range(range_: Range) -> tuple[Array, int]:
    """Scales of channels, (n,), and their common zero point.

    The zero point wastes least: the mean square of scales, each in units of its channel, is lowest.

    >>> scale, zero = round_range((np.array([-1.0, -2.0]), np.array([1.0, 2.0])))
    >>> zero, (scale * 127).round(3).tolist()
    (127, [1.0, 2.0])
    """
    low, high = np.minimum(range_[0], 0), np.maximum(range_[1], 0)
    width = np.maximum(high - low, 1e-9)
    zeros = np.arange(_MAX_BYTE + 1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.where(high > 0, high / (_MAX_BYTE - zeros), 0)
        below = np.where(low < 0, -low / zeros, 0)
    scales = np.maximum(above, below)
    zero = int(np.argmin(np.mean((scales / width) ** 2, axis=1)))
    return np.maximum(scales[zero], 1e-9), zero


def _round_weights(weight: Array) -> tuple[Array, Array]:
    """Signed bytes (as weight) and the value of one step for each output, (n_out,)."""
    flat = np.abs(weight).reshape(len(weight), -1)
    unit = np.maximum(flat.max(axis=1), 1e-12) / _MAX_WEIGHT
    steps = np.rint(weight / unit.reshape(-1, *[1] * (weight.ndim - 1)))
    return steps.astype(np.int8), unit


def _round_slopes(slope: Array) -> tuple[Array, Array]:
    """Taps of x and relu(x) as signed bytes (n, 2), and the value of one step, (n,).

    Their sum is exactly 1, so that what is positive stays as it is; of the sums that fit, the one
    is taken whose slope is closest.

    >>> taps, unit = _round_slopes(np.array([0.25, -0.5, 1.0]))
    >>> (taps.sum(axis=1) * unit).tolist(), (taps[:, 0] * unit).round(3).tolist()
    ([1.0, 1.0, 1.0], [0.25, -0.5, 1.0])
    """
    largest = _MAX_WEIGHT / np.maximum(np.abs(slope), np.abs(1 - slope))
    totals = np.floor(largest * np.linspace(0.5, 1, _MAX_WEIGHT)[:, None])
    first = np.rint(slope * totals)
    fits = np.maximum(np.abs(first), np.abs(totals - first)) <= _MAX_WEIGHT
    error = np.where(fits, np.abs(first / totals - slope), np.inf)
    best, columns = np.argmin(error, axis=0), np.arange(len(slope))
    first, total = first[best, columns], totals[best, columns]
    return np.stack([first, total - first], axis=1).astype(np.int8), 1 / total
