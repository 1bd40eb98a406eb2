"""MobileNet with attention, as in the experiments of the paper on CBAM, to check our counting.

MobileNet: Howard et al., 2017.  The paper's table 5 gives its parameters and operations with SE and
CBAM; both figures come out when the modules stand after the depthwise and after the pointwise
convolution of every block.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from fastface.lab.attention import Attention, attention

SIZE = 224

# Channels out and stride of the depthwise separable blocks.
_BLOCKS = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1),) * 5,
    *((1024, 2), (1024, 1)),
)


class Published(NamedTuple):
    """A row of table 5: millions of parameters, 10^9 operations, ImageNet errors in percent."""

    width: float
    attention: Attention
    parameters: float
    operations: float
    top1: float
    top5: float


# Woo et al., CBAM: Convolutional Block Attention Module, ECCV 2018, table 5. The errors are theirs.
TABLE_5 = (
    Published(0.7, "none", 2.30, 0.283, 34.86, 13.69),
    Published(0.7, "se", 2.71, 0.283, 32.50, 12.49),
    Published(0.7, "cbam", 2.71, 0.289, 31.51, 11.48),
    Published(1.0, "none", 4.23, 0.569, 31.39, 11.51),
    Published(1.0, "se", 5.07, 0.570, 29.97, 10.63),
    Published(1.0, "cbam", 5.07, 0.576, 29.01, 9.99),
)


class MobileNet(nn.Module):
    """(n, 3, 224, 224) -> (n, 1000)."""

    def __init__(self, width: float, kind: Attention, *, classes: int = 1000) -> None:
        super().__init__()
        c = int(32 * width)
        body = [_unit(3, c, 3, stride=2)]
        for channels, stride in _BLOCKS:
            c_out = int(channels * width)
            body += [_unit(c, c, 3, stride=stride, groups=c), attention(kind, c)]
            body += [_unit(c, c_out, 1), attention(kind, c_out)]
            c = c_out
        self.body = nn.Sequential(*body)
        self.classify = nn.Conv2d(c, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = nn.functional.adaptive_avg_pool2d(self.body(x), 1)
        return self.classify(pooled).reshape(-1, self.classify.out_channels)


def _unit(c_in: int, c_out: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU(inplace=True),
    )
