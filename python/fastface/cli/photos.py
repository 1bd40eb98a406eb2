"""`fastface photos PERSON`: the photos somebody is in."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, open_library
from fastface.cli.output import Output, printable

if TYPE_CHECKING:
    from fastface.types import PhotoRow


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "photos",
        run,
        usage="fastface photos PERSON [-0] [options]",
        summary="list the photos that a person is in",
        description="""\
Prints one path a line and nothing else, ready for other commands.

JSON: a list of objects with photo, taken_at (ISO 8601 by the camera's clock, or
null).""",
        examples="""\
  fastface photos "Ada Lovelace"
  fastface photos p1 --json
  fastface photos p1 -0 | xargs -0 cp -t ~/ada     copy them, whatever their names""",
    )
    parser.add_argument("person", metavar="PERSON", help="a person's ID or name")
    parser.add_argument(
        "-0", "--null", action="store_true", help="end each path with NUL, for xargs -0"
    )


def run(args: Namespace, out: Output) -> None:
    with open_library(args) as library:
        photos = library.photos(args.person)
    if out.as_json:
        out.json([as_json(photo) for photo in photos])
        return
    for photo in photos:
        path = str(photo.path)
        if args.null:
            print(path, end="\0")
        else:
            print(printable(path) if sys.stdout.isatty() else path)


def as_json(photo: PhotoRow) -> dict[str, Any]:
    """A photo as other programs read it."""
    return {"photo": str(photo.path), "taken_at": iso_time(photo.taken_at)}


def iso_time(taken_at: float | None) -> str | None:
    """The camera's clock, without a zone because cameras do not know theirs.

    >>> iso_time(86400.0)
    '1970-01-02T00:00:00'
    """
    from datetime import UTC, datetime

    if taken_at is None:
        return None
    return datetime.fromtimestamp(taken_at, UTC).replace(tzinfo=None).isoformat(timespec="seconds")
