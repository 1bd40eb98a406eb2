"""Networks in 8 bits: what each step rounds, whole small chains, and SFace on real crops."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from fastface import graphs
from fastface.errors import ModelError
from fastface.graphs import eight_bits
from fastface.inference import OrtSession
from fastface.lab.costs import read_costs
from tests.reference import convolutions

SIDE = 16


def chain(rng, widths=(8, 8, 16, 16, 512, 512), strides=(1, 1, 1, 2, 1, 1)):
    """Bytes of a network of SFace's kind: full and depthwise convolutions in turns."""
    constants = {"mean": np.float32(127.5), "scale": np.float32(1 / 128)}
    nodes = [
        helper.make_node("Sub", ["data", "mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], ["layer_0"]),
    ]

    def norm(name, width):
        for part, low, high in (("g", 0.5, 1.5), ("b", -0.5, 0.5), ("m", -0.2, 0.2), ("v", 0.5, 2)):
            constants[f"{name}_{part}"] = rng.uniform(low, high, width).astype(np.float32)
        return [f"{name}_{part}" for part in "gbmv"]

    n_in, side = 3, SIDE
    for k, (n_out, stride) in enumerate(zip(widths, strides, strict=True), 1):
        depthwise = k % 2 == 0
        kernel = 1 if k > 1 and not depthwise else 3
        shape = (n_out, 1 if depthwise else n_in, kernel, kernel)
        weight = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        constants[f"w_{k}"] = weight.astype(np.float32)
        constants[f"a_{k}"] = rng.uniform(-0.5, 1.1, (n_out, 1, 1)).astype(np.float32)
        nodes += [
            helper.make_node(
                "Conv", [f"layer_{k - 1}", f"w_{k}"], [f"conv_{k}"], kernel_shape=[kernel] * 2,
                strides=[stride] * 2, pads=[kernel // 2] * 4, group=n_out if depthwise else 1,
            ),
            helper.make_node(
                "BatchNormalization", [f"conv_{k}", *norm(f"n_{k}", n_out)], [f"norm_{k}"]
            ),
            helper.make_node("PRelu", [f"norm_{k}", f"a_{k}"], [f"layer_{k}"]),
        ]  # fmt: skip
        n_in, side = n_out, side // stride
    constants["dense"] = rng.standard_normal((12, n_in * side * side)).astype(np.float32) / side
    nodes += [
        helper.make_node("BatchNormalization", [f"layer_{k}", *norm("last", n_in)], ["even"]),
        helper.make_node("Flatten", ["even"], ["flat"]),
        helper.make_node("Gemm", ["flat", "dense", "last_dense_b"], ["vector"], transB=1),
        helper.make_node("BatchNormalization", ["vector", *norm("out", 12)], ["fc1"]),
    ]
    constants["last_dense_b"] = rng.standard_normal(12).astype(np.float32)
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("fc1", TensorProto.FLOAT, [1, 12])],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    opsets = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def session(tmp_path: Path, content: bytes) -> OrtSession:
    path = tmp_path / "network.onnx"
    path.write_bytes(content)
    return OrtSession(path, sha256=hashlib.sha256(content).hexdigest())


@pytest.fixture
def crops(rng):
    return rng.integers(0, 256, (3, 3, SIDE, SIDE)).astype(np.float32)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("widths", [(8, 8, 16, 16, 512, 512), (512, 512), (64, 64, 32, 32)])
def test_a_chain_in_8_bits_is_close_to_itself(widths, rng, crops, tmp_path):
    content = chain(rng, widths, (1, 1, 1, 2, 1, 1)[: len(widths)])
    graph = graphs.read(content)
    graphs.fold_constants(graph)
    network = eight_bits.read_chain(graph, SIDE)
    values, expected = convolutions.run_chain(network, crops)
    ranges = [(v.min(axis=(0, 2, 3)), v.max(axis=(0, 2, 3))) for v in values]
    eight = graphs.convert_chain_int8(content, ranges, side=SIDE)
    got = session(tmp_path, eight).run({"data": crops})["fc1"]
    assert got.shape == expected.shape and got.dtype == np.float32
    cosine = np.sum(got * expected, 1) / np.linalg.norm(got, axis=1)
    assert np.all(cosine / np.linalg.norm(expected, axis=1) > 0.995)
    assert np.abs(got - expected).max() < 0.1 * np.abs(expected).max()
    one = session(tmp_path, eight).run({"data": crops[1:2]})["fc1"]
    np.testing.assert_array_equal(one, got[1:2])
    assert eight == graphs.convert_chain_int8(content, ranges, side=SIDE)


def test_the_reference_is_the_graph(rng, crops, tmp_path):
    content = chain(rng)
    graph = graphs.read(content)
    graphs.fold_constants(graph)
    _, expected = convolutions.run_chain(eight_bits.read_chain(graph, SIDE), crops)
    got = session(tmp_path, graphs.convert_embedder(content, mean=[0.0], scale=[1.0]))
    np.testing.assert_allclose(got.run({"data": crops})["fc1"], expected, rtol=1e-3, atol=1e-3)


def test_everything_but_the_ends_is_bytes(rng):
    content = chain(rng)
    ranges = [(np.full(n, -4.0), np.full(n, 4.0)) for n in (8, 8, 16, 16, 512, 512)]
    proto = onnx.load_model_from_string(graphs.convert_chain_int8(content, ranges, side=SIDE))
    kinds = {node.op_type for node in proto.graph.node}
    assert kinds == {
        "Cast", "Gather", "Transpose", "QLinearConv", "Clip", "Concat", "Reshape", "QGemm"
    }  # fmt: skip
    large = [i for i in proto.graph.initializer if np.prod(i.dims) > 2048]
    assert large and all(i.data_type == TensorProto.INT8 for i in large)


def test_another_kind_of_network_is_refused(rng):
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, SIDE, SIDE]) for n in "xy"]
    proto = helper.make_model(
        helper.make_graph(nodes, "other", values[:1], values[1:]),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    with pytest.raises(ModelError, match="8 bits: expected Sub, Mul, found Relu"):
        graphs.convert_chain_int8(proto.SerializeToString(), [], side=SIDE)


def test_sface_in_8_bits_is_close_on_real_crops(published, photos_dir: Path, tmp_path):
    content = published["sface-2021dec"]
    files = sorted((photos_dir / "train" / "utk").glob("*"))[:8]
    planes = [np.asarray(Image.open(file).convert("RGB")).transpose(2, 0, 1) for file in files]
    crops = np.array(planes, np.float32)
    exact = session(tmp_path, graphs.convert_rounded(content)).run({"data": crops})["fc1"]
    eight = graphs.convert_sface_int8(content)
    assert len(eight) < 11e6
    got = session(tmp_path, eight).run({"data": crops})["fc1"]
    norms = np.linalg.norm(got, axis=1), np.linalg.norm(exact, axis=1)
    assert np.all(np.sum(got * exact, axis=1) / norms[0] / norms[1] > 0.985)
    np.testing.assert_allclose(norms[0], norms[1], rtol=0.05)


def test_the_lab_counts_what_bytes_cost(rng, tmp_path):
    content = chain(rng)
    ranges = [(np.full(n, -4.0), np.full(n, 4.0)) for n in (8, 8, 16, 16, 512, 512)]
    costs = []
    for name, network in (
        ("plain", graphs.convert_embedder(content, mean=[0.0], scale=[1.0])),
        ("bytes", graphs.convert_chain_int8(content, ranges, side=SIDE)),
    ):
        (tmp_path / name).write_bytes(network)
        costs.append(read_costs(tmp_path / name))
    plain, eight = costs
    assert plain.macs < eight.macs < 2 * plain.macs  # the PReLUs count, and two images for one
    # Of the widest layers an image beside its relu, before and after Reshape.
    assert eight.map_bytes == 4 * 512 * (SIDE // 2) ** 2
