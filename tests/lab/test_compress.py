"""Compressed networks: what was promised is in the file, and the answer stays near."""

from __future__ import annotations

import copy
import dataclasses
import json

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="needs the extra lab")

from fastface.cli import main  # noqa: E402
from fastface.cli.lab import compress as command  # noqa: E402
from fastface.lab import compress  # noqa: E402
from fastface.lab.counting import totals  # noqa: E402
from fastface.lab.crops import load_folder  # noqa: E402
from fastface.lab.export import to_onnx  # noqa: E402
from fastface.lab.finetune import RoundedInput, RoundedWeight, finetune, finetune_rounded  # noqa: E402
from fastface.lab.network import PRESETS, Design, FaceNet, Row  # noqa: E402
from fastface.lab.prune import cut_channels, leave_out_layers, zero_weights  # noqa: E402
from fastface.lab.quantize import packed_bytes, quantize_all, quantize_weights, round_channels  # noqa: E402
from fastface.lab.teachers import Targets  # noqa: E402
from fastface.lab.train import Recipe  # noqa: E402
from fastface.lab.views import VIEWS  # noqa: E402

ROWS = (
    Row("conv3x3", 1, 64, 1, 2),
    Row("bottleneck", 2, 64, 1, 2),
    Row("bottleneck", 2, 64, 2, 2),
    Row("bottleneck", 2, 64, 1, 2),
    Row("linear_gdconv7x7", 1, 64, 1, 1),
)
DESIGN = Design(ROWS, width=0.5, activation="prelu", embedding=16)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    made = FaceNet(DESIGN)
    made.train()
    for _ in range(3):  # statistics that are not where they begin
        made(torch.rand(8, 3, 112, 112) * 255)
    return made.eval()


@pytest.fixture(scope="module")
def crops(crops_folder, tmp_path_factory):
    return load_folder(crops_folder, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def shop(network, crops):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(VIEWS), len(crops.names), 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    targets = Targets(vectors, np.ones(vectors.shape[:2], np.float32))
    recipe = Recipe(DESIGN, 10, batch=8, balanced=0.0, cosine=1.0)
    return compress.Workshop(network, recipe, crops, targets, steps=2)


def answers(content, crops):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    images = np.ascontiguousarray(crops.pixels[:6].transpose(0, 3, 1, 2), np.float32)
    return session.run(None, {"data": images})[0]


def cosine(a, b):
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(1) / lengths).min())


@pytest.mark.parametrize("bits", [3, 4, 8])
def test_rounding_beats_the_plain_scale_and_keeps_to_its_steps(bits):
    weight = np.random.default_rng(0).standard_t(4, (5, 8, 3, 3)).astype(np.float32)
    steps, scale = round_channels(weight, bits)
    top = 2 ** (bits - 1) - 1
    assert np.abs(steps).max() <= top
    plain = np.abs(weight).max((1, 2, 3)) / top
    spread = plain[:, None, None, None]
    ours = np.square(steps * scale[:, None, None, None] - weight).sum((1, 2, 3))
    theirs = np.square(np.round(weight / spread) * spread - weight).sum((1, 2, 3))
    assert np.all(ours <= theirs * (1 + 1e-5))


@pytest.mark.parametrize(
    ("bits", "least", "share"), [(8, 0.999, 0.40), (4, 0.9, 0.30), (3, 0.6, 0.30)]
)
def test_fewer_bits_make_the_file_smaller_and_the_answer_a_little_worse(
    network, crops, bits, least, share
):
    content = to_onnx(network)
    smaller = quantize_weights(content, bits)
    assert len(smaller) < share * len(content) + 12_000  # names and shapes take their part
    assert packed_bytes(content, bits) < packed_bytes(content, 32) * (bits / 32 + 0.1)
    assert cosine(answers(content, crops), answers(smaller, crops)) > least


@pytest.mark.parametrize("bits", [3, 4, 8])
def test_leaky_networks_keep_running_with_fewer_bits(crops, bits):
    """Without PReLU's own weights ONNX Runtime fuses more, and has failed on some scales."""
    torch.manual_seed(0)
    leaky = FaceNet(dataclasses.replace(PRESETS["peoplenet"], depth=0.1))
    content = to_onnx(leaky)
    assert cosine(answers(content, crops), answers(quantize_weights(content, bits), crops)) > 0.5


def test_packed_weights_are_the_rounded_ones(network):
    import onnx

    from fastface.graphs import read

    content = to_onnx(network)
    model = onnx.load_model_from_string(quantize_weights(content, 4))
    graph = read(content)
    for tensor in model.graph.initializer:
        if tensor.name.endswith("_q"):
            stored = onnx.numpy_helper.to_array(tensor).astype(int)
            steps, _ = round_channels(graph.constants[tensor.name.removesuffix("_q")], 4)
            np.testing.assert_array_equal(stored, steps)


