"""`fastface born PERSON DATE`: when somebody was born."""

from __future__ import annotations

from argparse import Namespace

from fastface.cli.answering import add_dry_run, add_person, give, opened, person_meant
from fastface.cli.arguments import Commands, add_command
from fastface.cli.output import Output


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "born",
        run,
        usage="fastface born PERSON DATE [--dry-run] [options]",
        summary="say when somebody was born",
        description="""\
A face on a photo taken before is then never recognised as theirs: a parent as a child
is not taken for the child of today. The last date counts.

JSON: the answer, as in `fastface history`, with changes and dry_run.""",
        examples="""\
  fastface born Ada 2012-03-30
  fastface born p1 2012            some time in that year""",
    )
    add_person(parser, help="who was born")
    parser.add_argument("date", metavar="DATE", help="2012-03-30, 2012-03 or 2012")
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> None:
    with opened(args) as library:
        person = person_meant(library, args.person)
        give(args, out, library, lambda: library.born(person, args.date))
