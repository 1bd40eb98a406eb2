"""`fastface people`: who is in the library."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, open_library, positive
from fastface.cli.output import Output

if TYPE_CHECKING:
    from fastface.types import Person

UNNAMED = "-"


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "people",
        run,
        usage="fastface people [--min-photos N] [options]",
        summary="list the people that were found",
        description="""\
The ID of a person stays the same from one run to the next; use it, or the name
once you have given one, with `photos`, `faces` and `name`.

JSON: a list of objects with id, name (or null), photos, faces.""",
        examples="""\
  fastface people
  fastface people --min-photos 3         leave out passers-by
  fastface people --json | jq '.[] | select(.name == null) | .id'""",
    )
    parser.add_argument(
        "--min-photos",
        type=positive,
        default=1,
        metavar="N",
        help="only people in N photos or more",
    )


def run(args: Namespace, out: Output) -> None:
    with open_library(args) as library:
        people = library.people()
    show(out, [person for person in people if person.n_photos >= args.min_photos])
    if not people:
        out.say("No people yet. To find some: fastface scan FOLDER")


def show(out: Output, people: list[Person]) -> None:
    """Print `people` as a table, or as the JSON that other programs rely on."""
    if out.as_json:
        out.json([as_json(person) for person in people])
    elif people:
        rows = [[p.id, p.name or UNNAMED, p.n_photos, p.n_faces] for p in people]
        out.table(["ID", "NAME", "PHOTOS", "FACES"], rows)


def as_json(person: Person) -> dict[str, Any]:
    """A person as other programs read it."""
    return {
        "id": person.id,
        "name": person.name,
        "photos": person.n_photos,
        "faces": person.n_faces,
    }
