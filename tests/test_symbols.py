"""Code compiled for one SIMD target must not be picked by the linker for everybody."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def kernel_targets():
    """Name and flags of each add_kernel_target() in CMakeLists.txt."""
    text = (ROOT / "CMakeLists.txt").read_text()
    calls = re.findall(r"^\s*add_kernel_target\((\w+)([^)]*)\)", text, re.MULTILINE)
    return [(name, flags.split()) for name, flags in calls]


def weak_symbols(object_file):
    listing = subprocess.run(
        ["nm", "--demangle", "--defined-only", object_file],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    weak = [line[19:] for line in listing.splitlines() if line[17] in "WwVvuC"]
    # Data, and the same for everybody: the C++ runtime's handler of exceptions.
    return [symbol for symbol in weak if symbol != "DW.ref.__gxx_personality_v0"]


@pytest.fixture(scope="module")
def compiler():
    path = shutil.which("c++")
    if path is None or shutil.which("nm") is None:
        pytest.skip("needs c++ and nm on PATH")
    return path


@pytest.mark.parametrize(("name", "flags"), kernel_targets())
def test_kernels_leak_nothing(compiler, tmp_path, name, flags):
    is_x86 = platform.machine().lower() in ("x86_64", "amd64")
    is_for_arm = any(flag.startswith("-march=armv8") for flag in flags)
    if flags and is_for_arm == is_x86:
        pytest.skip("needs a compiler for 64-bit Arm" if is_for_arm else "needs an x86-64 compiler")
    object_file = tmp_path / "table.o"
    # -O0 keeps out-of-line whatever could ever be out-of-line.
    command = [compiler, "-std=c++20", "-O0", f"-DFASTFACE_TARGET={name}", *flags]
    command += ["-I", ROOT / "cpp", "-c", ROOT / "cpp/kernels/table.cpp", "-o", object_file]
    subprocess.run(command, check=True, capture_output=True)
    outside = [s for s in weak_symbols(object_file) if not s.startswith(f"fastface::{name}::")]
    assert outside == []
