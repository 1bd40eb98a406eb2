"""What a training step is fed: crops, their views, augmentations and the teacher's answers."""

from __future__ import annotations

import stat

import numpy as np
import pytest

from fastface.errors import PhotoError
from fastface.lab import teachers
from fastface.lab.augment import SHARES, Curriculum
from fastface.lab.batches import ECHOED, Batches
from fastface.lab.crops import NOBODY, load_folder, split
from fastface.lab.views import VIEWS, fresh_blend, is_blend, seen


@pytest.fixture(scope="module")
def crops(crops_folder, tmp_path_factory):
    return load_folder(crops_folder, tmp_path_factory.mktemp("cache"))


def batches(crops, **changes):
    options = {"size": 16, "balanced": 0.25, "curriculum": Curriculum(), "seed": 3, "steps": 100}
    return Batches(crops, **{**options, **changes})


def test_folders_are_people_and_pixels_are_kept_private(crops, crops_folder, tmp_path):
    assert crops.n_people == 6
    assert (crops.labels == NOBODY).sum() == 8
    assert len({crops.names[k].rpartition("/")[0] for k in np.flatnonzero(crops.labels == 2)}) == 1
    again = load_folder(crops_folder, tmp_path)
    (stored,) = tmp_path.iterdir()
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert again.key == crops.key
    np.testing.assert_array_equal(again.pixels, crops.pixels)


def test_folders_without_crops_or_with_photos_are_refused(tmp_path):
    with pytest.raises(PhotoError, match="no images"):
        load_folder(tmp_path, tmp_path / "cache")
    from PIL import Image

    Image.new("RGB", (64, 64)).save(tmp_path / "small.png")
    with pytest.raises(PhotoError, match="112 x 112"):
        load_folder(tmp_path, tmp_path / "cache")


def test_every_view_is_fixed_and_blends_keep_to_their_side_of_the_split(crops):
    train, held_out = split(len(crops.names))
    assert len(train) + len(held_out) == len(crops.names)
    np.testing.assert_array_equal(seen(crops, 5, 0), crops.pixels[5])
    np.testing.assert_array_equal(seen(crops, 5, 1)[:, ::-1], crops.pixels[5])
    for view in range(2, len(VIEWS)):
        assert is_blend(view)
        (row,) = held_out[:1]
        blend = seen(crops, int(row), view).astype(int)
        np.testing.assert_array_equal(blend, seen(crops, int(row), view))
        errors = []
        for other in held_out:  # own part of 0.35 to 0.65, the rest of one other held-out crop
            shares = np.linspace(0.35, 0.65, 61)[:, None, None, None]
            mixed = shares * crops.pixels[row] + (1 - shares) * crops.pixels[other]
            errors.append(np.abs(mixed - blend).max((1, 2, 3)).min())
        assert min(errors) < 3


def test_a_batch_is_a_function_of_seed_and_step(crops):
    first, again = batches(crops).at(7), batches(crops).at(7)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first.rows, batches(crops, seed=4).at(7).rows)
    assert not np.array_equal(first.rows, batches(crops).at(8).rows)


def test_nothing_held_out_is_shown_and_everything_else_is_in_turn(crops):
    train, _ = split(len(crops.names))
    shown = [batches(crops, balanced=0).at(step).rows for step in range(len(train))]
    counts = np.bincount(np.concatenate(shown), minlength=len(crops.names))
    assert np.all(counts[train] == 16)
    assert counts.sum() == 16 * len(train)


def test_balanced_batches_show_each_person_alike(crops):
    labels = np.concatenate([batches(crops, balanced=1.0).at(step).labels for step in range(60)])
    counts = np.bincount(labels)
    assert len(counts) == 6
    assert counts.min() > 0.7 * counts.max()


def test_blends_are_shown_half_of_the_time_and_have_no_label(crops):
    shown = [batches(crops, blends=True, balanced=1.0).at(step) for step in range(40)]
    blended = np.concatenate([is_blend(batch.views) for batch in shown])
    labels = np.concatenate([batch.labels for batch in shown])
    assert 0.4 < blended.mean() < 0.6
    assert np.all((labels == NOBODY) == blended)


