"""Portraits follow who is who, and are kept for the next program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import IFD, Base

from fastface import updating
from fastface.cli import main
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


# -- birthdays -----------------------------------------------------------------------------------


def taken(path: Path, people: list[int], when: str, seed: int) -> Path:
    """A photo with a clock."""
    paint(path, people, seed=seed)
    with Image.open(path) as image:
        exif = Image.Exif()
        exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] = when
        image.save(path, exif=exif.tobytes())
    return path


def test_nobody_is_recognised_before_they_were_born(scanned: Library) -> None:
    old, new = (
        taken(scanned.path.with_name(f"{year}.png"), [0], f"{year}:06:01 12:00:00", seed=year)
        for year in (1990, 2020)
    )
    assert [scanned.identify(photo)[0].person for photo in (old, new)] == ["p1", "p1"]
    scanned.born("p1", "2012-03")
    assert [scanned.identify(photo)[0].person for photo in (old, new)] == [None, "p1"]
    assert scanned.history()[-1].born == "2012-03"
    scanned.born("p1", "1980")
    assert scanned.identify(old)[0].person == "p1", "the last date counts"
    scanned.undo()
    assert scanned.identify(old)[0].person is None
    scanned.merge("p2", "p1")
    assert scanned.identify(old)[0].person is None, "it is known of whom they are one with"
    with pytest.raises(ValueError, match="date: expected a time such as"):
        scanned.born("p2", "in spring")
    with pytest.raises(ValueError, match="date: 9998 is still to come"):
        scanned.born("p2", "9998")


def test_birthdays_count_for_new_photos_and_are_forgotten(
    scanned: Library,
    album: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(updating, "QUICKLY_GROUPED", 0)
    monkeypatch.setattr(updating, "MOSTLY_KNOWN", 1)
    assert main(["born", "p1", "2012", "--library", str(scanned.path)]) == 0
    taken(album / "old.png", [0], "1990:06:01 12:00:00", seed=70)
    scanned.scan(album)
    (face,) = scanned.faces_in(album / "old.png")
    assert face.person not in (None, "p1")
    assert main(["history", "--library", str(scanned.path)]) == 0
    assert "p1 was born 2012" in capsys.readouterr().out
    scanned.forget("p1")
    assert b"2012" not in b"".join(
        verdict.payload.get("born", "").encode() for verdict in scanned._store.words()
    )
    assert scanned._store.state("births") == []
