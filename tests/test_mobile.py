"""Bundles for phones: whole, covered, right, and able to tell a device that computes wrongly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastface import mobile
from fastface.cli import main
from fastface.detection import Detector
from fastface.embedding import align
from fastface.errors import ModelError
from fastface.inference import OrtSession
from fastface.mobile.drawing import drawn_photo
from fastface.mobile.golden import compare, from_bytes, to_bytes
from fastface.models import installed
from fastface.templates import ARCFACE

SIDE = 320


@pytest.fixture(scope="module")
def bundle(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default pack, exported once; tests do not change it."""
    folder = tmp_path_factory.mktemp("app") / "models"
    mobile.export(folder, side=SIDE)
    return folder


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


@pytest.mark.models
def test_a_bundle_is_what_its_manifest_says(bundle: Path) -> None:
    told = manifest(bundle)
    there = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert there == {*told["files"], "manifest.json"}
    assert all((bundle / n).stat().st_size == row["bytes"] for n, row in told["files"].items())
    detector, embedder = told["models"]
    assert detector["input"]["shape"] == [1, 3, SIDE, SIDE]
    assert detector["outputs"]["kps_16"] == [1, (SIDE // 16) ** 2, 10]
    assert embedder["outputs"] == {"fc1": [1, 128]} and embedder["template"]["side"] == 112
    distances = embedder["distance_at_false_match_rate"]
    assert sorted(distances.values(), reverse=True) == list(distances.values())
    assert {"licences/SFace.txt", "licences/YuNet.txt", "README.md"} <= told["files"].keys()
    assert b"ai.onnx;13;Add," in (bundle / "embedder.required_operators.config").read_bytes()
    android = told["providers"]["Android"]
    assert [row["name"] for row in android] == ["xnnpack", "cpu", "nnapi", "qnn"]
    assert [row["by_request"] for row in android] == [False, False, True, True]
    coreml = next(row for row in told["providers"]["iOS"] if row["name"] == "coreml")
    assert coreml["options"]["ModelFormat"] == "MLProgram"


@pytest.mark.models
@pytest.mark.parametrize("role", ["detector", "embedder"])
def test_accelerators_take_every_layer(bundle: Path, role: str) -> None:
    """In the words of ONNX Runtime's own tool."""
    command = "onnxruntime.tools.check_onnx_model_mobile_usability"
    done = subprocess.run(
        [sys.executable, "-m", command, str(bundle / f"{role}.onnx")],
        capture_output=True,
        text=True,
        check=True,
    )
    report = done.stdout + done.stderr
    assert report.count("should perform well with NNAPI as is: YES") == 1
    assert report.count("should perform well with CoreML MLProgram as is: YES") == 1
    (row,) = (row for row in manifest(bundle)["models"] if row["role"] == role)
    for part in row["coverage"].values():
        assert part["covered"] == part["layers"] > 100 and part["parts"] == 1


@pytest.mark.models
def test_golden_outputs_are_met_here(bundle: Path) -> None:
    found = mobile.check(bundle)
    assert {row.model for row in found} == {
        f"{role}.{form}" for role in ("detector", "embedder") for form in ("onnx", "ort")
    }
    assert len(found) == 2 * (2 * 12 + 4)
    assert {row.verdict for row in found} == {"exact"}


@pytest.mark.models
def test_the_drawn_faces_are_found_and_embedded_as_photos_are(bundle: Path) -> None:
    """The static networks agree with the installed ones on the whole path."""
    told = manifest(bundle)
    photo = drawn_photo(SIDE)
    with Image.open(bundle / "golden" / "drawn.png") as image:
        np.testing.assert_array_equal(np.asarray(image), photo)
    files = installed()
    found = Detector(OrtSession(files["detector"].path, sha256=files["detector"].sha256))
    faces = found.detect(photo)
    assert len(faces) == len(told["faces"]) == 3
    np.testing.assert_allclose([f["box"] for f in told["faces"]], faces.boxes, atol=0.01)
    crops = align(photo, faces.landmarks, ARCFACE).transpose(0, 3, 1, 2).astype(np.float32)
    session = OrtSession(files["embedder"].path, sha256=files["embedder"].sha256)
    expected = session.run({"data": crops})["fc1"]
    for face, vector in zip(told["faces"], expected, strict=True):
        stored = bundle / "golden" / f"embedder-{face['case']}.fc1.f32"
        assert compare(vector, from_bytes(stored.read_bytes()))[2] == "exact"


@pytest.mark.models
def test_results_of_a_device(bundle: Path, tmp_path: Path) -> None:
    golden = bundle / "golden"
    vector = from_bytes((golden / "embedder-face0.fc1.f32").read_bytes())
    likely = from_bytes((golden / "detector-drawn.obj_8.f32").read_bytes())
    for name, made in {
        "embedder-face0.fc1.f32": vector,
        "embedder-face1.fc1.f32": vector,
        "embedder-face2.fc1.f32": np.full(128, np.nan),
        "embedder-waves.fc1.f32": vector[:100],
        "detector-drawn.obj_8.f32": np.clip(likely + 0.01, 0, 1),
        "other.f32": vector,
    }.items():
        (tmp_path / name).write_bytes(to_bytes(np.asarray(made, np.float32)))
    verdicts = {(r.case, r.output): r.verdict for r in mobile.check(bundle, results=tmp_path)}
    assert verdicts == {
        ("drawn", "obj_8"): "half",
        ("face0", "fc1"): "exact",
        ("face1", "fc1"): "wrong",
        ("face2", "fc1"): "wrong",
        ("waves", "fc1"): "wrong",
    }
    (tmp_path / "none").mkdir()
    with pytest.raises(ModelError, match="no file has the name of a golden output"):
        mobile.check(bundle, results=tmp_path / "none")


def test_precision_is_told_from_error() -> None:
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    assert compare(values, values + 1e-6)[2] == "exact"
    assert compare(values, values.astype(np.float16).astype(np.float32))[2] in ("exact", "half")
    assert compare(values, values + 0.02 * np.sign(values))[2] == "half"
    assert compare(values, 2 * values)[2] == "wrong", "a cosine of 1, and twice as large"
    assert compare(values, -values)[2] == "wrong"
    tiny = np.float32([1e-6, 2e-6])
    assert compare(tiny, tiny[::-1], probabilities=True)[2] == "exact"
    assert compare(tiny, tiny + 0.5, probabilities=True)[2] == "wrong"
    assert compare(np.zeros(3, np.float32), np.zeros(3, np.float32))[2] == "exact"


@pytest.mark.models
def test_a_bundle_replaces_a_bundle_and_nothing_else(bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    mobile.export(folder, side=SIDE)
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for path, content in first.items():
        if path.suffix != ".ort" and path.name != "manifest.json":
            assert (bundle / path.relative_to(folder)).read_bytes() == content
    (folder / "mine.txt").write_text("kept")
    told = manifest(folder)
    told["files"]["golden/old.f32"] = {"sha256": "", "bytes": 0}
    (folder / "golden" / "old.f32").write_bytes(b"")
    (folder / "manifest.json").write_text(json.dumps(told))
    mobile.export(folder, side=SIDE)
    assert not (folder / "golden" / "old.f32").exists()
    assert (folder / "mine.txt").read_text() == "kept"
    other = tmp_path / "photos"
    other.mkdir()
    (other / "a.jpg").write_bytes(b"")
    with pytest.raises(ModelError, match="not empty and holds no bundle"):
        mobile.export(other)
    with pytest.raises(ModelError, match="no folder"):
        mobile.export(other / "a.jpg")
    for side in (0, 100, 4096):
        with pytest.raises(ValueError, match="multiple of 32"):
            mobile.export(tmp_path / "new", side=side)


@pytest.mark.models
def test_what_is_no_whole_bundle_is_refused(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no bundle"):
        mobile.check(tmp_path)
    told = manifest(bundle)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(told | {"format": 99}))
    with pytest.raises(ModelError, match="format 99"):
        mobile.check(tmp_path)
    path.write_text(json.dumps(told | {"files": {"../secret": {"sha256": ""}}}))
    with pytest.raises(ModelError, match="outside the bundle"):
        mobile.check(tmp_path)
    (tmp_path / "README.md").write_text("changed")
    path.write_text(json.dumps(told | {"files": {"README.md": told["files"]["README.md"]}}))
    with pytest.raises(ModelError, match="damaged or was changed"):
        mobile.check(tmp_path)


@pytest.mark.models
def test_commands(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "app"
    assert main(["models", "export", "--mobile", str(folder), "--side", "320"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["MODEL", "ROLE", "SIZE", "LAYERS", "TAKEN", "BY"]
    assert len(table) == 3
    assert all(line.endswith("NNAPI, CoreML MLProgram, CoreML NeuralNetwork") for line in table[1:])
    assert main(["models", "check-golden", str(folder)]) == 0
    assert capsys.readouterr().out.count("1.000000") >= 2
    results = tmp_path / "results"
    results.mkdir()
    (results / "embedder-face0.fc1.f32").write_bytes(to_bytes(np.ones(128, np.float32)))
    command = ["models", "check-golden", str(folder), "--results", str(results), "--json"]
    assert main(command) == 1
    captured = capsys.readouterr()
    (row,) = json.loads(captured.out)
    assert (row["case"], row["verdict"]) == ("face0", "wrong") and "face0" in captured.err
    assert main(["models", "export", "--mobile", str(folder), "--side", "7"]) == 1
