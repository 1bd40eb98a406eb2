"""MobileNet with attention, as in the experiments of the paper on CBAM, to check our counting.

MobileNet: Howard et al., 2017.  The paper's table 5 gives its parameters and operations with SE and
CBAM; both figures come out when the modules stand after the depthwise and after the pointwise
convolution of every block.
"""

from __future__ import annotations

from torch import Tensor, nn

from fastface.lab.attention import Attention, attention

SIZE = 224

# Channels out and stride of the depthwise separable blocks.
_BLOCKS = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1),) * 5,
    *((1024, 2), (1024, 1)),
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
