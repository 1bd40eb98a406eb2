"""Figures of others, quoted as they were printed."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Published(NamedTuple):
    """A row of table 5: millions of parameters, 10^9 operations, ImageNet errors in percent."""

    width: float
    attention: Literal["none", "se", "cbam"]
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
