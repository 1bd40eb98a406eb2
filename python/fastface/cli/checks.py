"""The checks of `fastface doctor`: each looks at one thing and says what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import struct
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import fastface
from fastface import _core, machine
from fastface.cli.output import count, size
from fastface.errors import FastfaceError

Status = Literal["ok", "warn", "fail"]

DISTRIBUTION = "fastface-people"
OTHER_DISTRIBUTION = "fastface"  # an unrelated project on PyPI with the same import name
LOW_DISK_BYTES = 500_000_000  # the default pack and a library of 100,000 photos, with room to spare


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor. advice: what to do, empty where nothing is to be done."""

    name: str
    status: Status
    found: str
    advice: str = ""


def examine(library: Path | None) -> Iterator[Check]:
    """Every check, in the order in which a problem would show."""
    yield version()
    yield import_name()
    yield python()
    yield processor()
    yield simd()
    yield runtime()
    yield models()
    yield providers()
    yield formats()
    yield videos()
    path = library_path(library)
    yield library_file(path)
    yield privacy(path)
    yield disk(path)


def version() -> Check:
    """The binary and the Python files must be of one version, or an editable build is stale."""
    try:
        installed = metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        installed = _core.__version__
    if installed != _core.__version__:
        found = f"{installed}, but compiled kernels {_core.__version__}"
        return Check("fastface", "fail", found, "Install again: pip install --force-reinstall .")
    return Check("fastface", "ok", f"{installed} in {Path(fastface.__file__).parent}")


