"""`fastface confirm PERSON FACE...`: faces are this person's."""

from __future__ import annotations

from argparse import Namespace

from fastface.cli.answering import (
    add_dry_run,
    add_faces,
    add_person,
    faces_meant,
    give,
    opened,
    person_meant,
)
from fastface.cli.arguments import Commands, add_command
from fastface.cli.output import Output


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "confirm",
        run,
        usage="fastface confirm PERSON FACE... [--dry-run] [options]",
        summary="say that faces are a person's",
        description="""\
Confirmed faces are the first that new photos are compared with. Faces are given by
ID, or by photo: the person's face there, or else the only face there is. Unclear
faces, and faces that are somebody else's now, may be confirmed too.

JSON: the answer, as in `fastface history`, with changes and dry_run.""",
        examples="""\
  fastface confirm Ada IMG_0412.jpg
  fastface confirm Ada 0123456789abcdef-0        one face of a group photo""",
    )
    add_person(parser, help="whose faces they are")
    add_faces(parser, help="the right ones")
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> None:
    with opened(args) as library:
        person = person_meant(library, args.person)
        faces = faces_meant(library, args.faces, person)
        give(args, out, library, lambda: library.confirm(person, faces))
