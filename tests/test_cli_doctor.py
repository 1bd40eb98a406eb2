"""The doctor finds what is wrong, says what to do, and changes nothing."""

from __future__ import annotations

import json
import struct
from importlib import metadata
from pathlib import Path

import pytest

from fastface import models
from fastface.cli import checks, main
from fastface.errors import LibraryError, ModelError
from tests.fakes import FakeLibrary


@pytest.fixture(autouse=True)
def library(fake_library: FakeLibrary) -> FakeLibrary:
    return fake_library


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A library file of mode 0600 with schema 3."""
    path = tmp_path / "library.db"
    path.write_bytes(b"SQLite format 3\0" + bytes(44) + struct.pack(">I", 3) + bytes(40))
    path.chmod(0o600)
    return path


def test_every_line_has_a_status(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    code = main(["doctor", "--library", str(file)])
    out = capsys.readouterr().out
    for line in out.splitlines():
        assert line.startswith(("ok    ", "warn  ", "fail  ", " "))
    for name in (
        "fastface",
        "Python",
        "processor",
        "SIMD",
        "onnxruntime",
        "models",
        "providers",
        "formats",
    ):
        assert f"  {name} " in out
    assert "schema 3" in out and "mode 0600" in out and "HEIC" in out and "AVIF" in out
    assert code == (1 if "\nfail" in out else 0)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert answer["status"] in ("ok", "warn", "fail")
    assert {"name", "status", "found", "advice"} == set(answer["checks"][0])


def test_missing_models_fail_with_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise ModelError("the model pack 'default' is not installed")

    monkeypatch.setattr(models, "verify", missing)
    assert main(["doctor"]) == 1
    assert "fastface models install" in capsys.readouterr().out


def test_the_other_distribution_of_this_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.import_name().status == "ok"
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda n: "0.9" if n == "fastface" else real(n))
    check = checks.import_name()
    assert check.status == "warn" and "pip uninstall fastface" in check.advice


def test_a_stale_binary_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: "99.0")
    assert checks.version().status == "fail"


def test_an_absent_library_is_no_fault(tmp_path: Path) -> None:
    assert checks.library_file(tmp_path / "none.db").status == "ok"
    assert checks.privacy(tmp_path / "none.db").status == "ok"


def test_a_damaged_library_fails(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> None:
        raise LibraryError("not a fastface library")

    monkeypatch.setattr(FakeLibrary, "stats", damaged)
    check = checks.library_file(file)
    assert check.status == "fail" and "not a fastface library" in check.found


def test_a_library_that_others_can_read_is_warned_of(file: Path) -> None:
    assert checks.privacy(file).status == "ok"
    log = file.with_name("library.db-wal")
    log.touch(mode=0o644)
    log.chmod(0o644)
    check = checks.privacy(file)
    assert check.status == "warn" and check.advice == f"chmod 600 {log}"


def test_a_full_disk_is_warned_of(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.disk(file).found.endswith(str(file.parent))
    monkeypatch.setattr(checks, "LOW_DISK_BYTES", 1 << 62)
    assert checks.disk(file).status == "warn"


def test_a_forced_target_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks._core, "target", lambda: "baseline")
    monkeypatch.setattr(checks._core, "available_targets", lambda: ["avx2", "baseline"])
    assert checks.simd().status == "ok"
    monkeypatch.setenv("FASTFACE_TARGET", "baseline")
    assert "unset it" in checks.simd().advice
