"""A trained network as ONNX, in the few operators that every runtime and phone takes whole.

The input is called `data` and the output `fc1`, as in the published embedders, so that whatever
runs one runs the other.
"""

from __future__ import annotations

import io
import warnings

import torch
from torch import nn

from fastface.graphs import INPUT, OUTPUT, fold_constants, read, rewrite_prelu, write
from fastface.lab.network import INPUT_SIZE

_OPSET = 13  # what the converted models use


def to_onnx(
    network: nn.Module,
    *,
    batch: int | None = None,
    size: int = INPUT_SIZE,
    plain_prelu: bool = False,
) -> bytes:
    """The network in evaluation as an ONNX file's content: (batch, 3, size, size) float32 in.

    batch: fixed, 1 for phones; None leaves it free.  plain_prelu: keep PReLU as an operator, as a
    phone's accelerator wants it; else it is rewritten for ONNX Runtime's fast layout on CPUs.
    Normalisations are folded into convolutions.  The network itself is left as it was.
    """
    training = network.training
    example = torch.zeros(batch or 1, 3, size, size)
    buffer = io.BytesIO()
    network.eval()
    try:
        with warnings.catch_warnings():  # the exporter by tracing needs no further package
            warnings.simplefilter("ignore", DeprecationWarning)
            torch.onnx.export(
                network,
                (example,),
                buffer,
                dynamo=False,
                opset_version=_OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_axes=None if batch else {INPUT: {0: "batch"}, OUTPUT: {0: "batch"}},
            )
    finally:
        network.train(training)
    graph = read(buffer.getvalue())
    fold_constants(graph)
    if not plain_prelu:
        rewrite_prelu(graph)
    return write(graph)
