"""`fastface photos PERSON`: the photos somebody is in, alone or with others, when and where."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, open_library
from fastface.cli.faces import time_json
from fastface.cli.output import Output, printable
from fastface.errors import FastfaceError
from fastface.periods import clock

if TYPE_CHECKING:
    from fastface.types import PhotoRow


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "photos",
        run,
        usage="fastface photos [PERSON ...] [--without PERSON] [--from TIME] [--to TIME]\n"
        "                       [--near PLACE] [-0] [options]",
        summary="list the photos that people are in",
        description="""\
Prints one path a line and nothing else, ready for other commands; on a terminal, after
a video, also the moment that shows them best. Of several people, all are on the
photo. A time is 2019, 2019-06, 2019-06-30 or 2019-06-30T12:00 by the camera's clock, and
part of what is found. A place is a photo of the library that says where it was taken, or
LATITUDE,LONGITUDE.

JSON: a list of objects with photo, taken_at (ISO 8601 by the camera's clock, or
null), latitude, longitude (degrees, or null); of a video also duration_s and at_s, the
moment that shows one of the people best, in seconds.""",
        examples="""\
  fastface photos "Ada Lovelace"
  fastface photos Ada Charles --without p7         both, but not p7
  fastface photos Ada --from 2019 --to 2020-06
  fastface photos --near beach.jpg --km 5          whoever is on them
  fastface photos Ada --near 48.86,2.35 --json
  fastface photos p1 -0 | xargs -0 cp -t ~/ada     copy them, whatever their names""",
    )
    parser.add_argument("people", nargs="*", metavar="PERSON", help="a person's ID or name")
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="PERSON",
        help="who is not to be on them; more than once for several",
    )
    parser.add_argument("--from", dest="since", metavar="TIME", help="not before this time")
    parser.add_argument("--to", dest="until", metavar="TIME", help="not after this time")
    parser.add_argument("--near", metavar="PLACE", help="a photo, or LATITUDE,LONGITUDE")
    parser.add_argument(
        "--km", type=float, default=1.0, metavar="N", help="how far from PLACE (default: 1)"
    )
    parser.add_argument(
        "-0", "--null", action="store_true", help="end each path with NUL, for xargs -0"
    )


# What the arguments of `Library.search` are called here.
OPTIONS = {
    "since, until": "--from, --to",
    "since": "--from",
    "until": "--to",
    "near": "--near",
    "km": "--km",
}


def run(args: Namespace, out: Output) -> None:
    asked = (args.people, args.without, args.since, args.until, args.near)
    if not any(asked):
        raise FastfaceError("which photos? Name a person, a time or a place; see --help")
    with open_library(args) as library:
        try:
            photos = library.search(
                args.people,
                without=args.without,
                since=args.since,
                until=args.until,
                near=None if args.near is None else place(args.near),
                km=args.km,
            )
        except ValueError as error:
            name, _, problem = str(error).partition(": ")
            raise FastfaceError(f"{OPTIONS.get(name, name)}: {problem}") from error
    if out.as_json:
        out.json([as_json(photo) for photo in photos])
        return
    for photo in photos:
        path = str(photo.path)
        if args.null:
            print(path, end="\0")
        else:
            print(f"{printable(path)}{moment(photo)}" if sys.stdout.isatty() else path)


def place(text: str) -> str | tuple[float, float]:
    """Degrees if it reads as such, else a photo's path.

    >>> place("48.86,2.35"), place("beach.jpg")
    ((48.86, 2.35), 'beach.jpg')
    """
    latitude, _, longitude = text.partition(",")
    try:
        return float(latitude), float(longitude)
    except ValueError:
        return text


def as_json(photo: PhotoRow) -> dict[str, Any]:
    """A photo as other programs read it."""
    return {
        "photo": str(photo.path),
        "taken_at": iso_time(photo.taken_at),
        "latitude": photo.latitude,
        "longitude": photo.longitude,
        **({} if photo.duration_s is None else {"duration_s": round(photo.duration_s, 3)}),
        **time_json(best_moment(photo)),
    }


def best_moment(photo: PhotoRow) -> float | None:
    """When a video shows one of the people best, in seconds; None of a photo."""
    times = [(-face.quality, face.at_s) for face in photo.faces if face.at_s is not None]
    return min(times)[1] if times else None


def moment(photo: PhotoRow) -> str:
    """When a video shows somebody best, to be read after its path."""
    at_s = best_moment(photo)
    return "" if at_s is None else f"  at {clock(at_s)}"


def iso_time(taken_at: float | None) -> str | None:
    """The camera's clock, without a zone because cameras do not know theirs.

    >>> iso_time(86400.0)
    '1970-01-02T00:00:00'
    """
    from datetime import UTC, datetime

    if taken_at is None:
        return None
    return datetime.fromtimestamp(taken_at, UTC).replace(tzinfo=None).isoformat(timespec="seconds")
