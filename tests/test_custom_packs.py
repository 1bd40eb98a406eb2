"""A pack of the user's own: described in TOML, tried, kept, and used like any other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fastface import models as model_packs
from fastface.analysis import Analyzer, model_tag
from fastface.cli import main
from fastface.errors import ModelError
from fastface.images import decode
from fastface.library import Library
from fastface.models import custom
from fastface.templates import ARCFACE

RNG = np.random.default_rng(0)


def embedder(*, side=112, dims=8, mean_of_batch=False, opset=13):
    """Bytes of a tiny network: a strided convolution, pooled to one vector per crop."""
    weight = RNG.normal(size=(dims, 3, 8, 8)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], strides=[8, 8]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["y"]),
    ]
    if mean_of_batch:
        nodes[3].output[0] = "d"
        nodes.append(helper.make_node("ReduceMean", ["d"], ["m"], axes=[0]))
        nodes.append(helper.make_node("Add", ["d", "m"], ["y"]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, side, side))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, dims))],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return model.SerializeToString()


@pytest.fixture
def folder(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the user's files; the default pack is a copy, so that others can be added."""
    packs = tmp_path / "packs"
    shutil.copytree(models, packs / "default")
    monkeypatch.setenv("FASTFACE_MODELS", str(packs))
    return tmp_path


def describe(folder: Path, text: str, content: bytes | None = None) -> Path:
    (folder / "net.onnx").write_bytes(embedder() if content is None else content)
    path = folder / "mine.toml"
    path.write_text(text)
    return path


PLAIN = 'name = "mine"\n[embedder]\nfile = "net.onnx"\n'


@pytest.mark.models
def test_the_default_embedder_as_a_pack_of_ones_own(folder: Path, demo_photos: Path):
    """The same weights by another door give the same faces; the norm is not trusted, though."""
    shutil.copy(folder / "packs/default/sface-2021dec.onnx", folder / "net.onnx")
    path = folder / "mine.toml"
    path.write_text(PLAIN + "mean = 0\nscale = 1\n")
    assert model_packs.add(path) == "mine"
    pixels = decode(demo_photos / "obama.jpg").pixels
    (own,), (default,) = Analyzer("mine").analyze(pixels), Analyzer().analyze(pixels)
    np.testing.assert_allclose(own.face, default.face, atol=1e-6)
    assert not own.unclear


@pytest.mark.models
def test_another_order_of_colours_and_scale_is_put_into_the_graph(folder: Path):
    """What the network sees is what its description says, for any batch."""
    content = embedder(dims=5)
    text = PLAIN + 'colour = "BGR"\nmean = [100, 110, 120]\nscale = [50, 60, 70]\n'
    model_packs.add(describe(folder, text, content))
    (row,) = [m for m in model_packs.installed("mine").values() if m.role == "embedder"]
    assert row.recipe is not None
    assert (row.recipe.dims, row.recipe.template, row.recipe.curve) == (5, ARCFACE, None)
    crops = RNG.integers(0, 256, (2, 112, 112, 3)).astype(np.uint8)
    analyzer = Analyzer("mine")
    found = analyzer.embed_faces(crops)
    planes = (crops[..., ::-1] - np.float32([100, 110, 120])) / np.float32([50, 60, 70])
    weight = numpy_helper.to_array(onnx.load_model_from_string(content).graph.initializer[0])
    blocks = planes.reshape(2, 14, 8, 14, 8, 3)
    raw = np.maximum(np.einsum("nyixjc,dcij->nyxd", blocks, weight), 0).mean((1, 2))
    np.testing.assert_allclose(found, raw / np.linalg.norm(raw, axis=1)[:, None], atol=1e-4)


@pytest.mark.models
def test_other_weights_have_another_tag(folder: Path):
    model_packs.add(describe(folder, PLAIN))
    first = model_tag("mine")
    model_packs.add(describe(folder, PLAIN, embedder(dims=9)))
    assert model_tag("mine") != first
    model_packs.verify("mine")
    assert [row.state for row in model_packs.list_models() if row.pack == "mine"] == [
        "installed",
        "installed",
    ]


