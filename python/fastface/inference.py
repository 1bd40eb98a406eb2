"""Sessions: a model file, checked and ready to run, on the execution provider that was asked for.

This is the only module that runs ONNX Runtime. One session may be shared by any number of threads;
with one intra-op thread (the default) that is the fastest way to use all cores for many photos.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Protocol, cast

from fastface.errors import ModelError
from fastface.providers import PROVIDERS, candidates, checked, filled
from fastface.types import FloatArray, Placement


class ProviderWarning(UserWarning):
    """A session runs on another execution provider than the one asked for."""


class Session(Protocol):
    """What a model needs from a runtime: named float32 arrays in, output arrays by name out."""

    def run(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]: ...


class OrtSession:
    """A model file run by ONNX Runtime.

    path: an ONNX file, or one in ONNX Runtime's own format (.ort).  sha256: what the file must
    hash to, as hex digits.  providers: keys of `PROVIDERS`, best first; the CPU always comes last.
    None is this system's default.  threads: intra-op threads of one call.  cache: folder for
    compiled models, where a provider keeps any.  fixed: the size of each free axis, by name, for
    providers that compile a network for one shape; None where it is to take any shape, and such
    providers are left out.

    `placement` says what was asked for and what the session really has; its layers are counted
    where ONNX Runtime tells (1.24 and newer) and more than the CPU was tried.  Where something is
    missing, a ProviderWarning says so (ONNX Runtime itself falls back in silence).  `is_fixed` says
    whether inputs must have the `fixed` shape; `input` is what the first of them is called.
    Raises ModelError if the file is missing, has another hash or cannot be loaded, ValueError for
    an unknown provider or threads below 1.
    """

    def __init__(
        self,
        path: Path,
        *,
        sha256: str,
        providers: Sequence[str] | None = None,
        threads: int = 1,
        cache: Path | None = None,
        fixed: Mapping[str, int] | None = None,
    ) -> None:
        asked = checked(providers)
        if threads < 1:  # ONNX Runtime would take any such number for "all cores"
            raise ValueError(f"threads: expected at least 1, got {threads}")
        check_file(path, sha256)
        _plug_in(asked)
        built_in = set(load_runtime().get_available_providers())
        if providers is None:  # nobody asked, so nothing is missing
            asked = [name for name in asked if PROVIDERS[name].ort_name in built_in]
        if fixed is None:
            built_in -= {row.ort_name for row in PROVIDERS.values() if row.static}
        missing = {name: why for name in asked if (why := _refusal(name, built_in))}
        if cache is not None:  # else a provider goes on with what it compiled from an older file
            cache /= sha256[:16]
        self._session, tried = _open(path, candidates(asked, built_in), threads, cache, fixed or {})
        missing |= tried.failed
        present = self._session.get_providers()
        obtained = tuple(name for name in tried.names if PROVIDERS[name].ort_name in present)
        layers = _layers(self._session) if len(tried.names) > 1 else {}
        for name in tried.names:
            if name not in obtained:
                missing[name] = "could not be set up here"
            elif layers and name != "cpu" and not layers.get(name):
                missing[name] = "takes none of the network's layers"
        self.placement = Placement(tuple(asked), obtained, missing, layers)
        self.is_fixed = any(PROVIDERS[name].static for name in tried.names)
        self.input = str(self._session.get_inputs()[0].name)
        self._outputs = [output.name for output in self._session.get_outputs()]
        if missing:
            reasons = "; ".join(f"{name} {reason}" for name, reason in missing.items())
            warnings.warn(
                f"{path.name}: {reasons}; running on {', '.join(obtained)}",
                ProviderWarning,
                stacklevel=3,
            )

    def run(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Output arrays by name. Thread-safe."""
        return dict(zip(self._outputs, self._session.run(self._outputs, dict(inputs)), strict=True))

    def run_checked(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """`run` for a network that nobody has tried yet: what fails is a ModelError."""
        try:
            return self.run(inputs)
        except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
            reason = str(error).strip().partition("\n")[0]
            raise ModelError(f"the network cannot be run: {reason}") from error


def load_runtime() -> ModuleType:
    """The onnxruntime module, told to send nothing: the only way it is imported here.

    Since 1.29 its packages for Linux and macOS report to their maker unless a variable says no
    before they are loaded; both of the names that variable has had are set.  Where a program has
    loaded onnxruntime before, events are stopped from here on, and keeping it silent until then is
    that program's choice.
    """
    for variable in ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED"):
        os.environ[variable] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    return cast(ModuleType, onnxruntime)


def available_providers() -> tuple[str, ...]:
    """Keys of PROVIDERS that the installed ONNX Runtime was built with, or finds beside it."""
    _plug_in(PROVIDERS)
    built_in = load_runtime().get_available_providers()
    return tuple(name for name, row in PROVIDERS.items() if row.ort_name in built_in)


def check_file(path: Path, sha256: str) -> None:
    """Raises ModelError if `path` cannot be read or has another SHA-256 (hex digits)."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"cannot read the model file {path} ({error.strerror}); run: fastface models install"
        ) from error
    if digest != sha256:
        raise ModelError(
            f"the model file {path} is damaged or was changed (its SHA-256 is not the recorded "
            "one); run: fastface models install"
        )


def _plug_in(names: Iterable[str]) -> None:
    """Load the providers among these that come as packages of their own, and are installed."""
    ort = load_runtime()
    for name in names:
        row = PROVIDERS[name]
        if (
            row.plugin
            and row.ort_name not in ort.get_available_providers()
            and importlib.util.find_spec(row.plugin) is not None
            and hasattr(ort, "register_execution_provider_library")  # 1.23 and newer
        ):
            library = importlib.import_module(row.plugin).get_library_path()
            try:
                ort.register_execution_provider_library(row.ort_name, library)
            except Exception as error:  # ONNX Runtime's exceptions share no base class
                raise ModelError(f"{row.package} cannot be loaded: {error}") from error


class _Tried(NamedTuple):
    """names: the providers that a session was made with.  failed: why others could not be had."""

    names: list[str]
    failed: dict[str, str]


def _refusal(name: str, usable: Collection[str]) -> str:
    """Why a provider is not tried at all; empty if it is."""
    row = PROVIDERS[name]
    if row.ort_name in usable:
        return ""
    if row.ort_name in load_runtime().get_available_providers():
        return "needs one shape of input, and these vary"
    return "is not part of this onnxruntime" + (f" (see {row.package})" if row.package else "")


def _open(
    path: Path, names: list[str], threads: int, cache: Path | None, fixed: Mapping[str, int]
) -> tuple[Any, _Tried]:
    """A session on as many of these providers as can be had."""
    ort = load_runtime()
    failed: dict[str, str] = {}
    while True:
        devices = _devices(names[0])
        if devices:  # beside which a session takes no other
            names = [names[0], "cpu"]
        rows = [PROVIDERS[name] for name in names]
        options = ort.SessionOptions()
        # XNNPACK brings threads of its own, and the session's would fight with them.
        options.intra_op_num_threads = 1 if "xnnpack" in names else threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_mem_pattern = False  # planned per shape, and photos come in many shapes
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Products of bytes must not overflow on processors whose only instruction for them does.
        options.add_session_config_entry("session.x64quantprecision", "1")
        if len(rows) > 1:
            options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        if any(row.static for row in rows):
            for axis, size in fixed.items():
                options.add_free_dimension_override_by_name(axis, size)
        if cache is not None and any("{cache}" in row.options.values() for row in rows):
            for folder in (cache.parent, cache):  # with `parents`, only the last would be private
                folder.mkdir(mode=0o700, exist_ok=True)
        given = [(row.ort_name, filled(row, threads=threads, cache=cache)) for row in rows]
        if devices:
            options.add_provider_for_devices(devices, given[0][1])
            given = []
        try:
            # The path, not the bytes just read: the session would keep them.  Its own fallback
            # would print to standard output.
            session = ort.InferenceSession(path, options, given, enable_fallback=0)
        except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
            if len(names) == 1:
                raise ModelError(f"{path.name} cannot be loaded: {error}") from error
            failed[names[0]] = "failed: " + str(error).strip().partition("\n")[0]
            names = names[1:]
        else:
            return session, _Tried(names, failed)


def _devices(name: str) -> list[Any]:
    """What a provider that was plugged in runs on; empty for those that are built in."""
    row, ort = PROVIDERS[name], load_runtime()
    if not row.plugin or not hasattr(ort, "get_ep_devices"):
        return []
    return [device for device in ort.get_ep_devices() if device.ep_name == row.ort_name][:1]


def _layers(session: Any) -> dict[str, int]:
    """How many layers of a network run on each provider, by key of PROVIDERS."""
    assignment = getattr(session, "get_provider_graph_assignment_info", None)
    if assignment is None:  # before 1.24
        return {}
    keys = {row.ort_name: name for name, row in PROVIDERS.items()}
    counts: dict[str, int] = {}
    for part in assignment():
        name = keys.get(part.ep_name, part.ep_name)
        counts[name] = counts.get(name, 0) + len(part.get_nodes())
    return counts
