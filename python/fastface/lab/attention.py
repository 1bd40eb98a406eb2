"""Attention for convolutional maps: where and on which channels to look.

SE: Hu et al., Squeeze-and-Excitation Networks, CVPR 2018.  CBAM: Woo et al., Convolutional Block
Attention Module, ECCV 2018.  Both are written with 1x1 convolutions instead of linear layers, so
that phones' runtimes take the whole exported graph.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Attention = Literal["none", "se", "cbam"]

REDUCTION = 16  # both papers'


class ChannelGate(nn.Module):
    """Scales each channel by what a small MLP makes of the map's averages, and with `peaks` of its
    maxima too (the same MLP, summed before the sigmoid, as in CBAM; without, it is SE)."""

    def __init__(self, channels: int, *, peaks: bool, reduction: int = REDUCTION) -> None:
        super().__init__()
        hidden = max(channels // reduction, 4)
        self.peaks = peaks
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        gate = self.mlp(nn.functional.adaptive_avg_pool2d(x, 1))
        if self.peaks:
            gate = gate + self.mlp(nn.functional.adaptive_max_pool2d(x, 1))
        return x * torch.sigmoid(gate)


class SpatialGate(nn.Module):
    """Scales each place by a 7x7 convolution of the channels' mean and maximum there.

    Both are written as pooling along the channels: phones have no reductions over them.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x: Tensor) -> Tensor:
        rows, window = x.permute(0, 2, 3, 1), (1, self.channels)
        mean = nn.functional.avg_pool2d(rows, window)
        peak = nn.functional.max_pool2d(rows, window)
        summary = torch.cat([mean, peak], 3).permute(0, 3, 1, 2)
        return x * torch.sigmoid(self.norm(self.conv(summary)))


def attention(kind: Attention, channels: int, *, reduction: int = REDUCTION) -> nn.Module:
    """The module of that kind for maps of `channels`; the identity for "none"."""
    if kind == "none":
        return nn.Identity()
    channel = ChannelGate(channels, peaks=kind == "cbam", reduction=reduction)
    return nn.Sequential(channel, SpatialGate(channels)) if kind == "cbam" else channel
