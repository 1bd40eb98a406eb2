"""Where networks can run: ONNX Runtime's execution providers, one row each, as data.

A row says what a provider runs on, how it is set up, whether it wants one fixed shape, what takes
its place where it is missing, and whether it is ever chosen without being asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Provider:
    """A row of PROVIDERS.

    ort_name: ONNX Runtime's name.  runs_on: the hardware, for people.  systems: where packages of
    ONNX Runtime have it.  options: passed as they are but for "{threads}" and "{cache}", a private
    folder where compiled models are kept.
    package: which package for Python has it, if not every ONNX Runtime has.  plugin: the module
    of a package that comes beside ONNX Runtime, not in its place.
    flags: for apps, bits that the provider's own function takes in place of options.
    static: compiles a network for one shape; where shapes vary, it is left out.  by_request: never
    chosen unless it is asked for.  instead: what is tried where it is missing, before the CPU.
    """

    ort_name: str
    runs_on: str
    systems: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, int] = field(default_factory=dict)
    static: bool = False
    by_request: bool = True
    instead: tuple[str, ...] = ()
    package: str = ""
    plugin: str = ""


_EVERYWHERE: Final = ("Linux", "macOS", "Windows", "Android", "iOS")

PROVIDERS: Final[Mapping[str, Provider]] = {
    "cpu": Provider("CPUExecutionProvider", "any processor", _EVERYWHERE, by_request=False),
    # Kernels for the processors of phones; with its own threads, which the session must not double.
    "xnnpack": Provider(
        "XnnpackExecutionProvider",
        "the processor of phones",
        ("Android", "iOS"),
        {"intra_op_num_threads": "{threads}"},
        by_request=False,
    ),
    # MLProgram is the form that is still developed, and computes in half precision on the Neural
    # Engine.  Without fixed shapes each part would be compiled again for every photo.
    "coreml": Provider(
        "CoreMLExecutionProvider",
        "Apple's Neural Engine, GPU or processor",
        ("macOS", "iOS"),
        {
            "ModelFormat": "MLProgram",
            "MLComputeUnits": "ALL",
            "RequireStaticInputShapes": "1",
            "EnableOnSubgraphs": "0",
            "ModelCacheDirectory": "{cache}",
        },
        static=True,
    ),
    # Deprecated since Android 15: for older devices.  Its own fallback on the CPU is slow, which
    # the flag forbids (Android 10 and newer).
    "nnapi": Provider(
        "NnapiExecutionProvider",
        "accelerators of Android before 15",
        ("Android",),
        flags={"NNAPI_FLAG_CPU_DISABLED": 0x004},
        static=True,
        instead=("xnnpack",),
    ),
    "qnn": Provider(
        "QNNExecutionProvider",
        "Qualcomm's Hexagon processor",
        ("Windows", "Android"),
        {
            "backend_type": "htp",
            "htp_performance_mode": "burst",
            "htp_graph_finalization_optimization_mode": "3",
        },
        static=True,
        instead=("directml", "xnnpack"),
        package="onnxruntime-qnn",
        plugin="onnxruntime_qnn",
    ),
    "directml": Provider(
        "DmlExecutionProvider",
        "any GPU on Windows",
        ("Windows",),
        {"device_id": "0"},
        package="onnxruntime-directml",
    ),
    # Photos vary in shape: a search per shape would cost more than it gains, and an arena that
    # doubles would take the whole card.
    "cuda": Provider(
        "CUDAExecutionProvider",
        "NVIDIA's GPUs",
        ("Linux", "Windows"),
        {
            "device_id": "0",
            "cudnn_conv_algo_search": "HEURISTIC",
            "arena_extend_strategy": "kSameAsRequested",
        },
        instead=("directml",),
        package="onnxruntime-gpu",
    ),
    # On Intel's processors it would choose bfloat16 by itself where there is some; one
    # precision on all machines makes one library.
    "openvino": Provider(
        "OpenVINOExecutionProvider",
        "Intel's processors, GPUs and NPUs",
        ("Linux", "Windows"),
        {
            "device_type": "CPU",
            "precision": "ACCURACY",
            "num_of_threads": "{threads}",
            "cache_dir": "{cache}",
        },
        package="onnxruntime-openvino",
    ),
}


def default_providers(system: str | None = None) -> tuple[str, ...]:
    """What runs where nobody asked for anything: XNNPACK first on Android, else the CPU.

    >>> default_providers("Android"), default_providers("macOS")
    (('xnnpack', 'cpu'), ('cpu',))
    """
    return ("xnnpack", "cpu") if (system or system_name()) == "Android" else ("cpu",)


def system_name() -> str:
    """One of the names in `Provider.systems`, or Python's own name of another system."""
    if hasattr(sys, "getandroidapilevel"):
        return "Android"
    names = {"darwin": "macOS", "linux": "Linux", "win32": "Windows", "ios": "iOS"}
    return names.get(sys.platform, sys.platform)


def checked(providers: Sequence[str] | None) -> list[str]:
    """What was asked for, each once, the CPU last; without a wish, this system's default.

    Raises ValueError for what is no key of PROVIDERS.
    """
    if isinstance(providers, str):
        raise ValueError("providers must be a sequence of names, not one string")
    asked = list(dict.fromkeys(default_providers() if providers is None else providers))
    unknown = [name for name in asked if name not in PROVIDERS]
    if unknown:
        raise ValueError(f"providers: unknown {unknown}; known: {', '.join(PROVIDERS)}")
    return [name for name in asked if name != "cpu"] + ["cpu"]


def candidates(asked: Sequence[str], built_in: Collection[str]) -> list[str]:
    """What a session is tried with: what was asked for, or what takes its place where the ONNX
    Runtime that is installed lacks it.

    built_in: ONNX Runtime's names.

    >>> candidates(["nnapi", "cpu"], ["XnnpackExecutionProvider", "CPUExecutionProvider"])
    ['xnnpack', 'cpu']
    """
    found: list[str] = []
    for name in asked:
        for choice in (name, *PROVIDERS[name].instead):
            if PROVIDERS[choice].ort_name in built_in:
                found.append(choice)
                break
    return list(dict.fromkeys(found))


def filled(row: Provider, *, threads: int, cache: Path | None) -> dict[str, str]:
    """A row's options for ONNX Runtime; without a folder, no caching."""
    values = {"{threads}": str(threads)}
    if cache is not None:
        values["{cache}"] = str(cache)
    return {
        key: values.get(value, value)
        for key, value in row.options.items()
        if value in values or not value.startswith("{")
    }
