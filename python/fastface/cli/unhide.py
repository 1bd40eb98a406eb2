"""`fastface unhide PERSON`: list somebody again."""

from __future__ import annotations

from argparse import Namespace

from fastface.cli.answering import add_dry_run, add_person, give, opened, person_meant
from fastface.cli.arguments import Commands, add_command
from fastface.cli.output import Output


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "unhide",
        run,
        usage="fastface unhide PERSON [--dry-run] [options]",
        summary="list a hidden person again",
        description="""\
JSON: the answer, as in `fastface history`, with changes and dry_run.""",
        examples="""\
  fastface unhide p9""",
    )
    add_person(parser, help="who is to be listed again")
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> None:
    with opened(args) as library:
        person = person_meant(library, args.person)
        give(args, out, library, lambda: library.unhide(person))
