"""What goes into the store comes out of it, whatever the order it went in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fastface.store import FailureRow, Store
from fastface.types import Box, Observation, PhotoMetadata, Verdict

MODEL = "m-1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "library.db")
    yield store
    store.close()


def unit(rng: np.random.Generator, d: int) -> np.ndarray:
    vector = rng.normal(size=d).astype(np.float32)
    return vector / np.linalg.norm(vector)


def observed(seed: int, *, torso: bool) -> Observation:
    rng = np.random.default_rng(seed)
    return Observation(
        box=Box(*rng.uniform(0, 0.5, 4)),
        landmarks=rng.uniform(0, 1, (5, 2)).astype(np.float32),
        score=float(rng.uniform()),
        quality=float(rng.uniform()),
        unclear=bool(seed % 3 == 0),
        face=unit(rng, 128),
        torso_box=Box(*rng.uniform(0, 0.5, 4)) if torso else None,
        torso=unit(rng, 960) if torso else None,
    )


def fill(store: Store, photos: list[int]) -> None:
    for n in photos:
        with store.atomic():
            metadata = PhotoMetadata(
                400, 300, *((n * 10.0, 52.5, 13.4, "Camera") if n % 2 else (None,) * 4)
            )
            seen = [observed(10 * n + i, torso=i % 2 == 0) for i in range(n % 4)]
            store.add_analysis(f"{n:02}", metadata, MODEL, seen)
            store.put_file(b"/a/%d.jpg" % n, 1, n, f"{n:02}")


def test_facts_come_back_as_they_went_in(store: Store) -> None:
    fill(store, [1, 2, 3, 4])
    facts = store.facts(MODEL)
    assert facts.hashes == ["01", "02", "03", "04"]
    assert [path.name for path in facts.paths] == ["1.jpg", "2.jpg", "3.jpg", "4.jpg"]
    np.testing.assert_array_equal(facts.taken_at, [10, np.nan, 30, np.nan])
    np.testing.assert_array_equal(facts.latitude, [52.5, np.nan, 52.5, np.nan])
    assert facts.photo_index.tolist() == [0, 1, 1, 2, 2, 2]
    expected = [observed(seed, torso=seed % 10 % 2 == 0) for seed in (10, 20, 21, 30, 31, 32)]
    for row, seen in enumerate(expected):
        assert facts.anchors[row].box == seen.box
        np.testing.assert_array_equal(facts.faces[row], seen.face)
        torso = np.zeros(960) if seen.torso is None else seen.torso
        # float16 has 11 bits: a relative error of 2^-11 in each component.
        np.testing.assert_allclose(facts.torsos[row], torso, rtol=2**-11, atol=2**-24)
        assert facts.quality[row] == np.float32(seen.quality)
        assert facts.unclear[row] == seen.unclear


def test_order_of_photos_does_not_matter(store: Store, tmp_path: Path) -> None:
    fill(store, [1, 2, 3, 4, 5])
    other = Store(tmp_path / "other.db")
    fill(other, [4, 2, 5, 1, 3])
    facts, others = store.facts(MODEL), other.facts(MODEL)
    assert (facts.hashes, facts.paths, facts.anchors) == (
        others.hashes,
        others.paths,
        others.anchors,
    )
    for name in ("taken_at", "photo_index", "faces", "torsos", "scores", "quality", "unclear"):
        np.testing.assert_array_equal(getattr(facts, name), getattr(others, name))
    other.close()


def test_no_facts(store: Store) -> None:
    facts = store.facts(MODEL)
    assert (len(facts.hashes), facts.faces.shape, facts.torsos.shape) == (0, (0, 0), (0, 0))
    fill(store, [4])
    assert store.facts(MODEL).hashes == ["04"]
    assert store.facts("m-2").hashes == []


def test_an_analysis_is_written_once(store: Store) -> None:
    fill(store, [3])
    revision = store.revision()
    with store.atomic():
        again = store.add_analysis("03", PhotoMetadata(1, 1), MODEL, [observed(1, torso=False)])
        assert not again
        assert store.add_analysis("03", PhotoMetadata(1, 1), "m-2", [])
    assert len(store.facts(MODEL).ids) == 3
    assert store.is_analysed("03", "m-2")
    assert store.revision() > revision


def test_failures_and_files_replace_each_other(store: Store) -> None:
    fill(store, [1])
    failure = FailureRow(1, 2, "0.1", "empty file")
    with store.atomic():
        store.put_failure(b"/a/1.jpg", failure)
    assert store.files_under(Path("/a"), MODEL) == {}
    assert store.failures_under(Path("/a")) == {b"/a/1.jpg": failure}
    assert store.failures_under(Path("/")) == {b"/a/1.jpg": failure}
    fill(store, [1])
    assert store.failures_under(Path("/a")) == {}
    assert store.files_under(Path("/a"), MODEL)[b"/a/1.jpg"].analysed


def test_verdicts_come_back_in_order(store: Store) -> None:
    fill(store, [0, 1, 3])
    ids = store.members(MODEL).ids.tolist()
    anchors = [*store.anchors(ids).values()]
    with store.atomic():
        named = {7: [ids[2], ids[0]], 8: [ids[1]]}
        assert store.add_verdict("name", {"person": 7, "name": "Zoë"}, 1.5, named) == 1
        store.add_verdict("undo", {"verdict": 1}, 2.5, {})
    of_name = tuple(anchors[k] for k in (0, 2, 1))
    assert store.verdicts() == [
        Verdict("name", {"person": 7, "name": "Zoë"}, of_name, 1.5, (7, 7, 8)),
        Verdict("undo", {"verdict": 1}, (), 2.5, ()),
    ]
    assert store.said().tolist() == [[1, 7, ids[0]], [1, 7, ids[2]], [1, 8, ids[1]]]
    assert store.said("undo").tolist() == []
    assert store.is_said([anchors[0].content_hash]) and not store.is_said(["02"])
    assert [v.kind for v in store.words(after=1)] == ["undo"]
    assert store.n_anchors() == {1: 3}
    assert store.people_said() == {1: {7, 8}}
