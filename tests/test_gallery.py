"""Exemplars, identification and a calibrated unknown."""

import functools

import numpy as np
import pytest

from fastface.exemplars import MAX_EXEMPLARS
from fastface.gallery import Gallery
from tests import synthetic
from tests.synthetic import D

people = functools.partial(synthetic.people, cosine=0.6)


def who(assignments):
    return np.array([-1 if found.person is None else found.person for found in assignments])


@pytest.mark.parametrize("size", [2, 6, 40])
@pytest.mark.parametrize("n_people", [1, 2, 30])
def test_knows_the_known_and_refuses_strangers(n_people, size):
    faces, truth = people([size + 10] * (n_people + 20), seed=n_people)
    order = np.arange(len(faces)) % (size + 10)
    known = truth < n_people
    gallery = Gallery.build(faces[known & (order < size)], truth[known & (order < size)])
    found = who(gallery.identify(faces[known & (order >= size)]))
    assert (found == truth[known & (order >= size)]).mean() > 0.95
    strangers = who(gallery.identify(faces[~known]))
    assert (strangers >= 0).mean() <= 0.03  # 1 % is stated; at least 240 strangers are tried


def test_at_most_so_many_exemplars():
    faces, truth = people([60, 3])
    gallery = Gallery.build(faces, truth)
    assert np.bincount(gallery.people).tolist() == [MAX_EXEMPLARS, 3]
    assert (np.diff(gallery.people) >= 0).all()


def test_a_gallery_of_almost_the_same_people_need_not_be_calibrated_again():
    faces, truth = people([6] * 12)
    whole = Gallery.build(faces, truth)
    kept = Gallery.of(whole.exemplars, whole.people, impostors=whole.impostors)
    assert kept.identify(faces) == whole.identify(faces)
    assert len(whole.impostors) > 20


def test_nobodys_faces_are_left_out():
    gallery = Gallery.build(np.eye(3, D, dtype="f4"), [4, -1, 2])
    assert gallery.people.tolist() == [2, 4]


def test_empty_gallery_knows_nobody():
    gallery = Gallery.build(np.empty((0, D), np.float32), np.empty(0, np.int64))
    (found,) = gallery.identify(np.eye(1, D))
    assert (found.person, found.nearest, found.confidence) == (None, None, 0.0)
    assert found.distance == np.inf
    assert gallery.identify(np.empty((0, D))) == []


def test_no_queries():
    assert Gallery.build(np.eye(2, D), [0, 1]).identify(np.empty((0, D), np.float32)) == []


def test_confidence_is_half_at_the_threshold_and_rises_with_the_score():
    faces, truth = people([12] * 20)
    gallery = Gallery.build(faces, truth)
    stranger, share = people([1], seed=9)[0], np.linspace(0, 1, 50)[:, None]
    mixed = faces[:1] * share + stranger * (1 - share)
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    found = sorted(gallery.identify(mixed), key=lambda one: one.score)
    confidence = [one.confidence for one in found]
    assert confidence == sorted(confidence)
    assert all((one.person is None) == (one.confidence < 0.5) for one in found)
    assert {one.person for one in found} == {None, 0}


def test_distance_is_to_the_nearest_exemplar():
    faces, truth = people([5, 5])
    gallery = Gallery.build(faces, truth)
    query = people([1], seed=9)[0]
    (found,) = gallery.identify(query)
    own = gallery.exemplars[gallery.people == found.nearest]
    assert found.distance == pytest.approx(1 - (own @ query[0]).max(), abs=1e-6)


def test_one_person_in_two_clusters_does_not_make_everyone_unknown():
    faces, truth = people([20] * 30)
    split = truth.copy()
    split[(truth < 10) & (np.arange(len(truth)) % 2 == 0)] += 100
    known = np.arange(len(truth)) % 20 < 10
    gallery = Gallery.build(faces[known], split[known])
    found = who(gallery.identify(faces[~known]))
    assert ((found % 100) == truth[~known]).mean() > 0.9


def test_false_accept_rate_is_an_order():
    faces, truth = people([8] * 40, cosine=0.45)
    known = truth < 20
    accepted = [
        (
            who(
                Gallery.build(faces[known], truth[known], false_accept_rate=rate).identify(
                    faces[~known]
                )
            )
            >= 0
        ).sum()
        for rate in (0.001, 0.01, 0.3)
    ]
    assert accepted == sorted(accepted)
    assert 0.05 < accepted[-1] / (~known).sum() < 0.45  # calibrated on the library itself


def test_threads_do_not_matter():
    faces, truth = people([6] * 25)
    one = Gallery.build(faces, truth, threads=1).identify(faces, threads=1)
    four = Gallery.build(faces, truth, threads=4).identify(faces, threads=4)
    assert one == four


def test_whose_exemplars_are_alike_has_a_higher_threshold():
    rng = np.random.default_rng(3)
    alike, _ = people([12], cosine=0.9, seed=1)
    spread, _ = people([12], cosine=0.4, seed=2)
    faces, truth = np.concatenate([alike, spread]), np.repeat([0, 1], 12)
    gallery = Gallery.build(faces, truth)
    stranger = rng.standard_normal(D)
    scores = []
    for own in (alike, spread):
        towards = own.mean(axis=0) / np.linalg.norm(own.mean(axis=0))
        away = stranger - (stranger @ towards) * towards
        query = 0.6 * towards + 0.8 * away / np.linalg.norm(away)
        scores.append(gallery.identify(query[None].astype("f4"))[0].score)
    assert scores[0] < scores[1]


def test_each_rule_knows_the_known():
    faces, truth = people([12] * 10)
    known = np.arange(len(truth)) % 12 < 6
    for rule in ("both", "lasso", "mean"):
        gallery = Gallery.build(faces[known], truth[known], rule=rule)
        assert (who(gallery.identify(faces[~known])) == truth[~known]).mean() > 0.95


FACES = np.eye(3, D, dtype="f4")


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("faces", lambda: Gallery.build(FACES[0], [0])),
        ("faces", lambda: Gallery.build(FACES * np.nan, [0, 1, 2])),
        ("people", lambda: Gallery.build(FACES, [0, 1])),
        ("people", lambda: Gallery.build(FACES, [0.0, 1.0, 2.0])),
        ("quality", lambda: Gallery.build(FACES, [0, 1, 2], [1.0, np.nan, 1.0])),
        ("rule", lambda: Gallery.build(FACES, [0, 1, 2], rule="svm")),
        ("max_exemplars", lambda: Gallery.build(FACES, [0, 1, 2], max_exemplars=0)),
        ("false_accept_rate", lambda: Gallery.build(FACES, [0, 1, 2], false_accept_rate=0)),
        ("queries", lambda: Gallery.build(FACES, [0, 1, 2]).identify(np.eye(2))),
        ("queries", lambda: Gallery.build(FACES, [0, 1, 2]).identify(FACES * np.inf)),
    ],
)
def test_names_the_bad_argument(name, call):
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=name):
        call()
