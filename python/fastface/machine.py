"""What this machine is, in words that help to read a measurement."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Final

POWER_SUPPLIES: Final = Path("/sys/class/power_supply")
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
CGROUP_CORES = Path("/sys/fs/cgroup/cpu.max")


def cpu_name() -> str:
    """The processor's own name, or its architecture where the system does not tell."""
    if platform.system() == "Linux":
        try:
            for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
                key, _, value = line.partition(":")
                if key.strip().lower() in ("model name", "hardware") and value.strip():
                    return " ".join(value.split())
        except OSError:
            pass
    return platform.processor() or platform.machine() or "unknown"


def memory_bytes() -> int:
    """Memory of this machine, or of the container; 2 GB where the system does not tell."""
    sizes = [_physical_bytes()]
    with contextlib.suppress(OSError, ValueError):  # "max" where there is no limit
        sizes.append(int(CGROUP_LIMIT.read_text()))
    return min((size for size in sizes if size > 0), default=2_000_000_000)


def _physical_bytes() -> int:
    """0 where the system does not tell."""
    if sys.platform == "win32":
        status = (ctypes.c_ulonglong * 8)()  # MEMORYSTATUSEX: length and load, then total bytes
        ctypes.cast(status, ctypes.POINTER(ctypes.c_ulong))[0] = ctypes.sizeof(status)
        return int(status[1]) if ctypes.windll.kernel32.GlobalMemoryStatusEx(status) else 0
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


def resident_bytes(*, peak: bool = False) -> int:
    """Memory of this process, or the most it ever was; 0 where the system does not tell (Linux
    does).  Not getrusage's, whose peak begins with that of the parent."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    _, _, rest = status.partition("VmHWM:" if peak else "VmRSS:")
    return 1024 * int(rest.split()[0]) if rest else 0


def usable_cores() -> int:
    """Cores that this process may run on, which in a container may be fewer than there are, or only
    so much of their time: then more threads would only be held up."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    with contextlib.suppress(OSError, ValueError):  # "max" where there is no limit
        quota, period = map(int, CGROUP_CORES.read_text().split())
        cores = min(cores, max(1, -(-quota // period)))
    return cores


def system_name() -> str:
    """Operating system and architecture, such as 'Linux x86_64'."""
    return f"{platform.system()} {platform.machine()}".strip()


def on_battery() -> bool:
    """Whether the computer runs on its battery; False where nobody can tell."""
    if sys.platform == "darwin":
        try:
            done = subprocess.run(
                ["/usr/bin/pmset", "-g", "batt"],
                capture_output=True,
                text=True,
                timeout=10,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return "'Battery Power'" in done.stdout
    if sys.platform == "win32":
        status = (ctypes.c_ubyte * 12)()  # SYSTEM_POWER_STATUS; its first byte is ACLineStatus
        known = ctypes.windll.kernel32.GetSystemPowerStatus(ctypes.byref(status))
        return bool(known) and status[0] == 0
    online = []
    for supply in POWER_SUPPLIES.glob("*"):
        try:
            if (supply / "type").read_text().strip() in ("Mains", "USB"):
                online.append((supply / "online").read_text().strip() == "1")
        except OSError:
            continue
    return bool(online) and not any(online)
