"""`models export --mobile`: a folder with all that an app needs to do what this library does.

Networks of one shape as ONNX files and in ONNX Runtime's own format, a manifest that says how to
feed them and where they can run, golden vectors, licences, and a page on how to use it all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from importlib import metadata, resources
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from fastface import models
from fastface.detection import Detector
from fastface.embedding import align
from fastface.errors import ModelError
from fastface.files import write_whole
from fastface.inference import OrtSession, load_runtime
from fastface.mobile.drawing import drawn_photo, waves
from fastface.mobile.fitting import fit
from fastface.models import InstalledModel
from fastface.models.table import Role
from fastface.providers import PROVIDERS, default_providers
from fastface.types import ImageArray

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
DETECTOR_SIDE: Final = 640
_MULTIPLE: Final = 32  # of the detector's input
_MOST_SIDE: Final = 2048


def export(
    folder: Path,
    pack: str = models.DEFAULT,
    *,
    side: int = DETECTOR_SIDE,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Write a bundle for phones; what its manifest says.

    folder: made if need be; a bundle that is there is replaced, anything else is refused.  pack: an
    installed one.  side: of the detector's square input in pixels, a multiple of 32: an app scales
    photos to fit.  progress: called with a line of text at each step.
    The same pack gives the same bytes, but for the .ort files: ONNX Runtime writes the tables at
    their head in any order.
    Raises ModelError if the pack is not installed or the folder cannot be written, ValueError for
    another side.
    """
    report = progress or (lambda _: None)
    if side % _MULTIPLE or not _MULTIPLE <= side <= _MOST_SIDE:
        raise ValueError(f"side: expected a multiple of {_MULTIPLE} up to {_MOST_SIDE}, got {side}")
    old = _bundle_there(folder)
    installed = models.installed(pack)
    models.verify(pack)
    photo = drawn_photo(side)
    faces, crops = _faces(installed, photo)
    pictures = {
        "detector": {"drawn": photo, "waves": waves(side)},
        "embedder": {face["case"]: crop for face, crop in zip(faces, crops, strict=True)}
        | {"waves": waves(crops.shape[1])},
    }
    rows, files = [], {"golden/drawn.png": _png(photo), "README.md": _readme()}
    for role, model in installed.items():
        report(f"fitting {model.name}")
        row, made = fit(model, pictures[role])
        rows.append(row)
        files |= made
        texts = sorted(model.path.parent.glob("*.txt"))
        files |= {f"licences/{text.name}": text.read_bytes() for text in texts}
    manifest = {
        "format": FORMAT,
        "made_by": f"fastface {metadata.version('fastface-people')}",
        "onnxruntime": load_runtime().__version__,
        "pack": pack,
        "models": rows,
        "faces": faces,
        "providers": _providers(),
        "files": {
            name: {"sha256": hashlib.sha256(files[name]).hexdigest(), "bytes": len(files[name])}
            for name in sorted(files)
        },
    }
    _write(folder, files, manifest, old)
    report(f"the bundle is in {folder}")
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the manifest of a bundle says.

    Raises ModelError for a folder without one, and for one of another format.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if manifest["format"] != FORMAT:
            raise ModelError(f"{folder}: a bundle of format {manifest['format']}; export it again")
        root = folder.resolve()
        outside = [n for n in manifest["files"] if not (root / n).resolve().is_relative_to(root)]
        if outside:
            raise ModelError(f"{folder}: the manifest names {outside[0]}, outside the bundle")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder} holds no bundle that `models export` made") from error
    return dict(manifest)


def _bundle_there(folder: Path) -> list[str]:
    """Files of the bundle that is in a folder.  Raises ModelError for anything else."""
    if not folder.exists():
        return []
    if not folder.is_dir():
        raise ModelError(f"{folder} is no folder")
    if not any(folder.iterdir()):
        return []
    try:
        return list(read_manifest(folder)["files"])
    except ModelError as error:
        raise ModelError(f"{folder} is not empty and holds no bundle; name another") from error


def _faces(
    installed: Mapping[Role, InstalledModel], photo: ImageArray
) -> tuple[list[dict[str, Any]], ImageArray]:
    """What this library finds in the drawn photo: rows of the manifest, and aligned crops."""
    file, recipe = installed["detector"], installed["embedder"].recipe
    assert recipe is not None
    found = Detector(OrtSession(file.path, sha256=file.sha256, providers=["cpu"])).detect(photo)
    rows = [
        {
            "box": np.round(found.boxes[k].astype(float), 2).tolist(),
            "landmarks": np.round(found.landmarks[k].astype(float), 2).tolist(),
            "score": round(float(found.scores[k]), 4),
            "case": f"face{k}",
        }
        for k in range(len(found))
    ]
    return rows, align(photo, found.landmarks, recipe.template)


def _providers() -> dict[str, list[dict[str, Any]]]:
    """By system, where the networks can run, first what needs no asking."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for system in ("Android", "iOS"):
        first = default_providers(system)
        there = [name for name, row in PROVIDERS.items() if system in row.systems]
        rows[system] = [
            {
                "name": name,
                "ort_name": PROVIDERS[name].ort_name,
                "by_request": name not in first,
                "options": dict(PROVIDERS[name].options),
                "flags": dict(PROVIDERS[name].flags),
            }
            for name in sorted(there, key=lambda name: (name not in first, name == "cpu"))
        ]
    return rows


def _write(
    folder: Path, files: Mapping[str, bytes], manifest: Mapping[str, Any], old: list[str]
) -> None:
    """Write everything, the manifest last: a crash before leaves no bundle that looks whole."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
        for name in set(old) - files.keys():
            (folder / name).unlink(missing_ok=True)
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            write_whole(folder / name, content, 0o644)
        text = json.dumps(manifest, indent=2)
        write_whole(folder / MANIFEST, text.encode(), 0o644)
    except OSError as error:
        raise ModelError(f"cannot write the bundle to {folder}: {error.strerror}") from error


def _png(picture: ImageArray) -> bytes:
    content = BytesIO()
    Image.fromarray(picture).save(content, "PNG")
    return content.getvalue()


def _readme() -> bytes:
    return (resources.files("fastface.mobile") / "README.md").read_bytes()
