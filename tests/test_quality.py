"""Quality rises with what makes a face recognisable."""

from __future__ import annotations

import itertools

import pytest

from fastface.quality import assess


def test_quality_rises_with_norm_and_size():
    for lower, higher in itertools.pairwise(range(1, 20)):
        assert assess(lower, 80).score <= assess(higher, 80).score
        assert assess(11, 6 * lower).score <= assess(11, 6 * higher).score
    assert all(
        0 <= assess(norm, width).score <= 1 for norm in (0, 7, 1e3) for width in (0, 20, 1e5)
    )


@pytest.mark.parametrize(
    ("norm", "width_px", "reason"),
    [
        (11, 90, ""),
        (7.2, 200, ""),
        (6.5, 200, "blurred or covered"),
        (7.5, 14, "small"),
        (0, 0, "blurred or covered"),
    ],
)
def test_unclear_faces_have_a_reason(norm: float, width_px: float, reason: str):
    quality = assess(norm, width_px)
    assert quality.reason == reason
    assert quality.unclear is bool(reason)
