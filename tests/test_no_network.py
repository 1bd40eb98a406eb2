"""A scan of real photos never asks the kernel for a socket, and no library reports home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import without_sockets

# ONNX Runtime reports to its maker unless it is told not to, or sees one of these.
_SILENCING = {"CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED"}

needs_linux = pytest.mark.skipif(
    not without_sockets.supported(), reason="the seccomp filter is written for Linux"
)


def run(*command: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run Python as a user would: nothing says that this is a test machine."""
    kept = {key: value for key, value in os.environ.items() if key not in _SILENCING}
    return subprocess.run(
        [sys.executable, *command],
        env=kept | {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@needs_linux
def test_the_filter_would_notice(tmp_path: Path) -> None:
    result = run(without_sockets.__file__, "open-a-socket", home=tmp_path)
    assert result.returncode == -signal.SIGSYS


@needs_linux
@pytest.mark.models
@pytest.mark.photos
def test_scan_of_the_album_opens_no_socket(
    photos_dir: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTFACE_MODELS", str(models.parent))
    library = str(tmp_path / "library.sqlite")
    script = without_sockets.__file__
    scan = run(script, "scan", str(photos_dir / "album"), "--library", library, home=tmp_path)
    assert scan.returncode == 0, scan.stderr
    people = run(script, "people", "--library", library, "--json", home=tmp_path)
    assert people.returncode == 0, people.stderr
    assert len(json.loads(people.stdout)) >= 6


@needs_linux
@pytest.mark.models
def test_a_video_opens_no_socket(
    demo_photos: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of FFmpeg's demuxers some would: this file says that it is a playlist."""
    films = pytest.importorskip("tests.films")
    monkeypatch.setenv("FASTFACE_MODELS", str(models.parent))
    folder, library = tmp_path / "folder", str(tmp_path / "library.sqlite")
    folder.mkdir()
    films.film_photos(folder / "a.mov", [demo_photos / "biden.jpg"], seconds=2)
    (folder / "b.mp4").write_text("#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1/a.ts\n")
    scan = run(without_sockets.__file__, "scan", str(folder), "--library", library, home=tmp_path)
    assert scan.returncode == 0, scan.stderr
    assert "b.mp4" in scan.stderr and "1 person" in scan.stdout


def test_the_runtime_is_loaded_silent(tmp_path: Path) -> None:
    """Its telemetry would make a database in the cache at once, and connect seconds later."""
    program = "from fastface.inference import load_runtime; print(load_runtime().__name__)"
    result = run("-c", program, home=tmp_path)
    assert result.stdout == "onnxruntime\n"
    assert list(tmp_path.rglob("*")) == []


def test_that_test_would_notice(tmp_path: Path) -> None:
    result = run("-c", "import onnxruntime; print(onnxruntime.__version__)", home=tmp_path)
    if not list(tmp_path.rglob("onnxruntime.db")):
        pytest.skip(f"onnxruntime {result.stdout.strip()} does not report to its maker here")
