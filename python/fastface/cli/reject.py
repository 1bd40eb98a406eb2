"""`fastface reject PERSON FACE...`: faces are not this person's."""

from __future__ import annotations

from argparse import Namespace

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


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "reject",
        run,
        usage="fastface reject PERSON FACE... [--dry-run] [options]",
        summary="say that faces are not a person's",
        description="""\
Whoever else they may be: each goes to whom it resembles most, or stands alone, and
never comes back to the person. Faces are given by ID, or by photo: then it is the
person's face on that photo.

JSON: the answer, as in `fastface history`, with changes and dry_run.""",
        examples="""\
  fastface reject Ada IMG_0412.jpg
  fastface reject p1 0123456789abcdef-0 fedcba9876543210-2""",
    )
    add_person(parser, help="whose faces they are not")
    add_faces(parser, help="the wrong ones")
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> None:
    with opened(args) as library:
        person = person_meant(library, args.person)
        faces = own_faces_meant(library, args.faces, person)
        give(args, out, library, lambda: library.reject(person, faces))