def test_int8_answers_as_the_floats_do_and_says_nothing(network, crops, capfd):
    content = to_onnx(network)
    quantised = quantize_all(content, np.array(crops.pixels[:16]))
    assert len(quantised) < len(content)  # names take most of so small a file
    assert cosine(answers(content, crops), answers(quantised, crops)) > 0.95
    assert capfd.readouterr().out == ""


def test_int8_keeps_weights_that_are_used_twice_as_floats():
    torch.manual_seed(0)
    gated = FaceNet(Design(ROWS, width=0.5, attention="cbam", embedding=16))
    noise = np.random.default_rng(0).integers(0, 256, (4, 112, 112, 3), np.uint8)
    content = to_onnx(gated)
    quantised = onnxruntime.InferenceSession(
        quantize_all(content, noise), providers=["CPUExecutionProvider"]
    )  # ONNX Runtime cannot load it otherwise
    assert quantised.get_outputs()[0].name == "fc1"


def test_zeros_are_as_many_as_asked_for(network):
    pruned = copy.deepcopy(network)
    zero_weights(pruned, 0.7)
    for module in pruned.modules():
        if isinstance(module, torch.nn.Conv2d):
            share = (module.weight == 0).float().mean().item()
            assert share == (pytest.approx(0.7, abs=0.02) if module.groups == 1 else 0)


def test_a_channel_that_is_not_used_can_be_cut_without_a_trace(network, crops):
    spoilt = copy.deepcopy(network)
    unused = {}
    for place, block in enumerate(spoilt.body):
        if hasattr(block, "project"):
            weight = block.project[0].weight.data
            unused[place] = torch.randperm(weight.shape[1])[: weight.shape[1] // 2]
            weight[:, unused[place]] = 0
    before, macs = answers(to_onnx(spoilt), crops), totals(spoilt, 112)[1]
    cut_channels(spoilt, 0.5)
    np.testing.assert_allclose(answers(to_onnx(spoilt), crops), before, rtol=1e-3, atol=1e-4)
    assert totals(spoilt, 112)[1] < 0.75 * macs


def test_the_layer_that_does_nothing_is_left_out_first(network):
    spoilt = copy.deepcopy(network)
    deep = [k for k, b in enumerate(spoilt.body) if getattr(b, "adds_input", False)]
    idle = deep[-1]
    spoilt.body[idle].project[1].weight.data.zero_()
    spoilt.body[idle].project[1].bias.data.zero_()
    images = torch.rand(4, 3, 112, 112) * 255
    with torch.inference_mode():
        before = spoilt(images)
        assert leave_out_layers(spoilt, 1, images) == [idle]
        torch.testing.assert_close(spoilt(images), before)


def test_finetuning_changes_a_copy(network, shop):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    taught = finetune(network, shop.recipe, shop.crops, shop.teacher, 2)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert any(not torch.equal(before[name], value) for name, value in taught.state_dict().items())


def test_a_network_that_had_no_teacher_is_taught_again_by_one(network, shop):
    alone = dataclasses.replace(shop.recipe, cosine=0, relation=0, margin=1.0)
    taught = finetune(network, alone, shop.crops, shop.teacher, 1)
    assert any(not torch.equal(network.state_dict()[k], v) for k, v in taught.state_dict().items())


def test_rounding_in_training_is_what_8_bits_hold_and_lets_gradients_through():
    weight = torch.randn(3, 4, 1, 1, requires_grad=True)
    rounded = RoundedWeight()(weight)
    steps = rounded / (weight.abs().amax((1, 2, 3), keepdim=True) / 127)
    torch.testing.assert_close(steps, steps.round(), atol=1e-3, rtol=0)
    rounded.sum().backward()
    assert torch.equal(weight.grad, torch.ones_like(weight))
    x = torch.linspace(-1, 3, 1000)
    (held,) = RoundedInput()(torch.nn.Identity().train(), (x,))
    assert len(held.unique()) <= 256
    assert (held - x).abs().max() <= 4 / 255 / 2 + 1e-5


def test_training_with_rounding_returns_a_plain_network(network, shop):
    taught = finetune_rounded(network, shop.recipe, shop.crops, shop.teacher, 1)
    assert taught.state_dict().keys() == network.state_dict().keys()


def test_the_command_writes_every_method(crops_folder, models, tmp_path, capsys):
    assert tuple(compress.METHODS) == command.METHODS
    run = tmp_path / "run"
    common = ["--data", str(crops_folder), "--cache", str(tmp_path / "cache"), "--quiet"]
    train = ["lab", "train", "--preset", "study", "--width", "0.125", "--steps", "1"]
    assert main([*train, "--out", str(run), *common]) == 0
    capsys.readouterr()
    only = [part for m in ("float", "weights-4", "layers-3") for part in ("--only", m)]
    arguments = ["lab", "compress", str(run), "--out", str(tmp_path / "out"), "--steps", "1"]
    assert main([*arguments, *only, *common, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == ["run-float", "run-weights-4", "run-layers-3"]
    for row in rows:
        assert (tmp_path / "out" / f"{row['name']}.onnx").stat().st_size == row["file_bytes"]
        assert row["zipped_bytes"] <= row["file_bytes"]
