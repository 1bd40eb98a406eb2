"""`fastface lab`: train, measure and shrink face networks; needs the extra of that name."""

from __future__ import annotations

from argparse import Namespace

from fastface.cli.arguments import Commands, add_command, add_subcommands
from fastface.cli.lab import (
    attention,
    augment,
    compress,
    evaluate,
    export,
    measure,
    pareto,
    report,
    train,
)
from fastface.cli.output import Output

ACTIONS = (augment, train, export, evaluate, measure, compress, attention, pareto, report)


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "lab",
        run,
        usage="fastface lab ACTION [options]",
        summary="train, measure and shrink face networks of your own",
        description="""\
Needs PyTorch, which the extra brings: pip install 'fastface-people[lab]'. Your
library and photos are not touched.

JSON: each action says what it prints.""",
        examples="""\
  fastface lab train --preset tiny --data crops --out runs/tiny
  fastface lab augment --data crops --out sheet.png
  fastface lab train --help""",
    )
    parser.set_defaults(lab_parser=parser)
    actions = add_subcommands(parser, "actions")
    for action in ACTIONS:
        action.register(actions)


def run(args: Namespace, _out: Output) -> int:
    args.lab_parser.print_help()
    return 2
