"""FASTFACE_TARGET chooses the kernels, and a wrong value is one line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fastface import _core


def run(target: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "FASTFACE_TARGET": target},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("target", ["", *_core.available_targets()])
def test_the_environment_chooses(target: str) -> None:
    result = run(target, "-c", "from fastface import _core; print(_core.target())")
    assert result.stdout.strip() == (target or _core.available_targets()[0])


def test_a_wrong_target_is_said_before_any_work() -> None:
    result = run("pentium", "-m", "fastface", "stats", "--library", "nowhere.db")
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "FASTFACE_TARGET: expected one of" in result.stderr and "'pentium'" in result.stderr
