"""Explanations agree with what the parts compute, on real embeddings and made-up ones."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from fastface import clustering, reasons
from fastface.calibration import Calibration
from fastface.cli import main
from fastface.errors import NotFoundError
from fastface.gallery import Gallery
from fastface.library import Library
from fastface.report import content
from fastface.report.page import render
from fastface.wording import in_words
from tests.fake_engine import FakeEngine, paint
from tests.synthetic import people


@pytest.fixture
def scanned(library: Library, album: Path) -> Library:
    """p1 on 0, 1, 2, 5 and 7; p2 on 1, 4, 5 and 8; moments of four photos by content."""
    library.scan(album)
    return library


def face_of(library: Library, person: str, photo: str) -> str:
    return next(face.id for face in library.faces(person) if face.photo.name == photo)


def test_two_people(scanned: Library) -> None:
    why = scanned.why("p1", "p2")
    assert not why.together and not why.same_cluster and why.carriers == ()
    assert (why.a.person, why.a.n_faces, why.b.person, why.b.n_faces) == ("p1", 5, "p2", 4)
    assert {face.person for face in why.pair} == {"p1", "p2"}
    facts = scanned._store.facts("fake-1")
    own = facts.faces.argmax(axis=1)
    distances = 1 - facts.faces[own == 0] @ facts.faces[own == 1].T
    assert why.likeness.distance == pytest.approx(distances.min(), abs=1e-6)
    assert why.median == pytest.approx(np.sort(distances.ravel())[9], abs=1e-6)
    assert why.meeting is not None and not why.meeting.happened
    assert (why.meeting.sizes, why.meeting.shared_photos, why.meeting.n_clusters) == ((5, 4), 2, 2)
    assert why.meeting.odds < 1


def test_two_faces_of_one_cluster(scanned: Library) -> None:
    a, b = face_of(scanned, "p1", "0.png"), face_of(scanned, "p1", "7.png")
    why = scanned.why(a, b)
    assert why.together and why.same_cluster and why.a.face is not None and why.a.face.id == a
    assert why.meeting is not None and why.meeting.happened and sum(why.meeting.sizes) <= 5
    assert why.meeting.odds >= 1


def test_a_face_and_a_person(scanned: Library) -> None:
    a = face_of(scanned, "p1", "0.png")
    why = scanned.why(a, "p1")
    assert why.b.n_faces == 4, "not compared with itself"
    assert sum(carrier.share for carrier in why.carriers) == pytest.approx(1, abs=0.05)
    assert why.carriers[0].person == "p1" and why.carriers[0].share > 0.2
    assert a not in {carrier.face.id for carrier in why.carriers}


def test_clothes_count_inside_a_moment(scanned: Library) -> None:
    facts, curve = scanned._store.facts("fake-1"), Calibration.of_pack()
    in_moment = np.bincount(facts.photo_index // 4)  # as `FakeEngine` makes moments
    moment = {hash_[:16]: index // 4 for index, hash_ in enumerate(facts.hashes)}
    kinds = set()
    for a, b in itertools.combinations([face.id for face in scanned.faces()], 2):
        why = scanned.why(a, b)
        one, other = moment[a[:16]], moment[b[:16]]
        assert why.same_moment == (one == other)
        kinds.add((why.same_moment, why.likeness.torso is not None))
        if why.same_moment:
            limit = clustering.moment_threshold(int(in_moment[one]), curve)
            assert why.likeness.limit == limit
        if why.likeness.torso is not None:
            mixed = clustering.ALPHA * why.likeness.distance + clustering.BETA * why.likeness.torso
            assert why.likeness.combined == min(why.likeness.distance, mixed)
    assert kinds == {(True, True), (True, False), (False, False)}


def test_who_is_least_sure(scanned: Library) -> None:
    stranger = face_of(scanned, "p2", "4.png")
    scanned.name("p1", "Ada <&>")
    scanned.confirm("p1", [stranger])
    least, other = scanned.least_sure("Ada <&>")
    assert least.a.face is not None and least.a.face.id == stranger and least.b.person == "p1"
    assert (other.a.person, other.b.person, other.together) == ("p1", "p2", False)
    page = content.fill(content.choose(scanned), {})
    (sentences, _) = next(card for card in page.people if card.id == "p1").why
    assert sentences == in_words(least)
    assert "The face in 4.png (Ada &lt;&amp;&gt;) and Ada &lt;&amp;&gt; are one" in render(page)
    alone = scanned.split("p2", [face_of(scanned, "p2", "8.png")])
    assert [why.a.face for why in scanned.least_sure(alone.id)] == [None], "no other face"


def test_what_you_said_is_told(scanned: Library) -> None:
    scanned.name("p1", "Ada")
    scanned.merge("p1", "p2")
    face = face_of(scanned, "p1", "4.png")
    why = scanned.why(face, "Ada")
    assert why.together and [answer.kind for answer in why.answers] == ["same"]
    scanned.undo()
    why = scanned.why("Ada", "p2")
    assert not why.together and [a.stands for a in why.answers] == [False, True]
    assert "In answer 2 you said that p1 and p2 are one, which you took back." in in_words(why)
    rejected = face_of(scanned, "Ada", "0.png")
    scanned.reject("Ada", [rejected])
    words = in_words(scanned.why(rejected, "Ada"))
    assert words[0].startswith("The face in 0.png (p") and words[0].endswith("are two.")
    assert "The machine alone sees one person; your answers decide." in words


def test_what_a_model_before_saw_is_told(
    tmp_path: Path, album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Library(tmp_path / "library.db", engine=FakeEngine(model_tag="dlib-1.1")) as before:
        before.scan(album)
        assert before.why("p1", "p2").earlier == ()
    paint(album / "9.png", [0], seed=9)  # which that model never sees
    with Library(tmp_path / "library.db", engine=FakeEngine(model_tag="fake-2")) as library:
        library.scan(album)
        a, b, new = (face_of(library, "p1", f"{n}.png") for n in (0, 7, 9))
        why = library.why(a, b)
        (look,) = why.earlier
        assert look.model == "dlib-1.1"
        assert look.distance == pytest.approx(why.likeness.distance, abs=1e-6)
        strangers = Calibration.of_pack("dlib").strangers
        assert look.log10_rate == pytest.approx(
            np.log10(NormalDist().cdf(-float(strangers.closeness(look.distance)))), abs=1e-6
        )
        told = [line for line in in_words(why) if "dlib-1.1, which saw both before" in line]
        assert len(told) == 1 and "of different people" in told[0]
        assert library.why(a, new).earlier == ()
        (of_face, _) = library.least_sure("p1")
        assert any("dlib-1.1" in line for line in in_words(of_face)) == bool(of_face.earlier)
        page = content.fill(content.choose(library), {})
        assert "dlib-1.1, which saw both before" in render(page)
    assert main(["why", a, b, "--json", "--library", str(tmp_path / "library.db")]) == 0
    assert json.loads(capsys.readouterr().out)["earlier"][0]["model"] == "dlib-1.1"


def test_an_embedder_whose_strangers_are_not_known(tmp_path: Path, album: Path) -> None:
    for tag in ("fake-1", "fake-2"):
        with Library(tmp_path / "library.db", engine=FakeEngine(model_tag=tag)) as library:
            library.scan(album)
            why = library.why(face_of(library, "p1", "0.png"), face_of(library, "p1", "7.png"))
    assert [(look.model, look.log10_rate) for look in why.earlier] == [("fake-1", None)]
    assert any(line.endswith("apart; that counts too.") for line in in_words(why))


def test_wrong_questions(scanned: Library) -> None:
    face = face_of(scanned, "p1", "0.png")
    for a, b in (("p1", "p1"), (face, face)):
        with pytest.raises(ValueError, match="two different"):
            scanned.why(a, b)
    with pytest.raises(NotFoundError):
        scanned.why("p1", "0123456789abcdef-0")
    alone = scanned.split("p1", [face])
    with pytest.raises(ValueError, match="two different"):
        scanned.why(alone.id, face)


def test_an_unclear_face(scanned: Library, album: Path) -> None:
    paint(album / "9.png", [200], seed=9)
    scanned.scan(album)
    (unclear,) = (face.id for face in scanned.faces() if face.unclear)
    why = scanned.why(unclear, "p1")
    assert why.meeting is None and not why.together
    assert any("too unclear to be grouped" in line for line in in_words(why))


def test_command(scanned: Library, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        code = main([*words, "--library", str(scanned.path)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    code, out, _ = run("why", "p1", "p2")
    assert code == 0 and out.startswith("p1 and p2 are two.\nThe nearest two faces are ")
    document = json.loads(run("why", face_of(scanned, "p1", "0.png"), "p1", "--json")[1])
    assert document["meeting"]["happened"] and document["words"][0].endswith("are one person.")
    assert document["nearest"]["a"].keys() == {"id", "photo", "box"}

    def longest(value: object) -> int:
        if isinstance(value, dict):
            return max(map(longest, value.values()), default=0)
        if isinstance(value, list):
            return max([len(value), *map(longest, value)])
        return 0

    assert longest(document) < 16, "no embedding is shown"
    assert run("why", "p1", "p1")[0] == 1


def test_branches_are_those_of_the_whole_dendrogram() -> None:
    """A cluster's own dendrogram is the part of the whole one that is below it."""
    faces, _ = people([12, 9, 7], cosine=0.6, seed=3)
    found = clustering.cluster(
        faces, moments=np.arange(len(faces)), photos=np.arange(len(faces))
    ).labels
    largest = np.flatnonzero(found == np.bincount(found).argmax())
    one, other = 0, len(largest) - 1
    a, b = reasons.branches(faces[largest], one, other)
    i, j, d = reasons.pairwise_edges(faces, 2.0)
    _, matrix, _ = reasons.median_linkage(len(faces), (i, j, d), 2.0)
    members = {row: {row} for row in range(len(faces))}
    for node, (left, right) in enumerate(matrix[:, :2].astype(int).tolist(), start=len(faces)):
        sides = members.pop(left), members.pop(right)
        members[node] = sides[0] | sides[1]
        if {largest[one], largest[other]} <= members[node]:
            assert {frozenset(side) for side in sides} == {
                frozenset(largest[a]),
                frozenset(largest[b]),
            }
            return
    pytest.fail("the two faces never meet")


def test_another_embedder_has_its_own_curve(tmp_path: Path, album: Path) -> None:
    """Where a pack has none, the library's gallery knows the one that was measured."""
    usual = Calibration.of_pack()
    narrow = dataclasses.replace(usual, distance=usual.distance / 8, mean=usual.mean / 8)

    class Engine(FakeEngine):
        def make_gallery(self, exemplars, people, impostors):  # type: ignore[no-untyped-def]
            return Gallery.of(exemplars, people, impostors=impostors, calibration=narrow)

    with Library(tmp_path / "library.db", engine=Engine()) as library:
        library.scan(album)
        why = library.why("p1", "p2")
    rate = float(narrow.log10_rate(why.likeness.distance))
    assert why.likeness.log10_rate == rate != float(usual.log10_rate(why.likeness.distance))
