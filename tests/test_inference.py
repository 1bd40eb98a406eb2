"""Sessions are checked when made and honest about where they run."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from fastface import inference
from fastface.errors import ModelError
from fastface.inference import OrtSession, ProviderWarning, available_providers
from fastface.providers import PROVIDERS
from fastface.types import Placement


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
    assert session.placement.obtained == ("cpu",) and not session.is_fixed
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
        session = OrtSession(path, sha256=sha256, providers=[name], fixed={"n": 3})
        assert session.placement.obtained[0] == name and not session.placement.missing
    else:
        with pytest.warns(ProviderWarning, match=f"{name} is not part of.*running on cpu"):
            session = OrtSession(path, sha256=sha256, providers=[name], fixed={"n": 3})
        assert session.placement.obtained == ("cpu",)
        assert session.placement.missing.keys() == {name}
    assert session.placement.asked[0] == name and session.placement.asked[-1] == "cpu"


def test_provider_names_are_those_of_onnxruntime():
    assert {row.ort_name for row in PROVIDERS.values()} <= set(ort.get_all_providers())


class OtherRuntime:
    """ONNX Runtime as another machine has it: its own sessions, on the CPU, under other names.

    built_in: the providers of the build.  failing: those whose setting up raises; absent: those
    that a session is then found not to have; layers: of each in the made-up assignment.
    """

    def __init__(
        self,
        *built_in: str,
        failing: tuple[str, ...] = (),
        absent: tuple[str, ...] = (),
        layers: Mapping[str, int] | None = None,
    ) -> None:
        self._built_in = [*built_in, "CPUExecutionProvider"]
        self._failing, self._absent, self._counted = failing, absent, layers or {}
        self.options: list[dict[str, dict[str, str]]] = []
        self.overrides: list[dict[str, int]] = []
        self.plugged_in: dict[str, str] = {}

    def register_execution_provider_library(self, name: str, library: str) -> None:
        if name in self._failing:
            raise RuntimeError("no such symbol")
        self.plugged_in[name] = library
        self._built_in.append(name)

    def get_ep_devices(self) -> list[Any]:
        return [SimpleNamespace(ep_name=name) for name in ["CPU", *self.plugged_in]]

    def get_available_providers(self) -> list[str]:
        return self._built_in

    def SessionOptions(self) -> Any:  # noqa: N802
        runtime, options = self, ort.SessionOptions()
        runtime.overrides.append({})

        class Options:
            def __setattr__(self, name: str, value: object) -> None:
                setattr(options, name, value)

            def add_session_config_entry(self, *entry: str) -> None:
                options.add_session_config_entry(*entry)

            def add_free_dimension_override_by_name(self, axis: str, size: int) -> None:
                runtime.overrides[-1][axis] = size
                options.add_free_dimension_override_by_name(axis, size)

            def add_provider_for_devices(self, devices: list[Any], filled: dict[str, str]) -> None:
                runtime._for_devices = [(devices[0].ep_name, filled), ("CPUExecutionProvider", {})]

        self._made, self._for_devices = options, []
        return Options()

    def InferenceSession(  # noqa: N802
        self, path: Path, _options: Any, providers: list[tuple[str, dict[str, str]]], **how: int
    ) -> Any:
        assert how == {"enable_fallback": 0}, "its own fallback prints to standard output"
        assert bool(providers) != bool(self._for_devices), "one way or the other"
        providers = providers or self._for_devices
        self.options.append(dict(providers))
        names = [name for name, _ in providers]
        for name in names:
            if name in self._failing:
                raise RuntimeError(f"{name} has no device\nand says so at length")
        session = ort.InferenceSession(path, self._made, ["CPUExecutionProvider"])
        parts = [
            SimpleNamespace(ep_name=name, get_nodes=lambda n=n: [None] * n)
            for name, n in self._counted.items()
        ]
        return SimpleNamespace(
            run=session.run,
            get_inputs=session.get_inputs,
            get_outputs=session.get_outputs,
            get_providers=lambda: [name for name in names if name not in self._absent],
            get_provider_graph_assignment_info=lambda: parts,
        )


def on(
    runtime: OtherRuntime, monkeypatch: pytest.MonkeyPatch, doubling: Any, **how: Any
) -> OrtSession:
    monkeypatch.setattr(inference, "load_runtime", lambda: runtime)
    path, sha256 = doubling
    return OrtSession(path, sha256=sha256, **how)


def test_a_compiling_provider_gets_one_shape_and_a_private_cache(doubling, monkeypatch, tmp_path):
    coreml = "CoreMLExecutionProvider"
    runtime = OtherRuntime(coreml, layers={coreml: 1})
    cache = tmp_path / "compiled"
    session = on(runtime, monkeypatch, doubling, providers=["coreml"], cache=cache, fixed={"n": 3})
    assert session.placement == Placement(("coreml", "cpu"), ("coreml", "cpu"), {}, {"coreml": 1})
    assert session.is_fixed and runtime.overrides == [{"n": 3}]
    assert runtime.options[0][coreml] == {
        "ModelFormat": "MLProgram",
        "MLComputeUnits": "ALL",
        "RequireStaticInputShapes": "1",
        "EnableOnSubgraphs": "0",
        "ModelCacheDirectory": str(cache / doubling[1][:16]),
    }
    for folder in (cache, cache / doubling[1][:16]):  # of this very file, and private
        assert folder.stat().st_mode & 0o777 == 0o700 or os.name == "nt"
    np.testing.assert_array_equal(session.run({"x": np.ones(3, np.float32)})["y"], [2, 2, 2])
    with pytest.raises(ModelError):  # now the shape is fixed indeed
        session.run_checked({"x": np.ones(4, np.float32)})


def test_where_shapes_vary_a_compiling_provider_is_left_out(doubling, monkeypatch):
    runtime = OtherRuntime("CoreMLExecutionProvider")
    with pytest.warns(ProviderWarning, match="coreml needs one shape.*running on cpu"):
        session = on(runtime, monkeypatch, doubling, providers=["coreml"])
    assert not session.is_fixed and runtime.options == [{"CPUExecutionProvider": {}}]
    assert session.placement.obtained == ("cpu",)


def test_a_provider_that_fails_is_replaced_and_the_reason_kept(doubling, monkeypatch, capfd):
    cuda, openvino = "CUDAExecutionProvider", "OpenVINOExecutionProvider"
    runtime = OtherRuntime(cuda, openvino, failing=(cuda,))
    with pytest.warns(ProviderWarning, match="cuda failed: CUDAExecutionProvider has no device;"):
        session = on(runtime, monkeypatch, doubling, providers=["cuda", "openvino"])
    assert session.placement.obtained == ("openvino", "cpu")
    assert [[*row] for row in runtime.options] == [
        [cuda, openvino, "CPUExecutionProvider"],
        [openvino, "CPUExecutionProvider"],
    ]
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"absent": ("CUDAExecutionProvider",)}, "could not be set up here"),
        ({"layers": {"CPUExecutionProvider": 1}}, "takes none of the network's layers"),
    ],
)
def test_a_provider_that_does_nothing_is_no_provider(doubling, monkeypatch, how, reason):
    runtime = OtherRuntime("CUDAExecutionProvider", **how)
    with pytest.warns(ProviderWarning, match=reason):
        session = on(runtime, monkeypatch, doubling, providers=["cuda"])
    assert session.placement.missing == {"cuda": reason}


def test_a_model_that_nothing_can_run_is_an_error(tmp_path: Path, monkeypatch):
    path = tmp_path / "text.onnx"
    path.write_bytes(b"text")
    runtime = OtherRuntime("CUDAExecutionProvider", failing=("CUDAExecutionProvider",))
    monkeypatch.setattr(inference, "load_runtime", lambda: runtime)
    with pytest.raises(ModelError, match=r"text\.onnx cannot be loaded"):
        OrtSession(path, sha256=hashlib.sha256(b"text").hexdigest(), providers=["cuda"])


def test_xnnpack_brings_its_own_threads(doubling, monkeypatch):
    runtime = OtherRuntime("XnnpackExecutionProvider")
    on(runtime, monkeypatch, doubling, providers=["xnnpack"], threads=4)
    assert runtime.options[0]["XnnpackExecutionProvider"] == {"intra_op_num_threads": "4"}
    assert runtime._made.intra_op_num_threads == 1


def test_on_android_xnnpack_comes_first_where_it_is(doubling, monkeypatch):
    monkeypatch.setattr(sys, "getandroidapilevel", lambda: 34, raising=False)
    session = on(OtherRuntime("XnnpackExecutionProvider"), monkeypatch, doubling)
    assert session.placement.obtained == ("xnnpack", "cpu")
    session = on(OtherRuntime(), monkeypatch, doubling)  # and no warning
    assert session.placement == Placement(("cpu",), ("cpu",), {}, {})


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that brings a provider beside ONNX Runtime."""
    module = ModuleType("onnxruntime_qnn")
    module.__spec__ = ModuleSpec("onnxruntime_qnn", None)
    module.get_library_path = lambda: "/site-packages/libqnn.so"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "onnxruntime_qnn", module)


