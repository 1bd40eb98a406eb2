"""What the lab's actions share: the extra's check and options."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from typing import Any

from fastface.errors import FastfaceError


def need_torch() -> None:
    """Raises FastfaceError with the command that installs the extra."""
    if importlib.util.find_spec("torch") is None:
        raise FastfaceError(
            "the lab needs PyTorch, which is not installed; run: pip install 'fastface-people[lab]'"
        )


def add_data(parser: argparse.ArgumentParser, what: str) -> None:
    """`--data DIR` and `--cache DIR`."""
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help=what)
    add_cache(parser)


def add_models(parser: argparse.ArgumentParser) -> None:
    """`MODEL...` and where the results go."""
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="a pack, an .onnx file or a training's folder"
    )
    add_log(parser)


def add_log(parser: argparse.ArgumentParser) -> None:
    """`--log FILE`."""
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="add the results to FILE, for pareto and report"
    )


def add_cache(parser: argparse.ArgumentParser) -> None:
    """`--cache DIR`."""
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="where decoded faces and embeddings are kept (default: in your cache folder)",
    )


def cache_folder(chosen: Path | None) -> Path:
    """The folder to keep decoded faces in; made, for you alone, if it is not there."""
    if chosen is None:
        import platformdirs

        chosen = Path(platformdirs.user_cache_dir("fastface", appauthor=False)) / "lab"
    chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
    return chosen


def keep_result(log: Path | None, kind: str, rows: list[dict[str, Any]]) -> None:
    """Append results to a log of JSON lines, each with what was run, where and when."""
    if log is None:
        return
    from fastface.lab.results import append

    append(log, kind, rows)
