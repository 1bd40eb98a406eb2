"""A network that begins with another's weights: the same where nothing is left out, else near."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra lab")

from fastface import models as packs  # noqa: E402
from fastface.errors import FastfaceError, ModelError  # noqa: E402
from fastface.inference import OrtSession  # noqa: E402
from fastface.lab import inherit  # noqa: E402
from fastface.lab.crops import Crops  # noqa: E402
from fastface.lab.export import to_onnx  # noqa: E402
from fastface.lab.network import Design, FaceNet, Row  # noqa: E402
from fastface.lab.teachers import Targets  # noqa: E402
from fastface.lab.train import embed  # noqa: E402
from tests.lab.painting import paint_crop  # noqa: E402

ROWS = (
    Row("conv3x3", 1, 64, 1, 4),
    Row("depthwise3x3", 1, 64, 1, 1),
    Row("bottleneck", 2, 64, 1, 2),
    Row("bottleneck", 2, 64, 2, 1),
    Row("bottleneck", 2, 128, 1, 2),
    Row("bottleneck", 2, 128, 1, 1),
    Row("conv1x1", 1, 128, 1, 1),
    Row("linear_gdconv7x7", 1, 128, 1, 1),
)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def crops():
    return np.stack([paint_crop(person, photo) for person in range(4) for photo in range(8)])


@pytest.fixture(scope="module")
def donor(crops):
    """A network of many numbers, none of which is what it began with."""
    torch.manual_seed(1)
    network = FaceNet(Design(ROWS, width=0.25, embedding=8))
    for module in network.modules():
        if isinstance(module, torch.nn.PReLU):
            torch.nn.init.uniform_(module.weight, -0.2, 0.6)
        elif isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0.0, 0.3)
    with torch.no_grad():
        for _ in range(8):  # until the normalisations know these faces
            network.train()(inherit._planes(crops))
    return network.eval()


def fitted(donor, width, crops):
    torch.manual_seed(2)
    network = FaceNet(Design(ROWS, width=width, embedding=8)).eval()
    with torch.no_grad():
        inherit.inherit(network, donor, inherit._planes(crops[::2]))
        inherit.fit_embedding(network, crops[::2], embed(donor, crops[::2]))
    return network


def likeness(network, donor, crops):
    """The share of what tells faces apart that is kept, on faces that nothing was fitted to."""
    ours, theirs = embed(network, crops[1::2]), embed(donor, crops[1::2])
    return 1 - float(np.square(ours - theirs).sum() / np.square(theirs - theirs.mean(0)).sum())


def test_the_more_channels_are_kept_the_less_is_lost(donor, crops):
    narrower, narrow, same, wider = (
        likeness(fitted(donor, width, crops), donor, crops)
        for width in (0.125, 0.1875, 0.25, 0.375)
    )
    assert 0.5 < narrower < narrow < same
    assert min(same, wider) > 0.95  # what is missing is the embedding's, fitted to 16 faces


def test_settling_changes_no_answer_but_what_learning_begins_with(donor, crops):
    network = fitted(donor, 0.1875, crops)
    before = embed(network, crops)
    with torch.no_grad():
        inherit.settle(network, inherit._planes(crops))
        taught = network.train()(inherit._planes(crops)).numpy()
    np.testing.assert_allclose(embed(network.eval(), crops), before, atol=2e-3)
    np.testing.assert_allclose(
        taught / np.linalg.norm(taught, axis=1, keepdims=True), before, atol=5e-3
    )


def test_other_rows_are_refused(donor, crops):
    network = FaceNet(Design(ROWS[:3] + ROWS[4:], width=0.25, embedding=8)).eval()
    with pytest.raises(FastfaceError, match="same rows"):
        inherit.inherit(network, donor, inherit._planes(crops))


def installed_as(content, monkeypatch, tmp_path):
    """Have a pack `small` whose embedder is this file."""
    path = tmp_path / "donor.onnx"
    path.write_bytes(content)
    file = packs.InstalledModel("donor", "embedder", path, "", "", None)
    monkeypatch.setattr(inherit.models, "installed", lambda _: {"embedder": file})
    return path


def test_a_donor_is_read_as_the_network_that_it_is(donor, crops, monkeypatch, tmp_path):
    monkeypatch.setattr(inherit, "DONORS", {"small": donor.design})
    installed_as(to_onnx(donor), monkeypatch, tmp_path)
    np.testing.assert_allclose(
        embed(inherit.read_donor("small"), crops), embed(donor, crops), atol=1e-5
    )


def test_an_heir_speaks_in_the_teachers_coordinates(donor, crops, monkeypatch, tmp_path):
    monkeypatch.setattr(inherit, "DONORS", {"small": donor.design})
    monkeypatch.setattr(inherit, "_EVERY_MAP", 2)
    monkeypatch.setattr(inherit, "_EVERY_ANSWER", 1)
    installed_as(to_onnx(donor), monkeypatch, tmp_path)
    raw = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    people = np.arange(len(crops)) // 8
    answers = (raw / np.linalg.norm(raw, axis=1, keepdims=True))[people]  # one for each person
    teacher = Targets(answers[None], np.ones((1, len(crops)), np.float32))
    faces = Crops(crops, tuple(map(str, range(len(crops)))), people, "key")
    design = Design(ROWS, width=0.1875, embedding=8)
    network = inherit.heir(design, "small", faces, teacher)
    found = embed(network, crops)
    assert ((found @ answers.T).argmax(1) // 8 == people).mean() > 0.9


def test_another_network_in_the_place_of_the_donor_is_refused(donor, monkeypatch, tmp_path):
    installed_as(to_onnx(donor), monkeypatch, tmp_path)
    with pytest.raises(FastfaceError, match="not the network it is known as"):
        inherit.read_donor("small")


def test_the_pack_small_is_read_as_it_runs(crops):
    try:
        file = packs.installed("small")["embedder"]
    except ModelError:
        pytest.skip("needs the pack small: fastface models install small")
    session = OrtSession(file.path, sha256=file.sha256)
    planes = np.ascontiguousarray(crops[:4].transpose(0, 3, 1, 2), np.float32)
    expected = session.run({session.input: planes})["fc1"]
    expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    # Padding of 0 stands for 127 there and for 127.5 here.
    assert (embed(inherit.read_donor("small"), crops[:4]) * expected).sum(1).min() > 0.9999
