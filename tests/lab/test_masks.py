"""The made-up masks: they cover what a mask covers, fit the face, and are lit as it is."""

from __future__ import annotations

import stat

import numpy as np
import pytest
from PIL import Image

from fastface.lab import contact_sheet
from fastface.lab.augment import SHARES
from fastface.lab.crops import load_folder
from fastface.lab.fabrics import FABRICS
from fastface.lab.masks import ALIGNED, wear_mask

GREY = np.full((112, 112, 3), 128, np.uint8)


def worn(crop, seed, **options):
    return wear_mask(crop, 1.0, np.random.default_rng(seed), **options)


def changed(crop, seed, **options):
    return np.abs(worn(crop, seed, **options).astype(int) - crop).max(2) > 12


@pytest.mark.parametrize("seed", range(8))
def test_nose_and_mouth_are_covered_and_eyes_are_not(seed):
    noise = np.random.default_rng(9).integers(0, 256, (112, 112, 3), np.uint8)
    seen = np.mean([changed(noise, seed)], 0)
    rows, columns = ALIGNED.round().astype(int)[:, 1], ALIGNED.round().astype(int)[:, 0]
    around = [seen[y - 3 : y + 4, x - 3 : x + 4].mean() for y, x in zip(rows, columns, strict=True)]
    assert max(around[:2]) < 0.2  # the eyes
    assert min(around[2:]) > 0.6  # nose and mouth: noise agrees with cloth here and there
    assert seen[:40].mean() < 0.01  # nothing on the forehead
    assert 0.2 < seen.mean() < 0.6


def test_the_mask_follows_the_landmarks():
    noise = np.random.default_rng(9).integers(0, 256, (112, 112, 3), np.uint8)
    small = changed(noise, 1, landmarks=ALIGNED * 0.5)
    assert not small[:, 70:].any() or small[:, 70:].mean() < 0.02  # a strap may reach the edge
    assert small[36:46, 20:36].mean() > 0.6


def test_a_turned_head_shows_less_of_one_side():
    turned = ALIGNED.copy()
    turned[2, 0] += 7
    widths = []
    for landmarks in (ALIGNED, turned):
        row = changed(GREY, 4, landmarks=landmarks)[80]
        columns = np.flatnonzero(row)
        widths.append((56 - columns.min(), columns.max() - 56))
    assert widths[1][1] < widths[0][1]


def test_cloth_is_dark_in_the_dark_and_grey_in_a_grey_photo():
    dark, light = (worn(np.full_like(GREY, v), 3)[75:95, 45:68].mean() for v in (30, 220))
    assert dark < 0.7 * light
    assert np.ptp(worn(GREY, 5), axis=2).max() <= 1


@pytest.mark.parametrize("fabric", FABRICS, ids=lambda f: f.__name__)
def test_fabrics_are_cloth_of_the_asked_size_and_each_time_another(fabric):
    first, second = (fabric(64, np.random.default_rng(seed)) for seed in (0, 1))
    assert first.shape == (64, 64, 3)
    assert first.dtype == np.float32
    assert np.abs(first - second).max() > 0.01
    assert first.min() > -0.15 and first.max() < 1.15  # noise may stand out: composing clips


def test_the_sheet_shows_every_augmentation_and_is_private(crops_folder, tmp_path):
    crops = load_folder(crops_folder, tmp_path / "cache")
    sheet = contact_sheet.draw(crops, faces=3)
    n_rows = 1 + (len(SHARES) + 1) * len(contact_sheet.STRENGTHS) + 1
    assert sheet.height == n_rows * 114
    assert sheet.tobytes() == contact_sheet.draw(crops, faces=3).tobytes()
    contact_sheet.write(sheet, tmp_path / "sheet.png")
    assert stat.S_IMODE((tmp_path / "sheet.png").stat().st_mode) == 0o600
    with Image.open(tmp_path / "sheet.png") as written:
        assert written.size == sheet.size
