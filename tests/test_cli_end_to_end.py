"""The command as people use it: real models, real (public-domain) photos, a library on disk."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fastface import demo
from fastface.cli import main

pytestmark = pytest.mark.models


class Command:
    """Runs `fastface` in this process; the models load faster the second time."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str | Path, code: int = 0) -> tuple[str, str]:
        ended = main([str(argument) for argument in arguments])
        out, err = self.capsys.readouterr()
        assert ended == code, err
        return out, err

    def answer(self, *arguments: str | Path) -> Any:
        return json.loads(self(*arguments, "--json")[0])


@pytest.fixture
def fastface(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def test_demo_twice(
    fastface: Command, demo_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "demo_folder", lambda: tmp_path / "demo")
    for _ in range(2):
        found = fastface.answer("demo", "--from", demo_photos)
        assert [(p["name"], p["photos"], p["faces"]) for p in found["people"]] == [
            (None, 6, 6),
            (None, 1, 1),
        ]
        assert Path(found["report"]).is_file() and Path(found["library"]).is_file()
    out, err = fastface("demo", "--from", demo_photos)
    assert "ID  NAME" in out and str(tmp_path / "demo/report.html") in out
    assert "7 photos: 0 new, 7 unchanged" in err


def test_from_scan_to_report(fastface: Command, demo_photos: Path, tmp_path: Path) -> None:
    library = tmp_path / "library.db"
    shared = ("--library", library)
    folder = tmp_path / "photos"
    folder.mkdir()
    for photo in demo_photos.iterdir():
        (folder / photo.name).write_bytes(photo.read_bytes())
    broken = os.fsencode(folder) + b"/broken \xff.jpg"
    Path(os.fsdecode(broken)).write_bytes(b"\xff\xd8\xff")

    summary = fastface.answer("scan", folder, *shared)
    assert (summary["photos"], summary["new"], summary["failed"]) == (8, 7, 1)
    assert os.fsencode(summary["failures"][0]["photo"]) == broken
    assert stat.S_IMODE(library.stat().st_mode) == 0o600

    most, one = fastface.answer("people", *shared)
    assert (most["photos"], one["photos"]) == (6, 1)
    assert fastface("name", most["id"], "Barack Obama", *shared)[1].startswith(most["id"])
    assert "add --yes" in fastface("name", one["id"], "Barack Obama", *shared, code=1)[1]
    assert "reads as" in fastface("name", one["id"], "p77", *shared, code=1)[1]

    photos = fastface("photos", "Barack Obama", *shared)[0].splitlines()
    assert sorted(Path(photo).name for photo in photos) == sorted(
        photo.name for photo in demo_photos.iterdir() if photo.name != "biden.jpg"
    )
    faces = fastface.answer("faces", "Barack Obama", *shared)
    assert {face["person"] for face in faces} == {most["id"]}
    (face,) = fastface.answer("identify", demo_photos / "obama.jpg", *shared)
    assert (face["person"], face["name"]) == (most["id"], "Barack Obama")
    assert 0.5 < face["confidence"] <= 1 and 0 <= face["distance"] < 0.5
    stats = fastface.answer("stats", *shared)
    assert (stats["photos"], stats["failed"], stats["named"]) == (7, 1, 1)

    report = tmp_path / "report.html"
    assert fastface.answer("report", "-o", report, *shared)["people"] == 2
    assert "Barack Obama" in report.read_text("utf-8")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600

    checks = {check["name"]: check for check in fastface.answer("doctor", *shared)["checks"]}
    assert checks["library"]["status"] == checks["privacy"]["status"] == "ok"
    assert "7 photos, 2 people" in checks["library"]["found"]


def test_missing_models_say_which_command_installs_them(
    fastface: Command, demo_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTFACE_MODELS", str(tmp_path / "none"))
    _, err = fastface("scan", demo_photos, "--library", tmp_path / "library.db", code=1)
    assert "fastface models install" in err and err.count("\n") == 1
    assert fastface("models", "verify", code=1)[1].count("\n") == 1
    assert {row["state"] for row in fastface.answer("models")} == {"missing"}


def test_no_library_and_no_folder_are_one_line_each(
    fastface: Command, models: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library.db"
    for arguments in (["people"], ["report"], ["scan", tmp_path / "nowhere"]):
        _, err = fastface(*arguments, "--library", library, code=1)
        assert err.startswith("fastface: error: ") and err.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_ctrl_c_ends_cleanly_and_a_rerun_resumes(
    fastface: Command, demo_photos: Path, tmp_path: Path
) -> None:
    folder, library = tmp_path / "photos", tmp_path / "library.db"
    folder.mkdir()
    content = (demo_photos / "obama.jpg").read_bytes()
    for k in range(40):
        (folder / f"{k}.jpg").write_bytes(content + bytes([k]))  # each a photo of its own
    command = [sys.executable, "-m", "fastface", "scan", folder, "--library", library]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not library.exists():
        time.sleep(0.02)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again" in error and "Traceback" not in error
    summary = fastface.answer("scan", folder, "--library", library)
    assert summary["photos"] == 40 and summary["new"] + summary["unchanged"] == 40


def test_ctrl_c_while_the_command_loads_is_no_traceback() -> None:
    code = """
import sys
from fastface.__main__ import run
class Impatient:
    def find_spec(self, name, path, target=None):
        if name == "fastface.cli":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Impatient())
sys.exit(run())
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (process.returncode, process.stderr) == (130, b"")


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_another_ctrl_c_does_not_wait_for_threads() -> None:
    code = """
import sys, threading, time
import fastface.cli
from fastface.__main__ import run
fastface.cli.main = lambda: 130
threading.Thread(target=time.sleep, args=(60,)).start()
run()
print("ended", flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"ended\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == -signal.SIGINT
        assert process.stderr.read() == b""
