"""The detector's network in kernels of its own: against the twin on every SIMD target, and against
ONNX Runtime with the real weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastface import _core
from fastface import models as model_packs
from fastface.detection import Detector
from fastface.graphs import read_yunet
from fastface.inference import OrtSession
from fastface.kernels import FaceNetwork, planes
from fastface.kernels.faces import STRIDES
from fastface.types import Placement
from fastface.yunet import fastest
from tests.reference import face_network as reference

BEFORE = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    13,
    12,
)  # whose outputs each layer takes


def weights(seed: int = 0):
    """As many and as large as a trained network's, so that values stay in range."""
    rng = np.random.default_rng(seed)

    def drawn(*shape: int) -> np.ndarray:
        scale = np.sqrt(2 / np.prod(shape[:-1])) if len(shape) > 1 else 0.1
        return rng.normal(0, scale, shape).astype(np.float32)

    outputs = [16, 16, 32, 32, 64, *[64] * 9, 16, 16, 16]
    inputs = [16 if k == 0 else outputs[BEFORE[k] - 1] for k in range(17)]
    layers = [
        (drawn(n_in, n_out), drawn(n_out), drawn(3, 3, n_out), drawn(n_out))
        for n_in, n_out in zip(inputs, outputs, strict=True)
    ]
    return drawn(27, 16) / 128, drawn(16), layers


