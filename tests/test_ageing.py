"""How likeness fades with the years between two photos."""

import math

import numpy as np
import pytest

from fastface.ageing import YOUNG, Ageing


@pytest.fixture
def ageing():
    found = Ageing.of_pack()
    assert found is not None
    return found


CHILD, GROWN = math.log(5 + 4), math.log(35 + 4)


def test_unknown_embedder_has_none():
    assert Ageing.of_pack("nobody") is None


def test_likeness_fades_with_the_years_and_faster_with_age_between(ageing):
    years = np.array([0, 1, 3, 10, 30])
    one, strangers = ageing.expected((GROWN, GROWN), years)
    assert (np.diff(one) < 0).all()
    assert (one > strangers).all()
    child, _ = ageing.expected((CHILD, CHILD), 1)
    later, _ = ageing.expected((CHILD, math.log(15 + 4)), 10)
    assert later < child < one[1]


def test_strange_children_are_more_alike_than_strange_adults(ageing):
    _, children = ageing.expected((CHILD, CHILD), 0)
    _, adults = ageing.expected((GROWN, GROWN), 0)
    assert children > adults + 0.3


def test_pairs_that_can_tell_nothing_say_little(ageing):
    """A baby and the grown-up it became: whatever the distance, no strong word."""
    baby = math.log(1 + 4)
    z = np.array([-1.0, 0.0, 1.0])
    far_apart = np.abs(ageing.log10_likelihood(z, (baby, GROWN), 34))
    a_year_apart = np.abs(ageing.log10_likelihood(z, (GROWN, GROWN), 1))
    assert (far_apart < 0.5).all()
    assert (far_apart < a_year_apart).all()


def test_symmetric_in_the_two_faces_and_the_direction_of_time(ageing):
    one = ageing.log10_likelihood(2.5, (CHILD, GROWN), 7)
    assert one == ageing.log10_likelihood(2.5, (GROWN, CHILD), -7)
    assert (np.diff(ageing.log10_likelihood(np.arange(5.0), (CHILD, CHILD), 2)) > 0).all()


def test_ageless_faces_all_look_equally_old(ageing):
    rng = np.random.default_rng(0)
    faces = rng.standard_normal((200, len(ageing.pattern))).astype(np.float32)
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    spread = ageing.maturity(faces).std()
    ageless = ageing.ageless(faces)
    assert np.allclose(np.linalg.norm(ageless, axis=1), 1, atol=1e-6)
    assert ageing.maturity(ageless).std() < 0.7 * spread
    assert ageing.mean_maturity > YOUNG


def test_what_lasts_forgets_what_changes_and_where_everybody_is(ageing):
    """Two faces of one person that differ as faces change with the years come closer."""
    rng = np.random.default_rng(0)
    faces = rng.standard_normal((40, len(ageing.pattern)))
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    later = faces + 0.8 * ageing.fickle[0]
    both = np.concatenate([faces, later]).astype(np.float32)
    both /= np.linalg.norm(both, axis=1, keepdims=True)
    labels = np.arange(80)
    last = ageing.lasting(both, labels)
    assert last.dtype == np.float32
    assert np.allclose(np.linalg.norm(last, axis=1), 1, atol=1e-6)
    before = np.einsum("nd,nd->n", both[:40], both[40:])
    assert (np.einsum("nd,nd->n", last[:40], last[40:]) > before).all()
    # What all of a large library have in common tells nobody apart.
    alike = rng.standard_normal((2000, len(ageing.pattern))) / 10 + 3 * np.eye(1, 128)
    alike = (alike / np.linalg.norm(alike, axis=1, keepdims=True)).astype(np.float32)
    far = ageing.lasting(alike, np.arange(2000))
    assert abs(1 - float(far.mean(axis=0) @ far.mean(axis=0)) - ageing.strangers.mean) < 0.1


def test_one_photo_and_one_hundred_of_a_person_move_the_centre_alike(ageing):
    faces = np.eye(2, len(ageing.pattern), dtype=np.float32)
    once = ageing.lasting(faces, np.array([0, 1]))
    often = ageing.lasting(faces[[0] * 100 + [1]], np.array([0] * 100 + [1]))
    assert np.allclose(once[0], often[0], atol=1e-6)


def test_the_numbers_that_ship(ageing):
    n = len(ageing.pattern)
    assert ageing.centre.shape == (n,)
    assert np.allclose(ageing.fickle @ ageing.fickle.T, np.eye(len(ageing.fickle)), atol=1e-3)
    assert ((ageing.kept > 0) & (ageing.kept < 1)).all()
