"""Graphs for phones: one shape, no layer that an accelerator lacks, and the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fastface import graphs
from fastface.errors import ModelError
from fastface.graphs import mobile
from tests.test_graphs import op_types, run

RNG = np.random.default_rng(0)
NORM = {name: RNG.uniform(0.5, 2, 6).astype(np.float32) for name in ("g", "b", "m", "v")}
KERNEL = RNG.normal(size=(6, 3, 3, 3)).astype(np.float32)


def model(nodes, constants, *, shape=("n", 3, 8, 8), output=("n", 5)) -> bytes:
    """Bytes of a graph from `x` to `y` for any batch."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    opsets = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def same(original: bytes, side: int = 8) -> list[str]:
    """The operators of the mobile graph, which computes what the original does."""
    x = RNG.normal(size=(1, 3, side, side)).astype(np.float32)
    fitted = mobile.fit_mobile(original, x.shape)
    (expected,), (found,) = run(original, x), run(fitted, x)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    graph = onnx.load_model_from_string(fitted).graph
    for value in (*graph.input, *graph.output):
        assert all(dim.dim_value > 0 for dim in value.type.tensor_type.shape.dim)
    return op_types(fitted)


def conv(x: str, y: str, kernel: str = "k", **how: object) -> onnx.NodeProto:
    return helper.make_node("Conv", [x, kernel], [y], **how)


def norm(x: str, y: str, **how: object) -> onnx.NodeProto:
    return helper.make_node("BatchNormalization", [x, *NORM], [y], **how)


def test_flatten_and_a_dense_layer_are_one_convolution() -> None:
    dense = {"w": RNG.normal(size=(5, 216)).astype(np.float32), "c": np.ones(5, np.float32)}
    nodes = [
        conv("x", "a"),
        helper.make_node("Flatten", ["a"], ["f"]),
        helper.make_node("Gemm", ["f", "w", "c"], ["y"], transB=1, alpha=0.5, beta=2.0),
    ]
    assert same(model(nodes, {"k": KERNEL, **dense})) == ["Conv", "Conv", "Reshape"]


