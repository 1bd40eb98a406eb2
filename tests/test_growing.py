"""Who grew up between two photos: made-up people whose faces change from year to year."""

import numpy as np
import pytest

from fastface import across, clustering
from fastface.ageing import YOUNG, Ageing
from fastface.calibration import Calibration
from fastface.growing import LEAST_SPAN, YEAR_S, Time
from fastface.metrics import bcubed_scores

D = 128
# The first coordinate tells how old a face looks, and nothing else.
READOUT = np.zeros(D + 1)
READOUT[0], READOUT[-1] = 5.0, 3.2
AGEING = Ageing(
    readout=READOUT,
    mean_maturity=3.2,
    pattern=np.eye(1, D)[0] * 0.2,
    one=np.array([7.0, 0, 0, -2.6]),
    two=np.array([0.0, 0, 0]),
    centre=np.zeros(D),
    fickle=np.zeros((0, D)),
    kept=np.zeros(0),
    strangers=Calibration.of_pack().strangers,
)
PRIOR = Calibration.of_pack().strangers


def children(n_people, n_years, seed=0, drift=0.65):
    """A photo a year of everybody: the direction of a face drifts, so that far years are unlike."""
    rng = np.random.default_rng(seed)
    faces, who, years = [], [], []
    for person in range(n_people):
        centre = rng.standard_normal(D)
        for year in range(n_years):
            step = rng.standard_normal(D)
            centre = np.sqrt(1 - drift**2) * centre + drift * step
            row = 0.93 * centre / np.linalg.norm(centre) + 0.37 * rng.standard_normal(D) / D**0.5
            row[0] = -0.12
            faces.append(row / np.linalg.norm(row))
            who.append(person)
            years.append(2000.0 + year)
    return np.array(faces, np.float32), np.array(who), np.array(years)


def test_a_child_is_followed_from_year_to_year():
    faces, who, years = children(25, 10)
    assert (AGEING.maturity(faces) < YOUNG).all()
    plain = bcubed_scores(across.group(faces, prior=PRIOR).labels, who)
    timed = bcubed_scores(across.group(faces, prior=PRIOR, time=Time(AGEING, years)).labels, who)
    assert timed.f > plain.f + 0.02
    assert timed.precision > 0.95


def test_grown_ups_are_left_as_they_are():
    faces, _, years = children(25, 6)
    faces[:, 0] = 0.12
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    assert (AGEING.maturity(faces) > YOUNG).all()
    plain = across.group(faces, prior=PRIOR).labels
    assert np.array_equal(across.group(faces, prior=PRIOR, time=Time(AGEING, years)).labels, plain)


def test_what_is_known_holds():
    faces, who, years = children(12, 8)
    known = across.Known.nothing(len(faces))
    apart = np.array([[0, 7]])  # one child, and the user says it is two
    known = across.Known(known.given, apart, known.together)
    labels = across.group(faces, known, prior=PRIOR, time=Time(AGEING, years)).labels
    assert labels[0] != labels[7]
    # Siblings of one age, on the same photos again and again.
    together = np.column_stack([np.flatnonzero(who == 0), np.flatnonzero(who == 1)])
    known = across.Known(known.given, apart[:0], together)
    labels = across.group(faces, known, prior=PRIOR, time=Time(AGEING, years)).labels
    assert not set(labels[who == 0]) & set(labels[who == 1])


def test_without_dates_nothing_changes():
    faces, _, years = children(12, 8, drift=0.7)
    alone = {"moments": np.arange(len(faces)), "photos": np.arange(len(faces))}
    plain = clustering.cluster(faces, **alone).labels
    for taken_at in (None, np.full(len(faces), np.nan), years * 0 + 1e9):
        found = clustering.cluster(faces, **alone, taken_at=taken_at, ageing=AGEING).labels
        assert np.array_equal(found, plain)
    timed = clustering.cluster(faces, **alone, taken_at=(years - 1970) * YEAR_S, ageing=AGEING)
    assert timed.n_clusters != plain.max() + 1
    with pytest.raises(ValueError, match="taken_at"):
        clustering.cluster(faces, **alone, taken_at=years[:3], ageing=AGEING)


def test_faces_without_a_date_among_others_with_one():
    faces, who, years = children(25, 10)
    years[::7] = np.nan
    labels = across.group(faces, prior=PRIOR, time=Time(AGEING, years)).labels
    assert bcubed_scores(labels, who).precision > 0.95


def test_time_is_used_where_it_says_something():
    day = 86_400.0
    assert Time.of(AGEING, np.arange(10) * day) is None
    assert Time.of(None, np.arange(10) * YEAR_S) is None
    assert Time.of(AGEING, np.array([np.nan, 0.0, 1.01 * LEAST_SPAN * YEAR_S])) is not None


def test_order_does_not_matter():
    faces, _, years = children(15, 8)
    order = np.random.default_rng(1).permutation(len(faces))
    alone = {"moments": np.arange(len(faces)), "photos": np.arange(len(faces))}
    when = (years - 1970) * YEAR_S
    one = clustering.cluster(faces, **alone, taken_at=when, ageing=AGEING, threads=1).labels
    two = clustering.cluster(
        faces[order], **alone, taken_at=when[order], ageing=AGEING, threads=4
    ).labels
    assert bcubed_scores(one[order], two).f == 1
