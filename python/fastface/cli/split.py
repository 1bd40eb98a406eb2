"""`fastface split PERSON FACE...`: some faces are somebody else."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from fastface.cli.answering import (
    add_dry_run,
    add_faces,
    add_person,
    give,
    opened,
    own_faces_meant,
    person_meant,
)
from fastface.cli.arguments import Commands, add_command
from fastface.cli.output import Output

if TYPE_CHECKING:
    from fastface.types import Person


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "split",
        run,
        usage="fastface split PERSON FACE... [--name NAME] [--dry-run] [options]",
        summary="say that some faces of a person are one other person",
        description="""\
The faces become a new person, who is kept apart from the first for good. Faces
are given by ID, or by photo: then it is the person's face on that photo. For faces
that belong to several others, see `fastface reject`.

JSON: the new person, as in `fastface people`, with changes and dry_run.""",
        examples="""\
  fastface split Ada IMG_0412.jpg IMG_0413.jpg
  fastface split Ada IMG_0412.jpg --name "Ada's sister"
  fastface split p1 0123456789abcdef-0 --dry-run""",
    )
    add_person(parser, help="whose faces they are now")
    add_faces(parser, help="those of the other person")
    parser.add_argument("--name", metavar="NAME", help="the other person's name")
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> None:
    with opened(args) as library:
        person = person_meant(library, args.person)
        faces = own_faces_meant(library, args.faces, person)

        def split() -> Person:
            new = library.split(person, faces)
            return new if args.name is None else library.name(new.id, args.name)

        give(args, out, library, split)
