"""Whatever lies in a folder, wherever the library is: a clear message, and the scan goes on.

The commands as people type them, on real files; only the models are replaced, by an engine that
knows people by their pixels.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fastface import library as library_module
from fastface.cli import main
from fastface.library import Library
from fastface.types import ImageArray, Observation
from tests.fake_engine import BUG, FakeAnalyzer, FakeEngine, paint

POSIX_ONLY = pytest.mark.skipif(os.name != "posix", reason="files as POSIX has them")


class PaintedOnly(FakeAnalyzer):
    """Sees people in painted photos and nobody in all others.  before: called with each photo."""

    before: Callable[[ImageArray], None] | None = None

    def analyze(self, pixels: ImageArray) -> list[Observation]:
        if self.before is not None:
            self.before(pixels)
        return super().analyze(pixels) if pixels.shape == (24, 32, 3) else []


class Command:
    """Runs `fastface` on one library and checks that nobody is shown a traceback."""

    def __init__(self, library: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.library, self.capsys = library, capsys

    def __call__(self, *arguments: str | Path, code: int = 0) -> tuple[str, str]:
        shared = ("--library", str(self.library))
        ended = main([*(str(argument) for argument in arguments), *shared])
        out, err = self.capsys.readouterr()
        assert ended == code, err
        assert "Traceback" not in err
        return out, err

    def answer(self, *arguments: str | Path, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code)[0])

    def refused(self, *arguments: str | Path) -> str:
        """The one line that says why a command ended with 1, with and without --json."""
        for options in ([], ["--json"]):
            out, err = self(*arguments, *options, code=1)
            assert out == "" and err.startswith("fastface: error: ") and err.count("\n") == 1
        return err


@pytest.fixture
def analyzer(monkeypatch: pytest.MonkeyPatch) -> PaintedOnly:
    analyzer = PaintedOnly()
    monkeypatch.setattr(library_module, "PackEngine", lambda *_: FakeEngine(analyzer))
    return analyzer


@pytest.fixture
def fastface(analyzer: PaintedOnly, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path / "private" / "library.db", capsys)


# -- photos ---------------------------------------------------------------------------------------


def encoded(kind: str = "JPEG", **options: Any) -> bytes:
    buffer = BytesIO()
    Image.radial_gradient("L").resize((60, 48)).convert("RGB").save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg_of_size(width: int, height: int) -> bytes:
    data = bytearray(encoded())
    start = data.index(b"\xff\xc0") + 5
    data[start : start + 4] = struct.pack(">2H", height, width)
    return bytes(data)


def png_of_size(width: int, height: int, *, rows: int) -> bytes:
    """A PNG whose pixels are written row by row, so that the test holds only their archive."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    packer = zlib.compressobj(1)
    row = bytes(1 + width // 8)  # one bit for a pixel
    body = b"".join(packer.compress(row) for _ in range(rows)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", body) + chunk(b"IEND", b"")


UNREADABLE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty.jpg": (bytes, "empty file"),
    "truncated.jpg": (lambda: encoded()[:400], "cannot be decoded"),
    "header only.png": (lambda: png_of_size(64, 48, rows=0)[:40], "cannot be decoded"),
    "huge header.jpg": (lambda: jpeg_of_size(30_000, 30_000), "30000 x 30000 pixels"),
    "huge header.png": (lambda: png_of_size(30_000, 30_000, rows=1), "30000 x 30000 pixels"),
    "400 megapixels.png": (lambda: png_of_size(20_000, 20_000, rows=20_000), "20000 x 20000"),
    "postscript.jpg": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\nshowpage\n", "not a JPEG, PNG"),
    "text.heic": (lambda: b"no photo", "not a JPEG, PNG"),
    "\x1b[31m\n<script>.jpg": (lambda: b"no photo", "not a JPEG, PNG"),
    os.fsdecode(b"caf\xe9.jpg"): (bytes, "empty file"),
}


@pytest.fixture
def bad_photos(tmp_path: Path) -> Path:
    """One photo of one person among files that nobody can read."""
    folder = tmp_path / "photos"
    paint(folder / "good.png", [3])
    for name, (make, _) in UNREADABLE.items():
        (folder / name).write_bytes(make())
    return folder


@POSIX_ONLY
def test_unreadable_photos_are_named_and_the_scan_goes_on(
    fastface: Command, bad_photos: Path, analyzer: PaintedOnly
) -> None:
    for n_new in (1, 0):
        found = fastface.answer("scan", bad_photos)
        assert (found["new"], found["failed"], found["people"]) == (n_new, len(UNREADABLE), 1)
        reasons = {Path(row["photo"]).name: row["reason"] for row in found["failures"]}
        assert reasons.keys() == UNREADABLE.keys()
        for name, (_, reason) in UNREADABLE.items():
            assert reason in reasons[name], name
    assert analyzer.n_calls == 1
    _, err = fastface("scan", bad_photos)
    assert "\x1b" not in err and "\\x1b[31m\\n<script>.jpg: not a JPEG" in err


@POSIX_ONLY
def test_identify_names_each_unreadable_photo(fastface: Command, bad_photos: Path) -> None:
    fastface("scan", bad_photos)
    for name, (_, reason) in UNREADABLE.items():
        out, err = fastface("identify", bad_photos / name, code=1)
        assert out == "" and err.count("\n") == 1 and reason in err
    (face,) = fastface.answer("identify", bad_photos / "empty.jpg", bad_photos / "good.png", code=1)
    assert face["person"] == "p1"
    for other in (bad_photos, bad_photos / "gone.jpg", Path(os.devnull)):
        assert str(other) in fastface("identify", other, code=1)[1]


@POSIX_ONLY
def test_report_lists_unreadable_photos_as_text(
    fastface: Command, bad_photos: Path, tmp_path: Path
) -> None:
    fastface("scan", bad_photos)
    assert fastface.answer("report", "-o", tmp_path / "report.html")["people"] == 1
    page = (tmp_path / "report.html").read_bytes().decode("utf-8")
    assert "400 megapixels.png" in page and "<script>" not in page and "\x1b" not in page


def test_mutated_photos(fastface: Command, tmp_path: Path) -> None:
    """A scan of photos with wrong bytes; the decoders alone are given a thousand elsewhere."""
    folder = tmp_path / "photos"
    paint(folder / "good.png", [3])
    draw = random.Random(0)
    for number in range(60):
        data = bytearray(encoded("JPEG" if number % 2 else "PNG"))
        for _ in range(draw.choice((1, 8, 64))):
            data[draw.randrange(len(data))] = draw.randrange(256)
        (folder / f"{number:02}.jpg").write_bytes(data)
    found = fastface.answer("scan", folder)
    assert found["photos"] == 61 == found["new"] + found["failed"] + found["moved"]
    assert found["failed"] > 10
    assert not any("internal error" in row["reason"] for row in found["failures"])


def test_every_orientation_is_read(fastface: Command, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for tag in range(10):
        exif = Image.Exif()
        exif[0x0112] = tag
        (folder / f"{tag}.jpg").write_bytes(encoded(exif=exif))
    assert fastface.answer("scan", folder)["new"] == 10


@POSIX_ONLY
def test_what_is_no_file_is_left_out(fastface: Command, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    paint(folder / "good.png", [3])
    os.mkfifo(folder / "pipe.jpg")
    (folder / "folder.jpg").mkdir()
    (folder / "round").symlink_to(folder, target_is_directory=True)
    (folder / "a.jpg").symlink_to("b.jpg")
    (folder / "b.jpg").symlink_to("a.jpg")
    (folder / "dangling.jpg").symlink_to("gone.jpg")
    (folder / "device.jpg").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        bound = Path(os.path.relpath(folder)) / "socket.jpg"  # their names may not be long
        server.bind(str(bound if len(str(bound)) < len(str(folder)) else folder / "socket.jpg"))
        found = fastface.answer("scan", folder)
    assert (found["photos"], found["new"], found["failures"]) == (1, 1, [])
    for name in ("pipe.jpg", "device.jpg", "folder.jpg"):
        assert "not a file" in fastface("identify", folder / name, code=1)[1]


def test_photo_that_vanishes_while_it_is_read(
    fastface: Command, tmp_path: Path, analyzer: PaintedOnly
) -> None:
    folder = tmp_path / "photos"
    paint(folder / "1.png", [3], seed=1)
    paint(folder / "2.png", [3], seed=2)
    analyzer.before = lambda pixels: (folder / "2.png").unlink(missing_ok=True)
    found = fastface.answer("scan", folder, "--workers", "1")
    assert (found["new"], found["failed"], found["people"]) == (1, 1, 1)
    assert "internal" not in found["failures"][0]["reason"]
    paint(folder / "2.png", [3], seed=2)
    analyzer.before = None
    assert fastface.answer("scan", folder)["new"] == 1


def test_a_bug_is_told_from_a_broken_photo(
    fastface: Command, tmp_path: Path, analyzer: PaintedOnly, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "photos"
    paint(folder / "bug.png", [BUG])
    (failure,) = fastface.answer("scan", folder, code=1)["failures"]
    assert failure["reason"].startswith("internal error, please report it: RuntimeError")
    assert "no photo could be read" in fastface("scan", folder, code=1)[1]
    paint(folder / "good.png", [3])
    found = fastface.answer("scan", folder)
    assert (found["new"], found["failed"]) == (1, 1)
    with caplog.at_level("DEBUG", logger="fastface"):
        fastface.answer("scan", folder)
    assert "in analyze" in caplog.text  # -v shows where


# -- folders --------------------------------------------------------------------------------------


def test_a_folder_that_is_none_makes_no_library(fastface: Command, tmp_path: Path) -> None:
    photo = paint(tmp_path / "one.png", [3])
    assert "gone: no such folder" in fastface.refused("scan", tmp_path / "gone")
    assert "one.png: not a folder" in fastface.refused("scan", photo)
    assert not fastface.library.parent.exists()


def test_folders_without_a_readable_photo(fastface: Command, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    assert fastface.answer("scan", folder)["photos"] == 0
    assert fastface.answer("people") == fastface.answer("faces") == []
    fastface("report", "-o", tmp_path / "report.html")
    (folder / "empty.jpg").touch()
    found = fastface.answer("scan", folder, code=1)
    assert (found["photos"], found["failed"]) == (1, 1)


@POSIX_ONLY
def test_folder_that_may_not_be_read(
    analyzer: PaintedOnly, unprivileged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fastface = Command(unprivileged / "library.db", capsys)
    folder = unprivileged / "photos"
    paint(folder / "1.png", [3])
    paint(folder / "closed" / "2.png", [3], seed=2)
    assert fastface.answer("scan", folder)["new"] == 2
    (folder / "closed").chmod(0)
    found = fastface.answer("scan", folder)
    assert (found["unchanged"], found["missing"]) == (1, 0)
    assert found["failures"] == [{"photo": str(folder / "closed"), "reason": "Permission denied"}]
    folder.chmod(0)
    assert "Permission denied" in fastface("scan", folder, code=1)[1]
    folder.chmod(0o700)
    (folder / "closed").chmod(0o700)
    assert len(fastface.answer("photos", "p1")) == 2


# -- libraries ------------------------------------------------------------------------------------


def test_library_that_is_none(fastface: Command, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    photo = paint(folder / "1.png", [3])
    readers = (["people"], ["faces"], ["stats"], ["photos", "p1"], ["identify", photo], ["report"])
    for arguments in readers:
        assert "no library at" in fastface.refused(*arguments)
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(random.Random(0).randbytes(5000))
    half_made = tmp_path / "empty.db"
    half_made.touch()
    for path, reason in ((garbage, "is not a library"), (folder, "is not a file")):
        fastface.library = path
        for arguments in (*readers, ["scan", folder], ["name", "p1", "Ada"]):
            assert reason in fastface.refused(*arguments)
    assert garbage.stat().st_size == 5000
    fastface.library = half_made
    assert "is empty" in fastface.refused("people")
    fastface("scan", folder)


@POSIX_ONLY
def test_library_that_may_only_be_read(
    analyzer: PaintedOnly, unprivileged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fastface = Command(unprivileged / "library.db", capsys)
    photo = paint(unprivileged / "photos" / "1.png", [3])
    fastface("scan", photo.parent)
    fastface.library.chmod(0o400)
    unprivileged.chmod(0o500)
    assert len(fastface.answer("people")) == len(fastface.answer("identify", photo)) == 1
    for arguments in (["scan", photo.parent], ["name", "p1", "Ada"]):
        assert "check its permissions" in fastface.refused(*arguments)
    assert "Permission denied" in fastface.refused("report", "-o", unprivileged / "report.html")
    fastface.library = unprivileged / "new.db"
    assert "Permission denied" in fastface.refused("scan", photo.parent)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(folder)]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("may not mount a tiny file system here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk(fastface: Command, tmp_path: Path, tiny_disk: Path) -> None:
    folder = tmp_path / "photos"
    for seed in range(400):
        paint(folder / f"{seed:03}.png", [3, 4], seed)
    fastface.library = tiny_disk / "library.db"
    assert "the disk is full" in fastface.refused("scan", folder)
    assert "No space left" in fastface.refused("report", "-o", tiny_disk / "report.html")
    assert not list(tiny_disk.glob("*report*"))
    subprocess.run(["mount", "-o", "remount,size=8m", str(tiny_disk)], check=True)
    found = fastface.answer("scan", folder)
    assert found["unchanged"] >= 16 and found["unchanged"] + found["new"] == 400


def test_report_is_not_written_over_something_else(fastface: Command, tmp_path: Path) -> None:
    photo = paint(tmp_path / "photos" / "1.png", [3])
    fastface("scan", photo.parent)
    assert "is not a fastface report" in fastface.refused("report", "-o", photo)
    assert "is a folder" in fastface.refused("report", "-o", photo.parent)
    assert "no folder" in fastface.refused("report", "-o", tmp_path / "gone" / "report.html")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.html")
        assert "not a file" in fastface.refused("report", "-o", tmp_path / "pipe.html")


# -- models ---------------------------------------------------------------------------------------


@pytest.mark.models
def test_model_file_that_was_changed(
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FASTFACE_MODELS", str(tmp_path / "models"))
    pack = Path(shutil.copytree(models, tmp_path / "models" / models.name))
    with next(pack.glob("yunet*.onnx")).open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x55")
    fastface = Command(tmp_path / "library.db", capsys)
    photo = paint(tmp_path / "photos" / "1.png", [3])
    with Library(fastface.library):
        pass
    for arguments in (["scan", photo.parent], ["identify", photo], ["models", "verify"]):
        message = fastface.refused(*arguments)
        assert "yunet" in message and "fastface models install" in message
