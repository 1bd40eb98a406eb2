"""Alignment against its twin, and embeddings that do not depend on their company."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastface import models as model_packs
from fastface.embedding import Embedder, align, similarity
from fastface.inference import OrtSession
from fastface.templates import ARCFACE
from tests.reference import alignment

RNG = np.random.default_rng(0)


def smooth_photo(height: int, width: int) -> np.ndarray:
    """Slow waves, so that interpolation is exact to a grey level or two."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 23 + c) + np.cos(y / 17 - c) + np.sin((x + y) / 31) for c in range(3)]
    return (127.5 + 40 * np.stack(waves, axis=2)).astype(np.uint8)


def placed(scale: float, angle: float, x: float, y: float, noise: float = 0.0) -> np.ndarray:
    """The template's landmarks put somewhere in a photo."""
    points = (np.array(ARCFACE.points) - 56) * scale
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = points @ turn.T + [x, y] + RNG.normal(scale=noise * scale, size=(5, 2))
    return moved.astype(np.float32)


@given(
    st.floats(0.1, 20),
    st.floats(-3, 3),
    st.floats(-500, 500),
    st.floats(-500, 500),
    st.floats(0, 9),
)
def test_the_fit_is_umeyamas(scale, angle, x, y, noise):
    landmarks = placed(scale, angle, x, y, noise)
    to_crop = alignment.umeyama(landmarks.astype(np.float64), np.array(ARCFACE.points))
    a, b = similarity(landmarks)
    inverse = np.linalg.inv(np.vstack([to_crop, [0, 0, 1]]))
    np.testing.assert_allclose([a.real, a.imag], inverse[:2, 0], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose([b.real, b.imag], inverse[:2, 2], rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("angle", [0.0, 0.3, -1.2, 3.0])
@pytest.mark.parametrize("scale", [0.4, 1.0, 1.7])
def test_crops_equal_the_bilinear_twin(scale: float, angle: float):
    photo = smooth_photo(300, 320)
    landmarks = placed(scale, angle, 161.3, 148.8, noise=2)
    a, b = similarity(landmarks)
    matrix = np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])
    expected = alignment.warp(photo, matrix, 112)
    inside = np.isfinite(expected)
    assert inside.mean() > 0.9
    crop = align(photo, landmarks[None])[0].astype(float)
    # Rounding, and fixed-point coordinates, on a slope of at most 5 levels a pixel.
    assert np.abs(crop - expected)[inside].max() <= 2


@pytest.mark.parametrize("scale", [2.5, 5.2, 9.0])
def test_large_faces_are_averaged_not_sampled(scale: float):
    """Stripes finer than the crop's pixels become grey; plain interpolation makes them moire."""
    photo = np.zeros((1200, 1200, 3), np.uint8)
    photo[:, ::2] = 255
    crop = align(photo, placed(scale, 0.1, 600, 600)[None])[0]
    assert np.abs(crop[8:-8, 8:-8].astype(float) - 127.5).max() < 40


@pytest.mark.parametrize("scale", [3.0, 6.5])
def test_large_faces_stay_in_place(scale: float):
    photo = smooth_photo(1000, 1000)
    landmarks = placed(scale, 0.2, 500, 480)
    a, b = similarity(landmarks)
    matrix = np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])
    expected = alignment.warp(photo, matrix, 112)
    crop = align(photo, landmarks[None])[0].astype(float)
    error = (crop - expected)[np.isfinite(expected)]
    assert np.abs(error).mean() < 2.5  # a shift of a third of a crop's pixel would show
    assert abs(error.mean()) < 1


def test_outside_the_photo_is_black():
    crop = align(np.full((100, 100, 3), 200, np.uint8), placed(1.0, 0, 0, 50)[None])[0]
    assert crop[:, :50].max() == 0
    assert crop[20:90, 62:].min() == 200
    assert align(np.full((50, 50, 3), 200, np.uint8), placed(1.0, 0, -900, 0)[None]).max() == 0


def test_landmarks_in_one_point_do_not_crash():
    crops = align(smooth_photo(60, 60), np.full((1, 5, 2), 30, np.float32))
    assert crops.shape == (1, 112, 112, 3)


class FakeSFace:
    """Weights every pixel, so that each crop has a vector of its own."""

    weights = RNG.normal(size=(3 * 112 * 112, 128)).astype(np.float32)

    def __init__(self) -> None:
        self.batches: list[int] = []

    def run(self, inputs):
        planes = inputs["data"]
        self.batches.append(len(planes))
        return {"fc1": planes.reshape(len(planes), -1) @ self.weights}


def test_embeddings_have_unit_norm_and_their_norms_are_told():
    crops = RNG.integers(0, 256, (11, 112, 112, 3)).astype(np.uint8)
    session = FakeSFace()
    embeddings, norms = Embedder(session).embed(crops)
    assert session.batches == [4, 4, 3]
    raw = crops.transpose(0, 3, 1, 2).reshape(11, -1).astype(np.float32) @ session.weights
    np.testing.assert_allclose(norms, np.linalg.norm(raw, axis=1), rtol=1e-4)
    np.testing.assert_allclose(embeddings * norms[:, None], raw, rtol=1e-3, atol=1)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-6)


def test_faces_can_be_embedded_one_by_one():
    """As providers that compile a network for one shape want it."""
    crops = RNG.integers(0, 256, (5, 112, 112, 3)).astype(np.uint8)
    session = FakeSFace()
    together, _ = Embedder(session).embed(crops)
    alone, _ = Embedder(session, batch=1).embed(crops)
    assert session.batches == [4, 1] + [1] * 5
    np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-6)


def test_no_crops_no_embeddings():
    embeddings, norms = Embedder(FakeSFace()).embed(np.zeros((0, 112, 112, 3), np.uint8))
    assert embeddings.shape == (0, 128)
    assert norms.shape == (0,)


@pytest.mark.parametrize("shape", [(112, 112, 3), (1, 3, 112, 112), (2, 96, 112, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"crops: expected \(n, 112, 112, 3\)"):
        Embedder(FakeSFace()).embed(np.zeros(shape, np.uint8))


def test_crops_of_another_type_are_refused() -> None:
    with pytest.raises(ValueError, match="crops: expected uint8, got float32"):
        Embedder(FakeSFace()).embed(np.zeros((1, 112, 112, 3), np.float32))  # type: ignore[arg-type]


@pytest.mark.models
def test_real_embeddings_do_not_depend_on_the_batch(models: Path):
    file = model_packs.installed()["embedder"]
    embedder = Embedder(OrtSession(file.path, sha256=file.sha256))
    crops = RNG.integers(0, 256, (3, 112, 112, 3)).astype(np.uint8)
    together, _ = embedder.embed(crops)
    alone = np.concatenate([embedder.embed(crop[None])[0] for crop in crops])
    np.testing.assert_array_equal(together, alone)
