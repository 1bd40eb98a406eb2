"""The weights of embedders that are chains of small layers, for kernels that run them without ONNX
Runtime.

A graph is read from its output back to its input: a dense layer, then convolutions with the batch
normalisation, PReLU and sum behind each, then what makes of a crop's bytes what the network takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from fastface.errors import ModelError
from fastface.graphs.graph import Array, Graph, attributes, read

_LARGE: Final = 1 << 20  # values of a constant that is not computed with in float64


class ChainLayer(NamedTuple):
    """A convolution and the PReLU after it, as `kernels.ChainNetwork` takes it.

    weights: (n_in, n_out) mixes the channels of each pixel; (size, size, n) filters each channel by
    itself; (size, size, n_in, n_out), of the first layer alone, does both.  bias, slope: (n_out,),
    where a slope of 1 is no PReLU.
    added: the number of the layer whose output is added behind it.
    """

    weights: Array
    bias: Array
    slope: Array
    stride: int = 1
    pad: int = 0
    added: int | None = None


class ChainWeights(NamedTuple):
    """mean: taken off a crop's values.  dense: (dims, channels, pixels), dense_bias: (dims,).

    rounding: scale (n_out,) and zero of each layer's output in 8 bits; none in float32.
    """

    mean: float
    layers: list[ChainLayer]
    dense: Array
    dense_bias: Array
    rounding: Sequence[tuple[Array, int]] = ()


def read_chain_weights(content: bytes) -> ChainWeights | None:
    """The weights of an embedder that `convert_embedder` and its like wrote; None for other graphs.

    Whether sizes fit together is not looked into.
    """
    try:
        return _Reader(read(content)).network()
    except (ModelError, _OtherError):
        return None


class _OtherError(Exception):
    """It is another kind of network."""


@dataclass(frozen=True, slots=True)
class _Curve:
    """What happens to each channel: x, multiplied by `above` where positive, else by `below`."""

    x: str
    above: Array
    below: Array


class _Reader:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._constants = graph.constants
        self._makers = {name: node for node in graph.nodes for name in node.output}
        self._places = {node.output[0]: place for place, node in enumerate(graph.nodes)}

    def network(self) -> ChainWeights:
        if len(self._graph.inputs) != 1 or len(self._graph.outputs) != 1:
            raise _OtherError
        name, dense, bias = self._dense(self._graph.outputs[0].name)
        layers: list[ChainLayer] = []
        outputs: list[str] = []
        added: list[str | None] = []
        while not self._begins(name):
            outputs.append(name)
            layer, name, other = self._layer(name)
            layers.append(layer)
            added.append(other)
        if not layers or any(other not in (*outputs, None) for other in added):
            raise _OtherError
        outputs.reverse()
        pairs = list(zip(layers[::-1], added[::-1], strict=True))
        for place, (layer, other) in enumerate(pairs):
            index = None if other is None else outputs.index(other)
            layers[place] = layer._replace(added=index)
        mean, scale = self._normalisation(name)
        layers[0] = layers[0]._replace(weights=_float32(layers[0].weights * scale))
        return ChainWeights(mean, layers, dense, bias)

    def _maker(self, name: str, *op_types: str) -> Any:
        node = self._makers.get(name)
        if node is None or node.op_type not in op_types:
            raise _OtherError
        return node

    def _makes(self, name: str, op_type: str) -> bool:
        return name in self._makers and self._makers[name].op_type == op_type

    def _dense(self, name: str) -> tuple[str, Array, Array]:
        """The last layer: whose values it sees, (dims, channels, pixels) and (dims,)."""
        factor, offset, name = self._affine(name)
        if self._makes(name, "Reshape"):  # of one pixel
            image = self._maker(name, "Reshape").input[0]
            weights, bias, _, _ = self._convolution(self._maker(image, "Conv"))
            if weights.ndim != 2:
                raise _OtherError
            return self._makers[image].input[0], _float32(weights.T[:, :, None]), bias
        node = self._maker(name, "Gemm")
        if attributes(node).get("transB", 0) != 1 or len(node.input) != 3:
            raise _OtherError
        weights, bias = (self._constant(k) for k in node.input[1:])
        name = self._maker(node.input[0], "Flatten", "Reshape").input[0]
        own_factor, own_offset, name = self._affine(name)
        if own_factor.size == 1:  # it does not say how many channels there are
            raise _OtherError
        weights = weights.reshape(len(weights), own_factor.size, -1)
        bias = bias + weights.sum(axis=2, dtype=np.float64) @ own_offset
        scaled = weights * _float32(np.outer(factor, own_factor))[:, :, None]
        return name, _float32(scaled), _float32(bias * factor + offset)

    def _layer(self, name: str) -> tuple[ChainLayer, str, str | None]:
        """The layer that makes a value, what it sees, and what was added behind it."""
        added = None
        curve = self._curve(name)
        if curve is None and self._makes(name, "Add"):
            added, name = sorted(self._makers[name].input, key=lambda k: self._places.get(k, -1))
            curve = self._curve(name)
        above, below = np.ones(1), np.ones(1)
        if curve is not None:
            name, above, below = curve.x, curve.above, curve.below
        factor, offset, name = self._affine(name)
        weights, bias, stride, pad = self._convolution(self._maker(name, "Conv"))
        if not np.all(above > 0):
            raise _OtherError
        # What multiplies positive values moves into the weights, which leaves a PReLU.
        layer = ChainLayer(
            _float32(weights * factor * above),
            _float32((bias * factor + offset) * above),
            _float32(np.broadcast_to(below / above, bias.shape)),
            stride,
            pad,
            None,
        )
        return layer, self._makers[name].input[0], added

    def _curve(self, name: str) -> _Curve | None:
        """A PReLU as `rewrite_prelu` writes it: a x + b relu(x)."""
        if not self._makes(name, "Add"):
            return None
        linear, curved = sorted(self._makers[name].input, key=self._is_curved)
        if not self._is_curved(curved) or self._is_curved(linear):
            return None
        x, slope = self._scaled(linear)
        relu, gain = self._scaled(curved)
        if self._makers[relu].input[0] != x or slope is None:
            return None
        return _Curve(x, (1 if gain is None else gain) + slope, slope)

    def _is_curved(self, name: str) -> bool:
        return self._makes(self._scaled(name)[0], "Relu")

    def _scaled(self, name: str) -> tuple[str, Array | None]:
        """What a value is a multiple of, channel by channel, and the factors."""
        if self._makes(name, "Conv"):
            node = self._makers[name]
            weights = self._constants.get(node.input[1])
            if len(node.input) == 2 and weights is not None and weights.shape[1:] == (1, 1, 1):
                return node.input[0], weights.reshape(-1).astype(np.float64)
        return name, None

    def _affine(self, name: str) -> tuple[Array, Array, str]:
        """Factor and offset of a batch normalisation that makes a value, and of what."""
        if not self._makes(name, "BatchNormalization"):
            return np.ones(1), np.zeros(1), name
        node = self._makers[name]
        gamma, beta, mean, variance = (self._constant(k) for k in node.input[1:5])
        factor = gamma / np.sqrt(variance + attributes(node).get("epsilon", 1e-5))
        return factor, beta - factor * mean, node.input[0]

    def _convolution(self, node: Any) -> tuple[Array, Array, int, int]:
        """Weights with outputs last, bias, stride and pad."""
        how = attributes(node)
        weights = self._constant(node.input[1])
        n_out, n_in, height, width = weights.shape
        strides, pads = how.get("strides", [1, 1]), how.get("pads", [0] * 4)
        odd = how.get("auto_pad", b"NOTSET") != b"NOTSET" or {*how.get("dilations", [1])} != {1}
        if odd or height != width or len({*strides}) > 1 or len({*pads}) > 1:
            raise _OtherError
        bias = self._constant(node.input[2]) if len(node.input) > 2 else np.zeros(n_out)
        weights = weights.transpose(2, 3, 1, 0)
        if n_in == 1 and how.get("group", 1) == n_out:
            weights = weights[:, :, 0]
        elif how.get("group", 1) != 1:
            raise _OtherError
        elif height == 1:
            weights = weights[0, 0]
        return weights, bias, strides[0], pads[0]

    def _begins(self, name: str) -> bool:
        """Whether nothing but what is done to a crop's bytes comes before a value."""
        node = self._makers.get(name)
        return node is None or node.op_type in ("Sub", "Mul")

    def _normalisation(self, name: str) -> tuple[float, float]:
        """mean and scale: the network was trained on (x - mean) * scale."""
        mean, scale = 0.0, 1.0
        if self._makes(name, "Mul"):
            node = self._makers[name]
            scale, name = self._scalar(node.input[1]), node.input[0]
        if self._makes(name, "Sub"):
            node = self._makers[name]
            mean, name = self._scalar(node.input[1]), node.input[0]
        if name != self._graph.inputs[0].name:
            raise _OtherError
        return mean, scale

    def _scalar(self, name: str) -> float:
        values = self._constant(name)
        if values.size != 1:
            raise _OtherError
        return float(values.item())

    def _constant(self, name: str) -> Array:
        if name not in self._constants:
            raise _OtherError
        values = self._constants[name]
        return values if values.size > _LARGE else values.astype(np.float64)


def _float32(values: Array) -> Array:
    return np.ascontiguousarray(values, np.float32)