def test_a_provider_may_come_beside_the_runtime(doubling, monkeypatch, beside):
    qnn = "QNNExecutionProvider"
    runtime = OtherRuntime(layers={qnn: 1})
    session = on(runtime, monkeypatch, doubling, providers=["qnn"], fixed={"n": 3})
    assert runtime.plugged_in == {qnn: "/site-packages/libqnn.so"}
    assert runtime.options[0][qnn]["backend_type"] == "htp"
    assert session.placement == Placement(("qnn", "cpu"), ("qnn", "cpu"), {}, {"qnn": 1})
    assert session.is_fixed
    on(runtime, monkeypatch, doubling, providers=["qnn"], fixed={"n": 3})
    assert len(runtime.plugged_in) == 1, "once"
    assert available_providers() == ("cpu", "qnn")


def test_a_plugin_is_not_touched_unless_it_is_asked_for(doubling, monkeypatch, beside):
    runtime = OtherRuntime()
    on(runtime, monkeypatch, doubling)
    assert runtime.plugged_in == {}


def test_a_plugin_that_cannot_be_loaded_is_an_error(doubling, monkeypatch, beside):
    runtime = OtherRuntime(failing=("QNNExecutionProvider",))
    with pytest.raises(ModelError, match="onnxruntime-qnn cannot be loaded: no such symbol"):
        on(runtime, monkeypatch, doubling, providers=["qnn"], fixed={"n": 3})
