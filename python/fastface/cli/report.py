"""`fastface report`: everybody on one page."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from fastface.cli.arguments import Commands, add_command, open_library
from fastface.cli.output import Output, size
from fastface.cli.progress import photo_progress

DEFAULT_OUTPUT = Path("fastface-report.html")


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "report",
        run,
        usage="fastface report [-o FILE] [--open] [options]",
        summary="write one HTML page that shows everybody",
        description="""\
The file holds its own thumbnails and needs no network, no server and no script. It
shows faces, so only you can read it (mode 0600): think before you pass it on. A
file of that name is replaced only if it is a fastface report too.

JSON: an object with report (the path), bytes, people, faces, photos (thumbnails
shown).""",
        examples="""\
  fastface report --open
  fastface report -o ~/Documents/family.html""",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=DEFAULT_OUTPUT,
        metavar="FILE",
        help=f"where to write it (default: {DEFAULT_OUTPUT})",
    )
    parser.add_argument("--open", action="store_true", help="open it in the browser")
    parser.set_defaults(when_interrupted="no report was written; an earlier one is untouched.")


def run(args: Namespace, out: Output) -> None:
    from fastface.report import write_report

    with (
        open_library(args) as library,
        photo_progress("Making thumbnails", enabled=not out.quiet) as progress,
    ):
        written = write_report(library, args.output, progress=progress)
    if out.as_json:
        out.json(
            {
                "report": str(written.path),
                "bytes": written.n_bytes,
                "people": written.n_people,
                "faces": written.n_faces,
                "photos": written.n_photos,
            }
        )
    else:
        print(written.path)
        out.say(f"Report written, {size(written.n_bytes)}.")
    if args.open:
        open_in_browser(written.path, out)


def open_in_browser(path: Path, out: Output) -> None:
    """Show a file in the user's browser, or say that there is none."""
    import webbrowser

    if not webbrowser.open(path.resolve().as_uri()):
        out.warn(f"no browser could be started; open {path} yourself")
