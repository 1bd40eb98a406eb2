"""Writes docs/cli.md from the help texts; a test checks that it is current."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from fastface.cli import build_parser

TARGET = Path(__file__).with_name("cli.md")

HEADER = """\
# The command `fastface`

Written by `docs/generate_cli.py` from the help texts; do not edit.

Data goes to stdout, everything said to a person to stderr; progress shows on a terminal only.
`--json` prints JSON for programs: a path with bytes that are not UTF-8 keeps them as `\\udcNN`, as
Python's `os.fsencode` expects. Colours respect `NO_COLOR`.

| exit code | means |
| --- | --- |
| 0 | done; a scan too of which some photos, but not all, are unreadable |
| 1 | a problem, explained in one line |
| 2 | wrong usage |
| 130 | stopped with Ctrl-C; what was finished is kept |
| 141 | the reader of the output went away (`| head`) |
"""


WIDTH = {"COLUMNS": "90", "NO_COLOR": "1"}  # the environment in which help looks as in the file


def reference() -> str:
    """The whole text."""
    parser = build_parser()
    sections = [HEADER, _block("fastface", parser)]
    sections += [_block(name, command) for name, command in _commands(parser)]
    return "\n".join(sections)


def _block(title: str, parser: argparse.ArgumentParser) -> str:
    return f"## {title}\n\n```text\n{parser.format_help().strip()}\n```\n"


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield command.prog, command
                yield from _commands(command)


if __name__ == "__main__":
    os.environ.update(WIDTH)
    TARGET.write_text(reference(), encoding="utf-8")
