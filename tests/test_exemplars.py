"""Which faces stand for a person."""

import functools

import numpy as np
import pytest

from fastface.exemplars import MAX_CANDIDATES, SECONDS_A_YEAR, choose
from tests import synthetic
from tests.synthetic import D

people = functools.partial(synthetic.people, cosine=0.6)


def test_the_central_face_is_first():
    faces, _ = people([60])
    (first,) = choose(faces, np.ones(60), most=1)
    assert first == (faces @ faces.T).sum(axis=1).argmax()


def test_every_look_has_an_exemplar():
    """A person of two looks, one of them rare."""
    looks, which = people([50, 4], cosine=0.9)
    chosen = choose(looks, np.random.default_rng(0).random(54), most=5)
    assert set(which[chosen].tolist()) == {0, 1}


def test_quality_decides_between_equals():
    faces = np.eye(4, D, dtype=np.float32)
    assert choose(faces, np.array([0.2, 0.9, 0.4, 0.3]), most=1).tolist() == [1]


def test_the_confirmed_come_first_however_unclear():
    faces, _ = people([30])
    quality = np.linspace(1, 0.1, 30)
    confirmed = np.arange(30) >= 27
    chosen = choose(faces, quality, most=5, confirmed=confirmed).tolist()
    assert set(chosen[:3]) == {27, 28, 29}
    assert len(set(chosen)) == 5


@pytest.mark.parametrize("n", [40, 4 * MAX_CANDIDATES])
def test_every_age_has_an_exemplar(n):
    """Ten years of photos, nine tenths of them taken in the last."""
    faces, _ = people([n], cosine=0.9)
    years = np.where(np.arange(n) < n // 10, np.arange(n) * 9 / (n // 10), 9.5)
    chosen = choose(faces, np.ones(n), most=6, taken_at=years * SECONDS_A_YEAR)
    by_likeness_alone = choose(faces, np.ones(n), most=6)
    assert 6 > (years[chosen] < 9).sum() > (years[by_likeness_alone] < 9).sum()


def test_no_clock_is_no_reason():
    faces, _ = people([30])
    unknown = np.full(30, np.nan)
    same = choose(faces, np.ones(30), most=7)
    np.testing.assert_array_equal(choose(faces, np.ones(30), most=7, taken_at=unknown), same)


def test_few_faces_are_all_chosen_and_none_is_fine():
    faces, _ = people([3])
    assert sorted(choose(faces, np.zeros(3)).tolist()) == [0, 1, 2]
    assert choose(faces[:0], np.zeros(0)).tolist() == []
