"""One model of a bundle: fitted, in both file formats, with golden vectors and how it is used."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from fastface import graphs
from fastface.calibration import Calibration
from fastface.inference import OrtSession
from fastface.mobile import deployment
from fastface.mobile.golden import to_bytes
from fastface.models import InstalledModel
from fastface.types import FloatArray, ImageArray

# What the inputs are called, in every pack.
_INPUTS: Final = {"detector": "input", "embedder": graphs.INPUT}
_PROBABILITIES: Final = ("cls_", "obj_")  # outputs of the detector
# Rates of false matches for which the manifest says how far apart two faces may be.
_RATES: Final = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


def fit(
    model: InstalledModel, pictures: Mapping[str, ImageArray]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A model for one shape: its row of the manifest, and files by path inside the bundle.

    pictures: golden inputs by name, (height, width, 3) uint8 RGB, all of the one shape.
    Raises ModelError if the network cannot be fitted.
    """
    name = _INPUTS[model.role]
    inputs = {case: _planes(picture) for case, picture in pictures.items()}
    shape = next(iter(inputs.values())).shape
    content = graphs.fit_mobile(model.path.read_bytes(), shape)
    files = {f"{model.role}.onnx": content}
    with tempfile.TemporaryDirectory(prefix="fastface-") as folder:
        path = Path(folder) / f"{model.role}.onnx"
        path.write_bytes(content)
        deployment.save_ort(path, path.with_suffix(".ort"))
        files[f"{model.role}.ort"] = path.with_suffix(".ort").read_bytes()
        files[f"{model.role}.required_operators.config"] = deployment.operators(path).encode()
        covered = deployment.coverage(path)
        session = OrtSession(path, sha256=hashlib.sha256(content).hexdigest(), providers=["cpu"])
        outputs = {case: session.run_checked({name: planes}) for case, planes in inputs.items()}
    cases = []
    for case, planes in inputs.items():
        tensors = {name: planes, **outputs[case]}
        stored = {key: f"golden/{model.role}-{case}.{key}.f32" for key in tensors}
        files |= {stored[key]: to_bytes(tensor) for key, tensor in tensors.items()}
        source = stored.pop(name)
        cases.append({"case": case, "input": source, "outputs": stored})
    first = next(iter(outputs.values()))
    row = {
        "role": model.role,
        "name": model.name,
        "licence": model.licence,
        "onnx": f"{model.role}.onnx",
        "ort": f"{model.role}.ort",
        "input": {"name": name, "shape": list(shape), "colour": "RGB", "range": [0, 255]},
        "outputs": {key: list(tensor.shape) for key, tensor in first.items()},
        "coverage": {key: part._asdict() for key, part in covered.items()},
        "probabilities": [key for key in first if key.startswith(_PROBABILITIES)],
        "golden": cases,
    }
    return row | _usage(model), files


def _planes(picture: ImageArray) -> FloatArray:
    """(1, 3, height, width) float32 of a picture."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)


def _usage(model: InstalledModel) -> dict[str, Any]:
    """What an embedder's row says beside: how to cut its crops, and what its distances mean."""
    recipe = model.recipe
    if recipe is None:
        return {"strides": [8, 16, 32]}
    usage: dict[str, Any] = {
        "template": {"side": recipe.template.side, "points": recipe.template.points},
        "dims": recipe.dims,
    }
    if recipe.curve is not None:
        curve = Calibration.of_pack(recipe.curve)
        distances = {f"{rate:g}": round(curve.threshold(2, 2 * rate), 4) for rate in _RATES}
        usage["distance_at_false_match_rate"] = distances
    return usage
