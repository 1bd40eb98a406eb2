"""Somebody who was forgotten is in no byte of any file, and does not come back."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from fastface.errors import NotFoundError
from fastface.library import Library
from fastface.models import models_folder
from fastface.store import Store
from tests import mortal
from tests.fake_engine import FakeEngine, paint, who

NAME = "Wilhelmine Löwenherz"


def pieces(blob: bytes, length: int = 24) -> list[bytes]:
    """Cuts a vector, of which a part may be left where a page of the file ended.

    What is mostly zeros is not unmistakable.
    """
    cut = [blob[k : k + length] for k in range(0, len(blob) - length + 1, length)]
    return [piece for piece in cut if len({*piece}) > length // 2]


def traces(library: Library, person: str) -> list[bytes]:
    """What must not be found: every piece of the vectors of a person's faces, and the name."""
    rows = library._store._database.rows(
        """SELECT face, coalesce(torso, x''), landmarks FROM observation JOIN membership
           ON observation_id = observation.id WHERE person_id = ?""",
        (int(person[1:]),),
    )
    return [piece for row in rows for blob in row for piece in pieces(blob)] + [NAME.encode()]


def found(folder: Path, wanted: Iterable[bytes]) -> set[str]:
    """Files of the library's folder, and below it, that hold any of it."""
    return {
        f"{path.name}: {blob[:12]!r}"
        for path in folder.rglob("*")
        if path.is_file()
        for content in [path.read_bytes()]
        for blob in wanted
        if blob in content
    }


@pytest.fixture
def known(library: Library, album: Path) -> Library:
    """p1, of whom much was said, on 0, 1, 2, 5 and 7; Bea on 1, 4, 5 and 8."""
    library.scan(album)
    library.name("p1", "Somebody Else")
    library.name("p1", NAME)
    library.name("p2", "Bea")
    faces = [face.id for face in library.faces("p1")]
    library.confirm("p1", faces[:2])
    library.favourite("p1", faces[0])
    library.split("p1", faces[4:])
    library.merge("p1", "p3")
    library.undo()
    library.merge("p3", "p1")
    library.undo()
    library.merge("p1", "p3")
    library.hide("p1")
    library.unhide("p1")
    library.different("p1", "Bea")
    return library


def test_no_byte_is_left(known: Library, album: Path) -> None:
    wanted = [*traces(known, "p1"), b"Somebody Else"]
    folder = known.path.parent
    assert len(wanted) >= 12 and len(found(folder, wanted)) >= len(wanted), "they are there before"
    kept = traces(known, "p2")[:-1]
    forgotten = known.forget(NAME)
    assert (forgotten.n_faces, forgotten.n_photos, forgotten.scrubbed) == (5, 5, True)
    assert not found(folder, wanted)
    known.scan(album)
    known.recluster()
    assert not found(folder, wanted)
    known.close()
    assert not found(folder, wanted)
    assert len(found(folder, kept)) == len(kept), "nobody else was harmed"


def test_who_was_forgotten_does_not_come_back(
    known: Library, album: Path, engine: FakeEngine
) -> None:
    known.forget("p1")
    expected = {"p2": ("Bea", frozenset({"1.png", "4.png", "5.png", "8.png"}))}
    assert who(known) == expected
    known.recluster()
    known.scan(album)
    assert who(known) == expected
    engine.model_tag = "fake-2"
    assert known.scan(album).n_new == 9
    assert who(known) == expected
    assert len(known.faces()) == 4
    with pytest.raises(NotFoundError):
        known.photos(NAME)
    paint(album / "new.png", [0], seed=99)
    known.scan(album)
    (new,) = who(known).keys() - {"p2"}
    assert int(new[1:]) > 3, "in another photo they are somebody new"


def test_the_log_tells_of_others_only(known: Library) -> None:
    before = {answer.number: answer for answer in known.history()}
    known.forget("p1")
    after = {answer.number: answer for answer in known.history()}
    assert list(after)[:-1] == list(before)
    assert all(answer.name in (None, "Bea") for answer in after.values())
    bea = next(a for a in before.values() if a.name == "Bea")
    assert after[bea.number].name == "Bea" and after[bea.number].stands
    parted = next(a for a in after.values() if a.kind == "different" and "p2" in a.people)
    assert parted.stands and parted.n_faces == 4
    forgotten = [*after.values()][-1]
    assert (forgotten.kind, forgotten.n_faces) == ("forget", 5)
    with pytest.raises(ValueError, match="cannot be brought back"):
        known.undo(forgotten.number)
    with pytest.raises(ValueError, match="forgotten"):
        known.undo(1)
    known.undo()
    known.undo()
    assert who(known)["p2"][0] is None, "the last that counts are of Bea"


