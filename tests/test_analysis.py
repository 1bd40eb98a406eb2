"""Pixels in, observations out, on real models and real photos."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fastface
from fastface.analysis import MODEL_TAG, Analyzer
from fastface.errors import ModelError, NotFoundError, PhotoError
from fastface.types import Box

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def analyzer(models: Path) -> Analyzer:
    return Analyzer()


@pytest.fixture(scope="module")
def album(photos_dir: Path) -> dict[str, dict]:
    """Eight labelled photos: path -> their labels."""
    labels = json.loads((photos_dir / "album_labels.json").read_text())
    return {str(photos_dir / "album" / name): labels[name] for name in sorted(labels)[:8]}


def pixels_of(path: str) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def same(a: fastface.Observation, b: fastface.Observation) -> bool:
    equal_torsos = (a.torso is None and b.torso is None) or np.array_equal(a.torso, b.torso)
    return a.box == b.box and np.array_equal(a.face, b.face) and equal_torsos


@pytest.mark.photos
def test_every_labelled_face_is_observed(analyzer: Analyzer, album):
    for path, labels in album.items():
        width, height = labels["size"]
        observations = analyzer.analyze(pixels_of(path))
        assert [o.box.left for o in observations] == sorted(o.box.left for o in observations)
        for face in labels["faces"]:
            left, top, w, h = face["box"]
            x, y = (left + w / 2) / width, (top + h / 2) / height
            (observation,) = [
                o
                for o in observations
                if abs(o.box.left + o.box.width / 2 - x) < w / width / 3
                and abs(o.box.top + o.box.height / 2 - y) < h / height / 3
            ]
            truth = np.reshape(face["landmarks"], (5, 2)) / [width, height]
            assert np.abs(observation.landmarks - truth).max() < 0.15 * w / width
            assert not observation.unclear


@pytest.mark.photos
def test_observations_are_what_they_say(analyzer: Analyzer, album):
    for path in album:
        for o in analyzer.analyze(pixels_of(path)):
            assert isinstance(o.box, Box)
            assert 0 <= o.box.left < o.box.left + o.box.width <= 1 + 1e-6
            assert 0 <= o.box.top < o.box.top + o.box.height <= 1 + 1e-6
            assert 0.7 <= o.score <= 1
            assert 0 <= o.quality <= 1
            assert o.face.shape == (128,)
            assert o.face.dtype == o.landmarks.dtype == np.float32
            assert np.linalg.norm(o.face) == pytest.approx(1, abs=1e-5)
            assert (o.torso is None) == (o.torso_box is None)
            if o.torso is not None:
                assert np.linalg.norm(o.torso) == pytest.approx(1, abs=1e-5)


@pytest.mark.photos
def test_threads_share_an_analyzer_and_agree_bit_for_bit(analyzer: Analyzer, album):
    photos = [pixels_of(path) for path in list(album)[:4]]
    alone = [analyzer.analyze(photo) for photo in photos]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(analyzer.analyze, photos * 2))
    for a, b in zip(alone * 2, together, strict=True):
        assert len(a) == len(b)
        assert all(same(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.photos
def test_a_photo_is_a_path_an_image_or_an_array(analyzer: Analyzer, album):
    path = next(iter(album))
    expected = analyzer.analyze(pixels_of(path))
    for photo in (path, Path(path), Image.open(path), pixels_of(path)):
        assert len(fastface.analyze(photo)) == len(expected)
    embeddings = fastface.embed_faces(path)
    np.testing.assert_array_equal(embeddings, [o.face for o in fastface.analyze(path)])


@pytest.mark.photos
def test_verify_tells_people_apart(models: Path, photos_dir: Path):
    lfw = photos_dir / "lfw"
    one = lfw / "Abel_Pacheco" / "Abel_Pacheco_0001.jpg"
    same_person = fastface.verify(one, lfw / "Abel_Pacheco" / "Abel_Pacheco_0004.jpg")
    other_person = fastface.verify(one, lfw / "Akhmed_Zakayev" / "Akhmed_Zakayev_0001.jpg")
    assert other_person < 0.363 < same_person
    assert fastface.verify(one, one) == pytest.approx(1)


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (40, 900), (900, 40), (250, 250)])
def test_photos_without_a_face_have_no_observations(analyzer: Analyzer, shape):
    assert analyzer.analyze(np.full((*shape, 3), 128, np.uint8)) == []


def test_noise_has_no_face(analyzer: Analyzer):
    noise = np.random.default_rng(0).integers(0, 256, (600, 800, 3)).astype(np.uint8)
    assert analyzer.analyze(noise) == []


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((10, 10, 3), np.float32),
        np.zeros((0, 10, 3), np.uint8),
    ],
)
def test_what_is_no_photo_is_refused(analyzer: Analyzer, pixels: np.ndarray):
    with pytest.raises(ValueError, match=r"pixels: expected \(height, width, 3\) uint8"):
        analyzer.analyze(pixels)


def test_functions_say_what_is_wrong(models: Path, tmp_path: Path):
    with pytest.raises(PhotoError):
        fastface.analyze(tmp_path / "none.jpg")
    with pytest.raises(NotFoundError, match="photo_a: no face was found"):
        fastface.verify(np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8))


def test_crops_are_embedded_as_they_are(models: Path):
    assert fastface.embed_faces(np.zeros((2, 112, 112, 3), np.uint8)).shape == (2, 128)
    assert fastface.embed_faces(np.zeros((64, 64, 3), np.uint8)).shape == (0, 128)


def test_without_models_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FASTFACE_MODELS", str(tmp_path))
    with pytest.raises(ModelError, match="fastface models install"):
        Analyzer()
    assert MODEL_TAG
