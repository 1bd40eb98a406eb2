"""`fastface export`: names for other programs, beside the photos or in them."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, open_library
from fastface.cli.output import Output, count
from fastface.cli.progress import photo_progress

if TYPE_CHECKING:
    from fastface.metadata.reports import ExportReport, NameThere

SHOWN = 10  # conflicts and problems each


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "export",
        run,
        usage="fastface export [FOLDER] [--embed] [--dry-run] [options]",
        summary="write names where other programs read them",
        description="""\
Writes a small XMP file beside every photo of somebody who has a name: photo.jpg.xmp
says who is where (MWG regions, Microsoft People tags) and who is in the photo
(PersonInImage, digiKam's tags). digiKam, Lightroom, darktable, Immich, PhotoPrism
and exiftool read it. What others wrote in such a file stays; where they give a face
another name, theirs stays and is listed. Export again after changes: names you took
back are removed, and nothing else. Hidden people are left out.

Your photos are not touched, unless you ask for --embed: then the names go into the
JPEG and PNG files themselves. Pixels and all other data are copied as they are, and
the library knows the changed files again.

JSON: an object with files, written and removed (paths), unchanged, conflicts (photo,
name, there), problems (photo, reason), dry_run.""",
        examples="""\
  fastface export --dry-run              what would be written?
  fastface export
  fastface export ~/Pictures/2019        only this folder
  fastface export --style lightroom      photo.xmp instead of photo.jpg.xmp
  fastface export --embed                into the photos""",
    )
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="only photos below")
    parser.add_argument("--embed", action="store_true", help="write into JPEG and PNG files")
    parser.add_argument(
        "--style",
        choices=["full", "lightroom"],
        default="full",
        metavar="STYLE",
        help="name of a sidecar: full (photo.jpg.xmp) or lightroom (photo.xmp)",
    )
    parser.add_argument("--keywords", action="store_true", help="names as keywords too")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be written")
    parser.set_defaults(
        when_interrupted="what was written so far is whole; run the same command again."
    )


def run(args: Namespace, out: Output) -> None:
    writes_library = args.embed and not args.dry_run
    with (
        open_library(args, read_only=not writes_library) as library,
        photo_progress("Writing names", enabled=not out.quiet) as progress,
    ):
        report = library.export_names(
            args.folder,
            embed=args.embed,
            style=args.style,
            keywords=args.keywords,
            dry_run=args.dry_run,
            progress=progress,
        )
    if out.as_json:
        out.json(as_json(report))
        return
    if args.dry_run:
        for path in report.written:
            print(path)
    would = "would be " if report.dry_run else ""
    out.say(
        f"{count(len(report.written), 'file')} {would}written, {len(report.removed):,} {would}"
        f"removed; {count(report.n_unchanged, 'photo')} of {report.n_files:,} unchanged."
    )
    show_conflicts(report.conflicts, out)
    show_problems([f"{photo}: {reason}" for photo, reason in report.problems], out)


def show_conflicts(conflicts: tuple[NameThere, ...], out: Output) -> None:
    """Faces with two names, some of them."""
    for row in conflicts[:SHOWN]:
        out.warn(f"{row.photo}: not {row.name}, {row.there} is there already")
    _say_more(len(conflicts), "face with another name", "faces with other names", out)


def show_problems(problems: list[str], out: Output) -> None:
    """Files that were left alone, some of them."""
    for problem in problems[:SHOWN]:
        out.warn(problem)
    _say_more(len(problems), "file that was left alone", "files that were left alone", out)


def _say_more(n: int, one: str, many: str, out: Output) -> None:
    if n > SHOWN:
        out.say(f"... and {count(n - SHOWN, 'more ' + one, 'more ' + many)}; --json lists all.")


def as_json(report: ExportReport) -> dict[str, Any]:
    """The export as other programs read it."""
    return {
        "files": report.n_files,
        "written": [str(path) for path in report.written],
        "removed": [str(path) for path in report.removed],
        "unchanged": report.n_unchanged,
        "conflicts": conflicts_json(report.conflicts),
        "problems": [{"photo": str(path), "reason": why} for path, why in report.problems],
        "dry_run": report.dry_run,
    }


def conflicts_json(conflicts: tuple[NameThere, ...]) -> list[dict[str, str]]:
    """Faces with two names."""
    return [{"photo": str(c.photo), "name": c.name, "there": c.there} for c in conflicts]
