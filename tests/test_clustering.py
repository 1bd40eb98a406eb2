"""Two passes over synthetic people whose distances are those of the real embedder."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastface import across
from fastface.clustering import cluster
from fastface.metrics import bcubed_scores
from tests import synthetic
from tests.synthetic import D

people = functools.partial(synthetic.people, cosine=0.7)


def alone(n):
    return {"moments": np.arange(n), "photos": np.arange(n)}


def same_groups(a, b):
    return (np.equal.outer(a, a) == np.equal.outer(b, b)).all()


def at_distance(face, distance, seed=0):
    """A unit row at this cosine distance."""
    side = np.random.default_rng(seed).standard_normal(len(face))
    side -= (side @ face) * face
    side /= np.linalg.norm(side)
    cosine = 1 - distance
    return (cosine * face + np.sqrt(1 - cosine**2) * side).astype(np.float32)


@pytest.mark.parametrize("sizes", [[1] * 40, [3] * 30, [100, 40, 15, 5, 2, 1, 1], [2, 3]])
def test_finds_strangers_without_a_threshold(sizes):
    faces, truth = people(sizes)
    found = cluster(faces, **alone(len(faces)))
    # Of 780 pairs of strangers one may be as near as one in 2,000 is.
    assert bcubed_scores(found.labels, truth).f > 0.98
    assert found.n_clusters == found.labels.max() + 1


def test_numbers_by_first_appearance():
    faces, truth = people([4, 1, 7])
    assert cluster(faces, **alone(12)).labels.tolist() == truth.tolist()


def test_no_faces_and_one():
    none = cluster(np.empty((0, D), np.float32), moments=[], photos=[])
    assert none.labels.shape == none.pass1_labels.shape == (0,)
    assert none.n_clusters == 0
    one = cluster(np.eye(1, D, dtype="f4"), np.eye(1, 4, dtype="f4"), moments=[0], photos=[0])
    assert one.labels.tolist() == [0]


def test_unclear_faces_are_left_out():
    faces, truth = people([5, 5])
    unclear = np.zeros(10, bool)
    unclear[[0, 7]] = True
    found = cluster(faces, **alone(10), unclear=unclear)
    assert (found.labels[unclear] == -1).all()
    assert (found.pass1_labels[unclear] == -1).all()
    assert same_groups(found.labels[~unclear], truth[~unclear])
    nobody = cluster(faces, **alone(10), unclear=np.ones(10, bool))
    assert nobody.n_clusters == 0
    assert (nobody.labels == -1).all()


def test_copies_are_together_even_in_one_photo():
    faces, _ = people([1, 1])
    found = cluster(faces[[0, 0, 1, 1]], moments=[0, 0, 1, 2], photos=[0, 0, 1, 2])
    assert found.labels.tolist() == [0, 0, 1, 1]


def test_two_people_of_one_photo_stay_apart():
    """Near enough to be one person anywhere else, as sisters are; seen together twenty times."""
    faces, _ = people([20])
    sister_at = at_distance(faces.mean(0) / np.linalg.norm(faces.mean(0)), 0.35)
    sister = np.stack([at_distance(sister_at, 0.25, 100 + k) for k in range(20)])
    both, shared = np.concatenate([faces, sister]), np.tile(np.arange(20), 2)
    assert cluster(both, **alone(40)).n_clusters == 1
    assert cluster(both, moments=shared, photos=shared).n_clusters == 2


def test_a_few_wrong_photos_do_not_split_a_person():
    """A picture on the wall: soft, because a person's other photos outweigh it."""
    faces, _ = people([60])
    photos = np.arange(60)
    photos[1] = photos[0]
    assert cluster(faces, moments=np.arange(60), photos=photos).n_clusters == 1


