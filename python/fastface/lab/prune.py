"""Fewer weights: single ones set to zero, whole channels cut out, whole layers left out.

Zeros save nothing on a processor that multiplies by them all the same; what is cut out is gone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastface.lab.network import Bottleneck, ConvUnit, FaceNet


def zero_weights(network: FaceNet, share: float) -> None:
    """Set the given share of each convolution's weights to zero, the smallest first (Han et al.,
    NeurIPS 2015); depthwise ones, which hold few weights, are spared."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups == 1:
            weight = module.weight.data
            k = round(share * weight.numel())
            if k:
                threshold = weight.abs().flatten().kthvalue(k).values
                weight[weight.abs() <= threshold] = 0


def cut_channels(network: FaceNet, share: float) -> None:
    """Cut the given share of the hidden channels out of every bottleneck, the least used first.

    A channel counts as much as its depthwise output's scale times what the projection makes of it.
    The channels between bottlenecks stay: additions tie them together.
    """
    for block in network.body:
        if isinstance(block, Bottleneck):
            scale = block.spread[1].weight.data.abs()
            use = scale * block.project[0].weight.data[:, :, 0, 0].norm(dim=0)
            kept = max(8, round((1 - share) * len(use) / 8) * 8)
            rows = use.topk(kept).indices.sort().values
            _keep_outputs(block.expand, rows)
            _keep_outputs(block.spread, rows)
            block.spread[0].groups = kept
            block.spread[0].in_channels = kept
            block.project[0].weight = nn.Parameter(block.project[0].weight.data[:, rows])
            block.project[0].in_channels = kept


def leave_out_layers(network: FaceNet, n: int, crops: Tensor) -> list[int]:
    """Leave out the n deep modules that change their input least; their places in the body.

    crops: (m, 3, side, side) float32, faces to judge by.
    """
    network.eval()
    x = (crops - 127.5) * (1 / 127.5)
    change: dict[int, float] = {}
    for place, block in enumerate(network.body):
        with torch.inference_mode():
            y = block(x)
        if isinstance(block, Bottleneck) and block.adds_input:
            change[place] = float((y - x).norm() / x.norm())
        x = y
    chosen = sorted(sorted(change, key=change.__getitem__)[:n])
    for place in chosen:
        network.body[place] = nn.Identity()
    return chosen


def _keep_outputs(unit: ConvUnit, rows: Tensor) -> None:
    convolution, norm = unit[0], unit[1]
    convolution.weight = nn.Parameter(convolution.weight.data[rows])
    convolution.out_channels = len(rows)
    for name in ("weight", "bias"):
        setattr(norm, name, nn.Parameter(getattr(norm, name).data[rows]))
    norm.running_mean = norm.running_mean[rows]
    norm.running_var = norm.running_var[rows]
    norm.num_features = len(rows)
    if len(unit) > 2 and isinstance(unit[2], nn.PReLU):
        unit[2].weight = nn.Parameter(unit[2].weight.data[rows])
        unit[2].num_parameters = len(rows)
