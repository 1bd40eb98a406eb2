"""Training: it learns, it repeats itself, and it goes on from any checkpoint to the same result."""

from __future__ import annotations

import csv
import dataclasses
import stat

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra lab")

from fastface.errors import FastfaceError  # noqa: E402
from fastface.lab import crops as crop_folders  # noqa: E402
from fastface.lab.batches import ECHOED  # noqa: E402
from fastface.lab.network import Design, Row  # noqa: E402
from fastface.lab.teachers import LiveTeacher, Targets  # noqa: E402
from fastface.lab.train import Recipe, Trainer, load_network, one_cycle, read_checkpoint  # noqa: E402
from fastface.lab.views import VIEWS  # noqa: E402

ROWS = (
    Row("conv3x3", 1, 64, 1, 4),
    Row("bottleneck", 2, 64, 1, 2),
    Row("bottleneck", 2, 64, 2, 2),
    Row("linear_gdconv7x7", 1, 64, 1, 1),
)
DESIGN = Design(ROWS, width=0.125, activation="leaky", attention="se", embedding=8)
MARGIN = Recipe(DESIGN, 24, batch=8, cosine=0, margin=1.0, balanced=1.0, mining="curricular")
HINTED = Recipe(DESIGN, 2 * ECHOED, batch=4, cosine=0, relation=1.0, hints=1.0)
TAUGHT = Recipe(DESIGN, 24, batch=8, cosine=1.0, relation=1.0, margin=0.1, balanced=0.25)


@pytest.fixture(scope="module")
def crops(crops_folder, tmp_path_factory):
    return crop_folders.load_folder(crops_folder, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def targets(crops):
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(len(VIEWS), len(crops.names), 8)).astype(np.float32)
    norms = np.linalg.norm(raw, axis=2)
    return Targets(raw / norms[:, :, None], norms)


@pytest.fixture
def live(models, tmp_path):
    return LiveTeacher(tmp_path / "cache")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def weights(trainer):
    return {**trainer.average.state_dict(), **trainer.head.state_dict()}


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def losses_of(folder):
    with (folder / "log.csv").open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("recipe", [MARGIN, TAUGHT], ids=["margin", "taught"])
def test_a_resumed_training_ends_bit_for_bit_where_an_unbroken_one_does(
    recipe, crops, targets, tmp_path
):
    whole = Trainer(recipe, crops, targets, tmp_path / "whole")
    whole.folder.mkdir()
    whole.run()
    broken = tmp_path / "broken"
    broken.mkdir()
    Trainer(recipe, crops, targets, broken).run(until=13)  # inside a row of the log
    resumed = Trainer(recipe, crops, targets, broken)
    resumed.resume()
    assert resumed.step == 13
    resumed.run()
    assert equal(weights(whole), weights(resumed))
    assert (broken / "log.csv").read_text() == (whole.folder / "log.csv").read_text()


def test_what_a_live_teacher_taught_is_resumed_too(crops, live, tmp_path):
    trainers = [Trainer(HINTED, crops, live, tmp_path / name) for name in ("whole", "broken")]
    for trainer, until in zip(trainers, (None, ECHOED + 3), strict=True):  # amid the echoes
        trainer.folder.mkdir()
        trainer.run(until=until)
    resumed = Trainer(HINTED, crops, live, tmp_path / "broken")
    resumed.resume()
    resumed.run()
    assert equal(weights(trainers[0]), weights(resumed))
    assert equal(trainers[0].hints.state_dict(), resumed.hints.state_dict())


def test_a_live_teacher_is_asked_once_a_draw(crops, live, tmp_path, monkeypatch):
    asked, answer = [], live.answer
    monkeypatch.setattr(live, "answer", lambda batch: asked.append(batch.draw) or answer(batch))
    trainer = Trainer(HINTED, crops, live, tmp_path)
    for _ in range(HINTED.steps):
        trainer.train_step()
    assert asked == list(range(ECHOED))


def test_hints_need_a_live_teacher(crops, targets, tmp_path):
    with pytest.raises(FastfaceError, match="live teacher"):
        Trainer(HINTED, crops, targets, tmp_path)


def test_one_seed_repeats_and_another_differs(crops, tmp_path):
    ends = []
    for seed in (0, 0, 1):
        trainer = Trainer(dataclasses.replace(MARGIN, seed=seed), crops, None, tmp_path)
        trainer.run(until=3)
        ends.append(weights(trainer))
    assert equal(ends[0], ends[1])
    assert not equal(ends[0], ends[2])


def test_the_loss_falls(crops, tmp_path):
    recipe = dataclasses.replace(MARGIN, steps=80, rate=5e-3, margin_kind="cosface", mining="none")
    Trainer(recipe, crops, None, tmp_path).run()
    losses = losses_of(tmp_path)
    assert losses[-1] < 0.8 * losses[0]


def test_a_checkpoint_is_private_and_gives_the_averaged_network(crops, tmp_path):
    trainer = Trainer(MARGIN, crops, None, tmp_path)
    trainer.run(until=2)
    path = tmp_path / "checkpoint.pt"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    image = torch.rand(1, 3, 112, 112) * 255
    with torch.inference_mode():
        torch.testing.assert_close(load_network(path)(image), trainer.averaged()(image))


def test_what_does_not_fit_is_refused_with_the_reason(crops, tmp_path):
    with pytest.raises(FastfaceError, match="learns from a teacher"):
        Trainer(TAUGHT, crops, None, tmp_path)
    nobody = dataclasses.replace(crops, labels=np.full_like(crops.labels, crop_folders.NOBODY))
    with pytest.raises(FastfaceError, match="labelled people"):
        Trainer(MARGIN, nobody, None, tmp_path)
    with pytest.raises(FastfaceError, match="there is no checkpoint"):
        Trainer(MARGIN, crops, None, tmp_path).resume()
    (tmp_path / "checkpoint.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(FastfaceError, match="is not a checkpoint"):
        read_checkpoint(tmp_path / "checkpoint.pt")
    Trainer(MARGIN, crops, None, tmp_path).run(until=1)
    wider = dataclasses.replace(MARGIN, design=dataclasses.replace(DESIGN, width=0.25))
    with pytest.raises(FastfaceError, match="another network"):
        Trainer(wider, crops, None, tmp_path).resume()
    other = dataclasses.replace(crops, key="another")
    with pytest.raises(FastfaceError, match="other crops"):
        Trainer(MARGIN, other, None, tmp_path).resume()


def test_one_cycle_rises_falls_and_ends_at_nothing():
    rates = [one_cycle(k / 100) for k in range(101)]
    assert rates[15] == max(rates) == 1.0
    assert rates == sorted(rates[:16]) + sorted(rates[16:], reverse=True)
    assert rates[-1] == 0
