"""The nightly task: what is written for each scheduler, and that it can be read by it."""

from __future__ import annotations

import json
import plistlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from fastface import machine, scheduling
from fastface.cli import main
from fastface.errors import FastfaceError
from fastface.scheduling import Job, Plan, plan

AWKWARD = '/photos/50% of "ours" & $HOME'
JOB = Job([sys.executable, "-m", "fastface", "update", "--quiet", AWKWARD], 22, 5)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is written to the real home, and no real scheduler is told."""
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    commands: list[str] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(" ".join(command))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(scheduling.subprocess, "run", run)
    return commands


def texts(wanted: Plan) -> dict[str, str]:
    return {path.name: content.decode() for path, content in wanted.files.items()}


def test_systemd_reads_the_units(home: Path) -> None:
    wanted = plan(JOB, system="linux", home=home)
    written = texts(wanted)
    service, timer = written["fastface-update.service"], written["fastface-update.timer"]
    assert "ConditionACPower=true" in service and "CPUSchedulingPolicy=idle" in service
    assert r'"/photos/50%% of \"ours\" & $$HOME"' in service
    assert "OnCalendar=*-*-* 22:05:00" in timer and "Persistent=true" in timer
    analyzer = shutil.which("systemd-analyze")
    if analyzer is None:
        pytest.skip("needs systemd-analyze")
    folder = home / "units"
    folder.mkdir()
    for name, text in written.items():
        (folder / name).write_text(text)
    for name in written:
        checked = subprocess.run(
            [analyzer, "--user", "verify", folder / name],
            capture_output=True,
            text=True,
            env={"XDG_RUNTIME_DIR": str(home), "SYSTEMD_LOG_LEVEL": "warning"},
            check=False,
        )
        assert checked.returncode == 0 and name not in checked.stderr, checked.stderr


def test_launchd_reads_the_agent(home: Path) -> None:
    ((path, content),) = plan(JOB, system="darwin", home=home).files.items()
    assert path == home / "Library" / "LaunchAgents" / "org.fastface.update.plist"
    agent = plistlib.loads(content)
    assert agent["Label"] == "org.fastface.update"
    assert agent["ProgramArguments"] == JOB.command
    assert agent["StartCalendarInterval"] == {"Hour": 22, "Minute": 5}
    assert agent["ProcessType"] == "Background"


def test_windows_reads_the_task(home: Path) -> None:
    wanted = plan(JOB, system="win32", home=home)
    ((path, content),) = wanted.files.items()
    assert content[:2] in (b"\xff\xfe", b"\xfe\xff"), "schtasks wants UTF-16 with its mark"
    task = ET.fromstring(content)
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    find = lambda name: task.findtext(f".//t:{name}", namespaces=space)  # noqa: E731
    assert find("DisallowStartIfOnBatteries") == find("RunOnlyIfIdle") == "true"
    assert find("Command") == sys.executable
    assert find("Arguments") == subprocess.list2cmdline(JOB.command[1:])
    assert find("StartBoundary") == "2026-01-01T22:05:00"
    assert str(path) in wanted.start[0]


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_what_is_installed_is_removed(home: Path, told: list[str], system: str) -> None:
    wanted = plan(JOB, system=system, home=home)
    assert not scheduling.remove(wanted) and told == []
    for _ in range(2):
        scheduling.install(wanted)
    assert all(path.read_bytes() == content for path, content in wanted.files.items())
    start, stop = ([" ".join(command) for command in part] for part in (wanted.start, wanted.stop))
    assert told == [*start, *stop, *start], "the first is let go of before the second is taken up"
    assert scheduling.remove(wanted) and told[-1] == " ".join(wanted.stop[-1])
    assert not any(path.exists() for path in wanted.files)


def test_a_scheduler_that_refuses_is_quoted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = subprocess.CompletedProcess([], 1, "", "no bus\n")
    monkeypatch.setattr(scheduling.subprocess, "run", lambda *_, **__: refusing)
    with pytest.raises(FastfaceError, match=r"`systemctl --user daemon-reload` failed: no bus"):
        scheduling.install(plan(JOB, system="linux", home=home))
    with pytest.raises(FastfaceError, match="line break"):
        plan(Job(["fastface", "a\nb"], 3, 0))


# -- the command ---------------------------------------------------------------------------------


def test_dry_run_prints_and_changes_nothing(
    home: Path, told: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTFACE_LIBRARY", str(home / "my.db"))
    assert main(["schedule", str(home), "--at", "7:30", "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert str(home / "my.db") in printed and str(home) in printed and "--mains" in printed
    assert told == [] and list(home.iterdir()) == []
    assert main(["schedule", str(home), "--at", "7:30", "--dry-run", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["dry_run"] and not plain["scheduled"] and plain["files"] and plain["commands"]


def test_schedule_and_remove(
    home: Path, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    photos = home / "photos"
    photos.mkdir()
    assert main(["schedule", str(photos)]) == 0
    assert "Every day at 03:00" in capsys.readouterr().err and told
    assert main(["schedule", "--remove", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"]
    assert main(["schedule", "--remove"]) == 0
    assert "Nothing was scheduled" in capsys.readouterr().err


def test_wrong_use_is_explained(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedule", str(home / "gone")]) == 1
    assert main(["schedule", str(home), "--remove"]) == 1
    with pytest.raises(SystemExit):
        main(["schedule", "--at", "24:00"])
    told = capsys.readouterr().err
    assert "is not a folder" in told and "takes no folder" in told and "no time of day" in told


# -- mains power ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("supplies", "on_battery"),
    [
        ({}, False),
        ({"AC": ("Mains", "1"), "BAT0": ("Battery", None)}, False),
        ({"AC": ("Mains", "0"), "BAT0": ("Battery", None)}, True),
        ({"AC": ("Mains", "0"), "ucsi": ("USB", "1")}, False),
        ({"BAT0": ("Battery", None)}, False),
    ],
)
def test_linux_tells_of_mains_power(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    supplies: dict[str, tuple[str, str | None]],
    on_battery: bool,
) -> None:
    for name, (kind, online) in supplies.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "type").write_text(f"{kind}\n")
        if online is not None:
            (tmp_path / name / "online").write_text(f"{online}\n")
    monkeypatch.setattr(machine, "POWER_SUPPLIES", tmp_path)
    monkeypatch.setattr(machine.sys, "platform", "linux")
    assert machine.on_battery() is on_battery


def test_macos_tells_of_mains_power(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.sys, "platform", "darwin")
    for source, expected in (("AC Power", False), ("Battery Power", True)):
        said = subprocess.CompletedProcess([], 0, f"Now drawing from '{source}'\n", "")
        monkeypatch.setattr(machine.subprocess, "run", lambda *_, said=said, **__: said)
        assert machine.on_battery() is expected
