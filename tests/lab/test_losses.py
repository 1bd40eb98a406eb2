"""The losses against their formulas, written out in NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra lab")

from fastface.lab.losses import (  # noqa: E402
    Hints,
    MarginSoftmax,
    cosine_distillation,
    relational_distillation,
    unit,
    with_margin,
)

COSINES = np.linspace(-0.99, 0.99, 67)
FORMULAS = {
    "arcface": lambda angle: math.cos(angle + 0.5),
    "cosface": lambda angle: math.cos(angle) - 0.35,
    "airface": lambda angle: (math.pi - 2 * (angle + 0.4)) / math.pi,
    "combined": lambda angle: math.cos(angle + 0.3) - 0.2,
}


@pytest.mark.parametrize("kind", FORMULAS)
def test_margin_is_the_papers_formula_where_that_falls(kind):
    ours = with_margin(torch.from_numpy(COSINES), kind).numpy()
    turns = {"arcface": 0.5, "combined": 0.3}.get(kind, 0)
    falls = np.arccos(COSINES) + turns <= math.pi
    expected = [FORMULAS[kind](math.acos(c)) for c in COSINES[falls]]
    np.testing.assert_allclose(ours[falls], expected, atol=1e-12)


@pytest.mark.parametrize("kind", FORMULAS)
def test_a_closer_face_never_has_a_smaller_logit(kind):
    assert np.all(np.diff(with_margin(torch.from_numpy(COSINES), kind).numpy()) > 0)


@pytest.mark.parametrize("kind", FORMULAS)
@pytest.mark.parametrize("mining", ["none", "mv", "curricular"])
def test_margin_softmax_is_the_written_out_cross_entropy(kind, mining):
    torch.manual_seed(0)
    head = MarginSoftmax(5, 8, kind=kind, mining=mining, scale=16.0).eval()
    head.hardness.fill_(0.2)
    embeddings, labels = torch.randn(7, 8), torch.tensor([0, 1, 2, 3, 4, 0, 1])
    loss = 0.0
    people = unit(head.people).detach().numpy().astype(float)
    for vector, label in zip(unit(embeddings).numpy().astype(float), labels.tolist(), strict=True):
        cosines = people @ vector
        own = FORMULAS[kind](math.acos(cosines[label]))
        logits = [1 - 2 * math.acos(c) / math.pi if kind == "airface" else c for c in cosines]
        for k, logit in enumerate(logits):
            if k != label and logit > own:
                logits[k] = {
                    "none": logit,
                    "mv": 1.2 * logit + 0.2,
                    "curricular": logit * (0.2 + logit),
                }[mining]
        logits[label] = own
        loss += math.log(sum(math.exp(16 * z) for z in logits)) - 16 * own
    assert head(embeddings, labels).item() == pytest.approx(loss / 7, rel=1e-4)


def test_margin_softmax_has_finite_gradients_at_the_person_itself():
    head = MarginSoftmax(3, 4)
    embeddings = head.people.detach().clone().requires_grad_()
    head(embeddings, torch.arange(3)).backward()
    assert torch.isfinite(embeddings.grad).all()


@pytest.mark.parametrize("mining", ["none", "mv", "curricular"])
def test_a_batch_in_which_nobody_is_known_says_nothing(mining):
    head = MarginSoftmax(3, 4, mining=mining).train()
    embeddings = torch.randn(5, 4, requires_grad=True)
    known = torch.zeros(5, dtype=torch.bool)
    loss = head(embeddings[known], torch.zeros(0, dtype=torch.long))
    assert loss.item() == 0
    loss.backward()
    assert (embeddings.grad == 0).all()
    assert torch.isfinite(head.hardness)


def test_curricular_hardness_follows_the_own_cosines():
    head = MarginSoftmax(3, 4, mining="curricular").train()
    for _ in range(300):
        head(head.people.detach() * 2, torch.arange(3))
    assert head.hardness.item() == pytest.approx(1.0, abs=0.06)


def test_distillation_is_zero_at_the_teacher_and_blind_to_length():
    teacher = unit(torch.randn(6, 8))
    assert cosine_distillation(3 * teacher, teacher).item() == pytest.approx(0, abs=1e-6)
    assert cosine_distillation(-teacher, teacher).item() == pytest.approx(2, abs=1e-6)
    assert relational_distillation(3 * teacher, teacher).item() == pytest.approx(0, abs=1e-6)


def test_relation_asks_for_angles_between_faces_only():
    teacher = unit(torch.randn(6, 8))
    rotation = torch.linalg.qr(torch.randn(8, 8))[0]
    assert relational_distillation(teacher @ rotation, teacher).item() == pytest.approx(0, abs=1e-6)
    apart = torch.eye(2)
    assert relational_distillation(apart, apart[[0, 0]]).item() == pytest.approx(
        1.0
    )  # 2 of 2 pairs


def test_hints_are_the_share_of_the_teachers_variance_that_is_not_read():
    rng = np.random.default_rng(0)
    student = torch.from_numpy(rng.normal(size=(6, 4, 7, 7))).float()
    mixing = torch.from_numpy(rng.normal(size=(5, 4))).float()
    teacher = 3 + torch.einsum("tc,nchw->nthw", mixing, student)
    hints = Hints({14: 2, 7: 4}, {7: 5})
    reading = hints.readings["7"]
    with torch.no_grad():
        reading.weight.zero_()
        reading.bias.zero_()
    assert hints({7: student}, {7: teacher}).item() == pytest.approx(1, abs=1e-3)
    with torch.no_grad():  # the reading that knows how the teacher's channels are made
        std = teacher.std((0, 2, 3), correction=0)
        reading.weight[:, :, 0, 0] = mixing / std[:, None]
        reading.bias.copy_((3 - teacher.mean((0, 2, 3))) / std)
    assert hints({7: student}, {7: teacher}).item() == pytest.approx(0, abs=1e-6)
    first = hints.scale_7.clone()
    hints({7: student}, {7: 2 * teacher})  # the yardstick stays that of the first batch
    assert torch.equal(hints.scale_7, first)
