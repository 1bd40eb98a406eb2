"""What earlier models saw of the same faces counts, as much as it tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastface import across
from fastface.clustering import cluster
from fastface.cohort import Cohort, Strangers
from fastface.library import Library
from fastface.looks import Look, Witness, Witnesses
from fastface.metrics import bcubed_scores
from fastface.pipeline import Grouping, earlier_looks
from fastface.store import Facts
from fastface.types import IntArray
from tests.fake_engine import FakeEngine, again, paint

PEOPLE, EACH, D = 60, 8, 64


def seen(noise: float, seed: int) -> np.ndarray:
    """Faces of PEOPLE as one model sees them: the same people in directions of its own."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.standard_normal((PEOPLE, D)), EACH, axis=0)
    faces = centres + noise * rng.standard_normal(centres.shape)
    return (faces / np.linalg.norm(faces, axis=1, keepdims=True)).astype(np.float32)


TRUTH = np.repeat(np.arange(PEOPLE), EACH)
CLEAR, DIM, BLIND = seen(0.6, 1), seen(1.5, 2), seen(50.0, 3)


def score(faces: np.ndarray, *looks: np.ndarray) -> float:
    n = len(faces)
    earlier = [Look(look, None) for look in looks]
    alone = np.arange(n)
    found = cluster(faces, moments=alone, photos=alone, earlier=earlier)
    return bcubed_scores(found.labels, TRUTH[:n]).f


def test_what_a_better_model_saw_before_is_not_lost() -> None:
    assert score(DIM) < 0.7
    assert score(DIM, CLEAR) > 0.97
    assert score(DIM, BLIND, CLEAR) > 0.97


def test_what_told_nothing_does_no_harm() -> None:
    assert score(CLEAR, BLIND) >= score(CLEAR) - 0.005


def test_two_that_err_independently_err_less() -> None:
    assert score(DIM, seen(1.5, 4)) > 0.95


def test_a_face_that_an_earlier_model_did_not_see_is_seen_by_the_present_one() -> None:
    unseen = CLEAR.copy()
    unseen[::EACH] = 0
    assert score(DIM) < score(DIM, unseen) <= score(DIM, CLEAR)
    none = np.zeros_like(CLEAR)
    assert score(DIM, none) == score(DIM)
    one = none.copy()
    one[0] = CLEAR[0]
    assert score(DIM, one) == score(DIM)


def witness(faces: np.ndarray, rows: IntArray | None = None) -> Witness:
    rows = np.arange(len(faces)) if rows is None else rows
    row = np.full(len(faces), -1)
    row[rows] = np.arange(len(rows))
    labels = TRUTH[rows]
    cohort = Cohort.of_clusters(faces[rows], labels, Strangers(1.0, D**-0.5))
    return Witness(row, faces[rows], cohort, labels)


def test_strangers_keep_one_deviation() -> None:
    part = np.flatnonzero(np.arange(len(DIM)) % 3 > 0)
    both = Witnesses.of([witness(DIM), witness(CLEAR, part)])
    i, j = np.random.default_rng(0).integers(0, len(DIM), (2, 40_000))
    i, j = i[TRUTH[i] != TRUTH[j]], j[TRUTH[i] != TRUTH[j]]
    present = witness(DIM).closeness(i, j)
    found = both.closeness(i, j, present)
    shared = np.isin(i, part) & np.isin(j, part)
    assert (found[~shared] == present[~shared]).all()
    assert abs(found[shared].mean()) < 0.1 and abs(found[shared].std() - 1) < 0.1
    some = np.array([3, 1, 4, 100])
    few = both.take(some)
    a, b = np.array([0, 1, 2]), np.array([3, 2, 3])
    pairs = some[a], some[b]
    assert few.closeness(a, b, witness(DIM).closeness(*pairs)) == pytest.approx(
        both.closeness(*pairs, witness(DIM).closeness(*pairs))
    )


def test_pairs_that_an_earlier_model_has_near_are_looked_at_once() -> None:
    both = Witnesses.of([witness(DIM), witness(CLEAR)])
    edges = across.pairwise_edges(DIM, 0.3)
    i, j, distance = both.more(edges, 3.0, None)
    pairs = [*zip(i.tolist(), j.tolist(), strict=True)]
    assert len({*pairs}) == len(pairs) > len(edges[0])
    assert distance == pytest.approx(1 - np.einsum("nd,nd->n", DIM[i], DIM[j]), abs=1e-5)
    same = [
        (a, b) for a, b in zip(*np.triu_indices(len(DIM), 1), strict=True) if TRUTH[a] == TRUTH[b]
    ]
    assert len({*pairs} & {*same}) > 0.95 * len(same)


class Listening(FakeEngine):
    """Keeps what it was told of earlier looks."""

    def group(self, facts: Facts, said: IntArray, **part: Any) -> Grouping:
        self.heard = part["earlier"]
        return super().group(facts, said, **part)


def test_a_new_model_is_told_what_the_last_one_saw(tmp_path: Path) -> None:
    album = tmp_path / "album"
    paint(album / "0.png", [0, 1])
    paint(album / "1.png", [2])
    library = Library(tmp_path / "library.db", engine=FakeEngine())
    library.scan(album)
    paint(album / "2.png", [0])
    new = Listening(model_tag="fake-2")
    library = again(library, new)
    library.scan(album)
    faces = library._store.facts("fake-2").faces
    (tag,) = new.heard
    assert tag == "fake-1" and new.heard[tag].shape == faces.shape
    known = new.heard[tag].any(axis=1)
    assert known.sum() == 3 and (new.heard[tag][known].argmax(1) == faces[known].argmax(1)).all()
    library.recluster()
    assert new.heard[tag].any(axis=1).sum() == 3, "it stays evidence"
    library.forget(next(face.person for face in library.faces() if face.photo.name == "1.png"))
    library.recluster()
    facts = library._store.facts("fake-2")
    looks = earlier_looks(library._store, "fake-2", facts)
    assert looks[tag].any(axis=1).sum() == 2
    library.close()
