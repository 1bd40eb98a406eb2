"""The weights of embedders in 8 bits, as `eight_bits.quantise` writes them, for kernels of our own.

In those graphs a PReLU is a convolution over x and relu(x), or a part of the one behind it.  Here
it is a PReLU again: what comes out of a layer is rounded once, behind its PReLU, by the range that
the graph has before it.  Values are counted in the steps of the graph's bytes throughout.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from fastface.errors import ModelError
from fastface.graphs.chains import ChainLayer, ChainWeights
from fastface.graphs.eight_bits import RUNTIME, round_range
from fastface.graphs.graph import Array, Graph, attributes, read

_MOST: Final = 255
_KNOWN: Final = {"Cast", "Gather", "Transpose", "Clip", "Concat", "Reshape", "QLinearConv", "QGemm"}


def read_byte_chain(content: bytes) -> ChainWeights | None:
    """The weights and the rounding of a network in 8 bits; None for other graphs.

    Whether sizes fit together is not looked into.
    """
    try:
        graph = read(content, also=RUNTIME)
        return _read(graph)
    except (ModelError, LookupError, ValueError):
        return None


class _Convolution:
    """One that the graph has: values are (bytes - zero), outputs * step."""

    def __init__(self, graph: Graph, node: Any) -> None:
        constants = [graph.constants[name] for name in node.input[1:9]]
        _, zero_in, weights, step, _, _, zero, bias = constants
        own = attributes(node)
        self.zero_in, self.zero = int(zero_in.item()), int(zero.item())
        self.weights = weights.astype(np.float64) * step.reshape(-1, 1, 1, 1)
        self.bias = bias.astype(np.float64) * step
        self.n_out = len(weights)
        self.is_depthwise = weights.shape[1] == 1 and own["group"] > 1
        self.strides, self.pads = own.get("strides", [1, 1]), own.get("pads", [0] * 4)

    @property
    def is_curve(self) -> bool:
        """A PReLU by itself: taps of x and of relu(x), for one pixel or several as one."""
        return self.is_depthwise and self.weights.shape[2:] == (2, 1)

    @property
    def is_curved(self) -> bool:
        """A filter of x and of relu(x), whose rows alternate."""
        height, width = self.weights.shape[2:]
        return self.is_depthwise and bool(height == 2 * width)

    @property
    def slope(self) -> Array:
        """Of the PReLU in such a filter, whose taps are a w and (1 - a) w."""
        linear, whole = self.weights[:, 0, 0::2], self._taps()
        return np.asarray(np.sum(linear * whole, axis=(1, 2)) / np.sum(whole**2, axis=(1, 2)))

    def _taps(self) -> Array:
        return np.add(self.weights[:, 0, 0::2], self.weights[:, 0, 1::2])

    def layer(self, gain: Array, slope: Array) -> ChainLayer:
        """This and the PReLU behind it, positive values times `gain`."""
        if self.is_curved:
            weights = self._taps().transpose(1, 2, 0)
        elif self.is_depthwise:
            weights = self.weights[:, 0].transpose(1, 2, 0)
        elif self.weights.shape[2:] == (1, 1):
            weights = self.weights[:, :, 0, 0].T
        else:  # of a crop, whose fourth channel counts for nothing
            weights = self.weights[:, :3].transpose(2, 3, 1, 0)
        return ChainLayer(
            _float32(weights * gain),
            _float32(self.bias * gain),
            _float32(slope),
            self.strides[-1],
            self.pads[-1],
        )


def _read(graph: Graph) -> ChainWeights:
    if any(node.op_type not in _KNOWN for node in graph.nodes):
        raise ModelError("it is another kind of network")
    nodes = [node for node in graph.nodes if node.op_type == "QLinearConv"]
    convolutions = [_Convolution(graph, node) for node in nodes]
    (dense,) = (node for node in graph.nodes if node.op_type == "QGemm")
    layers: list[ChainLayer] = []
    rounding: list[tuple[Array, int]] = []
    waiting = convolutions[::-1]
    while waiting:
        convolution = waiting.pop()
        following = waiting[-1]  # that there is none is a LookupError
        if following.is_curve:
            weights, zero = following.weights[: convolution.n_out, 0, :, 0], following.zero
            gain = weights.sum(axis=1)
            slope, scale = weights[:, 0] / gain, np.ones(len(gain))
            waiting.pop()
        elif following.is_curved:
            gain, slope = np.ones(convolution.n_out), following.slope
            low, high = -convolution.zero, _MOST - convolution.zero
            scale, zero = round_range((np.minimum(slope * low, 0), np.maximum(slope * low, high)))
        else:
            raise ModelError("it is another kind of network")
        layers.append(convolution.layer(gain, slope))
        rounding.append((_float32(scale), zero))
    weights, bias = _dense(graph, dense, convolution.n_out)
    return ChainWeights(float(convolutions[0].zero_in), layers, weights, bias, rounding)


def _dense(graph: Graph, node: Any, n_channels: int) -> tuple[Array, Array]:
    """(dims, channels, pixels) and (dims,)."""
    weights, step, _, bias = (graph.constants[name] for name in node.input[3:7])
    pixels_first = (weights * step).T.reshape(len(step), -1, n_channels)
    return _float32(pixels_first.transpose(0, 2, 1)), _float32(bias * step)


def _float32(values: Array) -> Array:
    return np.ascontiguousarray(values, np.float32)
