"""A scan of real photos never asks the kernel for a socket."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import without_sockets

pytestmark = pytest.mark.skipif(
    not without_sockets.supported(), reason="the seccomp filter is written for Linux"
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(Path(without_sockets.__file__)), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_the_filter_would_notice() -> None:
    assert run("open-a-socket").returncode == -signal.SIGSYS


@pytest.mark.models
@pytest.mark.photos
def test_scan_of_the_album_opens_no_socket(photos_dir: Path, models: Path, tmp_path: Path) -> None:
    library = str(tmp_path / "library.sqlite")
    scan = run("scan", str(photos_dir / "album"), "--library", library, "--json")
    assert scan.returncode == 0, scan.stderr
    assert json.loads(scan.stdout)["photos"] == 150
    people = run("people", "--library", library, "--json")
    assert people.returncode == 0
    assert json.loads(people.stdout)
