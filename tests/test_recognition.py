"""Portraits follow who is who, and are kept for the next program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fastface.library import Library
from fastface.store import Store
from tests.fake_engine import FakeEngine, again, paint


@pytest.fixture
def scanned(library: Library, album: Path) -> Library:
    """p1 on 0, 1, 2, 5 and 7; p2 on 1, 4, 5 and 8."""
    library.scan(album)
    return library


def exemplars(path: Path) -> dict[int, int]:
    """How many exemplars everybody has in the file."""
    store = Store(path, read_only=True)
    _, people, _ = store.exemplars("fake-1")
    store.close()
    return dict(zip(*map(np.ndarray.tolist, np.unique(people, return_counts=True)), strict=True))


class Chooser(FakeEngine):
    """Counts the faces of each person that exemplars are chosen from."""

    def choose_exemplars(self, faces, *rest):  # type: ignore[no-untyped-def]
        self.chosen = [*getattr(self, "chosen", []), len(faces)]
        return super().choose_exemplars(faces, *rest)


def test_a_scan_keeps_portraits_and_identifying_reads_them(scanned: Library) -> None:
    sizes = {int(p.id[1:]): p.n_faces for p in scanned.people()}
    assert exemplars(scanned.path) == sizes
    scanned.close()
    engine = Chooser()
    with Library(scanned.path, read_only=True, engine=engine) as library:
        (found,) = library.identify(paint(scanned.path.with_name("new.png"), [0], seed=70))
        assert found.person == "p1" and not hasattr(engine, "chosen")


def test_only_who_changed_is_looked_at_again(scanned: Library) -> None:
    engine = Chooser()
    with again(scanned, engine) as library:
        new = paint(library.path.with_name("new.png"), [0, 1], seed=70)
        library.identify(new)
        taken = library.faces("p1")[0].id
        left = len(library.faces("p1")) - 1
        other = library.split("p1", [taken])
        library.identify(new)
        assert engine.chosen == [left, 1]
        library.undo()
        library.identify(new)
        assert engine.chosen == [left, 1, left + 1]
        assert other.id not in {p.id for p in library.people()}
        kept = exemplars(library.path)
        library.merge("p1", "p2")
        assert {f.person for f in library.identify(new)} == {"p1"}
        assert exemplars(library.path) == kept, "identifying writes nothing"
        library.recluster()
        assert exemplars(library.path) == {int(p.id[1:]): p.n_faces for p in library.people()}


def test_what_a_rehearsal_changed_is_not_remembered(scanned: Library) -> None:
    new = paint(scanned.path.with_name("new.png"), [1], seed=70)
    with scanned.rehearsal():
        scanned.merge("p1", "p2")
        assert scanned.identify(new)[0].person == "p1"
    assert scanned.identify(new)[0].person == "p2"
    scanned.hide("p1")
    assert scanned.identify(new)[0].person == "p2"


def test_the_forgotten_have_no_portrait(scanned: Library) -> None:
    new = paint(scanned.path.with_name("new.png"), [0], seed=70)
    scanned.forget("p1")
    assert 1 not in exemplars(scanned.path)
    assert scanned.identify(new)[0].person is None
