"""`fastface update`: group new photos with the old ones; what a nightly task runs."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from fastface.cli import scan
from fastface.cli.arguments import Commands, add_command, add_limits, open_library
from fastface.cli.output import Output, count, duration


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "update",
        run,
        usage="fastface update [FOLDER ...] [--full] [options]",
        summary="group new photos with the old ones",
        description="""\
Scans the folders, if any are given. Then it groups again what new photos, photos that
are gone and your answers can have changed since it was last done. In a library of more
than 10,000 faces `fastface scan` only compares new faces with the people there are;
this finds new people, joins and divides. Names and corrections are kept.
`fastface schedule` has it done every night.

JSON: an object with grouped (false if nothing had changed), faces, people, seconds
and scans (a list of objects as of `fastface scan`).""",
        examples="""\
  fastface update
  fastface update ~/Pictures    look for new photos first
  fastface update --full        group everything again""",
    )
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="scanned first")
    parser.add_argument("--full", action="store_true", help="group all faces again")
    parser.add_argument("--mains", action="store_true", help="do nothing on battery power")
    add_limits(parser)
    parser.set_defaults(when_interrupted=scan.RESUMES)


def run(args: Namespace, out: Output) -> None:
    from fastface import machine
    from fastface.photos import photo_folder

    if args.mains and machine.on_battery():
        out.say("Nothing is done on battery power.")
        if out.as_json:
            out.json({"grouped": False})
        return
    for folder in args.folders:
        photo_folder(folder)  # before the first is scanned
    started = time.monotonic()
    with open_library(args, read_only=False) as library:
        scans = [scan.scan(library, folder, args=args, out=out) for folder in args.folders]
        grouped = library.update(full=args.full)
        stats = library.stats()
    told: dict[str, Any] = {
        "grouped": grouped,
        "faces": stats.n_faces,
        "people": stats.n_people,
        "seconds": round(time.monotonic() - started, 3),
        "scans": [scan.as_json(summary) for summary in scans],
    }
    if out.as_json:
        out.json(told)
        return
    for summary in scans:
        out.say(scan.sentence(summary))
        scan.show_failures(summary, out)
    if grouped:
        faces, people = count(stats.n_faces, "face"), count(stats.n_people, "person", "people")
        out.say(f"{faces}, {people}, in {duration(told['seconds'])}.")
    else:
        out.say("Nothing has changed since the last grouping.")
