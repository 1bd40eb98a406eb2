"""`fastface hide PERSON`: do not list somebody."""

from __future__ import annotations

from argparse import Namespace

from fastface.cli.answering import add_dry_run, add_person, give, opened, person_meant
from fastface.cli.arguments import Commands, add_command
from fastface.cli.output import Output


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "hide",
        run,
        usage="fastface hide PERSON [--dry-run] [options]",
        summary="leave a person out of every list",
        description="""\
Nothing is deleted: `fastface people --hidden` lists the hidden, `fastface unhide`
brings them back. To delete what is known of a person, see `fastface forget`.

JSON: the answer, as in `fastface history`, with changes and dry_run.""",
        examples="""\
  fastface hide p9
  fastface people --hidden""",
    )
    add_person(parser, help="who is not to be listed")
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> None:
    with opened(args) as library:
        person = person_meant(library, args.person)
        give(args, out, library, lambda: library.hide(person))
