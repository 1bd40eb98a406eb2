"""What the user said of faces is heeded when they are grouped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastface import across, links
from fastface.clustering import cluster
from tests import synthetic


def alone(n: int) -> dict[str, np.ndarray]:
    return {"moments": np.arange(n), "photos": np.arange(n)}


@pytest.mark.parametrize("exact", [True, False])
def test_known_people_are_together_and_apart(exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """One who looks like two, and two who look like one."""
    if not exact:
        monkeypatch.setattr(across, "MAX_EXACT", 10)
        monkeypatch.setattr(across, "MAX_MEMBERS", 16)
        monkeypatch.setattr(across, "SPOKESMEN", 8)
    faces, _ = synthetic.people([20, 20, 40], cosine=0.7)
    said = np.zeros(80, np.int64)
    said[[0, 1, 2, 20, 21, 22]] = 7
    said[40:45], said[45:50] = 8, 9
    labels = cluster(faces, said=said, **alone(80)).labels
    assert len(set(labels[said == 7].tolist())) == 1
    assert len(set(labels[40:45].tolist())) == len(set(labels[45:50].tolist())) == 1
    assert labels[40] != labels[45]
    without = cluster(faces, **alone(80)).labels
    assert without[40] == without[45] and without[0] != without[20]


def test_a_known_person_twice_in_one_photo_is_one() -> None:
    faces, _ = synthetic.people([4, 4], cosine=0.5)
    photos = np.array([0, 0, 0, 0, 3, 4, 5, 6])
    where = {"moments": np.zeros(8, np.int64), "photos": photos}
    assert len(set(cluster(faces, **where).labels[:4].tolist())) > 1
    said = np.array([5, 5, 5, 5, 0, 0, 0, 0])
    labels = cluster(faces, said=said, **where).labels
    assert len(set(labels[:4].tolist())) == 1 and labels[0] != labels[4]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(0, 3))
def test_links_agree_with_what_is_known(known: list[int], alike: int) -> None:
    who = np.array(known, np.int64)
    faces, _ = synthetic.people([1] * len(who), cosine=0.5)
    found = links.link(faces, who)
    assert (who[found.together[:, 0]] == who[found.together[:, 1]]).all()
    assert len(found.together) == (who > 0).sum() - len(set(known) - {0})
    pairs = {tuple(sorted((int(who[a]), int(who[b])))) for a, b in found.apart}
    n = len(set(known) - {0})
    assert len(pairs) == len(found.apart) == n * (n - 1) // 2
    assert all(0 < a < b for a, b in pairs)


def test_of_many_people_only_the_most_alike_are_held_apart() -> None:
    faces, _ = synthetic.people([1] * 2000, cosine=0.5)
    apart = links.link(faces, np.arange(1, 2001)).apart
    assert 2000 * links.ALIKE / 2 <= len(apart) <= 2000 * links.ALIKE
    nearest = np.argmax(faces @ faces.T - 2 * np.eye(2000, dtype=np.float32), axis=1)
    found = {tuple(pair) for pair in apart.tolist()}
    assert {tuple(sorted(pair)) for pair in enumerate(nearest.tolist())} <= found


def test_said_is_checked() -> None:
    with pytest.raises(ValueError, match="said"):
        cluster(np.eye(4, dtype="f4"), said=[1, 2], **alone(4))
