"""What a network costs on paper: parameters and multiply-accumulates, layer by layer.

One multiply-accumulate (MAC) is what most papers call a FLOP.  Only convolutions and linear layers
are counted, as is usual; normalisations fold into them, and additions, activations and pooling come
to a few hundredths.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Layer(NamedTuple):
    """name: where it is in the network.  output: channels, height, width.  macs: for one image."""

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    macs: int


def layers(network: nn.Module, size: int) -> list[Layer]:
    """Every layer that has parameters, in the order of the first use, for images of `size` pixels.

    A layer that runs twice, as CBAM's MLP does, is counted twice in MACs and once in parameters.
    """
    rows: dict[str, Layer] = {}
    hooks = [
        module.register_forward_hook(_counter(name, rows))
        for name, module in network.named_modules()
        if next(module.parameters(recurse=False), None) is not None
    ]
    training = network.training
    try:
        network.eval()
        with torch.inference_mode():
            network(torch.zeros(1, 3, size, size))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return list(rows.values())


def totals(network: nn.Module, size: int) -> tuple[int, int]:
    """Parameters and MACs of the whole network."""
    rows = layers(network, size)
    return sum(row.parameters for row in rows), sum(row.macs for row in rows)


def macs(module: nn.Module, output: Tensor) -> int:
    """Multiply-accumulates of one layer for an output with batch 1."""
    if isinstance(module, nn.Conv2d):
        height, width = module.kernel_size
        return output.numel() * height * width * module.in_channels // module.groups
    return output.numel() * module.in_features if isinstance(module, nn.Linear) else 0


def _counter(name: str, rows: dict[str, Layer]):  # type: ignore[no-untyped-def]
    def count(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        n_parameters = sum(p.numel() for p in module.parameters(recurse=False))
        before = rows[name].macs if name in rows else 0
        rows[name] = Layer(
            name,
            type(module).__name__,
            tuple(output.shape[1:]),
            n_parameters,
            before + macs(module, output),
        )

    return count
