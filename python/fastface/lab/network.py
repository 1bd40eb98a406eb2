"""The lecture's face network as a table of rows, and the modules that a table builds.

The rows are of the MobileFaceNet family (Chen et al., 2018) as the lecture draws it (after AirFace,
Li et al., 2019): inverted bottlenecks with PReLU, attention in each, a global depthwise convolution
instead of pooling.  A bottleneck of stride 2 is the strided module; of stride 1 the deep one, which
adds its input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from fastface.lab.attention import Attention, attention

Activation = Literal["prelu", "leaky"]

INPUT_SIZE = 112
_SLOPE = 0.25


class Row(NamedTuple):
    """operator: a key of OPERATORS.  t: expansion.  c: channels out, before the width multiplier.
    n: how often, the first time with stride s, then with 1."""

    operator: str
    t: int
    c: int
    n: int
    s: int


LECTURE = (
    Row("conv3x3", 1, 64, 1, 2),
    Row("depthwise3x3", 1, 64, 1, 1),
    Row("bottleneck", 2, 64, 1, 2),
    Row("bottleneck", 2, 64, 9, 1),
    Row("bottleneck", 4, 128, 1, 2),
    Row("bottleneck", 2, 128, 16, 1),
    Row("bottleneck", 8, 256, 1, 2),
    Row("bottleneck", 2, 256, 6, 1),
    Row("conv1x1", 1, 1024, 1, 1),
    Row("linear_gdconv7x7", 1, 1024, 1, 1),
)


# Chen et al., MobileFaceNets, 2018, table 1: what the lecture's rows were drawn after.
MOBILEFACENET = (
    Row("conv3x3", 1, 64, 1, 2),
    Row("depthwise3x3", 1, 64, 1, 1),
    Row("bottleneck", 2, 64, 1, 2),
    Row("bottleneck", 2, 64, 4, 1),
    Row("bottleneck", 4, 128, 1, 2),
    Row("bottleneck", 2, 128, 6, 1),
    Row("bottleneck", 4, 128, 1, 2),
    Row("bottleneck", 2, 128, 2, 1),
    Row("conv1x1", 1, 512, 1, 1),
    Row("linear_gdconv7x7", 1, 512, 1, 1),
)


@dataclass(frozen=True, slots=True)
class Design:
    """All that decides a network's shape; stored in every checkpoint.

    width: multiplies every row's channels (to multiples of 8).  depth: multiplies the repeats of
    the deep modules (at least one stays).  embedding: values of the vector.
    """

    rows: Sequence[Row] = field(default=LECTURE)
    width: float = 1.0
    depth: float = 1.0
    attention: Attention = "none"
    activation: Activation = "prelu"
    embedding: int = 512


PRESETS: Mapping[str, Design] = {
    "lecture": Design(),
    # As deep as the network that it inherits from (`fastface.lab.inherit`).
    "peoplenet": Design(width=0.75, depth=0.4, embedding=128),
    "tiny": Design(width=0.25, depth=0.25, activation="leaky", embedding=128),
}


class StridedDepthwise(nn.Conv2d):
    """A depthwise convolution that stays in float32 under autocast: on a CPU the gradient of a
    strided one takes 3 to 35 times as long in bfloat16 (oneDNN 3.12)."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype == torch.bfloat16 and x.device.type == "cpu":
            with torch.autocast("cpu", enabled=False):
                return super().forward(x.float())
        return super().forward(x)


class ConvUnit(nn.Sequential):
    """Convolution, batch normalisation and the activation; None is linear."""

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int,
        activation: Activation | None,
        *,
        stride: int = 1,
        padding: int | None = None,
        depthwise: bool = False,
    ) -> None:
        padding = kernel // 2 if padding is None else padding
        groups = c_in if depthwise else 1
        convolution = StridedDepthwise if depthwise and stride > 1 else nn.Conv2d
        layers: list[nn.Module] = [
            convolution(c_in, c_out, kernel, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(c_out),
        ]
        if activation == "prelu":
            layers.append(nn.PReLU(c_out, init=_SLOPE))
        elif activation == "leaky":
            layers.append(nn.LeakyReLU(_SLOPE, inplace=True))
        super().__init__(*layers)


class Bottleneck(nn.Module):
    """1x1 expansion by t, depthwise 3x3, linear 1x1, attention; plus the input where shapes agree
    and the stride is 1."""

    def __init__(self, c_in: int, c_out: int, row: Row, stride: int, design: Design) -> None:
        super().__init__()
        hidden, activation = row.t * c_in, design.activation
        self.expand = ConvUnit(c_in, hidden, 1, activation)
        self.spread = ConvUnit(hidden, hidden, 3, activation, stride=stride, depthwise=True)
        self.project = ConvUnit(hidden, c_out, 1, None)
        self.attention = attention(design.attention, c_out)
        self.adds_input = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        y = self.attention(self.project(self.spread(self.expand(x))))
        return x + y if self.adds_input else y


Build = Callable[[int, int, Row, int, Design], nn.Module]  # channels in and out, row, stride

OPERATORS: Mapping[str, Build] = {
    "conv3x3": lambda i, o, _, s, d: ConvUnit(i, o, 3, d.activation, stride=s),
    "conv1x1": lambda i, o, _, s, d: ConvUnit(i, o, 1, d.activation, stride=s),
    "depthwise3x3": lambda i, o, _, s, d: ConvUnit(i, o, 3, d.activation, stride=s, depthwise=True),
    "bottleneck": Bottleneck,
    "linear_gdconv7x7": lambda i, o, _r, _s, _d: ConvUnit(i, o, 7, None, padding=0, depthwise=True),
}


class FaceNet(nn.Module):
    """A design's network: (n, 3, 112, 112) float32, RGB 0..255 -> (n, embedding), raw.

    The raw vector's direction is the embedding (`fastface.lab.losses.unit` normalises it); its
    length is left to whoever wants a cue of quality, as with the other embedders.
    """

    def __init__(self, design: Design) -> None:
        super().__init__()
        self.design = design
        c_in = 3
        body: list[nn.Module] = []
        for row in design.rows:
            c_out = scaled(row.c, design.width)
            for stride in _strides(row, design.depth):
                body.append(OPERATORS[row.operator](c_in, c_out, row, stride, design))
                c_in = c_out
        self.body = nn.Sequential(*body)
        self.embedding = ConvUnit(c_in, design.embedding, 1, None)

    def forward(self, crops: Tensor) -> Tensor:
        return self.staged(crops)[0]

    def staged(self, crops: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
        """`forward`, and the last map of each side, (n, c, side, side) by side."""
        x, stages = centred(crops), {}
        for module in self.body:
            x = module(x)
            stages[x.shape[-1]] = x
        # Not flatten(): phones take a Reshape and no Flatten.
        return self.embedding(x).reshape(-1, self.design.embedding), stages


def centred(crops: Tensor) -> Tensor:
    """What the body sees of crops, -1..1."""
    return (crops - 127.5) * (1 / 127.5)


def scaled(channels: int, width: float) -> int:
    """Channels under a width multiplier: a multiple of 8, at least 8.

    >>> scaled(64, 0.7)
    48
    """
    return max(8, int(channels * width / 8 + 0.5) * 8)


def _strides(row: Row, depth: float) -> Iterator[int]:
    repeats = max(1, round(row.n * depth)) if row.n > 1 else row.n
    yield row.s
    for _ in range(repeats - 1):
        yield 1
