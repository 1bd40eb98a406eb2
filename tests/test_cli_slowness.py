"""The doctor's second round sees what makes a machine slow, and only that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fastface import machine
from fastface.cli import slowness


@pytest.fixture
def processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cpuinfo"
    monkeypatch.setattr(slowness, "PROCESSOR", path)
    return path


@pytest.mark.parametrize(
    ("line", "status", "word"),
    [
        ("flags\t\t: sse2 sse4_2", "warn", "no AVX2"),
        ("flags\t\t: sse2 avx2 fma", "ok", "no byte products"),
        ("flags\t\t: sse2 avx2 avx_vnni", "ok", "byte products, for"),
        ("Features\t: fp asimd", "ok", "no byte products"),
        ("Features\t: fp asimd asimddp", "ok", "byte products, for"),
        ("nothing: known", "ok", "not told"),
    ],
)
def test_what_the_processor_can_do(processor: Path, line: str, status: str, word: str) -> None:
    processor.write_text(f"processor\t: 0\n{line}\n")
    check = slowness.vectors()
    assert check.status == status and check.found.startswith(word)


def test_other_programs_at_work_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "usable_cores", lambda: 4)
    monkeypatch.setattr(os, "getloadavg", lambda: (5.9, 0, 0), raising=False)
    assert slowness.load().status == "ok"
    monkeypatch.setattr(os, "getloadavg", lambda: (6.1, 0, 0), raising=False)
    check = slowness.load()
    assert check.status == "warn" and "4 cores" in check.found and check.advice


@pytest.mark.parametrize(
    ("driver", "governor", "preference", "held"),
    [
        ("acpi-cpufreq", "powersave", "", True),
        ("acpi-cpufreq", "schedutil", "", False),
        ("intel_pstate", "powersave", "balance_performance", False),
        ("intel_pstate", "powersave", "power", True),
        ("amd-pstate-epp", "powersave", "power", True),
        ("", "", "", False),
    ],
)
def test_a_processor_that_is_held_back(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    driver: str,
    governor: str,
    preference: str,
    held: bool,
) -> None:
    monkeypatch.setattr(slowness, "FREQUENCY", tmp_path)
    monkeypatch.setattr(machine, "on_battery", lambda: False)
    names = ("scaling_driver", "scaling_governor", "energy_performance_preference")
    for name, value in zip(names, (driver, governor, preference), strict=True):
        if value:
            (tmp_path / name).write_text(value + "\n")
    assert (slowness.power().status == "warn") == held
    monkeypatch.setattr(machine, "on_battery", lambda: True)
    assert slowness.power().status == "warn"


def test_too_little_memory_for_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "usable_cores", lambda: 8)
    monkeypatch.setattr(machine, "memory_bytes", lambda: 1_000_000_000)
    check = slowness.memory()
    assert check.status == "warn" and "3 workers" in check.found and "--max-memory" in check.advice
    monkeypatch.setattr(machine, "memory_bytes", lambda: 16_000_000_000)
    assert slowness.memory().status == "ok"


def test_a_library_on_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = os.path.realpath(tmp_path)
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda1 / ext4 rw 0 0\n"
        f"server:/photos {home}/far\\040away nfs4 rw 0 0\n"
        "server:/other /tm nfs4 rw 0 0\n"
    )
    far = tmp_path / "far away" / "deep"
    far.mkdir(parents=True)
    assert slowness.file_system(far, mounts) == "nfs4"
    assert slowness.file_system(tmp_path, mounts) == "ext4"
    assert slowness.file_system(tmp_path, tmp_path / "none") == ""
    monkeypatch.setattr(slowness, "file_system", lambda folder: "nfs4")
    check = slowness.storage(far / "library.db")
    assert check.status == "warn" and "another machine" in check.found and check.advice


def test_a_slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slowness, "file_system", lambda folder: "ext4")
    check = slowness.storage(tmp_path / "library.db")
    assert check.status == "ok" and "keeps a write in" in check.found
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(slowness, "SLOW_WRITE_MS", 0.0)
    assert slowness.storage(tmp_path / "library.db").status == "warn"


def test_a_container_with_a_share_of_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(machine, "CGROUP_CORES", quota)
    quota.write_text("max 100000\n")
    unlimited = machine.usable_cores()
    quota.write_text("50000 100000\n")
    assert machine.usable_cores() == 1
    quota.write_text(f"{100 * 100000} 100000\n")
    assert machine.usable_cores() == unlimited