def raw(network: tuple, pixels: np.ndarray) -> list[np.ndarray]:
    height, width = (-(-side // 32) * 32 for side in pixels.shape[:2])
    return _core.FaceNetwork(*network).run(pixels, height, width)


@pytest.mark.parametrize("size", [(1, 1), (32, 32), (31, 65), (96, 160), (70, 200), (64, 450)])
def test_matches_twin(target, size):
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    network = weights()
    for found, expected in zip(raw(network, pixels), reference.run(*network, pixels), strict=True):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


def test_what_is_seen_by_the_names_of_outputs():
    pixels = np.random.default_rng(1).integers(0, 256, (64, 96, 3), np.uint8)
    network = weights()
    seen = FaceNetwork(*network).see(pixels)
    for stride, cells in zip(STRIDES, reference.run(*network, pixels), strict=True):
        n_cells = (64 // stride) * (96 // stride)
        sigmoid = 1 / (1 + np.exp(-cells[:, :2]))
        parts = (sigmoid[:, :1], sigmoid[:, 1:], cells[:, 2:6], cells[:, 6:])
        for name, part in zip(("cls", "obj", "bbox", "kps"), parts, strict=True):
            value = seen[f"{name}_{stride}"]
            assert value.shape == (1, n_cells, part.shape[1]) and value.dtype == np.float32
            np.testing.assert_allclose(value[0], part, atol=1e-3)


@pytest.mark.parametrize("min_score", [0.0, 0.3, 0.55, 1.0])
def test_cells_that_may_be_faces_are_found_with_the_same_values(target, min_score):
    pixels = np.random.default_rng(1).integers(0, 256, (70, 100, 3), np.uint8)
    network = FaceNetwork(*weights())
    seen, found = network.see(pixels), network.find(pixels, min_score)
    expected = []
    for stride in STRIDES:
        values = [seen[f"{name}_{stride}"][0] for name in ("cls", "obj", "bbox", "kps")]
        row, column = np.divmod(np.arange(len(values[0])), 128 // stride)
        places = np.stack([column, row, np.full_like(row, stride)], axis=1)
        expected.append(np.concatenate([places, *values], axis=1, dtype=np.float32))
    rows = np.concatenate(found, axis=1)
    assert rows.dtype == np.float32 and (min_score or len(rows) == 96 / 8 * 16 + 6 * 8 + 3 * 4)

    def scoring(of: np.ndarray) -> np.ndarray:
        return of[np.sqrt(of[:, 3] * of[:, 4]) >= min_score]

    np.testing.assert_array_equal(scoring(rows), scoring(np.concatenate(expected)))
    # Both are at least the score's square, but for a margin.
    assert min_score == 0 or rows[:, 3:5].min(initial=1) > min(min_score**2, 0.5) - 0.01


def test_no_sigmoid_overflows():
    stem, stem_bias, layers = weights()
    for head in layers[-3:]:
        head[3][:2] = -1e30, 1e30
    with np.errstate(over="raise"):
        seen = FaceNetwork(stem, stem_bias, layers).see(np.zeros((32, 32, 3), np.uint8))
    assert seen["cls_8"].max() < 1e-30 and seen["obj_8"].min() == 1


def test_a_view_is_as_good_as_its_copy():
    view = np.random.default_rng(0).integers(0, 256, (64, 99, 3), np.uint8)[::-1, 3:]
    network = weights()
    for found, expected in zip(raw(network, view), raw(network, view.copy()), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_bad_weights_are_named():
    stem, stem_bias, layers = weights()
    with pytest.raises(ValueError, match="stem: expected 27 x 16"):
        FaceNetwork(stem[:9], stem_bias, layers)
    with pytest.raises(ValueError, match="layers: expected 17, got 16"):
        FaceNetwork(stem, stem_bias, layers[:-1])
    with pytest.raises(ValueError, match=r"layers\[1\]: expected 16 inputs"):
        FaceNetwork(stem, stem_bias, [layers[0], layers[3], *layers[2:]])
    mix, mix_bias, taps, taps_bias = layers[2]
    with pytest.raises(ValueError, match=r"layers\[2\]: weights and biases differ"):
        short = (mix, mix_bias[:16], taps, taps_bias)
        FaceNetwork(stem, stem_bias, [*layers[:2], short, *layers[3:]])
    narrow = (mix[:, :8], mix_bias[:8], taps[..., :8], taps_bias[:8])
    with pytest.raises(ValueError, match=r"layers\[2\]: expected 16, 32 or 64 outputs"):
        FaceNetwork(stem, stem_bias, [*layers[:2], narrow, *layers[3:]])


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((32, 32, 3), np.float32), "pixels: expected uint8"),
        (np.zeros((32, 32), np.uint8), r"pixels: expected \(height, width, 3\), got"),
    ],
)
def test_bad_photos_are_named(pixels, message):
    for look in (FaceNetwork(*weights()).see, lambda p: FaceNetwork(*weights()).find(p, 0.5)):
        with pytest.raises(ValueError, match=message):
            look(pixels)


@pytest.fixture(scope="module")
def session(models: Path) -> OrtSession:
    file = model_packs.installed()["detector"]
    return OrtSession(file.path, sha256=file.sha256)


def detector_path() -> Path:
    return model_packs.installed()["detector"].path


@pytest.mark.models
def test_the_real_network_is_taken_and_says_what_onnx_runtime_says(session: OrtSession):
    network = fastest(session, detector_path())
    assert isinstance(network, FaceNetwork)
    pixels = np.random.default_rng(2).integers(0, 256, (192, 320, 3), np.uint8)
    expected = session.run({"input": planes(pixels, 192, 320)[None]})
    found = network.see(pixels)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=2e-5, rtol=2e-5)


@pytest.mark.models
@pytest.mark.photos
def test_the_same_faces_as_by_onnx_runtime(session: OrtSession, photos_dir: Path):
    ours, theirs = Detector(fastest(session, detector_path())), Detector(session)
    n_faces = 0
    for path in sorted((photos_dir / "detect").glob("*.jpg"))[:12]:
        pixels = np.asarray(Image.open(path).convert("RGB"))
        found, expected = ours.detect(pixels), theirs.detect(pixels)
        n_faces += len(expected)
        np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.02)
        np.testing.assert_allclose(found.landmarks, expected.landmarks, atol=0.02)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    assert n_faces > 30


@pytest.mark.models
def test_another_device_or_network_keeps_its_session(session: OrtSession, monkeypatch):
    elsewhere = Placement(("cuda",), ("cuda", "cpu"), {}, {})
    with monkeypatch.context() as patch:
        patch.setattr(session, "placement", elsewhere)
        assert fastest(session, detector_path()) is session
    embedder = model_packs.installed()["embedder"]
    other = OrtSession(embedder.path, sha256=embedder.sha256)
    assert fastest(other, embedder.path) is other

    def wrong(content: bytes):
        found = read_yunet(content)
        assert found is not None
        return found._replace(stem_bias=found.stem_bias + 1)

    monkeypatch.setattr("fastface.yunet.read_yunet", wrong)
    assert fastest(session, detector_path()) is session
