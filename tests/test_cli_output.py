"""Printing to whatever stdout is: closed pipes, other encodings, paths of any bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fastface.cli.output import aligned, cell_width, duration, json_text, printable, size

HERE = Path(__file__).parent

# `fastface` on the library in memory, in a process of its own with its own stdout.
SCRIPT = """\
import sys, types
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import fakes
module = types.ModuleType("fastface.library")
module.Library = fakes.FakeLibrary
sys.modules["fastface.library"] = module
library = fakes.FakeLibrary().fill(Path("/photos/caf\\udce9 \\u00fc"))
library.called["p1"] = "Zo\\u00eb"
if "many" in sys.argv[2]:
    library.faces_found *= 1_000
from fastface.cli import main
sys.exit(main(sys.argv[3:]))
"""


def command(*arguments: str, many: bool = False) -> list[str]:
    return [sys.executable, "-c", SCRIPT, str(HERE), "many" if many else "few", *arguments]


def test_paths_of_any_bytes_come_out_as_they_are() -> None:
    run = subprocess.run(command("photos", "p2", "-0"), capture_output=True, check=True)
    assert run.stdout == b"/photos/caf\xe9 \xc3\xbc/a.jpg\0"


def test_json_stays_utf8_and_names_the_file() -> None:
    run = subprocess.run(command("faces", "--json"), capture_output=True, check=True)
    text = run.stdout.decode("utf-8")
    assert '"/photos/caf\\udce9 ü/a.jpg"' in text
    assert os.fsencode(json.loads(text)[0]["photo"]) == b"/photos/caf\xe9 \xc3\xbc/a.jpg"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_output_encoding(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for arguments in (["people"], ["faces"], ["people", "--json"]):
        run = subprocess.run(command(*arguments), capture_output=True, check=True, env=environment)
        assert run.stdout and not run.stderr
    assert json.loads(run.stdout.decode(encoding))[0]["name"] == "Zoë"


@pytest.mark.skipif(os.name != "posix", reason="descriptors as POSIX has them")
@pytest.mark.parametrize("closed", [1, 2])
def test_a_closed_output_is_no_error(closed: int) -> None:
    shell = ["sh", "-c", f'exec "$@" {closed}>&-', "sh", *command("people")]
    run = subprocess.run(shell, capture_output=True, check=True)
    assert not run.stderr and bool(run.stdout) == (closed == 2)


@pytest.mark.skipif(os.name != "posix", reason="pipes as POSIX has them")
@pytest.mark.parametrize("arguments", [["faces"], ["faces", "--json"], ["photos", "p1"]])
def test_a_closed_pipe_is_no_traceback(arguments: list[str]) -> None:
    process = subprocess.Popen(
        command(*arguments, many=True), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    code = process.wait(60)
    # Fewer bytes than the pipe's buffer holds are written before anybody notices.
    assert error == b"" and code in (0, 141)
    if arguments != ["photos", "p1"]:
        assert code == 141


def test_columns_line_up_for_wide_letters() -> None:
    lines = aligned([["NAME", "N"], ["山田", 3], ["e\u0301", 10]])
    assert [cell_width(line) for line in lines] == [8, 8, 8]
    assert lines[1] == "山田   3"


def test_words_for_people() -> None:
    assert duration(59.96) == "60.0 s" and duration(3599.7) == "1 h 0 min"
    assert size(999) == "999 B" and size(1_500_000_000_000_000) == "1500.0 TB"
    assert printable("a\tb\x7f") == "a\\tb\\x7f" and printable("naïve 山") == "naïve 山"
    assert json_text([]) == "[]"