@pytest.mark.models
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no model", "not an ONNX model"),
        (embedder(side=96), "cannot be run"),
        (embedder(mean_of_batch=True), "depend on the other crops"),
        (embedder(opset=6), "operator set 6"),
    ],
)
def test_a_network_that_will_not_do_leaves_no_pack(folder: Path, content: bytes, reason: str):
    if reason == "cannot be run":  # pooling takes any size; a matrix for one size does not
        content = _for_one_size(content)
    with pytest.raises(ModelError, match=reason):
        model_packs.add(describe(folder, PLAIN, content))
    assert model_packs.custom_packs() == []


def _for_one_size(content: bytes) -> bytes:
    model = onnx.load_model_from_string(content)
    nodes = model.graph.node
    del nodes[2]
    nodes[2].input[0] = "b"
    nodes[2].output[0] = "flat"
    nodes.append(helper.make_node("MatMul", ["flat", "v"], ["y"]))
    value = RNG.normal(size=(8 * 12 * 12, 8)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(value, "v"))
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 3", "name: expected small letters"),
        ('name = "../x"\n[embedder]\nfile = "a"', "name: expected small letters"),
        ('name = "mine"', "embedder.file: expected"),
        (PLAIN + "size = 2.5", "embedder.size: expected pixels"),
        (PLAIN + 'colour = "GBR"', "embedder.colour: expected RGB or BGR"),
        (PLAIN + "scale = 0", "embedder.scale: expected one number or three other than 0"),
        (PLAIN + "mean = [1, 2]", "embedder.mean: expected one number or three"),
        (PLAIN + 'template = "oval"', "embedder.template: expected arcface, dlib or five"),
        (PLAIN + "template = [[1, 2]]", "embedder.template: expected five points"),
        (PLAIN + "colours = 1", "embedder.colours: unknown; known here: colour, file"),
        ("embedder = 1\nname = 'a'", r"embedder: expected a table, \[embedder\]"),
        ("name = ", "not a TOML file"),
    ],
)
def test_a_wrong_description_is_told_by_key(tmp_path: Path, text: str, message: str):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ModelError, match=f"mine.toml: {message}"):
        custom.read_description(path)


def test_templates_scale_with_the_crop(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(PLAIN + "size = 224\n")
    template = custom.read_description(path).embedder.template
    assert template.side == 224
    np.testing.assert_allclose(template.points, 2 * np.array(ARCFACE.points))


@pytest.mark.models
def test_a_library_goes_on_with_the_pack_it_was_scanned_with(
    folder: Path, demo_photos: Path, capsys: pytest.CaptureFixture[str]
):
    """The user's own pack by the commands: added, scanned with, asked again without a word."""
    shutil.copy(folder / "packs/default/sface-2021dec.onnx", folder / "net.onnx")
    (folder / "mine.toml").write_text(PLAIN + "mean = 0\nscale = 1\n")
    library = folder / "library.db"

    def run(*arguments: str | Path) -> str:
        assert main(["--library", str(library), *map(str, arguments)]) == 0
        return capsys.readouterr().out

    run("scan", demo_photos)
    run("name", "p1", "Barack Obama")
    run("models", "add", folder / "mine.toml")
    assert json.loads(run("scan", demo_photos, "--pack", "mine", "--json"))["new"] == 7
    assert json.loads(run("scan", demo_photos, "--json"))["unchanged"] == 7
    people = json.loads(run("people", "--json"))
    assert [(p["name"], p["photos"]) for p in people] == [("Barack Obama", 6), (None, 1)]
    (answer,) = json.loads(run("identify", demo_photos / "obama.jpg", "--json"))
    assert "Barack Obama" in json.dumps(answer)
    with Library(library, read_only=True) as opened:
        assert opened._engine.model_tag == model_tag("mine")
