"""The torso descriptor: where it looks, what it is blind to, and what it tells apart."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest
from PIL import Image

from fastface.torso import N_DIMENSIONS, _Axis, _histogram, describe_torsos, torso_box
from fastface.types import Box

FACE = Box(0.4, 0.1, 0.2, 0.15)  # of a photo 400 wide and 600 tall: 80 x 90 pixels


def photo(top: str = "crimson", bottom: str = "navy", *, seed: int = 0) -> np.ndarray:
    """Grey noise around someone whose torso has one colour above and one below."""
    noise = np.random.default_rng(seed).integers(100, 140, (600, 400, 1), np.uint8)
    pixels = np.repeat(noise, 3, axis=2)
    pixels[150:330, 80:320] = np.asarray(Image.new("RGB", (1, 1), top))
    pixels[330:510, 80:320] = np.asarray(Image.new("RGB", (1, 1), bottom))
    return pixels


def describe(pixels: np.ndarray, face: Box = FACE) -> np.ndarray:
    return describe_torsos(pixels, [face])[0]


def test_box_below_the_face_is_clipped() -> None:
    assert torso_box(FACE) == pytest.approx(Box(0.2, 0.25, 0.6, 0.6))
    assert torso_box(Box(0.0, 0.1, 0.2, 0.15)) == pytest.approx(Box(0.0, 0.25, 0.4, 0.6))
    assert torso_box(Box(0.4, 0.6, 0.2, 0.15)) == pytest.approx(Box(0.2, 0.75, 0.6, 0.25))


@pytest.mark.parametrize(
    "face",
    [
        Box(0.4, 0.75, 0.2, 0.15),  # less than a face height below
        Box(0.3, 0.2, 0.4, 0.8),  # the face fills the photo
        Box(-0.2, 0.1, 0.2, 0.15),  # half outside
        Box(0.4, 1.1, 0.2, 0.15),
    ],
)
def test_too_little_in_view(face: Box) -> None:
    assert torso_box(face) is None
    assert not describe(photo(), face).any()


def test_shape_and_norm() -> None:
    rows = describe_torsos(photo(), [FACE, Box(0.4, 0.9, 0.2, 0.15), FACE])
    assert rows.shape == (3, N_DIMENSIONS)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [1, 0, 1], atol=1e-6)
    assert (rows >= 0).all()
    np.testing.assert_array_equal(rows[0], rows[2])
    assert describe_torsos(photo(), []).shape == (0, N_DIMENSIONS)


def test_what_is_outside_the_torso_does_not_matter() -> None:
    # But for the pixels on its edges, where resampling takes in a share of their neighbours.
    assert describe(photo(seed=1)) @ describe(photo(seed=2)) > 0.999


def test_size_of_the_photo_matters_little() -> None:
    pixels = photo()
    small = np.asarray(Image.fromarray(pixels).resize((133, 200), Image.Resampling.BOX))
    assert describe(small) @ describe(pixels) > 0.97


def test_colours_and_their_order_tell_apart() -> None:
    one = describe(photo("crimson", "navy"))
    assert one @ describe(photo("crimson", "navy")) == pytest.approx(1, abs=1e-6)
    similar = one @ describe(photo("brown", "midnightblue"))
    swapped = one @ describe(photo("navy", "crimson"))
    other = one @ describe(photo("white", "black"))
    assert similar > swapped + 0.1
    assert similar > other + 0.1


def test_stripes_tell_from_plain_cloth() -> None:
    plain, across, along = (photo("gray", "gray") for _ in range(3))
    across[150:510:20, 80:320] = along[150:510, 80:320:20] = 250
    across[151:510:20, 80:320] = along[150:510, 81:320:20] = 250
    similarities = [describe(plain) @ describe(across), describe(across) @ describe(along)]
    assert max(similarities) < 0.9


def test_stripes_out_of_view_repeat_the_last_one() -> None:
    pixels = photo("crimson", "crimson")
    whole, cut = describe(pixels), describe(pixels[:300], Box(0.4, 0.2, 0.2, 0.3))
    stripes = cut.reshape(4, -1)
    np.testing.assert_array_equal(stripes[1], stripes[3])
    assert np.linalg.norm(cut) == pytest.approx(1, abs=1e-6)
    assert whole @ cut > 0.95


def test_tiny_and_extreme_photos() -> None:
    for pixels in (np.zeros((1, 1, 3), np.uint8), np.full((3, 2, 3), 255, np.uint8)):
        assert np.linalg.norm(describe(pixels)) == pytest.approx(1, abs=1e-6)


def test_readonly_and_strided_pixels() -> None:
    pixels = photo()
    expected = describe(pixels)
    pixels.flags.writeable = False
    np.testing.assert_array_equal(describe(pixels), expected)
    np.testing.assert_array_equal(describe(np.repeat(pixels, 2, axis=1)[:, ::2]), expected)


def test_histogram_against_a_loop() -> None:
    rng = np.random.default_rng(3)
    hue, value = rng.uniform(0, 5, (2, 40)), rng.uniform(0, 3, (2, 40))
    hue[0, :3], value[0, :3] = (0, 4.999, 5), (0, 3, 1)
    expected = np.zeros((2, 5, 4))
    for stripe in range(2):
        for h, v in zip(hue[stripe], value[stripe], strict=True):
            for dh in (0, 1):
                for dv in (0, 1):
                    h0, v0 = math.floor(h), math.floor(v)
                    share = abs(1 - dh - (h - h0)) * abs(1 - dv - (v - v0))
                    expected[stripe, (h0 + dh) % 5, min(v0 + dv, 3)] += share
    votes = _histogram(_Axis(hue, 5, circular=True), _Axis(value, 4, circular=False))
    np.testing.assert_allclose(votes, expected.reshape(2, -1), rtol=1e-5)
    assert votes.sum() == pytest.approx(80)


def test_hue_wraps_round() -> None:
    hues = [tuple(round(255 * c) for c in colorsys.hsv_to_rgb(h, 1, 1)) for h in (0.98, 0.02, 0.5)]
    names = ["#{:02x}{:02x}{:02x}".format(*hue) for hue in hues]
    red_below, red_above, cyan = (describe(photo(name, name)) for name in names)
    assert red_below @ red_above > red_below @ cyan + 0.2


def test_a_face_in_a_crowd_is_described_as_alone() -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (600, 400, 3), np.uint8)
    faces = [Box(0.03 * k, 0.02 * k, 0.08, 0.3 if k % 5 == 0 else 0.06) for k in range(25)]
    alone = np.concatenate([describe_torsos(pixels, [face]) for face in faces])
    np.testing.assert_array_equal(describe_torsos(pixels, faces), alone)
