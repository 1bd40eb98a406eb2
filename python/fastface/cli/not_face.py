"""`fastface not-face FACE...`: what was found is no face."""

from __future__ import annotations

from argparse import Namespace

from fastface.cli.answering import add_dry_run, add_faces, faces_meant, give, opened
from fastface.cli.arguments import Commands, add_command
from fastface.cli.output import Output


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "not-face",
        run,
        usage="fastface not-face FACE... [--dry-run] [options]",
        summary="say that something is no face, or nobody who matters",
        description="""\
Statues, patterns, faces on a screen, passers-by: they are left out of everything.
Given by ID, or by a photo on which nothing else was found.

JSON: the answer, as in `fastface history`, with changes and dry_run.""",
        examples="""\
  fastface not-face 0123456789abcdef-3
  fastface not-face statue.jpg""",
    )
    add_faces(parser, help="what is none")
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> None:
    with opened(args) as library:
        faces = faces_meant(library, args.faces)
        give(args, out, library, lambda: library.not_face(faces))
