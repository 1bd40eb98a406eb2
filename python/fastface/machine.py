"""What this machine is, in words that help to read a measurement."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Final

POWER_SUPPLIES: Final = Path("/sys/class/power_supply")


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


def usable_cores() -> int:
    """Cores that this process may run on, which in a container may be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
