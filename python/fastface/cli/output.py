"""What a command prints: data on stdout, everything said to a person on stderr."""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from fastface.types import Box

# Control characters and direction overrides: a file's name must not be able to steer a terminal.
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile("[\ud800-\udfff]")

BOLD, DIM, RED, YELLOW, GREEN = "1", "2", "31", "33", "32"


class Output:
    """One command's voice.

    as_json: print data as JSON.  quiet: say only what went wrong.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet

    def json(self, value: Any) -> None:
        """Print `value` as JSON; a list with one object per line."""
        print(json_text(value))

    def table(self, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print aligned columns; numbers to the right."""
        for index, line in enumerate(aligned([list(header), *rows])):
            print(styled(line, BOLD, sys.stdout) if index == 0 else line)

    def pairs(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Print names with their values, one a line."""
        rows = [(name, printable(str(value))) for name, value in pairs]
        width = max((len(name) for name, _ in rows), default=0)
        for name, value in rows:
            print(f"{styled(name.ljust(width), DIM, sys.stdout)}  {value}")

    def say(self, message: str = "") -> None:
        """Tell the person something that is not the data; silent with --quiet."""
        if not self.quiet:
            print(message, file=sys.stderr)

    def warn(self, message: str) -> None:
        """Tell of something that went wrong without ending the command."""
        print(f"{styled('warning:', YELLOW, sys.stderr)} {printable(message)}", file=sys.stderr)

    def error(self, message: str, *, label: str = "error") -> None:
        """Tell, in one line, why the command ends here."""
        print(
            f"fastface: {styled(label + ':', RED, sys.stderr)} {printable(message)}",
            file=sys.stderr,
        )


def json_text(value: Any) -> str:
    r"""JSON that any UTF-8 parser takes: bytes of a path that are not UTF-8 stay as \udcNN.

    >>> print(json_text([{"photo": "caf\udce9.jpg"}]))
    [
    {"photo": "caf\udce9.jpg"}
    ]
    """
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(_dumps(item) for item in value) + "\n]"
    return _dumps(value, indent=None if isinstance(value, list) else 2)


def _dumps(value: Any, indent: int | None = None) -> str:
    readable = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, indent=indent, ensure_ascii=not readable, allow_nan=False)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def box_list(box: Box) -> list[float]:
    """A box as other programs read it: [left, top, width, height], fractions of the photo."""
    return [round(float(value), 6) for value in box]


def printable(text: str) -> str:
    r"""`text` with every character that could steer a terminal made visible.

    >>> print(printable("red\x1b[31m"))
    red\x1b[31m
    """
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def aligned(rows: Sequence[Sequence[object]]) -> list[str]:
    """Rows as lines of equal columns; the first row is the header.  Numbers stand to the right.

    >>> aligned([["NAME", "PHOTOS"], ["Ada", 12], ["Bob", ""]])
    ['NAME  PHOTOS', 'Ada       12', 'Bob']
    """
    texts = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [max(map(cell_width, column)) for column in zip(*texts, strict=True)]
    numeric = [
        all(cell == "" or isinstance(cell, int | float) for cell in column[1:])
        for column in zip(*rows, strict=True)
    ]
    lines = []
    for row in texts:
        cells = []
        for cell, width, is_number in zip(row, widths, numeric, strict=True):
            padding = " " * (width - cell_width(cell))
            cells.append(padding + cell if is_number else cell + padding)
        lines.append("  ".join(cells).rstrip())
    return lines


def cell_width(text: str) -> int:
    """Columns that `text` takes on a terminal: wide characters two, combining marks none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def styled(text: str, style: str, stream: TextIO) -> str:
    """`text` in an ANSI style where `stream` is a terminal and the user has not set NO_COLOR."""
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{style}m{text}\x1b[0m"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun.

    >>> count(1, "photo"), count(1200, "photo"), count(2, "person", "people")
    ('1 photo', '1,200 photos', '2 people')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """Time for people.

    >>> duration(0.42), duration(75), duration(7260)
    ('0.4 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(n_bytes: int) -> str:
    """Bytes for people, in decimal units.

    >>> size(512), size(10_700_000)
    ('512 B', '10.7 MB')
    """
    value, unit = float(n_bytes), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def adopt_streams() -> None:
    """Let stdout and stderr print any path, whatever its bytes and whatever the locale."""
    codecs.register_error("fastface-path", _encode_path)
    for name, errors in (("stdout", "fastface-path"), ("stderr", "backslashreplace")):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, io.StringIO())
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=errors)


def _encode_path(error: UnicodeError) -> tuple[str | bytes, int]:
    """A byte that came from a path goes out as it came in; anything else as an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeEncodeError:
        return codecs.lookup_error("backslashreplace")(error)


def drop_stdout() -> None:
    """After the reader has gone: nothing more is written, not even by the interpreter's exit."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
    os.close(sink)
