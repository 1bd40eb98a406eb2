"""`fastface different PERSON OTHER`: two people are not one."""

from __future__ import annotations

from argparse import Namespace

from fastface.cli.answering import add_dry_run, add_person, give, opened, person_meant
from fastface.cli.arguments import Commands, add_command
from fastface.cli.output import Output


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "different",
        run,
        usage="fastface different PERSON OTHER [--dry-run] [options]",
        summary="say that two people are not one",
        description="""\
For twins, siblings and doubles: however like they look, they are never joined,
nor is it asked again whether they are one.

JSON: the answer, as in `fastface history`, with changes and dry_run.""",
        examples="""\
  fastface different Ada Byron
  fastface different p3 p8""",
    )
    add_person(parser, help="one")
    add_person(parser, "other", help="the other")
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> None:
    with opened(args) as library:
        one, two = person_meant(library, args.person), person_meant(library, args.other)
        give(args, out, library, lambda: library.different(one, two))
