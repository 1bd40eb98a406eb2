"""`fastface schedule`: have the system run `fastface update` every night."""

from __future__ import annotations

import argparse
import os
import re
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command
from fastface.cli.output import Output, printable
from fastface.errors import FastfaceError

if TYPE_CHECKING:
    from fastface.scheduling import Plan


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "schedule",
        run,
        usage="fastface schedule [FOLDER ...] [--at HH:MM] [--dry-run | --remove] [options]",
        summary="look for new photos every night, on mains power",
        description="""\
Has the system's own scheduler run `fastface update FOLDER ...` once a day: a systemd
user timer, a launchd agent or a Windows task. It runs at the lowest priority, never on
battery, on Windows only while nobody uses the computer, and after the next start if
the computer was off. Nothing of fastface stays running in between.

JSON: an object with files (a list of objects with path and text), commands (those
that the scheduler is told by), scheduled, removed and dry_run.""",
        examples="""\
  fastface schedule ~/Pictures             every night at three
  fastface schedule ~/Pictures --at 22:30
  fastface schedule ~/Pictures --dry-run   print what would be written
  fastface schedule --remove""",
    )
    parser.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER", help="where new photos are looked for"
    )
    parser.add_argument(
        "--at", type=_time, default=(3, 0), metavar="HH:MM", help="time of day (default: 03:00)"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="print it, change nothing")
    what.add_argument("--remove", action="store_true", help="schedule nothing any more")


def run(args: Namespace, out: Output) -> None:
    from fastface import scheduling

    if args.remove and args.folders:
        raise FastfaceError("--remove takes no folder: there is one task")
    for folder in args.folders:
        if not folder.is_dir():
            raise FastfaceError(f"{folder} is not a folder")
    wanted = scheduling.plan(scheduling.Job(_command(args), *args.at))
    removed = False
    if args.remove:
        removed = scheduling.remove(wanted)
    elif not args.dry_run:
        scheduling.install(wanted)
    if out.as_json:
        done = {"scheduled": not (args.remove or args.dry_run), "removed": removed}
        out.json({**_as_json(wanted, args), **done, "dry_run": args.dry_run})
    elif args.dry_run:
        _show(wanted)
    elif args.remove:
        out.say("Nothing is scheduled any more." if removed else "Nothing was scheduled.")
    else:
        out.say(f"Every day at {args.at[0]:02}:{args.at[1]:02}, on mains power:")
        out.say(printable(f"  fastface update {' '.join(map(str, args.folders))}".rstrip()))
        out.say("To stop that: fastface schedule --remove")


def _command(args: Namespace) -> list[str]:
    """The whole command line, which must not depend on where or how this process was started."""
    library = args.library or os.environ.get("FASTFACE_LIBRARY")
    return [
        *(sys.executable, "-m", "fastface", "update", "--mains", "--quiet"),
        *(("--library", str(Path(library).absolute())) if library else ()),
        *(str(folder.resolve()) for folder in args.folders),
    ]


def _show(wanted: Plan) -> None:
    for path, content in wanted.files.items():
        print(f"# {printable(str(path))}\n{_text(content)}")
    for command in wanted.start:
        print(f"$ {printable(' '.join(command))}")


def _as_json(wanted: Plan, args: Namespace) -> dict[str, Any]:
    commands = wanted.stop if args.remove else wanted.start
    return {
        "files": [{"path": str(path), "text": _text(c)} for path, c in wanted.files.items()],
        "commands": [list(command) for command in commands],
    }


def _text(content: bytes) -> str:
    return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")


def _time(text: str) -> tuple[int, int]:
    """
    >>> _time("22:30")
    (22, 30)
    """
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", text, re.ASCII)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise argparse.ArgumentTypeError(f"'{text}' is no time of day, such as 22:30")
    return int(found[1]), int(found[2])
