"""`fastface favourite PERSON FACE`: which face to show."""

from __future__ import annotations

from argparse import Namespace

from fastface.cli.answering import (
    add_dry_run,
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
        "favourite",
        run,
        usage="fastface favourite PERSON FACE [--dry-run] [options]",
        summary="choose the face that stands for a person",
        description="""\
Otherwise it is the clearest. Given by ID, or by photo: then it is the person's face
on that photo.

JSON: the answer, as in `fastface history`, with changes and dry_run.""",
        examples="""\
  fastface favourite Ada IMG_0412.jpg
  fastface favourite p1 0123456789abcdef-0""",
    )
    add_person(parser, help="who is to be shown")
    parser.add_argument("face", metavar="FACE", help="an ID, as in `fastface faces`, or a photo")
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> None:
    with opened(args) as library:
        person = person_meant(library, args.person)
        face, *_ = own_faces_meant(library, [args.face], person)
        give(args, out, library, lambda: library.favourite(person, face))
