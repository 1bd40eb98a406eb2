"""How the command line is spelled: shared options, help that teaches, usage errors."""

from __future__ import annotations

import argparse
import difflib
import re
import shutil
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from fastface import _core

if TYPE_CHECKING:
    from fastface.cli.output import Output
    from fastface.library import Library

Run = Callable[[argparse.Namespace, "Output"], "int | None"]
Commands = Any  # argparse's own type of the subcommand action is private

DESCRIPTION = """\
Finds who is in your photos, privately, on your own device.

Photos are read where they are and never changed; what is found is kept in one
library file that only you can read. Nothing is sent anywhere."""

_PLACE = re.compile(r"-[0-9.]+,-?[0-9.]+")

EXAMPLES = """\
  fastface demo                          see it work on a few public-domain photos
  fastface scan ~/Pictures               find the people in your own photos
  fastface people                        who was found
  fastface name p1 "Ada Lovelace"        say who somebody is
  fastface report --open                 look at everybody in the browser

`fastface COMMAND --help` explains one command."""


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps our line breaks and writes options as `-o, --output FILE` on every Python."""

    def __init__(self, prog: str, **options: Any) -> None:
        width = min(shutil.get_terminal_size().columns, 100) - 2
        super().__init__(prog, max_help_position=26, width=width, **options)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, (action.dest or "").upper())
        return f"{', '.join(action.option_strings)} {value}"

    def _format_action(self, action: argparse.Action) -> str:
        text = super()._format_action(action)
        if isinstance(action, argparse._SubParsersAction):
            return textwrap.indent(textwrap.dedent(text.partition("\n")[2]), "  ")
        return text


class Parser(argparse.ArgumentParser):
    """An argument parser whose usage errors are one line, with a hint, and exit code 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"fastface: {message}\nTry '{self.prog} --help'.\n")

    def _parse_optional(self, arg_string: str) -> Any:
        # South of the equator a place begins like an option.
        return None if _PLACE.fullmatch(arg_string) else super()._parse_optional(arg_string)

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        # An unset variable of a script, which Path would take for the current folder.
        if action.type is Path and not arg_string:
            raise argparse.ArgumentError(action, "expected a path, got nothing")
        return super()._get_value(action, arg_string)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        close = difflib.get_close_matches(str(value), choices, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"choose from {', '.join(choices)}"
        if isinstance(action, argparse._SubParsersAction):
            raise argparse.ArgumentError(None, f"no command '{value}': {hint}")
        raise argparse.ArgumentError(action, f"no choice '{value}': {hint}")


def shared_options() -> argparse.ArgumentParser:
    """Options that every command takes, before or after its name (hence no defaults here)."""
    parent = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = parent.add_argument_group("shared options")
    group.add_argument(
        "--library", type=Path, metavar="PATH", help="library file (default: in your data folder)"
    )
    group.add_argument("--json", action="store_true", help="print JSON for programs")
    group.add_argument("-q", "--quiet", action="store_true", help="say only what went wrong")
    group.add_argument("-v", "--verbose", action="store_true", help="say more, for bug reports")
    return parent


def new_parser() -> tuple[Parser, Commands]:
    """The top of the command line and the place where commands are added."""
    parser = Parser(
        prog="fastface",
        usage="fastface COMMAND [options]",
        description=DESCRIPTION,
        epilog=f"examples:\n{EXAMPLES}",
        formatter_class=HelpFormatter,
        parents=[shared_options()],
        allow_abbrev=False,
    )
    parser.add_argument(
        "-V", "--version", action="version", version=f"fastface {_core.__version__}"
    )
    parser.set_defaults(
        run=None,
        library=None,
        json=False,
        quiet=False,
        verbose=False,
        when_interrupted="nothing was changed.",
    )
    return parser, add_subcommands(parser, "commands")


def add_subcommands(parser: argparse.ArgumentParser, title: str) -> Commands:
    """The place where commands are added; listed before the options, under `title`."""
    parser._positionals.title = title
    return parser.add_subparsers(metavar="", prog=parser.prog, parser_class=Parser)


def add_command(
    commands: Commands,
    name: str,
    run: Run,
    *,
    usage: str,
    summary: str,
    description: str = "",
    examples: str,
) -> argparse.ArgumentParser:
    """Add one command: `summary` is its line in the list, `examples` close its own help."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        usage=usage,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.\n\n{description}".strip(),
        epilog=f"examples:\n{examples}",
        formatter_class=HelpFormatter,
        parents=[shared_options()],
        allow_abbrev=False,
    )
    parser._positionals.title = "arguments"
    parser.set_defaults(run=run)
    return parser


def add_limits(parser: argparse.ArgumentParser) -> None:
    """`--workers N` and `--max-memory SIZE`, for the commands that analyse photos."""
    parser.add_argument(
        "--workers",
        type=positive,
        metavar="N",
        help="photos analysed at the same time (default: one per core)",
    )
    parser.add_argument(
        "--max-memory",
        type=n_bytes,
        metavar="SIZE",
        help="memory to stay within while photos are looked at, such as 500M or 2G (default: "
        "half of the machine's); `update` of a large library takes 13 kB a face besides",
    )


def positive(text: str) -> int:
    """A whole number of 1 or more, for argparse.

    >>> positive("4")
    4
    """
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of 1 or more")
    return int(text)


def n_bytes(text: str) -> int:
    """A size in megabytes or gigabytes, for argparse.

    >>> n_bytes("500M"), n_bytes("1.5g")
    (500000000, 1500000000)
    """
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([MG])B?", text.upper(), re.ASCII)
    if not found:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size such as 500M or 2G")
    return int(float(found[1]) * {"M": 1e6, "G": 1e9}[found[2]])


def open_library(
    args: argparse.Namespace,
    *,
    read_only: bool = True,
    pack: str | None = None,
    providers: Sequence[str] | None = None,
) -> Library:
    """The library that `--library` names, or the user's own; loaded only now, to start fast.

    One of an earlier version is brought up to date first, also to be read.
    """
    from fastface.errors import OlderFormatError
    from fastface.library import Library

    try:
        return Library(args.library, read_only=read_only, pack=pack, providers=providers)
    except OlderFormatError:
        Library(args.library).close()
        return Library(args.library, read_only=read_only, pack=pack, providers=providers)
