"""The doctor's second round: what is set up right and still makes this machine slow."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fastface import machine
from fastface.cli.checks import Check, library_path
from fastface.cli.output import count, size

PROCESSOR: Final = Path("/proc/cpuinfo")
MOUNTS: Final = Path("/proc/self/mounts")
FREQUENCY: Final = Path("/sys/devices/system/cpu/cpu0/cpufreq")

# File systems whose every write waits for another machine, or passes through a program.
REMOTE: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "webdav", "9p", "ceph", "glusterfs"}
    | {"afs", "vboxsf", "vmhgfs", "fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.davfs2"}
    | {"fuse.gvfsd-fuse", "virtiofs", "prl_fs", "drvfs"}
)

# A scan waits for the disk once per 16 photos, 10 ms on an ordinary one: so much is felt.
SLOW_WRITE_MS: Final = 100.0
N_WRITES: Final = 5

# Processors that multiply bytes and add in one instruction, as Linux calls it.
BYTE_PRODUCTS: Final = frozenset({"avx512_vnni", "avx_vnni", "asimddp"})


def examine(library: Path | None) -> Iterator[Check]:
    """Every check of this round."""
    yield vectors()
    yield load()
    yield power()
    yield memory()
    yield storage(library_path(library))


def vectors() -> Check:
    """What the processor can do at a time, and whether a translator stands before it."""
    if _is_translated():
        found = "this Python is built for Intel and translated while it runs"
        return Check("vectors", "warn", found, "Install a Python for Apple's processors.")
    flags = _flags()
    if flags and not flags & {"avx2", "asimd", "neon"}:
        found = "no AVX2: the models take far longer than on processors with it"
        return Check("vectors", "warn", found, "fastface scan --pack small takes half the time.")
    if flags and not flags & BYTE_PRODUCTS:
        found = "no byte products (VNNI, SDOT), which make the pack int8 fast"
        return Check("vectors", "ok", found)
    return Check("vectors", "ok", "byte products, for the pack int8" if flags else "not told here")


def load() -> Check:
    """Whether other programs leave the cores to a scan."""
    cores = machine.usable_cores()
    if not hasattr(os, "getloadavg"):
        return Check("load", "ok", "this system does not tell")
    busy = os.getloadavg()[0]
    found = f"{busy:.1f} programs at work, on average of a minute, on {count(cores, 'core')}"
    if busy > 1.5 * cores:
        return Check("load", "warn", found, "A scan shares the cores with them; end some, or wait.")
    return Check("load", "ok", found)


def power() -> Check:
    """Whether the system holds the processor back to save energy."""
    driver, governor, preference = (
        _line(FREQUENCY / name)
        for name in ("scaling_driver", "scaling_governor", "energy_performance_preference")
    )
    # Drivers that follow the hardware call their ordinary setting powersave, and the preference
    # tells; with others it is the lowest frequency for ever.
    follows = driver.startswith(("intel_pstate", "amd-pstate", "amd_pstate"))
    held = preference == "power" if follows else governor == "powersave"
    setting = f"{governor} {preference}".strip()
    if held:
        remedy = "powerprofilesctl set balanced" if shutil.which("powerprofilesctl") else ""
        advice = f"Choose a balanced power profile{': ' + remedy if remedy else ''}."
        return Check("power", "warn", f"the processor is held back ({setting})", advice)
    if machine.on_battery():
        return Check("power", "warn", "on battery", "A long scan is faster on mains power.")
    return Check("power", "ok", f"not held back{f' ({setting})' if setting else ''}")


def memory() -> Check:
    """Whether a scan has a worker on every core."""
    from fastface.memory import share_out

    total, cores = machine.memory_bytes(), machine.usable_cores()
    workers, _ = share_out(None, None)
    found = f"{size(total)}, enough for {count(workers, 'worker')}"
    if workers < cores:
        advice = f"{cores} cores could work; --max-memory gives a scan more than half of it."
        return Check("memory", "warn", found, advice)
    return Check("memory", "ok", found)


def storage(path: Path) -> Check:
    """Whether the library lies where a write waits for a network or a slow disk."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    kind = file_system(folder)
    if kind in REMOTE:
        found = f"{folder} is on another machine or a shared folder ({kind})"
        advice = "Keep the library on a disk of this machine (--library); photos may stay there."
        return Check("storage", "warn", found, advice)
    wait_ms = write_ms(folder)
    if wait_ms is None:
        return Check("storage", "ok", f"{folder}, not written to")
    found = f"{folder}{f' ({kind})' if kind else ''} keeps a write in {wait_ms:.1f} ms"
    if wait_ms > SLOW_WRITE_MS:
        return Check("storage", "warn", found, "Keep the library on a faster disk (--library).")
    return Check("storage", "ok", found)


def file_system(folder: Path, mounts: Path = MOUNTS) -> str:
    """The kind of file system that a folder is on; empty where the system does not tell (Linux
    does)."""
    real, best, kind = os.path.realpath(folder), "", ""
    for line in _text(mounts).splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        mounted = fields[1].replace("\\040", " ")
        inside = real == mounted or real.startswith(mounted.rstrip("/") + "/")
        if inside and len(mounted) >= len(best):  # a later one lies over an earlier
            best, kind = mounted, fields[2]
    return kind


def write_ms(folder: Path) -> float | None:
    """Milliseconds until a few bytes are safe on a folder's disk, the median of some; None where
    nothing can be written.  The file is gone afterwards."""
    times = []
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            for _ in range(N_WRITES):
                began = time.perf_counter()
                file.write(bytes(4096))
                file.flush()
                os.fsync(file.fileno())
                times.append(1000 * (time.perf_counter() - began))
    except OSError:
        return None
    return statistics.median(times)


def _flags() -> frozenset[str]:
    """What Linux says the processor can do; empty elsewhere."""
    lines = [line.partition(":") for line in _text(PROCESSOR).splitlines()]
    told = {key.strip(): value for key, _, value in lines}
    return frozenset((told.get("flags") or told.get("Features") or "").split())


def _is_translated() -> bool:
    """Whether Apple's Rosetta runs this process."""
    if sys.platform != "darwin":
        return False
    asked = ["/usr/sbin/sysctl", "-n", "sysctl.proc_translated"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.strip() == "1"


def _line(path: Path) -> str:
    return _text(path).strip()


def _text(path: Path) -> str:
    """A file's text; empty where there is none."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
