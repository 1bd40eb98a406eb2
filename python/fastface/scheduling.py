"""A nightly task of the system's own scheduler, in the user's name, on mains power and at low rank.

systemd on Linux, launchd on macOS, the Task Scheduler on Windows; nothing of ours stays running.
"""

from __future__ import annotations

import os
import plistlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from fastface.errors import FastfaceError
from fastface.files import write_private

NAME: Final = "fastface-update"
LABEL: Final = "org.fastface.update"
TIMEOUT_S: Final = 60.0  # for the scheduler to answer


@dataclass(frozen=True, slots=True)
class Job:
    """What to run: the program and its arguments; when: every day at this time by the clock."""

    command: Sequence[str]
    hour: int
    minute: int


class Plan(NamedTuple):
    """Files to write, and commands that make the scheduler take them up, and let go of them."""

    files: Mapping[Path, bytes]
    start: Sequence[Sequence[str]]
    stop: Sequence[Sequence[str]]


def plan(job: Job, *, system: str = sys.platform, home: Path | None = None) -> Plan:
    """What schedules a job on a system: "darwin", "win32", or else one with systemd.

    home: the user's home folder.  Raises FastfaceError for a command that cannot be written down.
    """
    if any(character in part for part in job.command for character in "\n\r\0"):
        raise FastfaceError("a path with a line break in it cannot be scheduled; rename it")
    home = home or Path.home()
    if system == "darwin":
        return _launchd(job, home)
    return _task_scheduler(job, home) if system == "win32" else _systemd(job, home)


def install(wanted: Plan) -> None:
    """Writes the files and tells the scheduler; a second time, in place of the first.

    Raises FastfaceError if the scheduler does not take it; then the files stay.
    """
    if any(path.exists() for path in wanted.files):
        for command in wanted.stop:  # launchd takes nothing up that it has already
            _tell(command)
    for path, content in wanted.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, content)
    for command in wanted.start:
        if problem := _tell(command):
            raise FastfaceError(f"the task is written, but `{' '.join(command)}` failed: {problem}")


def remove(wanted: Plan) -> bool:
    """Tells the scheduler to let go, and deletes the files; False if there were none."""
    there = [path for path in wanted.files if path.exists()]
    for command in wanted.stop if there else ():
        _tell(command)  # it may have let go already
    for path in there:
        path.unlink(missing_ok=True)
    return bool(there)


def _tell(command: Sequence[str]) -> str:
    """What went wrong; empty if nothing did."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else (done.stderr or done.stdout or "no message").strip()


# -- systemd -------------------------------------------------------------------------------------


def _systemd(job: Job, home: Path) -> Plan:
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "systemd" / "user"
    service = f"""\
[Unit]
Description=Look for new photos and group the people in them (fastface)
ConditionACPower=true

[Service]
Type=oneshot
ExecStart={" ".join(map(_systemd_word, job.command))}
Nice=19
CPUSchedulingPolicy=idle
IOSchedulingClass=idle
NoNewPrivileges=true
RestrictAddressFamilies=AF_UNIX
"""
    timer = f"""\
[Unit]
Description=Every night: look for new photos and group the people in them (fastface)

[Timer]
OnCalendar=*-*-* {job.hour:02}:{job.minute:02}:00
RandomizedDelaySec=30min
Persistent=true

[Install]
WantedBy=timers.target
"""
    systemctl = ("systemctl", "--user")
    return Plan(
        {folder / f"{NAME}.service": service.encode(), folder / f"{NAME}.timer": timer.encode()},
        [(*systemctl, "daemon-reload"), (*systemctl, "enable", "--now", f"{NAME}.timer")],
        [(*systemctl, "disable", "--now", f"{NAME}.timer")],
    )


def _systemd_word(word: str) -> str:
    r"""One word of a command line, quoted; nothing in it is expanded.

    >>> print(_systemd_word('/photos/50% "off" $HOME'))
    "/photos/50%% \"off\" $$HOME"
    """
    for character, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(character, written)
    return f'"{word}"'


# -- launchd -------------------------------------------------------------------------------------


def _launchd(job: Job, home: Path) -> Plan:
    path = home / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    agent = {
        "Label": LABEL,
        "ProgramArguments": list(job.command),
        "StartCalendarInterval": {"Hour": job.hour, "Minute": job.minute},
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "Nice": 19,
    }
    target = f"gui/{os.getuid() if hasattr(os, 'getuid') else 0}"
    stop = ("launchctl", "bootout", f"{target}/{LABEL}")
    return Plan(
        {path: plistlib.dumps(agent)}, [("launchctl", "bootstrap", target, str(path))], [stop]
    )


# -- Windows -------------------------------------------------------------------------------------


def _task_scheduler(job: Job, home: Path) -> Plan:
    path = home / "AppData" / "Local" / "fastface" / f"{NAME}.xml"
    arguments = subprocess.list2cmdline(job.command[1:])
    task = f"""\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Look for new photos and group the people in them (fastface)</Description>
  </RegistrationInfo>
  <Triggers>
    <CalendarTrigger>
      <StartBoundary>2026-01-01T{job.hour:02}:{job.minute:02}:00</StartBoundary>
      <ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>
    </CalendarTrigger>
  </Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>true</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>true</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <IdleSettings>
      <Duration>PT10M</Duration>
      <WaitTimeout>PT12H</WaitTimeout>
      <StopOnIdleEnd>false</StopOnIdleEnd>
      <RestartOnIdle>false</RestartOnIdle>
    </IdleSettings>
    <RunOnlyIfIdle>true</RunOnlyIfIdle>
    <Priority>9</Priority>
  </Settings>
  <Actions>
    <Exec>
      <Command>{escape(job.command[0])}</Command>
      <Arguments>{escape(arguments)}</Arguments>
    </Exec>
  </Actions>
</Task>
"""
    name = ("/TN", NAME)
    return Plan(
        {path: task.encode("utf-16")},
        [("schtasks", "/Create", *name, "/XML", str(path), "/F")],
        [("schtasks", "/Delete", *name, "/F")],
    )
