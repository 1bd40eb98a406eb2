"""Help that teaches, and a start so light that asking for it costs nothing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from fastface import _core
from fastface.cli import COMMANDS, lab, main

ROOT = Path(__file__).parents[1]
# A module may not be called `import`, so it has an underscore at its end.
NAMES = [command.__name__.rpartition(".")[2].rstrip("_").replace("_", "-") for command in COMMANDS]
ACTIONS = [[name] for name in NAMES] + [["models", what] for what in ("list", "install", "verify")]
ACTIONS += [["lab", action.__name__.rpartition(".")[2]] for action in lab.ACTIONS]


@pytest.mark.parametrize("command", ACTIONS, ids=" ".join)
def test_every_command_has_help_with_an_example(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0
    examples = text.partition("examples:\n")[2]
    assert f"fastface {' '.join(command)}" in examples
    assert "--library PATH" in text and "--json" in text
    assert "JSON: " in text or command == ["models"]


def test_the_list_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    text = capsys.readouterr().err
    for name in NAMES:
        assert f"\n  {name} " in text


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"fastface {_core.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["poeple"], "did you mean 'people'?"),
        (["scan"], "FOLDER"),
        (["scan", ".", "--workers", "0"], "whole number of 1 or more"),
        (["scan", ".", "--worker", "2"], "unrecognized arguments"),
        (["scan", ""], "argument FOLDER: expected a path, got nothing"),
        (["people", "--library", ""], "argument --library: expected a path"),
        (["scan", ".", "--provider", "gpu"], "argument --provider: no choice 'gpu'"),
        (["models", "instal"], "did you mean 'install'?"),
    ],
)
def test_wrong_usage_is_explained(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    message = capsys.readouterr().err
    assert hint in message and "--help'" in message and message.count("\n") == 2


def test_help_loads_nothing_heavy() -> None:
    """Each of these would be felt at every start: together they cost about a second."""
    script = (
        "import sys; from fastface.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(run.stderr.split())
    heavy = {"numpy", "onnxruntime", "onnx", "PIL", "sqlite3", "rich", "jinja2", "platformdirs"}
    assert "argparse" in loaded
    assert not loaded & heavy


def test_the_reference_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("generate_cli", ROOT / "docs/generate_cli.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in module.WIDTH.items():
        monkeypatch.setenv(name, value)
    assert (ROOT / "docs/cli.md").read_text("utf-8") == module.reference(), (
        "run: python docs/generate_cli.py"
    )
