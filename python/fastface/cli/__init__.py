"""The command `fastface`: one file per command, each of which parses, calls one function, prints.

Exit codes: 0 done, 1 a problem that the message explains, 2 wrong usage, 130 stopped with Ctrl-C,
141 the reader of the output went away.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Sequence

from fastface import _core
from fastface.cli import (
    bench,
    born,
    confirm,
    demo,
    different,
    doctor,
    export,
    faces,
    favourite,
    forget,
    hide,
    history,
    identify,
    import_,
    lab,
    merge,
    models,
    name,
    not_face,
    people,
    photos,
    reject,
    report,
    review,
    scan,
    schedule,
    split,
    stats,
    suggest,
    together,
    undo,
    unhide,
    update,
    why,
)
from fastface.cli.arguments import Parser, new_parser
from fastface.cli.output import Output, adopt_streams, drop_stdout
from fastface.errors import FastfaceError

COMMANDS = (
    *(demo, scan, update, schedule, people, faces, photos, together, why, identify),
    *(name, merge, split, different, confirm, reject, not_face, favourite, born, hide, unhide),
    *(suggest, review),
    *(undo, history, forget),
    *(import_, export, report, stats),
    *(models, doctor, bench, lab),
)

EXIT_ERROR, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 1, 130, 141


def build_parser() -> Parser:
    """The whole command line; importing and building it loads no model, image or database code."""
    parser, commands = new_parser()
    for command in COMMANDS:
        command.register(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `arguments` default to the process's own."""
    adopt_streams()
    parser = build_parser()
    args = parser.parse_args(arguments)
    if args.run is None:
        parser.print_help(sys.stderr)
        return 2
    if args.verbose:
        # Of ours alone: Pillow's own messages hold the tags of photos, places included.
        logging.basicConfig(format="%(name)s: %(message)s")
        logging.getLogger("fastface").setLevel(logging.DEBUG)
    out = Output(as_json=args.json, quiet=args.quiet)
    try:
        _core.target()
    except ValueError as error:  # FASTFACE_TARGET is wrong: said now, not after an hour's scan
        out.error(str(error))
        return EXIT_ERROR
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: out.warn(str(message))
            code: int = args.run(args, out) or 0
        sys.stdout.flush()
    except BrokenPipeError:
        drop_stdout()
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt:
        out.error(args.when_interrupted, label="stopped")
        return EXIT_INTERRUPTED
    except (FastfaceError, OSError) as error:
        if args.verbose:
            logging.getLogger("fastface").debug("where it happened:", exc_info=True)
        out.error(_one_line(error))
        return EXIT_ERROR
    return code


def _one_line(error: Exception) -> str:
    """The message alone; for an OSError, what went wrong and with which file."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.strerror}: {error.filename}"
    return " ".join(str(error).split()) or type(error).__name__
