"""The weights of YuNet's graph, for kernels that run it without ONNX Runtime."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from fastface.errors import ModelError
from fastface.graphs.graph import Array, Graph, read

_N_BODY: Final = 14  # pairs of convolutions, mixing channels and filtering each, before the heads
_HEADS: Final = ("cls", "bbox", "obj", "kps")  # three pairs each, fine to coarse, in this order
_TOLD: Final = (0, 2, 1, 3)  # class, object, box, landmarks

# Shapes: n_in x n_out; n_out; 3 x 3 x n_out; n_out.
Pair: TypeAlias = tuple[Array, Array, Array, Array]


class YunetWeights(NamedTuple):
    """stem: (27, 16), inputs by row, column and colour.  stem_bias: (16,).

    layers: of the body, then of the heads of strides 8, 16 and 32, each of which tells class,
    object, box and landmarks.
    """

    stem: Array
    stem_bias: Array
    layers: list[Pair]


def read_yunet(content: bytes) -> YunetWeights | None:
    """The weights of a YuNet that `convert_yunet` wrote, or None if they are not as many.

    That they are wired as YuNet's is not looked into.
    """
    try:
        graph = read(content)
    except ModelError:  # it needs operators of the runtime's own
        return None
    convolutions = [
        _weights(graph, node)
        for node in graph.nodes
        if node.op_type == "Conv" and len(node.input) == 3 and node.input[1] in graph.constants
    ]
    first, *others = convolutions or [(np.zeros(0), np.zeros(0))]
    if first[0].shape != (16, 3, 3, 3) or len(others) != 2 * (_N_BODY + 3 * len(_HEADS)):
        return None
    pairs = [(*a, *b) for a, b in zip(others[::2], others[1::2], strict=True)]
    of_head = pairs[_N_BODY:]
    heads = []
    for scale in range(3):
        parts = [of_head[3 * kind + scale] for kind in _TOLD]
        heads.append(tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    stem = first[0].transpose(2, 3, 1, 0).reshape(27, 16)
    layers = [_channels_last(*pair) for pair in (*pairs[:_N_BODY], *heads)]
    return YunetWeights(np.ascontiguousarray(stem), first[1], layers)


def _weights(graph: Graph, node: Any) -> tuple[Array, Array]:
    return graph.constants[node.input[1]], graph.constants[node.input[2]]


def _channels_last(mix: Array, mix_bias: Array, taps: Array, taps_bias: Array) -> Pair:
    mix, taps = mix[:, :, 0, 0].T, taps[:, 0].transpose(1, 2, 0)
    return np.ascontiguousarray(mix), mix_bias, np.ascontiguousarray(taps), taps_bias
