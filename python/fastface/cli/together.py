"""`fastface together`: who is on photos with whom."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, open_library, positive
from fastface.cli.output import Output

if TYPE_CHECKING:
    from fastface.searching import Company


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "together",
        run,
        usage="fastface together [PERSON] [--min-photos N] [options]",
        summary="list who is on photos with whom",
        description="""\
With a PERSON, who is on photos with them; else all pairs. Most often first.

JSON: a list of objects with id, name, with_id, with_name (names may be null), photos.""",
        examples="""\
  fastface together "Ada Lovelace"
  fastface together --min-photos 5
  fastface photos Ada Charles            the photos themselves""",
    )
    parser.add_argument("person", nargs="?", metavar="PERSON", help="a person's ID or name")
    parser.add_argument(
        "--min-photos", type=positive, default=1, metavar="N", help="only in N photos or more"
    )


def run(args: Namespace, out: Output) -> None:
    with open_library(args) as library:
        pairs = [c for c in library.together(args.person) if c.n_photos >= args.min_photos]
    if out.as_json:
        out.json([as_json(pair) for pair in pairs])
    elif pairs:
        rows = [
            [p.person.id, p.person.name or "-", p.other.id, p.other.name or "-", p.n_photos]
            for p in pairs
        ]
        out.table(["ID", "NAME", "WITH", "NAME", "PHOTOS"], rows)
    if not pairs:
        out.say("Nobody is on such photos with anybody else.")


def as_json(pair: Company) -> dict[str, Any]:
    """A pair as other programs read it."""
    return {
        "id": pair.person.id,
        "name": pair.person.name,
        "with_id": pair.other.id,
        "with_name": pair.other.name,
        "photos": pair.n_photos,
    }
