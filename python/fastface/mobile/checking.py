"""Golden vectors checked: on this machine, or what a device made of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastface.errors import ModelError
from fastface.inference import OrtSession, check_file
from fastface.mobile.bundle import read_manifest
from fastface.mobile.golden import Agreement, compare, from_bytes
from fastface.types import FloatArray


def check(
    folder: Path, *, results: Path | None = None, providers: Sequence[str] | None = None
) -> list[Agreement]:
    """How near outputs are to a bundle's golden ones, in the order of the manifest.

    results: a folder of what a device made, under the names of the golden outputs; None runs both
    files of every model here, on `providers` (see `OrtSession`).
    Raises ModelError for what is no whole bundle, and where nothing in `results` has such a name.
    """
    manifest = read_manifest(folder)
    for name, row in manifest["files"].items():
        check_file(folder / name, row["sha256"])
    found = [
        agreement
        for row in manifest["models"]
        for agreement in (
            _here(folder, manifest, row, providers)
            if results is None
            else _there(folder, row, results)
        )
    ]
    if not found:
        raise ModelError(f"{results}: no file has the name of a golden output of {folder}")
    return found


def _here(
    folder: Path, manifest: dict[str, Any], row: dict[str, Any], providers: Sequence[str] | None
) -> list[Agreement]:
    """Both files of a model, run on this machine."""
    agreements = []
    for file in (row["onnx"], row["ort"]):
        session = OrtSession(
            folder / file, sha256=manifest["files"][file]["sha256"], providers=providers, fixed={}
        )
        for golden in row["golden"]:
            planes = _tensor(folder / golden["input"]).reshape(row["input"]["shape"])
            outputs = session.run_checked({row["input"]["name"]: planes})
            agreements += [
                _agreement(file, golden["case"], key, _tensor(folder / stored), outputs[key], row)
                for key, stored in golden["outputs"].items()
            ]
    return agreements


def _there(folder: Path, row: dict[str, Any], results: Path) -> list[Agreement]:
    """What a device made of a model's golden inputs; what it left out is left out."""
    agreements = []
    for golden in row["golden"]:
        for key, stored in golden["outputs"].items():
            made = results / Path(stored).name
            if made.is_file():
                expected, tensor = _tensor(folder / stored), _tensor(made)
                agreements.append(
                    _agreement(str(results), golden["case"], key, expected, tensor, row)
                )
    return agreements


def _agreement(
    made_by: str,
    case: str,
    output: str,
    expected: FloatArray,
    found: FloatArray,
    row: dict[str, Any],
) -> Agreement:
    bounded = output in row["probabilities"]
    return Agreement(made_by, case, output, *compare(expected, found, probabilities=bounded))


def _tensor(path: Path) -> FloatArray:
    try:
        return from_bytes(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
