"""How close strangers come to each face, measured on the library itself."""

import numpy as np
import pytest

from fastface.cohort import Cohort, Strangers
from tests import synthetic

PRIOR = Strangers(0.95, 0.097)


def stranger_pairs(truth):
    return np.nonzero(truth[:, None] < truth)


def closeness_of_strangers(faces, truth, cohort):
    i, j = stranger_pairs(truth)
    return cohort.closeness(i, j, 1.0 - np.einsum("nd,nd->n", faces[i], faces[j]))


@pytest.mark.parametrize("prior", [None, PRIOR])
def test_strangers_are_standard_normal(prior):
    faces, truth = synthetic.people([3] * 300, cosine=0.7)
    cohort = Cohort.of_clusters(faces, truth, prior)
    z = closeness_of_strangers(faces, truth, cohort)
    assert abs(z.mean()) < 0.05
    assert abs(z.std() - 1) < 0.05
    assert np.mean(z > 3) == pytest.approx(0.00135, rel=0.2)


def test_faces_that_are_close_to_everybody_are_seen_through():
    """Half of the faces are pulled towards one direction, as blurred ones are."""
    faces, truth = synthetic.people([1] * 400, cosine=0.7)
    pull = np.zeros(faces.shape[1], np.float32)
    pull[0] = 0.5
    faces[::2] += pull
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    cohort = Cohort.of_clusters(faces, truth, None)
    assert cohort.mean[::2].mean() < cohort.mean[1::2].mean() - 0.05
    i, j = stranger_pairs(truth)
    d = 1.0 - np.einsum("nd,nd->n", faces[i], faces[j])
    blurred = (i % 2 == 0) & (j % 2 == 0)
    alike = Cohort.unknown(faces, None)
    before = alike.closeness(i, j, d)[blurred].mean()
    after = cohort.closeness(i, j, d)[blurred].mean()
    assert after < 0.7 * before


def test_one_person_on_most_photos_is_not_taken_for_strangers():
    faces, _ = synthetic.people([150, *[1] * 150], cosine=0.7)
    alone = Cohort.unknown(faces, None).pooled
    assert alone.mean == pytest.approx(1.0, abs=0.03)
    assert alone.deviation == pytest.approx(faces.shape[1] ** -0.5, rel=0.15)
    # In pieces, as before anybody was found.
    cohort = Cohort.of_clusters(faces, np.arange(300), None)
    assert cohort.pooled.mean == pytest.approx(1.0, abs=0.03)
    assert cohort.pooled.tail == pytest.approx(1.0, abs=0.1)


def test_few_people_do_not_outweigh_the_prior():
    """Two sisters and their mother are no measure of strangers."""
    faces, truth = synthetic.people([20, 20, 20], cosine=0.7)
    near = faces + 0.6 * faces[0]
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    pooled = Cohort.of_clusters(near, truth, PRIOR).pooled
    assert pooled.mean > 0.9
    assert pooled.deviation < 0.12


def test_order_does_not_matter():
    faces, truth = synthetic.people([4] * 60, cosine=0.6)
    order = np.random.default_rng(0).permutation(len(faces))
    one = Cohort.of_clusters(faces, truth, PRIOR)
    two = Cohort.of_clusters(faces[order], truth[order], PRIOR)
    np.testing.assert_allclose(one.mean[order], two.mean, rtol=1e-6)
    np.testing.assert_allclose(one.deviation[order], two.deviation, rtol=1e-5)


def test_no_pair_beyond_the_widest_distance_is_close():
    faces, truth = synthetic.people([1] * 200, cosine=0.7)
    cohort = Cohort.of_clusters(faces, truth, None)
    widest = cohort.widest(1.5)
    i, j = stranger_pairs(truth)
    assert (cohort.closeness(i, j, np.full(len(i), widest + 1e-9)) < 1.5 + 1e-9).all()
    assert (cohort.closeness(i, j, np.full(len(i), widest)) > 1.0).any()


@pytest.mark.parametrize("tail", [0.7, 1.0, 1.3])
def test_distance_inverts_closeness(tail):
    strangers = Strangers(0.9, 0.1, tail)
    z = np.linspace(-3, 8, 45)
    np.testing.assert_allclose(strangers.closeness(strangers.distance(z)), z, atol=1e-9)
    assert (np.diff(strangers.distance(z)) < 0).all()
    assert strangers.distance(50.0) >= 0


@pytest.mark.parametrize("n", [1, 2, 3])
def test_hardly_anybody(n):
    faces = np.eye(n, 8, dtype=np.float32)
    cohort = Cohort.of_clusters(faces, np.arange(n), None)
    assert np.isfinite(cohort.mean).all()
    assert (cohort.deviation > 0).all()
    same = Cohort.of_clusters(np.repeat(faces[:1], 4, axis=0), np.zeros(4, np.int64), None)
    assert (same.deviation > 0).all()