def test_an_echo_has_the_same_faces_in_the_same_places_changed_anew(crops):
    echoing = batches(crops, blends=True, fresh=True, echo=2)
    first, echo, later = (echoing.at(step) for step in (1, 1 + ECHOED, 1 + 2 * ECHOED))
    assert first.draw == echo.draw != later.draw
    for name in ("clear", "rows", "views", "labels"):
        np.testing.assert_array_equal(getattr(first, name), getattr(echo, name))
    assert not np.array_equal(first.pixels, echo.pixels)
    assert not np.array_equal(first.rows, later.rows)


def test_fresh_blends_are_of_two_crops_to_train_on_and_never_the_same_twice(crops):
    train, _ = split(len(crops.names))
    row = int(train[0])
    blends = [fresh_blend(crops, row, np.random.default_rng(k)).astype(int) for k in range(6)]
    assert len({blend.tobytes() for blend in blends}) == 6
    for blend in blends:
        errors = []
        for other in train:
            shares = np.linspace(0.35, 0.65, 61)[:, None, None, None]
            mixed = shares * crops.pixels[row] + (1 - shares) * crops.pixels[other]
            errors.append(np.abs(mixed - blend).max((1, 2, 3)).min())
        assert min(errors) < 3


@pytest.mark.parametrize("augmentation", SHARES, ids=lambda a: a.__name__)
def test_augmentations_change_a_crop_more_at_more_strength_and_leave_it_one(augmentation, crops):
    crop, original = crops.pixels[0], np.array(crops.pixels[0])
    changes = []
    for strength in (0.2, 1.0):
        rng = np.random.default_rng(0)
        results = [augmentation(crop, strength, rng) for _ in range(12)]
        assert all(r.shape == crop.shape and r.dtype == np.uint8 for r in results)
        changes.append(np.mean([np.abs(r.astype(int) - crop) for r in results]))
    assert 0 < changes[0] < changes[1]
    np.testing.assert_array_equal(crop, original)


def test_the_curriculum_grows(crops):
    def change(progress):
        rng = np.random.default_rng(0)
        crop = crops.pixels[0]
        return np.mean(
            [np.abs(Curriculum().apply(crop, progress, rng).astype(int) - crop) for _ in range(60)]
        )

    assert change(0.0) < 0.7 * change(1.0)


def test_the_teacher_answers_once_and_is_remembered(crops, models, tmp_path):
    few = load_few(crops)
    asked = []
    first = teachers.targets(few, tmp_path, progress=lambda done, n: asked.append((done, n)))
    assert asked[-1] == (len(VIEWS) * 4, len(VIEWS) * 4)
    again = teachers.targets(few, tmp_path, progress=lambda *_: pytest.fail("asked again"))
    np.testing.assert_array_equal(first.embeddings, again.embeddings)
    np.testing.assert_allclose(np.linalg.norm(first.embeddings, axis=2), 1, atol=1e-5)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_live_teacher_says_what_the_embedder_says(crops, models, tmp_path):
    live = teachers.LiveTeacher(tmp_path)
    assert live.stages == {14: 512, 7: 1024}
    few = load_few(crops)
    beforehand = teachers.targets(few, tmp_path)
    np.testing.assert_allclose(
        live.embed(few, np.arange(4)), beforehand.embed(few, np.arange(4)), atol=1e-5
    )
    answers = live.answer(batches(crops, size=5, blends=True, fresh=True).at(0))
    assert answers.embeddings.shape == (5, 128)
    assert {side: maps.shape for side, maps in answers.stages.items()} == {
        14: (5, 14, 14, 512),
        7: (5, 7, 7, 1024),
    }


def load_few(crops):
    import dataclasses

    return dataclasses.replace(
        crops, pixels=crops.pixels[:4], names=crops.names[:4], labels=crops.labels[:4], key="few"
    )
