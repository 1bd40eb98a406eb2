"""`fastface doctor`: is everything here and well?"""

from __future__ import annotations

import sys
from argparse import Namespace

from fastface.cli.arguments import Commands, add_command
from fastface.cli.output import GREEN, RED, YELLOW, Output, printable, styled

COLOURS = {"ok": GREEN, "warn": YELLOW, "fail": RED}


def register(commands: Commands) -> None:
    add_command(
        commands,
        "doctor",
        run,
        usage="fastface doctor [options]",
        summary="check the installation, the models, the library and what is slow",
        description="""\
Each line says ok, warn or fail and, where something is wrong or slower than it need be,
what to do. Changes nothing. Exits with 1 if a line says fail. How fast this machine is,
`fastface bench` measures.

JSON: an object with status (the worst of all) and checks (a list of objects with
name, status, found, advice).""",
        examples="""\
  fastface doctor
  fastface doctor --json                 for a bug report""",
    )


def run(args: Namespace, out: Output) -> int:
    from fastface.cli import checks as health
    from fastface.cli import slowness

    checks = [*health.examine(args.library), *slowness.examine(args.library)]
    worst = max((check.status for check in checks), key=list(COLOURS).index)
    if out.as_json:
        found = [
            {"name": c.name, "status": c.status, "found": c.found, "advice": c.advice}
            for c in checks
        ]
        out.json({"status": worst, "checks": found})
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            status = styled(check.status.ljust(4), COLOURS[check.status], sys.stdout)
            print(f"{status}  {check.name.ljust(width)}  {printable(check.found)}")
            if check.advice:
                print(" " * (width + 8) + printable(check.advice))
    return 1 if worst == "fail" else 0
