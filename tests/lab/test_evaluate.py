"""Accuracy, against cases whose answer is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fastface.cli import main
from fastface.lab.crops import load_folder
from fastface.lab.evaluate import by_group, masked_crops, utk_labels
from fastface.lab.pairs import Pairs, best_threshold, verify
from fastface.templates import ARCFACE, DLIB
from tests.lab.painting import paint_crop


def made_up_pairs():
    """Four folds of two people each; same-person pairs first."""
    people = np.repeat(np.arange(8), 2)
    first, second, same, fold = [], [], [], []
    for k in range(4):
        a, b = 4 * k, 4 * k + 2
        first += [a, b, a, a + 1]
        second += [a + 1, b + 1, b, b + 1]
        same += [True, True, False, False]
        fold += [k] * 4
    pixels = np.zeros((16, 112, 112, 3), np.uint8)
    return Pairs(pixels, people, *map(np.array, (first, second, same, fold)))


def test_perfect_vectors_are_perfect_and_random_ones_are_not():
    pairs = made_up_pairs()
    perfect = np.eye(8, dtype=np.float32)[pairs.people]
    result = verify(perfect, perfect, pairs)
    assert (result.accuracy, result.error, result.tar) == (1.0, 0.0, 1.0)
    same = np.ones((16, 4), np.float32) / 2
    assert verify(same, same, pairs).accuracy == 0.5


def test_both_sides_of_a_pair_may_differ():
    pairs = made_up_pairs()
    perfect = np.eye(8, dtype=np.float32)[pairs.people]
    assert verify(perfect, np.roll(perfect, 4, axis=0), pairs).accuracy <= 0.5


def test_the_best_threshold_is_the_one_that_trying_all_finds():
    rng = np.random.default_rng(0)
    for _ in range(20):
        similarity = rng.integers(0, 12, 40).astype(np.float32)
        same = rng.random(40) < 0.5
        right = [np.mean((similarity >= t) == same) for t in np.unique(similarity)]
        found = best_threshold(similarity, same)
        assert np.mean((similarity >= found) == same) == max(right)


@pytest.mark.parametrize("template", [ARCFACE, DLIB], ids=["arcface", "dlib"])
def test_masks_fit_other_templates_and_are_the_same_every_time(template):
    crops = np.full((3, template.side, template.side, 3), 128, np.uint8)
    crops[:, :, ::2] = 90
    masked = masked_crops(crops, template)
    np.testing.assert_array_equal(masked, masked_crops(crops, template))
    mouth = np.array(template.points[3:]).mean(0).astype(int)
    eye = np.array(template.points[0]).astype(int)
    changed = np.abs(masked.astype(int) - crops).max((0, 3)) > 8
    assert changed[mouth[1] - 3 : mouth[1] + 4, mouth[0] - 3 : mouth[0] + 4].mean() > 0.9
    assert not changed[eye[1], eye[0]]


@pytest.mark.parametrize(
    "name", ["id_001/1.jpg", "a_b_c_d.jpg", "25_7_2_1.jpg", "25_1_9_1.jpg", "25_1_20170.jpg"]
)
def test_names_that_are_not_utkfaces_have_no_groups(name):
    assert utk_labels(name) == {}


def test_groups_are_judged_by_the_installed_embedder(models, tmp_path, capsys):
    from PIL import Image

    folder = tmp_path / "utk"
    folder.mkdir()
    for k, start in enumerate(["25_1_2_", "25_1_2_", "70_0_0_", "5_0_1_"]):
        Image.fromarray(paint_crop(k, 0)).save(folder / f"{start}{k}.png")
    arguments = ["lab", "evaluate", "default", "--groups", str(tmp_path), "--json"]
    assert main([*arguments, "--cache", str(tmp_path / "cache")]) == 0
    rows = json.loads(capsys.readouterr().out)
    faces = {(row["kind"], row["group"]): row["faces"] for row in rows}
    assert faces["age", "20-39"] == 2
    assert faces["gender", "man"] == 2
    assert faces["race", "black"] == 1
    assert all(row["detected"] == 0 for row in rows)  # patterns are no faces
    assert all(0 <= row["share"] <= 1 and row["similarity"] <= 1 for row in rows)


def test_the_default_embedder_on_photos_it_never_saw(models, photos_dir, tmp_path):
    """A few pairs of the real protocol, through detection, alignment and masks."""
    from fastface.lab.evaluate import evaluate
    from fastface.lab.pairs import load_pairs
    from fastface.lab.subjects import find_subject

    lines = (photos_dir / "lfw" / "pairs.txt").read_text().splitlines()
    few = tmp_path / "few"
    few.mkdir()
    chosen = [
        lines[1 + 600 * f + 300 * kind + k] for f in (0, 1) for kind in (0, 1) for k in (0, 1)
    ]
    (few / "pairs.txt").write_text("\n".join(["2\t2", *chosen]))
    for line in chosen:
        for person in {part for part in line.split("\t") if not part.isdigit()}:
            if not (few / person).exists():
                (few / person).symlink_to(photos_dir / "lfw" / person)
    pairs = load_pairs(few, tmp_path)
    result = evaluate(find_subject("default", tmp_path), pairs, masked_crops(pairs.pixels))
    assert result.bare.tar == 1.0
    assert result.bare.accuracy >= 0.75  # a threshold from four pairs is rough
    assert result.masked.tar >= 0.75
    assert result.bcubed_f > 0.9


def test_other_folders_are_refused(models, tmp_path):
    from fastface.errors import PhotoError
    from fastface.lab.pairs import load_pairs

    with pytest.raises(PhotoError, match="LFW's form"):
        load_pairs(tmp_path, tmp_path)
    (tmp_path / "1.png").write_bytes(b"")
    from PIL import Image

    Image.fromarray(paint_crop(0, 0)).save(tmp_path / "1.png")
    crops = load_folder(tmp_path, tmp_path / "cache")
    with pytest.raises(PhotoError, match="UTKFace"):
        by_group(None, crops)
