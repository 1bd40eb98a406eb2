"""Exported networks answer as PyTorch does, and phones take them whole."""

from __future__ import annotations

import logging

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="needs the extra lab")

from fastface.lab.export import to_onnx  # noqa: E402
from fastface.lab.mobilenet import MobileNet  # noqa: E402
from fastface.lab.network import Design, FaceNet  # noqa: E402

ATTENTIONS = ["none", "se", "cbam"]


def lived_in(network):
    """The network after statistics and weights have moved away from where they begin."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.05 * torch.randn(value.shape, generator=generator))
        network.train()(torch.rand(4, 3, 112, 112, generator=generator) * 255)
    return network


def session_of(content):
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("activation", ["prelu", "leaky"])
@pytest.mark.parametrize("kind", ATTENTIONS)
@pytest.mark.parametrize("plain_prelu", [False, True])
def test_onnx_equals_pytorch(kind, activation, plain_prelu):
    design = Design(width=0.25, depth=0.25, attention=kind, activation=activation, embedding=64)
    network = lived_in(FaceNet(design))
    session = session_of(to_onnx(network, plain_prelu=plain_prelu))
    assert network.training  # as it was
    images = np.random.default_rng(0).uniform(0, 255, (3, 3, 112, 112)).astype(np.float32)
    with torch.inference_mode():
        expected = network.eval()(torch.from_numpy(images)).numpy()
    found = session.run(None, {"data": images})[0]
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("plain_prelu", [False, True])
@pytest.mark.parametrize("kind", ATTENTIONS)
def test_phones_take_the_whole_graph(kind, plain_prelu, tmp_path, caplog):
    usability = pytest.importorskip("onnxruntime.tools.mobile_helpers.usability_checker")
    path = tmp_path / "network.onnx"
    network = FaceNet(Design(width=0.125, depth=0.25, attention=kind, embedding=32))
    path.write_bytes(to_onnx(network, batch=1, plain_prelu=plain_prelu))
    logger = logging.getLogger("usability")
    with caplog.at_level(logging.INFO, logger="usability"):
        usability.analyze_model(path, skip_optimize=False, logger=logger)
    providers = 3  # NNAPI and both of CoreML's formats
    assert caplog.text.count("Unsupported nodes due to operator=0") == providers
    assert caplog.text.count("as is: YES") == providers


def test_a_batch_of_one_is_fixed_and_operators_are_onnxs_own():
    content = to_onnx(MobileNet(0.25, "cbam", classes=10), batch=1, size=64)
    session = session_of(content)
    assert session.get_inputs()[0].shape == [1, 3, 64, 64]