def import_name() -> Check:
    """PyPI's distribution `fastface` is another project: both together overwrite each other."""
    try:
        other = metadata.version(OTHER_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return Check("import name", "ok", f"import fastface is {DISTRIBUTION}")
    return Check(
        "import name",
        "warn",
        f"another distribution, {OTHER_DISTRIBUTION} {other}, claims `import fastface` too",
        f"pip uninstall {OTHER_DISTRIBUTION}, then "
        f"pip install --force-reinstall --no-deps {DISTRIBUTION}",
    )


def python() -> Check:
    """The interpreter."""
    found = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    return Check("Python", "ok", found)


def processor() -> Check:
    """The processor and how many cores a scan may use."""
    cores = machine.usable_cores()
    found = f"{machine.cpu_name()}, {machine.system_name()}, {count(cores, 'usable core')}"
    return Check("processor", "ok", found)


def simd() -> Check:
    """Which compiled target the kernels run on."""
    target, available = _core.target(), _core.available_targets()
    found = f"{target} (available: {', '.join(available)})"
    forced = os.environ.get("FASTFACE_TARGET")
    if forced and target != available[0]:
        advice = f"FASTFACE_TARGET={forced} is set; unset it to run on {available[0]}"
        return Check("SIMD", "warn", found, advice)
    return Check("SIMD", "ok", found)


def runtime() -> Check:
    """ONNX Runtime and the accelerators that its build offers."""
    from fastface import inference

    try:
        version = inference.load_runtime().__version__
    except ImportError as error:
        return Check(
            "onnxruntime", "fail", f"cannot be imported: {error}", "pip install onnxruntime"
        )
    return Check("onnxruntime", "ok", f"{version}, telemetry off")


def models() -> Check:
    """The default pack must be there, every file with the hash it was installed with."""
    from fastface import models

    folder = models.models_folder()
    try:
        models.verify()
    except FastfaceError as error:
        return Check("models", "fail", str(error), "fastface models install")
    names = ", ".join(row.name for row in models.list_models() if row.pack == "default")
    return Check("models", "ok", f"{names}, verified, in {folder}")


def providers() -> Check:
    """Where the default pack's models can run, tried; what else there is for this system."""
    from fastface import inference
    from fastface.analysis import Analyzer
    from fastface.providers import PROVIDERS, system_name

    try:
        here = [name for name in inference.available_providers() if name != "cpu"]
        engines = Analyzer(providers=["cpu"]).engines
        own = [role for role, engine in sorted(engines.items()) if engine == "fastface"]
        found, refused = [f"cpu ({' and '.join(own)} in fastface's kernels)" if own else "cpu"], []
        for name in here:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", inference.ProviderWarning)
                placements = Analyzer(providers=[name]).placements
            models = [role for role, where in placements.items() if name not in where.missing]
            if models:
                found.append(f"{name} ({' and '.join(sorted(models))})")
            else:
                reasons = {where.missing[name] for where in placements.values()}
                refused.append(f"{name} ({'; '.join(sorted(reasons))})")
    except (FastfaceError, ImportError):
        return Check("providers", "ok", "not tried: the checks above say why")
    packages = {
        name: row.package
        for name, row in PROVIDERS.items()
        if name not in here and row.package and system_name() in row.systems
    }
    advice = "More with: " + ", ".join(
        f"{package} ({name}, {'beside' if PROVIDERS[name].plugin else 'in place of'} onnxruntime)"
        for name, package in packages.items()
    )
    if refused:
        return Check("providers", "warn", f"{', '.join(found)}; not {', '.join(refused)}")
    return Check("providers", "ok", ", ".join(found), advice if packages else "")


def formats() -> Check:
    """HEIC comes with pi-heif, AVIF with Pillow."""
    from PIL import features

    try:
        import pi_heif

        heic = f"HEIC (pi-heif {pi_heif.__version__})"
    except ImportError:
        heic = ""
    avif = "AVIF" if features.check("avif") else ""
    found = ", ".join(filter(None, ["JPEG", "PNG", "WebP", "TIFF", heic, avif]))
    missing = [name for name, there in (("HEIC", heic), ("AVIF", avif)) if not there]
    if missing:
        advice = "pip install --upgrade pi-heif pillow"
        return Check("formats", "warn", f"{found}; not {', '.join(missing)}", advice)
    return Check("formats", "ok", found)


def videos() -> Check:
    """An optional extra: its lack is no fault."""
    from fastface.video import HOW_TO_READ, is_readable

    if is_readable():
        return Check("videos", "ok", f"MP4, MOV (PyAV {metadata.version('av')})")
    return Check("videos", "ok", "not read", HOW_TO_READ)


def library_path(library: Path | None) -> Path:
    """Where the library is or would be."""
    from fastface.library import default_path

    return library or default_path()


def library_file(path: Path) -> Check:
    """The library must open; an absent one is no fault."""
    from fastface.library import Library

    if not path.exists():
        advice = "The first `fastface scan FOLDER` makes it."
        return Check("library", "ok", f"none yet at {path}", advice)
    try:
        with Library(path, read_only=True) as library:
            stats = library.stats()
        found = (
            f"{path}, {size(path.stat().st_size)}, schema {schema_version(path)}, "
            f"{count(stats.n_photos, 'photo')}, {count(stats.n_people, 'person', 'people')}"
        )
    except (FastfaceError, OSError) as error:
        return Check("library", "fail", f"{path}: {error}", "Name another one with --library PATH.")
    if not os.access(path, os.W_OK):
        advice = f"Scans and names need to write it: chmod u+w {path}"
        return Check("library", "warn", f"{found}, read-only", advice)
    return Check("library", "ok", found)


def schema_version(path: Path) -> int:
    """SQLite's user_version, from the file's header (sqlite.org/fileformat2, section 1.3)."""
    with path.open("rb") as file:
        header = file.read(100)
    return int(struct.unpack(">I", header[60:64])[0]) if len(header) == 100 else 0


def privacy(path: Path) -> Check:
    """Nobody but the owner may read the library or the files that SQLite keeps beside it."""
    if os.name != "posix":
        return Check("privacy", "ok", "file modes do not apply on this system")
    files = [path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")]
    present = [file for file in files if file.exists()]
    if not present:
        return Check("privacy", "ok", "the library will be readable by you alone (mode 0600)")
    modes = {file: stat.S_IMODE(file.stat().st_mode) for file in present}
    open_files = [file for file, mode in modes.items() if mode & 0o077]
    if open_files:
        found = ", ".join(f"{file.name} has mode {modes[file]:04o}" for file in open_files)
        advice = "chmod 600 " + " ".join(map(str, open_files))
        return Check("privacy", "warn", f"others may read it: {found}", advice)
    return Check("privacy", "ok", f"readable by you alone (mode {modes[present[0]]:04o})")


def disk(path: Path) -> Check:
    """Room where the library grows."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    free = shutil.disk_usage(folder).free
    found = f"{size(free)} free at {folder}"
    if free < LOW_DISK_BYTES:
        return Check("disk", "warn", found, f"Make room: at least {size(LOW_DISK_BYTES)} are wise.")
    return Check("disk", "ok", found)
