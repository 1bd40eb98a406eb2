"""Sessions are checked when made and honest about where they run."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from fastface.errors import ModelError
from fastface.inference import PROVIDERS, OrtSession, ProviderWarning, available_providers


@pytest.fixture
def doubling(tmp_path: Path) -> tuple[Path, str]:
    """A model that adds its input to itself, and its hash."""
    shape = ["n"]
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    content = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    ).SerializeToString()
    path = tmp_path / "doubling.onnx"
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def test_outputs_come_by_name_from_any_number_of_threads(doubling):
    path, sha256 = doubling
    session = OrtSession(path, sha256=sha256)
    assert session.providers == ("cpu",)
    inputs = [np.full(100, k, np.float32) for k in range(64)]
    with ThreadPoolExecutor(4) as pool:
        outputs = list(pool.map(lambda x: session.run({"x": x})["y"], inputs))
    np.testing.assert_array_equal(outputs, 2 * np.array(inputs))


def test_a_changed_file_is_refused(doubling):
    path, sha256 = doubling
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelError, match=r"doubling\.onnx is damaged.*fastface models install"):
        OrtSession(path, sha256=sha256)


def test_a_missing_file_names_the_command(tmp_path: Path):
    with pytest.raises(ModelError, match=r"No such file.*fastface models install"):
        OrtSession(tmp_path / "none.onnx", sha256="0" * 64)


def test_what_is_no_model_is_refused(tmp_path: Path):
    path = tmp_path / "text.onnx"
    path.write_bytes(b"text")
    with pytest.raises(ModelError, match=r"text\.onnx cannot be loaded"):
        OrtSession(path, sha256=hashlib.sha256(b"text").hexdigest())


def test_bad_arguments_are_named(doubling):
    path, sha256 = doubling
    with pytest.raises(ValueError, match=r"unknown \['gpu'\]; known: cpu"):
        OrtSession(path, sha256=sha256, providers=["gpu"])
    with pytest.raises(ValueError, match="not one string"):
        OrtSession(path, sha256=sha256, providers="cpu")
    with pytest.raises(ValueError, match="threads: expected at least 1"):
        OrtSession(path, sha256=sha256, threads=0)


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_provider_obtained_is_reported(doubling, name: str):
    path, sha256 = doubling
    if name in available_providers():
        session = OrtSession(path, sha256=sha256, providers=[name])
        assert session.providers[0] == name
    else:
        with pytest.warns(ProviderWarning, match=f"{name} not available.*running on cpu"):
            session = OrtSession(path, sha256=sha256, providers=[name])
        assert session.providers == ("cpu",)


def test_provider_names_are_those_of_onnxruntime():
    assert {row.ort_name for row in PROVIDERS.values()} <= set(ort.get_all_providers())
