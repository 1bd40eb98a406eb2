"""`fastface undo [NUMBER]`: take an answer back."""

from __future__ import annotations

from argparse import Namespace

from fastface.cli.answering import add_dry_run, give, opened
from fastface.cli.arguments import Commands, add_command, positive
from fastface.cli.output import Output


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "undo",
        run,
        usage="fastface undo [NUMBER] [--dry-run] [options]",
        summary="take back the last thing you said, or any other",
        description="""\
Everything is as if it had not been said; what was said later still counts. Without
a NUMBER it is the last answer that counts, so that `undo` again goes further back.
To take back an undo, give its own NUMBER.

JSON: the answer that was taken back, as in `fastface history`, with changes and
dry_run.""",
        examples="""\
  fastface undo
  fastface undo 12                       as numbered by `fastface history`
  fastface undo --dry-run                what would change?""",
    )
    parser.add_argument(
        "number", nargs="?", type=positive, metavar="NUMBER", help="as in `fastface history`"
    )
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> None:
    with opened(args) as library:
        give(args, out, library, lambda: library.undo(args.number))