def test_clothes_count_inside_a_moment_only():
    faces, _ = people([1])
    distance = 0.72  # too far for a face in a large library
    pair = np.stack([faces[0], at_distance(faces[0], distance)])
    others, _ = people([1] * 200, seed=5)
    every = np.concatenate([pair, others])
    photos = np.arange(202)
    torsos = np.zeros((202, 16), np.float32)
    torsos[:2, 0] = 1
    moments = np.concatenate([[0, 0], 1 + np.arange(200)])
    dressed = cluster(every, torsos, moments=moments, photos=photos)
    assert dressed.labels[0] == dressed.labels[1]
    assert dressed.pass1_labels[0] == dressed.pass1_labels[1]
    elsewhere = cluster(every, torsos, moments=photos, photos=photos)
    assert elsewhere.labels[0] != elsewhere.labels[1]
    naked = cluster(every, np.zeros_like(torsos), moments=moments, photos=photos)
    assert same_groups(naked.labels, cluster(every, moments=moments, photos=photos).labels)
    assert naked.labels[0] != naked.labels[1]


def test_pass_1_stays_joined():
    faces, _ = people([30, 10, 4, 4, 1, 1])
    rng = np.random.default_rng(1)
    found = cluster(faces, moments=rng.integers(0, 6, 50), photos=np.arange(50))
    for label in np.unique(found.pass1_labels):
        assert len(np.unique(found.labels[found.pass1_labels == label])) == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_order_and_threads_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    faces, _ = people(rng.integers(1, 8, 12), cosine=0.5, seed=seed)
    n = len(faces)
    moments, photos = rng.integers(0, 6, n), rng.integers(0, 2 * n, n)
    torsos = rng.random((n, 6)).astype(np.float32)
    torsos /= np.linalg.norm(torsos, axis=1, keepdims=True)
    torsos[rng.random(n) < 0.3] = 0
    unclear = rng.random(n) < 0.1
    order = rng.permutation(n)
    one = cluster(faces, torsos, moments=moments, photos=photos, unclear=unclear, threads=1)
    two = cluster(
        faces[order],
        torsos[order],
        moments=moments[order],
        photos=photos[order],
        unclear=unclear[order],
        threads=4,
    )
    assert same_groups(one.labels[order], two.labels)
    assert same_groups(one.pass1_labels[order], two.pass1_labels)


FACES = np.eye(3, D, dtype="f4")


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("faces", lambda: cluster(FACES[0], **alone(3))),
        ("faces", lambda: cluster(np.full((3, D), np.nan), **alone(3))),
        ("torsos", lambda: cluster(FACES, FACES[:2], **alone(3))),
        ("torsos", lambda: cluster(FACES, np.full((3, 4), np.inf), **alone(3))),
        ("moments", lambda: cluster(FACES, moments=[0], photos=[0, 1, 2])),
        ("photos", lambda: cluster(FACES, moments=[0, 1, 2], photos=[0.5, 1, 2])),
        ("unclear", lambda: cluster(FACES, **alone(3), unclear=[True])),
    ],
)
def test_names_the_bad_argument(name, call):
    with pytest.raises(ValueError, match=name):
        call()


@pytest.fixture
def sampled(monkeypatch):
    """A large library in small: crowds of hundreds, of whom few are asked."""
    monkeypatch.setattr(across, "MAX_EXACT", 50)
    monkeypatch.setattr(across, "MAX_MEMBERS", 16)
    monkeypatch.setattr(across, "SPOKESMEN", 8)


def test_a_sample_speaks_for_a_crowd(sampled):
    faces, truth = people([300, 200, 60, *[3] * 40, *[1] * 60])
    found = cluster(faces, **alone(len(faces)))
    assert bcubed_scores(found.labels, truth).f > 0.99


def test_conflicts_reach_the_spokesmen(sampled):
    """Two crowds that look alike enough to join stay apart if they share their photos."""
    rng = np.random.default_rng(0)
    centre, other, *noise = rng.standard_normal((402, D))
    centres = np.repeat([centre, 0.8 * centre + 0.6 * other], 200, axis=0)
    both = np.sqrt(0.7) * centres + np.sqrt(0.3) * np.array(noise)
    both /= np.linalg.norm(both, axis=1, keepdims=True)
    apart = alone(400)
    assert cluster(both, **apart).n_clusters == 1
    shared = np.tile(np.arange(200), 2)
    assert cluster(both, moments=shared, photos=shared).n_clusters == 2
