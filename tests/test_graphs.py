"""Rewritten graphs compute what the published ones do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from fastface import graphs
from fastface.errors import ModelError

RNG = np.random.default_rng(0)


def model(nodes, constants, *, opset=13, declare=(), shape=(1, 4, 8, 8)):
    """Bytes of a graph from `x` to `y`; `declare` lists constants that are inputs too."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    inputs += [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, constants[name].shape)
        for name in declare
    ]
    graph = helper.make_graph(
        nodes,
        "test",
        inputs,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * len(shape))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def run(content, x):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (first, *others) = session.get_inputs()
    assert not others
    return session.run(None, {first.name: x})


def op_types(content):
    return [node.op_type for node in onnx.load_model_from_string(content).graph.node]


def dequantised_one_by_one(quantised, scale, zero, axis, block):
    """ONNX DequantizeLinear-21 with blocks, element by element."""
    out = np.zeros(quantised.shape, np.float32)
    for index in np.ndindex(quantised.shape):
        group = tuple(i // block if a == axis else i for a, i in enumerate(index))
        out[index] = (np.float32(quantised[index]) - np.float32(zero[group])) * scale[group]
    return out


@pytest.mark.parametrize(
    ("shape", "axis", "block"), [((6, 9), 1, 9), ((4, 130), 1, 64), ((70,), 0, 64)]
)
def test_block_quantised_weights_become_float(shape, axis, block):
    groups = tuple(-(-size // block) if a == axis else size for a, size in enumerate(shape))
    quantised = RNG.integers(-128, 128, shape).astype(np.int8)
    scale = RNG.uniform(0.01, 0.1, groups).astype(np.float32)
    zero = RNG.integers(-5, 5, groups).astype(np.int8)
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"], axis=axis, block_size=block),
        helper.make_node("Reshape", ["w", "to"], ["flat"]),
        helper.make_node("Add", ["x", "flat"], ["y"]),
    ]
    constants = {"q": quantised, "s": scale, "z": zero, "to": np.array([-1])}
    graph = graphs.read(model(nodes, constants, opset=21, shape=(1,)))
    graphs.fold_constants(graph)
    assert [node.op_type for node in graph.nodes] == ["Add"]
    expected = dequantised_one_by_one(quantised, scale, zero, axis, block).reshape(-1)
    np.testing.assert_array_equal(graph.constants["flat"], expected)


def test_one_scale_per_channel_and_no_zero_point():
    quantised = np.array([[1, -2], [3, 4]], np.int8)
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s"], ["w"], axis=0),
        helper.make_node("Add", ["x", "w"], ["y"]),
    ]
    constants = {"q": quantised, "s": np.array([0.5, 2.0], np.float32)}
    graph = graphs.read(model(nodes, constants, shape=(2, 2)))
    graphs.fold_constants(graph)
    np.testing.assert_array_equal(graph.constants["w"], [[0.5, -1], [6, 8]])


def prelu_net(slopes, *, groups=1, after="Conv"):
    """Conv -> PReLU -> `after`, the pattern of face networks."""
    conv = RNG.normal(size=(8, 4, 3, 3)).astype(np.float32)
    last = RNG.normal(size=(8, 8 // groups, 1, 1)).astype(np.float32)
    constants = {"w": conv, "slope": slopes.reshape(8, 1, 1).astype(np.float32), "v": last}
    norms = ("gamma", "beta", "mean", "var")
    constants |= {name: RNG.uniform(0.5, 2, 8).astype(np.float32) for name in norms}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("PRelu", ["a", "slope"], ["b"]),
    ]
    if after == "Conv":
        nodes.append(helper.make_node("Conv", ["b", "v"], ["y"], group=groups))
    elif after == "BatchNormalization":
        nodes.append(helper.make_node("BatchNormalization", ["b", *norms], ["y"]))
    else:
        nodes.append(helper.make_node("Add", ["b", "a"], ["y"]))
    return model(nodes, constants)


@pytest.mark.parametrize(
    ("slopes", "groups", "after", "n_convolutions"),
    [
        (RNG.uniform(-0.5, 0.9, 8), 1, "Conv", 3),
        (RNG.uniform(-0.5, 0.9, 8), 4, "Conv", 3),
        (RNG.uniform(-0.5, 0.9, 8), 8, "Conv", 3),
        (RNG.uniform(-0.5, 0.9, 8), 1, "BatchNormalization", 2),
        (RNG.uniform(-0.5, 0.9, 8), 1, "Add", 3),  # not foldable: two scalings
        (np.linspace(0, 1.5, 8), 1, "Conv", 4),  # slopes of one and more are not either
    ],
)
def test_prelu_is_rewritten_exactly(slopes, groups, after, n_convolutions):
    original = prelu_net(slopes, groups=groups, after=after)
    graph = graphs.read(original)
    graphs.rewrite_prelu(graph)
    rewritten = graphs.write(graph)
    assert "PRelu" not in op_types(rewritten)
    assert op_types(rewritten).count("Conv") == n_convolutions
    x = RNG.normal(size=(1, 4, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(run(rewritten, x)[0], run(original, x)[0], rtol=1e-4, atol=1e-4)


def test_weights_that_no_sum_can_feel_become_zero():
    weight = np.array([1, -1e-3, 1e-13, 1e-20, -1e-40, 0], np.float32).reshape(1, 6, 1, 1)
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    original = model(nodes, {"w": weight}, shape=(1, 6, 2, 2))
    graph = graphs.read(original)
    graphs.drop_tiny_weights(graph)
    (kept,) = (graph.constants[node.input[1]] for node in graph.nodes)
    np.testing.assert_array_equal(kept.ravel(), weight.ravel() * [1, 1, 1, 0, 0, 0])
    x = RNG.normal(size=(1, 6, 2, 2)).astype(np.float32)
    np.testing.assert_array_equal(run(graphs.write(graph), x)[0], run(original, x)[0])


def test_weights_declared_as_inputs_need_not_be_fed():
    constants = {"w": np.ones((1,), np.float32), "unused": np.ones((3,), np.float32)}
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    graph = graphs.read(model(nodes, constants, declare=("w", "unused"), shape=(1,)))
    content = graphs.write(graph)
    assert run(content, np.ones(1, np.float32))[0].tolist() == [2.0]
    assert [i.name for i in onnx.load_model_from_string(content).graph.initializer] == ["w"]


def test_reversed_input_channels_take_rgb():
    weight = RNG.normal(size=(2, 3, 1, 1)).astype(np.float32)
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    original = model(nodes, {"w": weight}, shape=(1, 3, 2, 2))
    graph = graphs.read(original)
    graphs.reverse_input_channels(graph)
    x = RNG.normal(size=(1, 3, 2, 2)).astype(np.float32)
    reversed_x = np.ascontiguousarray(x[:, ::-1])
    np.testing.assert_allclose(
        run(graphs.write(graph), reversed_x)[0], run(original, x)[0], rtol=1e-5
    )


def test_external_data_is_refused():
    content = model([helper.make_node("Add", ["x", "w"], ["y"])], {"w": np.ones(1, np.float32)})
    proto = onnx.load_model_from_string(content)
    onnx.external_data_helper.set_external_data(proto.graph.initializer[0], "secret.bin")
    with pytest.raises(ModelError, match="external data"):
        graphs.read(proto.SerializeToString())


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07" * 50])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(ModelError, match="not an ONNX model"):
        graphs.read(content)


@pytest.mark.parametrize("opset", [6, 22])
def test_operator_sets_that_cannot_be_run_are_refused(opset):
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    with pytest.raises(ModelError, match=f"operator set {opset}; 7 to 21 can be read"):
        graphs.read(model(nodes, {}, opset=opset))


@pytest.mark.parametrize("opset", [7, 21])
def test_the_oldest_and_the_newest_operator_set_are_read(opset):
    graph = graphs.read(model([helper.make_node("Relu", ["x"], ["y"])], {}, opset=opset))
    assert [node.op_type for node in graph.nodes] == ["Relu"]


def test_operators_of_others_are_refused_by_name():
    nodes = [helper.make_node("FusedConv", ["x"], ["y"], domain="com.microsoft")]
    with pytest.raises(ModelError, match=r"com\.microsoft\.FusedConv"):
        graphs.read(model(nodes, {}))


def test_a_graph_that_does_not_fit_together_is_not_written():
    graph = graphs.read(model([helper.make_node("Relu", ["x"], ["y"])], {}))
    graph.nodes[0].input[0] = "nowhere"
    with pytest.raises(ModelError, match="does not fit together"):
        graphs.write(graph)


def test_conversion_is_deterministic():
    content = prelu_net(np.full(8, 0.25))
    once, again = graphs.read(content), graphs.read(content)
    graphs.rewrite_prelu(once)
    graphs.rewrite_prelu(again)
    assert graphs.write(once) == graphs.write(again)


def test_sface_equals_the_published_graph_on_real_crops(published, photos_dir: Path):
    content = published["sface-2021dec"]
    proto = onnx.load_model_from_string(content)
    (data,) = [i for i in proto.graph.input if i.name == "data"]
    del proto.graph.input[:]
    proto.graph.input.append(data)
    original = proto.SerializeToString()
    files = sorted((photos_dir / "train" / "utk").glob("*"))[:4]
    planes = [np.asarray(Image.open(file).convert("RGB")).transpose(2, 0, 1) for file in files]
    crops = np.array(planes, np.float32)
    expected = np.concatenate([run(original, crop[None])[0] for crop in crops])
    got = run(graphs.convert_rounded(content), crops)[0]
    cosine = (got * expected).sum(axis=1) / np.linalg.norm(got, axis=1)
    assert np.all(cosine / np.linalg.norm(expected, axis=1) > 0.999999)
    np.testing.assert_allclose(got, expected, atol=1e-3)


def test_yunet_equals_the_published_weights_at_any_size(published):
    """The original cannot run; the plain graph at its fixed size can, and other sizes agree."""
    content = published["yunet-2023mar"]
    fixed = graphs.read(content)
    graphs.fold_constants(fixed)
    x = RNG.uniform(0, 255, (1, 3, 640, 640)).astype(np.float32)
    x[:, :, 320:] = 0
    expected = run(graphs.write(fixed), np.ascontiguousarray(x[:, ::-1]))
    free = graphs.convert_yunet(content)
    for got, want in zip(run(free, x), expected, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-3)
    smaller = run(free, np.ascontiguousarray(x[:, :, :416, :352]))
    assert [out.shape[1] for out in smaller[:3]] == [52 * 44, 26 * 22, 13 * 11]


def test_stages_are_the_last_map_of_each_side_channels_last():
    weights = RNG.normal(size=(4, 4, 3, 3)).astype(np.float32)
    strided = {"strides": [2, 2], "pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Relu", ["x"], ["wide"]),
        helper.make_node("Conv", ["wide", "w"], ["half"], **strided),
        helper.make_node("Relu", ["half"], ["half_relu"]),
        helper.make_node("Conv", ["half_relu", "w"], ["quarter"], **strided),
        helper.make_node("Relu", ["quarter"], ["y"]),
    ]
    content = model(nodes, {"w": weights})
    x = RNG.normal(size=(1, 4, 8, 8)).astype(np.float32)
    y, half, quarter = run(graphs.expose_stages(content, (4, 2)), x)
    np.testing.assert_array_equal(y, run(content, x)[0])
    nodes[2:] = [helper.make_node("Relu", ["half"], ["y"])]
    (relu,) = run(model(nodes, {"w": weights}), x)
    np.testing.assert_array_equal(half, relu.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(np.maximum(quarter, 0), y.transpose(0, 2, 3, 1))
    with pytest.raises(ModelError, match="no map of side 3"):
        graphs.expose_stages(content, (3,))
