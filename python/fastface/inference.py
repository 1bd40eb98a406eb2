"""Sessions: a model file, checked and ready to run, on the execution provider that was asked for.

This is the only module that runs ONNX Runtime. One session may be shared by any number of threads;
with one intra-op thread (the default) that is the fastest way to use all cores for many photos.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

from fastface.errors import ModelError
from fastface.types import FloatArray


class ProviderWarning(UserWarning):
    """A session runs on another execution provider than the one asked for."""


class Session(Protocol):
    """What a model needs from a runtime: named float32 arrays in, output arrays by name out."""

    def run(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]: ...


@dataclass(frozen=True, slots=True)
class Provider:
    """A row of PROVIDERS.

    ort_name: ONNX Runtime's name.  options: passed as they are; "{cache}" stands for a private
    folder where the provider keeps compiled models.
    """

    ort_name: str
    options: Mapping[str, str]


PROVIDERS: Mapping[str, Provider] = {
    "cpu": Provider("CPUExecutionProvider", {}),
    "xnnpack": Provider("XnnpackExecutionProvider", {}),
    "coreml": Provider(
        "CoreMLExecutionProvider",
        {
            "ModelFormat": "MLProgram",
            "RequireStaticInputShapes": "1",
            "ModelCacheDirectory": "{cache}",
        },
    ),
    # Deprecated since Android 15: for older devices, by request only.
    "nnapi": Provider("NnapiExecutionProvider", {}),
    # Photos vary in shape: a search per shape would cost more than it gains.
    "cuda": Provider("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC"}),
    "directml": Provider("DmlExecutionProvider", {}),
}


class OrtSession:
    """A model file run by ONNX Runtime.

    path: an ONNX file.  sha256: what the file must hash to, as hex digits.  providers: keys of
    PROVIDERS, best first; the CPU always comes last and is the default.  threads: intra-op threads
    of one call.  cache: folder for compiled models, where a provider keeps any.

    `providers` then says what the session really has, in the same words; where that lacks one that
    was asked for, a ProviderWarning says so (ONNX Runtime itself falls back to the CPU in silence).
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
    ) -> None:
        asked = _with_cpu(providers)
        if threads < 1:  # ONNX Runtime would take any such number for "all cores"
            raise ValueError(f"threads: expected at least 1, got {threads}")
        ort = load_runtime()
        check_file(path, sha256)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_mem_pattern = False  # planned per shape, and photos come in many shapes
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        built_in = set(ort.get_available_providers())
        rows = [PROVIDERS[name] for name in asked if PROVIDERS[name].ort_name in built_in]
        try:
            self._session = ort.InferenceSession(
                path,  # not the bytes just read: the session would keep them
                options,
                providers=[(row.ort_name, _fill(row.options, cache)) for row in rows],
            )
        except Exception as error:  # ONNX Runtime's exceptions share no base class of their own
            raise ModelError(f"{path.name} cannot be loaded: {error}") from error
        obtained = self._session.get_providers()
        self.providers = tuple(name for name, row in PROVIDERS.items() if row.ort_name in obtained)
        self._outputs = [output.name for output in self._session.get_outputs()]
        missing = [name for name in asked if name not in self.providers]
        if missing:
            warnings.warn(
                f"{path.name}: {', '.join(missing)} not available in this onnxruntime; "
                f"running on {', '.join(self.providers)}",
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
    """Keys of PROVIDERS that the installed ONNX Runtime was built with."""
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


def _with_cpu(providers: Sequence[str] | None) -> list[str]:
    if isinstance(providers, str):
        raise ValueError("providers must be a sequence of names, not one string")
    asked = list(dict.fromkeys(providers or ()))
    unknown = [name for name in asked if name not in PROVIDERS]
    if unknown:
        raise ValueError(f"providers: unknown {unknown}; known: {', '.join(PROVIDERS)}")
    return [name for name in asked if name != "cpu"] + ["cpu"]


def _fill(options: Mapping[str, str], cache: Path | None) -> dict[str, str]:
    """Provider options with the cache folder put in; without a folder, no caching."""
    if cache is None:
        return {key: value for key, value in options.items() if "{cache}" not in value}
    return {key: value.format(cache=cache) for key, value in options.items()}
