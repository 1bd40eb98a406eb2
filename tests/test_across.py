"""Pass 2: people from faces alone, without a threshold and without a curve."""

import numpy as np
import pytest

from fastface import across
from fastface.across import Known
from fastface.cohort import Strangers
from fastface.metrics import bcubed_scores
from fastface.rule import Rule
from tests import synthetic


@pytest.mark.parametrize("shared", [0.0, 0.4, 0.9])
@pytest.mark.parametrize("sizes", [[4] * 60, [120, 40, 15, 5, *[1] * 100], [30] * 8])
def test_any_embedder(sizes, shared):
    """Faces of some embedders all have a direction in common; no curve knows of it."""
    faces, truth = synthetic.people(sizes, cosine=0.7)
    faces[:, 0] += shared * np.sqrt(synthetic.D) / 10
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    people = across.group(faces)
    assert bcubed_scores(people.labels, truth).f > 0.99


def test_tree_and_rule():
    faces, _ = synthetic.people([3] * 40, cosine=0.7)
    people = across.group(faces, prior=Strangers(0.95, 0.097))
    assert people.matrix.shape == (119, 4)
    heights = people.matrix[:, 2]
    assert np.array_equal(heights, np.sort(heights))
    assert 0.4 < people.rule.threshold < 0.8
    again = Rule.of([list(people.rule.strangers), list(people.rule.prior)])
    assert again == people.rule


def test_what_is_known_beforehand():
    faces, _ = synthetic.people([2] * 20, cosine=0.7)
    known = Known.nothing(40)
    given = known.given.copy()
    given[2:4] = given[0]
    apart = np.array([[4, 5]])
    people = across.group(faces, Known(across.numbered(given), apart, known.together))
    assert len(set(people.labels[[0, 2, 3]].tolist())) == 1
    assert people.labels[4] != people.labels[5]


def test_crowds_speak_through_a_sample(monkeypatch):
    faces, _ = synthetic.people([400, 200, *[3] * 40, *[1] * 60], cosine=0.7)
    exact = across.group(faces)
    monkeypatch.setattr(across, "MAX_EXACT", 50)
    sampled = across.group(faces)
    assert sampled.matrix is None
    assert bcubed_scores(sampled.labels, exact.labels).f > 0.99


def test_spokesmen_are_few_and_of_every_cluster():
    labels = np.repeat(np.arange(4), [1, 64, 65, 1000])
    rows = across.spokesmen(labels)
    assert np.bincount(labels[rows]).tolist() == [1, 64, 64, 64]
    assert rows.tolist() == sorted(set(rows.tolist()))


def test_threads_do_not_matter():
    faces, _ = synthetic.people([5] * 40, cosine=0.5)
    one, four = across.group(faces, threads=1), across.group(faces, threads=4)
    assert np.array_equal(one.labels, four.labels)
    assert np.array_equal(one.matrix, four.matrix)


@pytest.mark.parametrize("n", [1, 2])
def test_hardly_anybody(n):
    people = across.group(np.eye(n, 8, dtype=np.float32))
    assert people.labels.tolist() == list(range(n))


def test_a_part_is_judged_as_the_whole_library():
    """A pair near enough among few faces is too far where thousands of people are beside it."""
    faces, truth = synthetic.people([2] * 300, cosine=0.55)
    whole = across.group(faces)
    assert bcubed_scores(whole.labels, truth).f > 0.97
    some = faces[:40]
    part = across.Part(280, whole.rule)
    found = across.group(some, part=part)
    assert found.rule == whole.rule
    assert bcubed_scores(found.labels, whole.labels[:40]).f > 0.97
    strict = across.group(some, prior=whole.rule.strangers, part=across.Part(10**7, None))
    assert strict.labels.max() > found.labels.max()
