"""`fastface merge PERSON OTHER...`: two people are one."""

from __future__ import annotations

from argparse import Namespace

from fastface.cli.answering import add_dry_run, add_person, give, opened, person_meant
from fastface.cli.arguments import Commands, add_command
from fastface.cli.output import Output


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "merge",
        run,
        usage="fastface merge PERSON OTHER... [--dry-run] [options]",
        summary="say that people are one person",
        description="""\
The first keeps the ID and, if there is one, the name. All their faces are kept
together through every new grouping. `fastface undo` divides them again, exactly.

JSON: the person, as in `fastface people`, with changes (people, moved, confirmed:
what became of whom) and dry_run.""",
        examples="""\
  fastface merge p1 p7
  fastface merge "Ada Lovelace" p7 p12
  fastface merge ada p7 --dry-run        what would change?""",
    )
    add_person(parser, help="who is kept")
    parser.add_argument(
        "others", metavar="OTHER", nargs="+", help="who is the same person: IDs or names"
    )
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> None:
    with opened(args) as library:
        people = [person_meant(library, text) for text in (args.person, *args.others)]
        give(args, out, library, lambda: library.merge(*people))
