"""dlib's face recognition ResNet, read from dlib's own file format.

dlib writes a network as a stream of its layers, each with its parameters as a tensor: version 2,
four dimensions, then float32 values.  The network's shape is fixed (dlib, dnn_face_recognition_ex),
so the tensors are looked for one after the other, each by the number of values it must have; what
lies between them, solver settings and the like, does not matter here.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from fastface.errors import ModelError
from fastface.graphs.graph import Array, Graph

SIDE: Final = 150  # of the crop, in pixels
DIMS: Final = 128
# dlib's input layer: (RGB - MEAN) / SCALE.
MEAN: Final = (122.782, 117.001, 104.298)
SCALE: Final = 256.0

# Residual blocks: channels, and how many; all but the first group start by halving the image.
_GROUPS: Final = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))
_TENSOR: Final = b"\x01\x02"  # an integer of one byte: version 2
_MOST_BETWEEN: Final = 4096  # bytes between two tensors of this network, with room to spare


class _Stream:
    """Tensors of a dlib file, in order."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def next(self, *sizes: int) -> Array:
        """Values of the next tensor that has one of these sizes."""
        start = self._position
        while (start := self._content.find(_TENSOR, start)) >= 0:
            if self._position and start > self._position + _MOST_BETWEEN:
                break
            size, values = self._header(start + len(_TENSOR))
            if size in sizes and values + 4 * size <= len(self._content):
                self._position = values + 4 * size
                found = np.frombuffer(self._content, "<f4", size, values)
                if np.isfinite(found).all():
                    return found
            start += 1
        raise ModelError("the file is not dlib's face recognition network")

    def _header(self, position: int) -> tuple[int, int]:
        """Number of values of a tensor, and where they start; 0 where no tensor starts."""
        size = 1
        for _ in range(4):
            control = self._content[position] if position < len(self._content) else 0
            n_bytes = control & 0x0F
            if control & 0xF0 or not 1 <= n_bytes <= 8:  # negative, or no integer
                return 0, 0
            size *= int.from_bytes(self._content[position + 1 : position + 1 + n_bytes], "little")
            position += 1 + n_bytes
        return size, position


class _Builder:
    """The graph under construction; methods append a layer to `x` and return its output."""

    def __init__(self, tensors: _Stream) -> None:
        self.graph = Graph([], {}, [], [])
        self._tensors = tensors

    def layer(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        output = f"layer_{len(self.graph.nodes)}"
        self.graph.nodes.append(helper.make_node(op_type, list(inputs), [output], **attributes))
        return output

    def convolve(self, x: str, n_in: int, n_out: int, side: int, stride: int) -> str:
        """A convolution and the affine layer behind it; padded only where it does not stride."""
        n_weights = n_out * n_in * side * side
        values = self._tensors.next(n_weights, n_weights + n_out)
        weight = values[:n_weights].reshape(n_out, n_in, side, side)
        bias = values[n_weights:] if values.size > n_weights else np.zeros(n_out, np.float32)
        gamma, beta = np.split(self._tensors.next(2 * n_out), 2)
        return self.layer(
            "Conv",
            x,
            self.graph.constant(weight * gamma[:, None, None, None]),
            self.graph.constant(bias * gamma + beta),
            kernel_shape=[side, side],
            strides=[stride, stride],
            pads=[side // 2 if stride == 1 else 0] * 4,
        )

    def block(self, x: str, n_in: int, n_out: int, side: int, halve: bool) -> tuple[str, int]:
        """A residual block on an image of `side`; its output and that one's side."""
        stride = 2 if halve else 1
        inner = self.convolve(x, n_in, n_out, 3, stride)
        deep = self.convolve(self.layer("Relu", inner), n_out, n_out, 3, 1)
        if not halve:
            return self.layer("Relu", self.layer("Add", deep, x)), side
        short = self.layer("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
        sides = (side - 3) // 2 + 1, (side - 2) // 2 + 1
        # dlib adds images of different sizes as if the smaller went on with zeros.
        deep = self._extend(deep, 0, max(sides) - sides[0])
        short = self._extend(short, n_out - n_in, max(sides) - sides[1])
        return self.layer("Relu", self.layer("Add", deep, short)), max(sides)

    def _extend(self, x: str, n_channels: int, n_pixels: int) -> str:
        if not n_channels and not n_pixels:
            return x
        ends = np.array([0, 0, 0, 0, 0, n_channels, n_pixels, n_pixels], np.int64)
        return self.layer("Pad", x, self.graph.constant(ends))

    def embed(self, x: str, n_in: int) -> str:
        weight = self._tensors.next(n_in * DIMS).reshape(n_in, DIMS)
        pooled = self.layer("Flatten", self.layer("GlobalAveragePool", x), axis=1)
        return self.layer("Gemm", pooled, self.graph.constant(weight))


def read_resnet(content: bytes) -> Graph:
    """The graph of `dlib_face_recognition_resnet_model_v1.dat`, from normalised crops to vectors.

    Raises ModelError if `content` is anything else.
    """
    from onnx import TensorProto, helper

    builder = _Builder(_Stream(content))
    crops = helper.make_tensor_value_info("crops", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    x = builder.layer("Relu", builder.convolve("crops", 3, 32, 7, 2))
    x = builder.layer("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])
    n_channels, side = 32, 35
    for group, (n_out, n_blocks) in enumerate(_GROUPS):
        for number in range(n_blocks):
            x, side = builder.block(x, n_channels, n_out, side, halve=group > 0 and number == 0)
            n_channels = n_out
    x = builder.embed(x, n_channels)
    graph = builder.graph
    graph.inputs = [crops]
    graph.outputs = [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, DIMS])]
    return graph
