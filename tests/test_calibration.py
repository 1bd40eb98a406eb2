"""The impostor curve and the threshold it gives."""

import numpy as np
import pytest

from fastface.calibration import Calibration
from fastface.errors import ModelError


@pytest.fixture
def curve() -> Calibration:
    return Calibration.of_pack()


def test_table_is_a_curve(curve):
    assert (np.diff(curve.distance) > 0).all()
    assert (np.diff(curve.log10_fmr) > 0).all()
    assert curve.log10_fmr[-1] <= 0


def test_threshold_inverts_the_rate(curve):
    for n in (2, 10, 1_000, 100_000):
        tau = curve.threshold(n, 0.25)
        assert n * 10 ** curve.log10_rate(tau) == pytest.approx(0.25, rel=1e-6)
        tau = curve.threshold(n, 0.25, sizes=(3, 40))
        assert n * 10 ** curve.log10_rate(tau, (3, 40)) == pytest.approx(0.25, rel=1e-6)


def test_larger_libraries_need_closer_pairs(curve):
    taus = [curve.threshold(n) for n in (2, 10, 100, 1_000, 10_000, 1_000_000)]
    assert (np.diff(taus) < 0).all()
    assert curve.threshold(1) == curve.threshold(2)


def test_larger_clusters_may_be_farther_apart(curve):
    sizes = [(1, 1), (1, 4), (4, 4), (4, 100), (1e6, 1e6)]
    taus = [curve.threshold(1_000, sizes=size) for size in sizes]
    assert (np.diff(taus) > 0).all()
    assert curve.threshold(1_000, sizes=(2, 5)) == curve.threshold(1_000, sizes=(5, 2))


def test_rate_is_that_of_gaussian_strangers():
    """Strangers of a known two-way layout: the curve's single-pair rate predicts the clusters'."""
    rng = np.random.default_rng(0)
    person, face, noise, a, b = 0.003 / 4, 0.002, 0.002, 4, 9
    n = 40_000
    mean = 0.95 + np.sqrt(person * 4) * rng.standard_normal((n, 1, 1))
    rows = np.sqrt(face) * rng.standard_normal((n, a, 1))
    columns = np.sqrt(face) * rng.standard_normal((n, 1, b))
    cells = np.sqrt(noise) * rng.standard_normal((n, a, b))
    total = person * 4 + 2 * face + noise
    from scipy.stats import norm

    grid = np.linspace(0.3, 1.2, 200)
    curve = Calibration(
        grid,
        norm.logcdf((grid - 0.95) / np.sqrt(total)) / np.log(10),
        0.95,
        person,
        face,
        noise,
    )
    median = np.median((mean + rows + columns + cells).reshape(n, -1), axis=1)
    for tau in (0.82, 0.86, 0.90):
        seen = np.log10((median <= tau).mean())
        assert curve.log10_rate(tau, (a, b)) == pytest.approx(seen, abs=0.1)


@pytest.mark.parametrize("arguments", [(0, 0.1), (-1, 0.1), (10, 0), (float("nan"), 0.1)])
def test_refuses_what_is_not_positive(curve, arguments):
    with pytest.raises(ValueError, match="expected_false_neighbours"):
        curve.threshold(*arguments)


def test_unknown_embedder():
    with pytest.raises(ModelError, match="nobody"):
        Calibration.of_pack("nobody")


def test_a_curve_from_the_librarys_own_faces_ignores_who_they_are():
    """Forty people, ten faces each: most pairs tell of two people, and so does the curve."""
    rng = np.random.default_rng(0)
    people = rng.standard_normal((40, 64))
    faces = np.repeat(people, 10, axis=0) + 0.4 * rng.standard_normal((400, 64)) + 0.7
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    curve = Calibration.of_faces(faces)
    different = np.arange(400)[:, None] // 10 != np.arange(400) // 10
    distances = (1 - faces @ faces.T)[different]
    assert curve.mean == pytest.approx(distances.mean(), abs=0.03)
    at_one_percent = np.quantile(distances, 0.01)
    assert curve.log10_rate(at_one_percent) == pytest.approx(-2, abs=0.5)
    shuffled = Calibration.of_faces(rng.permutation(faces))
    np.testing.assert_array_equal(shuffled.distance, curve.distance)


def test_too_few_faces_leave_the_default_curve():
    few = np.eye(8, dtype=np.float32)
    assert Calibration.of_faces(few) is Calibration.of_pack()
