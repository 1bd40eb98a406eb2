"""Fewer bits: weights alone, or weights and activations.

Weights alone save bytes on disk and in memory, and cost time, as the engine turns them back into
floats at every run.  With the activations too the arithmetic itself is in integers, where the
processor has instructions for it.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fastface.graphs import INPUT, read
from fastface.inference import load_runtime
from fastface.types import FloatArray, ImageArray, IntArray

Bits = Literal[3, 4, 8]

# Of a calibration's activations, the share that may be clipped; minima and maxima alone let one
# outlier stretch the scale for all.
_PERCENTILE = 99.99


def quantize_weights(content: bytes, bits: Bits) -> bytes:
    """The same network with the weights of its convolutions in so few bits, one scale for each
    output channel.

    3-bit values travel as 4-bit ones: ONNX knows no smaller type, so `packed_bytes` says what a
    format that did would need.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_model_from_string(content)
    initializers = {i.name: i for i in model.graph.initializer}
    nodes, done = [], set()
    for node in model.graph.node:
        name = node.input[1] if node.op_type == "Conv" else ""
        if name in initializers and name not in done:
            done.add(name)
            steps, scale = round_channels(numpy_helper.to_array(initializers[name]), bits)
            kind = TensorProto.INT8 if bits == 8 else TensorProto.INT4
            parts = [f"{name}_{part}" for part in ("q", "scale", "middle")]
            # ONNX Runtime 1.32 fails on some of these where the zero point is left out.
            middle = np.zeros(len(scale), np.int64)
            model.graph.initializer.remove(initializers[name])
            model.graph.initializer.extend(
                [
                    helper.make_tensor(parts[0], kind, steps.shape, _packed(steps, bits), raw=True),
                    numpy_helper.from_array(scale, parts[1]),
                    helper.make_tensor(
                        parts[2], kind, scale.shape, _packed(middle, bits), raw=True
                    ),
                ]
            )
            nodes.append(helper.make_node("DequantizeLinear", parts, [name], axis=0))
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", 21))  # the first with 4-bit integers
    model.ir_version = 10
    onnx.checker.check_model(model)
    result: bytes = model.SerializeToString(deterministic=True)
    return result


def round_channels(weight: FloatArray, bits: int) -> tuple[IntArray, FloatArray]:
    """Whole steps of the same shape, and each output channel's step, (channels,) float32.

    Symmetric about 0; of a range of scales the one with the smallest squared error is taken, as
    with few bits the largest weight is worth clipping.

    >>> steps, scale = round_channels(np.float32([[[[0.7]], [[-0.1]]]]), 4)
    >>> steps.ravel().tolist(), round(float(scale[0]), 3)
    ([7, -1], 0.1)
    """
    top = 2 ** (bits - 1) - 1
    flat = weight.reshape(len(weight), -1).astype(np.float64)
    largest = np.maximum(np.abs(flat).max(1), 1e-12)
    best_error, best_scale = np.full(len(flat), np.inf), largest / top
    for share in np.linspace(1.0, 0.4, 25):
        scale = share * largest / top
        steps = np.clip(np.round(flat / scale[:, None]), -top, top)
        error = np.square(steps * scale[:, None] - flat).sum(1)
        better = error < best_error
        best_error[better], best_scale[better] = error[better], scale[better]
    steps = np.clip(np.round(flat / best_scale[:, None]), -top, top)
    return steps.reshape(weight.shape).astype(np.int64), best_scale.astype(np.float32)


def _packed(steps: IntArray, bits: Bits) -> bytes:
    """Raw data of a tensor of 8-bit integers, or of 4-bit ones: two to a byte, low half first."""
    flat = steps.ravel().astype(np.int8)
    if bits == 8:
        return flat.tobytes()
    halves = np.append(flat, np.int8(0)) if flat.size % 2 else flat
    low, high = halves[::2].astype(np.uint8) & 15, halves[1::2].astype(np.uint8) & 15
    return (low | (high << 4)).tobytes()


def packed_bytes(content: bytes, bits: int) -> int:
    """What the network would take with the convolutions' weights packed to so many bits each, and
    the scales and all other constants in float32."""
    graph = read(content)
    weights = {n.input[1] for n in graph.nodes if n.op_type == "Conv"} & graph.constants.keys()
    packed = sum(graph.constants[name].size * bits / 8 for name in weights)
    scales = sum(4 * len(graph.constants[name]) for name in weights)
    rest = sum(value.nbytes for name, value in graph.constants.items() if name not in weights)
    return int(packed + scales + rest)


def quantize_all(content: bytes, crops: ImageArray) -> bytes:
    """Weights and activations in 8 bits, by pairs of quantise and dequantise that ONNX Runtime
    turns into integer layers.

    crops: (n, side, side, 3) uint8, faces whose activations set the ranges.  The pixels' scaling at
    the input and the vector at the output stay floats.
    """
    load_runtime()  # with its telemetry off
    from onnxruntime import quantization

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        source.write_bytes(content)
        with _hushed():
            quantization.quantize_static(
                source,
                target,
                _Reader(crops),
                quant_format=quantization.QuantFormat.QDQ,
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                calibrate_method=quantization.CalibrationMethod.Percentile,
                op_types_to_quantize=["Conv", "Add"],
                nodes_to_exclude=_shared(content),
                extra_options={"CalibPercentile": _PERCENTILE, "ActivationSymmetric": False},
            )
        return target.read_bytes()


def _shared(content: bytes) -> list[str]:
    """Convolutions that share their weights, as CBAM's MLP does with itself. Rounded, they make a
    graph that ONNX Runtime 1.32 cannot load ("replace the existing tensor"); they are small."""
    graph = read(content)
    convolutions = [node for node in graph.nodes if node.op_type == "Conv"]
    uses = Counter(node.input[1] for node in convolutions)
    return [node.name for node in convolutions if uses[node.input[1]] > 1]


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """ONNX Runtime's tool prints what it does to stdout and logs advice; neither is the user's."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)


class _Reader:
    """Feeds crops one by one, as ONNX Runtime's calibration asks for them."""

    def __init__(self, crops: ImageArray) -> None:
        self._crops: Iterator[Any] = iter(crops)

    def get_next(self) -> dict[str, FloatArray] | None:
        crop = next(self._crops, None)
        if crop is None:
            return None
        return {INPUT: np.ascontiguousarray(crop.transpose(2, 0, 1)[None], np.float32)}

    def __len__(self) -> int:
        return 0
