"""`fastface import`: names that other programs gave."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, open_library
from fastface.cli.export import SHOWN, conflicts_json, show_conflicts, show_problems
from fastface.cli.output import Output, box_list, count
from fastface.cli.progress import photo_progress

if TYPE_CHECKING:
    from fastface.metadata.reports import ImportReport

SOURCES = ("sidecar", "embedded", "picasa", "takeout")


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "import",
        run,
        usage="fastface import [FOLDER] [--from SOURCE] [--dry-run] [options]",
        summary="take over names that other programs gave",
        description="""\
Looks beside and into the photos of the library for names: XMP sidecars and embedded
XMP (digiKam, Lightroom, Windows Photo Gallery, Tag That Photo, exiftool), Picasa's
.picasa.ini, and the JSON files of Google Takeout. A region goes to the face that it
overlaps. Google does not say where a person is: such a name goes to the only face of
a photo, or to whoever is on nearly all photos of that name; else it is listed.

Scan first. The whole import is one answer for `undo`, and importing again adds
nothing. Where you said that a face is somebody else, that stays, unless --replace.

JSON: an object with files, answers, unnamed, names (photo, name, face, person,
source, how, new), left_over (photo, name, source, reason, box), conflicts (photo,
name, there), problems, dry_run.""",
        examples="""\
  fastface import --dry-run              what is there?
  fastface import
  fastface import ~/Takeout --from takeout
  fastface import --from picasa --contacts contacts.xml""",
    )
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="only photos below")
    parser.add_argument(
        "--from",
        dest="sources",
        action="append",
        choices=SOURCES,
        metavar="SOURCE",
        help="sidecar, embedded, picasa or takeout; more than once for several (default: all)",
    )
    parser.add_argument(
        "--contacts", type=Path, metavar="FILE", help="Picasa's contacts.xml, for older versions"
    )
    parser.add_argument(
        "--replace", action="store_true", help="imported names count even against yours"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be taken over")


def run(args: Namespace, out: Output) -> None:
    with (
        open_library(args, read_only=False) as library,
        photo_progress("Looking for names", enabled=not out.quiet) as progress,
    ):
        report = library.import_names(
            args.folder,
            sources=args.sources or SOURCES,
            contacts=args.contacts,
            replace=args.replace,
            dry_run=args.dry_run,
            progress=progress,
        )
    if out.as_json:
        out.json(as_json(report))
        return
    names = Counter((name.name, name.person) for name in report.names)
    if names:
        rows = [[person, name, n] for (name, person), n in sorted(names.items())]
        out.table(["ID", "NAME", "FACES"], rows)
    out.say(summary(report))
    for left in report.left_over[:SHOWN]:
        out.say(f"  {left.photo}: {left.name}: {left.why}")
    if len(report.left_over) > SHOWN:
        out.say(f"  ... and {len(report.left_over) - SHOWN:,} more; --json lists all.")
    show_conflicts(report.conflicts, out)
    show_problems(list(report.problems), out)


def summary(report: ImportReport) -> str:
    """What was found, in a few lines."""
    n_new = sum(name.is_new for name in report.names)
    would = "would be" if report.dry_run else "were"
    ways = Counter(name.how for name in report.names if name.is_new)
    how = ", ".join(f"{n:,} by {way}" for way, n in sorted(ways.items()))
    lines = count(n_new, "name") + f" {would} taken over{f' ({how})' if how else ''}, "
    lines += f"{len(report.names) - n_new:,} known already, {len(report.left_over):,} without a "
    lines += f"face, from {count(report.n_files, 'photo')}."
    if report.n_answers and not report.dry_run:
        lines += "\n`fastface undo` takes the whole import back."
    return lines


def as_json(report: ImportReport) -> dict[str, Any]:
    """The import as other programs read it."""
    return {
        "files": report.n_files,
        "answers": report.n_answers,
        "unnamed": report.n_unnamed,
        "names": [
            {
                "photo": str(name.photo),
                "name": name.name,
                "face": name.face,
                "person": name.person,
                "source": name.source,
                "how": name.how,
                "new": name.is_new,
            }
            for name in report.names
        ],
        "left_over": [
            {
                "photo": str(left.photo),
                "name": left.name,
                "source": left.source,
                "reason": left.why,
                "box": None if left.box is None else box_list(left.box),
            }
            for left in report.left_over
        ],
        "conflicts": conflicts_json(report.conflicts),
        "problems": list(report.problems),
        "dry_run": report.dry_run,
    }