def test_a_rehearsal_forgets_nobody(known: Library) -> None:
    before, said = who(known), known.history()
    with known.rehearsal():
        assert known.forget("p1").n_faces == 5
        assert [p.id for p in known.people()] == ["p2"]
    assert who(known) == before and known.history() == said


def test_another_reader_delays_the_last_copies(known: Library, engine: FakeEngine) -> None:
    wanted, folder = traces(known, "p1"), known.path.parent
    known._store._database.run("PRAGMA busy_timeout = 50")
    with Library(known.path, read_only=True) as reader, reader.snapshot():
        assert reader.people()
        assert not known.forget("p1").scrubbed
        assert [p.id for p in known.people()] == ["p2"]
        assert len(reader.people()) == 2
    known.close()
    with Library(known.path, engine=engine) as again:
        assert not again._store.is_scrub_pending()
        assert not found(folder, wanted)


def test_killed_before_the_last_copies_are_gone(
    known: Library, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, folder = traces(known, "p1"), known.path.parent
    with monkeypatch.context() as patch:
        patch.setattr(Store, "scrub", lambda store: False)
        known.forget("p1")
        assert found(folder, wanted)
    with Library(known.path, engine=engine):
        assert not found(folder, wanted)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_killed_at_any_moment(known: Library, engine: FakeEngine, tmp_path: Path) -> None:
    """Nobody is forgotten by half, and who is forgotten leaves nothing."""
    wanted, before = traces(known, "p1"), who(known)
    known.close()
    copy = tmp_path / "copies" / "library.db"
    copy.parent.mkdir()
    outcomes = []
    n_ticks = mortal.count("forget", shutil.copy(known.path, copy))
    for share in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97):
        shutil.copy(known.path, copy)
        assert mortal.die("forget", copy, int(share * n_ticks))
        with Library(copy, engine=engine) as library:
            outcomes.append("p1" not in who(library))
            assert outcomes[-1] or who(library) == before
            assert bool(found(copy.parent, wanted)) != outcomes[-1]
    assert 0 < sum(outcomes) < len(outcomes), "before and after the point of no return"


def test_missing_photos_are_forgotten_too(known: Library, album: Path) -> None:
    wanted = traces(known, "p1")
    (album / "0.png").rename(album.parent / "0.png")
    known.scan(album)
    assert known.forget("p1").n_photos == 5
    assert not found(known.path.parent, wanted)
    (album.parent / "0.png").rename(album / "0.png")
    known.scan(album)
    assert [p.id for p in known.people()] == ["p2"]


@pytest.mark.models
def test_no_byte_of_real_faces_is_left_anywhere(
    demo_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor in any folder where fastface or SQLite might keep something for later."""
    models = models_folder()
    monkeypatch.setenv("FASTFACE_MODELS", str(models))
    for variable in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TMPDIR", "SQLITE_TMPDIR"):
        (tmp_path / variable).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "TMPDIR"))
    with Library(tmp_path / "private" / "library.db") as library:
        library.scan(demo_photos)
        most, other = library.people()
        library.name(most.id, NAME)
        library.confirm(most.id, [face.id for face in library.faces(NAME)][:2])
        assert library.identify(demo_photos / "obama.jpg")[0].name == NAME
        assert library.suggest() is not None
        library.recluster()
        wanted, kept = traces(library, most.id), traces(library, other.id)[:-1]
        assert len(wanted) > 200 and len(found(tmp_path, wanted)) >= len({*wanted})
        assert library.forget(NAME).scrubbed
        assert not found(tmp_path, wanted)
        library.scan(demo_photos)
        assert [person.id for person in library.people()] == [other.id]
        assert not found(tmp_path, wanted)
    assert not found(tmp_path, wanted)
    assert found(tmp_path, kept)
