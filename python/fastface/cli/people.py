"""`fastface people`: who is in the library."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, open_library, positive
from fastface.cli.output import Output
from fastface.cli.photos import iso_time

if TYPE_CHECKING:
    from fastface.types import Person

UNNAMED = "-"


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "people",
        run,
        usage="fastface people [--min-photos N] [--seen] [--complete] [--hidden] [options]",
        summary="list the people that were found",
        description="""\
The ID of a person stays the same from one run to the next; use it, or the name
once you have given one, with `photos`, `faces`, `name` and the other commands.

PHOTOS counts videos too; VIDEOS, where there are any, how many of them are.

JSON: a list of objects with id, name (or null), photos, videos, faces, first_seen and
last_seen (ISO 8601 by the camera's clock, or null), hidden; with --complete also completeness
(0..1, or null for hidden people).""",
        examples="""\
  fastface people
  fastface people --min-photos 3         leave out passers-by
  fastface people --seen                 since when, and until when
  fastface people --complete             of whom may there be more?
  fastface people --json | jq '.[] | select(.name == null) | .id'""",
    )
    parser.add_argument(
        "--min-photos",
        type=positive,
        default=1,
        metavar="N",
        help="only people in N photos or more",
    )
    parser.add_argument("--seen", action="store_true", help="show first and last photo's day")
    parser.add_argument(
        "--complete",
        action="store_true",
        help="estimate what share of everybody's faces is found",
    )
    parser.add_argument("--hidden", action="store_true", help="only people whom you have hidden")


def run(args: Namespace, out: Output) -> None:
    with open_library(args) as library:
        everybody = library.people(hidden=True)
        shares = library.completeness() if args.complete else None
    listed = [person for person in everybody if person.hidden == args.hidden]
    chosen = [person for person in listed if person.n_photos >= args.min_photos]
    show(out, chosen, seen=args.seen, shares=shares)
    if not everybody:
        out.say("No people yet. To find some: fastface scan FOLDER")
    elif args.hidden and not listed:
        out.say("Nobody is hidden.")


def show(
    out: Output,
    people: list[Person],
    *,
    seen: bool = False,
    shares: Mapping[str, float] | None = None,
) -> None:
    """Print `people` as a table, or as the JSON that other programs rely on.

    seen: with the days of their first and last photos.  shares: how much of them is found, by id.
    """
    if out.as_json:
        listed = [as_json(person) for person in people]
        if shares is not None:
            listed = [{**row, "completeness": shares.get(row["id"])} for row in listed]
        out.json(listed)
    elif people:
        rows = [[p.id, p.name or UNNAMED, p.n_photos, p.n_faces] for p in people]
        header = ["ID", "NAME", "PHOTOS", "FACES"]
        if any(p.n_videos for p in people):
            header.append("VIDEOS")
            rows = [[*row, p.n_videos] for row, p in zip(rows, people, strict=True)]
        if seen:
            header += ["FIRST", "LAST"]
            rows = [
                [*row, *((iso_time(t) or UNNAMED)[:10] for t in (p.first_seen, p.last_seen))]
                for row, p in zip(rows, people, strict=True)
            ]
        if shares is not None:
            header.append("FOUND")
            rows = [[*row, percent(shares.get(p.id))] for row, p in zip(rows, people, strict=True)]
        out.table(header, rows)


def percent(share: float | None) -> str:
    """A share for people; an estimate is never certain.

    >>> percent(0.973), percent(1.0), percent(None)
    ('97 %', '> 99 %', '-')
    """
    if share is None:
        return UNNAMED
    return "> 99 %" if share > 0.995 else f"{100 * share:.0f} %"


def as_json(person: Person) -> dict[str, Any]:
    """A person as other programs read it."""
    return {
        "id": person.id,
        "name": person.name,
        "photos": person.n_photos,
        "videos": person.n_videos,
        "faces": person.n_faces,
        "first_seen": iso_time(person.first_seen),
        "last_seen": iso_time(person.last_seen),
        "hidden": person.hidden,
    }
