"""The networks: their shapes and what they cost, against values worked out by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra lab")

from fastface.lab.attention import ChannelGate, SpatialGate, attention  # noqa: E402
from fastface.lab.counting import layers, totals  # noqa: E402
from fastface.lab.mobilenet import SIZE, MobileNet  # noqa: E402
from fastface.lab.network import INPUT_SIZE, PRESETS, Design, FaceNet, Row, scaled  # noqa: E402
from fastface.lab.published import TABLE_5  # noqa: E402


def conv_and_norm(c_in: int, c_out: int, kernel: int, *, groups: int = 1) -> int:
    """Parameters of a convolution without bias and its batch normalisation."""
    return kernel * kernel * (c_in // groups) * c_out + 2 * c_out


def bottleneck(c_in: int, c_out: int, t: int) -> int:
    """Parameters of expansion, depthwise and projection, with a PReLU after the first two."""
    hidden = t * c_in
    return (
        conv_and_norm(c_in, hidden, 1)
        + hidden
        + conv_and_norm(hidden, hidden, 3, groups=hidden)
        + hidden
        + conv_and_norm(hidden, c_out, 1)
    )


def test_lecture_network_costs_what_its_table_says():
    parameters, macs = totals(FaceNet(Design()), INPUT_SIZE)
    assert parameters == (
        conv_and_norm(3, 64, 3)
        + 64
        + conv_and_norm(64, 64, 3, groups=64)
        + 64
        + bottleneck(64, 64, 2) * (1 + 9)
        + bottleneck(64, 128, 4)
        + bottleneck(128, 128, 2) * 16
        + bottleneck(128, 256, 8)
        + bottleneck(256, 256, 2) * 6
        + conv_and_norm(256, 1024, 1)
        + 1024
        + conv_and_norm(1024, 1024, 7, groups=1024)
        + conv_and_norm(1024, 512, 1)
    )
    by_side = {
        56: 27 * 64 + 9 * 64 + 64 * 128,
        28: 9 * 128 + 128 * 64 + 9 * (2 * 64 * 128 + 9 * 128) + 64 * 256,
        14: 9 * 256 + 256 * 128 + 16 * (2 * 128 * 256 + 9 * 256) + 128 * 1024,
        7: 9 * 1024 + 1024 * 256 + 6 * (2 * 256 * 512 + 9 * 512) + 256 * 1024,
        1: 49 * 1024 + 1024 * 512,
    }
    assert macs == sum(side * side * per_place for side, per_place in by_side.items())


def test_layers_are_listed_in_order_with_their_maps():
    design = Design(rows=(Row("conv3x3", 1, 8, 1, 2), Row("depthwise3x3", 1, 8, 1, 1)), embedding=4)
    rows = layers(FaceNet(design), 8)
    assert [(row.kind, row.output, row.parameters, row.macs) for row in rows] == [
        ("Conv2d", (8, 4, 4), 216, 216 * 16),
        ("BatchNorm2d", (8, 4, 4), 16, 0),
        ("PReLU", (8, 4, 4), 8, 0),
        ("Conv2d", (8, 4, 4), 72, 72 * 16),
        ("BatchNorm2d", (8, 4, 4), 16, 0),
        ("PReLU", (8, 4, 4), 8, 0),
        ("Conv2d", (4, 4, 4), 32, 32 * 16),
        ("BatchNorm2d", (4, 4, 4), 8, 0),
    ]


def test_counting_leaves_the_network_as_it_was():
    network = FaceNet(PRESETS["tiny"]).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    totals(network, INPUT_SIZE)
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_channel_gate_is_the_formula():
    x = torch.randn(2, 32, 5, 5)
    for peaks in (False, True):
        gate = ChannelGate(32, peaks=peaks)
        first, _, second = gate.mlp
        assert first.out_channels == 4  # 32 / 16, but at least 4
        pools = [x.mean((2, 3)), *([x.amax((2, 3))] if peaks else [])]
        mlp = [
            torch.relu(p @ first.weight[:, :, 0, 0].T + first.bias) @ second.weight[:, :, 0, 0].T
            + second.bias
            for p in pools
        ]
        expected = x * torch.sigmoid(sum(mlp))[:, :, None, None]
        torch.testing.assert_close(gate(x), expected)


def test_spatial_gate_looks_at_mean_and_maximum_of_the_channels():
    x, gate = torch.randn(2, 8, 9, 9), SpatialGate(8).eval()
    summary = torch.stack([x.mean(1), x.amax(1)], 1)
    weight = gate.conv.weight
    expected = torch.nn.functional.conv2d(summary, weight, padding=3) / (1 + 1e-5) ** 0.5
    torch.testing.assert_close(gate(x), x * torch.sigmoid(expected))


def test_attention_costs_its_mlp_and_its_7x7():
    def parameters(kind):
        return sum(p.numel() for p in attention(kind, 64, reduction=8).parameters())

    mlp = 64 * 8 + 8 + 8 * 64 + 64
    assert [parameters(k) for k in ("none", "se", "cbam")] == [0, mlp, mlp + 2 * 49 + 2]


@pytest.mark.parametrize("row", TABLE_5, ids=lambda row: f"{row.width}-{row.attention}")
def test_mobilenets_cost_what_the_paper_prints(row):
    parameters, macs = totals(MobileNet(row.width, row.attention), SIZE)
    assert round(parameters / 1e6 + 1e-9, 2) == row.parameters
    if row.attention == "cbam":
        # The paper's counter adds some of the pooling and scaling: 0.3 % of the whole.
        assert 0.0005 < row.operations - macs / 1e9 < 0.0019
    else:
        assert round(macs / 1e9, 3) == row.operations


def test_channels_scale_to_multiples_of_eight():
    assert [scaled(64, w) for w in (1.0, 0.5, 0.7, 0.05)] == [64, 32, 48, 8]


def test_depth_keeps_strided_modules_and_at_least_one_deep_one():
    shallow = FaceNet(Design(depth=0.01, width=0.125))
    strides = [m.spread[0].stride[0] for m in shallow.body if hasattr(m, "spread")]
    assert strides == [2, 1, 2, 1, 2, 1]