@pytest.mark.parametrize("op_type", ["Gemm", "MatMul"])
def test_a_dense_layer_of_a_vector_is_a_convolution_of_a_pixel(op_type: str) -> None:
    nodes = [
        conv("x", "a"),
        helper.make_node("GlobalAveragePool", ["a"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Relu", ["f"], ["r"]),
        helper.make_node(op_type, ["r", "w"], ["y"]),
    ]
    weight = RNG.normal(size=(6, 5)).astype(np.float32)
    found = same(model(nodes, {"k": KERNEL, "w": weight}))
    assert found == ["Conv", "GlobalAveragePool", "Reshape", "Relu", "Reshape", "Conv", "Reshape"]


def test_batch_normalisation_moves_into_the_layer_before_it() -> None:
    bias = np.ones(6, np.float32)
    with_bias = helper.make_node("Conv", ["x", "k", "bias"], ["a"])
    output = ("n", 6, 6, 6)
    for first in (conv("x", "a"), with_bias):
        content = model(
            [first, norm("a", "y", epsilon=0.01)],
            {"k": KERNEL, "bias": bias, **NORM},
            output=output,
        )
        assert same(content) == ["Conv"]


@pytest.mark.parametrize("transposed", [0, 1])
def test_batch_normalisation_moves_into_a_dense_layer(transposed: int) -> None:
    weight = RNG.normal(size=(6, 192) if transposed else (192, 6)).astype(np.float32)
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Gemm", ["f", "w"], ["d"], transB=transposed),
        norm("d", "y"),
    ]
    assert same(model(nodes, {"w": weight, **NORM}, output=("n", 6))) == ["Conv", "Reshape"]


def test_batch_normalisation_that_cannot_move_is_plain() -> None:
    seen_twice = [conv("x", "a"), norm("a", "n"), helper.make_node("Add", ["n", "a"], ["y"])]
    found = same(model(seen_twice, {"k": KERNEL, **NORM}, output=("n", 6, 6, 6)))
    assert found == ["Conv", "Conv", "Add"]
    of_a_vector = [
        conv("x", "a"),
        helper.make_node("GlobalMaxPool", ["a"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        norm("f", "y"),
    ]
    found = same(model(of_a_vector, {"k": KERNEL, **NORM}, output=("n", 6)))
    assert found == ["Conv", "GlobalMaxPool", "Reshape", "Mul", "Add"]


@pytest.mark.parametrize(
    "ends", [[0, 0, 0, 0, 0, 2, 0, 0], [0, 0, 1, 0, 0, 0, 2, 3], [0, 1, 0, 2, 0, 3, 1, 0]]
)
def test_zeros_around_are_a_convolution(ends: list[int]) -> None:
    sides = tuple(side + a + b for side, a, b in zip((3, 8, 8), ends[1:4], ends[5:], strict=True))
    nodes = [helper.make_node("Pad", ["x", "ends"], ["y"])]
    assert same(model(nodes, {"ends": np.array(ends)}, output=("n", *sides))) == ["Conv"]


def test_other_padding_stays() -> None:
    ends = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    for extra, how in ((["one"], {}), ([], {"mode": "reflect"})):
        nodes = [helper.make_node("Pad", ["x", "ends", *extra], ["y"], **how)]
        content = model(nodes, {"ends": ends, "one": np.float32(1)}, output=("n", 3, 10, 10))
        assert same(content) == ["Pad"]


def test_a_shape_that_the_network_does_not_take_is_refused() -> None:
    content = model([conv("x", "y")], {"k": KERNEL}, output=("n", 6, 6, 6))
    with pytest.raises(ModelError, match=r"inputs of shape \(any, 3, 8, 8\), not \(1, 3, 9, 9\)"):
        mobile.fit_mobile(content, (1, 3, 9, 9))
    with pytest.raises(ModelError, match="not"):
        mobile.fit_mobile(content, (1, 3, 8))


def test_a_shape_that_depends_on_the_photo_is_refused() -> None:
    nodes = [
        helper.make_node("NonZero", ["x"], ["i"]),
        helper.make_node("Cast", ["i"], ["y"], to=1),
    ]
    with pytest.raises(ModelError, match="depends on what the network computes"):
        mobile.fit_mobile(model(nodes, {}, output=(4, "m")), (1, 3, 8, 8))


def test_what_coreml_compiled_is_named_after_the_network() -> None:
    def key(kernel: np.ndarray) -> str:
        content = model([conv("x", "y")], {"k": kernel}, output=("n", 6, 6, 6))
        found = onnx.load_model_from_string(mobile.fit_mobile(content, (1, 3, 8, 8)))
        (row,) = found.metadata_props
        assert row.key == "COREML_CACHE_KEY" and row.value.isalnum() and len(row.value) < 64
        return row.value

    assert key(KERNEL) == key(KERNEL) != key(KERNEL + 1)


def test_new_constants_never_take_the_place_of_old_ones() -> None:
    """A file that was rewritten once is read and rewritten again."""
    content = model([conv("x", "y", "fastface_1")], {"fastface_1": KERNEL})
    graph = graphs.read(content)
    assert graph.constant(np.zeros(1)) == "fastface_2"
    np.testing.assert_array_equal(graph.constants["fastface_1"], KERNEL)


@pytest.mark.models
def test_installed_models_compute_the_same(models: Path) -> None:
    for file, side in (("yunet-2023mar.onnx", 320), ("sface-2021dec.onnx", 112)):
        content = (models / file).read_bytes()
        x = RNG.integers(0, 256, (1, 3, side, side)).astype(np.float32)
        fitted = mobile.fit_mobile(content, x.shape)
        assert not {"Flatten", "Gemm", "BatchNormalization", "PRelu", "Pad"} & {*op_types(fitted)}
        for expected, found in zip(run(content, x), run(fitted, x), strict=True):
            scale = np.abs(expected).max()
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.models
@pytest.mark.parametrize(
    ("file", "side"), [("yunet-2023mar.onnx", 640), ("sface-2021dec.onnx", 112)]
)
def test_what_the_usability_checker_leaves_unchecked(models: Path, file: str, side: int) -> None:
    """The notes in ONNX Runtime's lists for NNAPI and CoreML, on every layer they are about."""
    content = mobile.fit_mobile((models / file).read_bytes(), (1, 3, side, side))
    graph = onnx.load_model_from_string(content).graph
    constants = {constant.name: constant for constant in graph.initializer}
    for node in graph.node:
        how = graphs.attributes(node)
        if node.op_type == "Conv":  # 2-D, weights and bias constant
            assert all(name in constants for name in node.input[1:])
            assert len(constants[node.input[1]].dims) == 4
        elif node.op_type == "Reshape":  # the target constant, without a dimension to be found out
            assert numpy_helper.to_array(constants[node.input[1]]).min() > 0
        elif node.op_type == "Resize":  # the one form that all of them take
            assert how["coordinate_transformation_mode"] == b"asymmetric"
            assert (how["mode"], how["nearest_mode"]) == (b"nearest", b"floor")
            assert all(name in constants for name in node.input[1:] if name)
        elif node.op_type in ("MaxPool", "AveragePool"):
            assert len(how["kernel_shape"]) == 2
            assert not how.get("ceil_mode") and len(node.output) == 1
        elif node.op_type in ("Add", "Mul", "Sub"):  # constants of at most the image's rank
            assert all(len(constants[n].dims) <= 4 for n in node.input if n in constants)
