"""Questions that help most, what their answers do, and that nothing is asked twice."""

from __future__ import annotations

import io
import json
import os
import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastface import doubts
from fastface.calibration import Calibration
from fastface.cli import main
from fastface.doubts import Known
from fastface.library import Library
from fastface.pipeline import Grouping
from fastface.store import Facts
from fastface.types import IntArray
from tests.fake_engine import FakeEngine, paint
from tests.test_answers import shown

CURVE = Calibration.of_pack()


@dataclass
class Hasty(FakeEngine):
    """Takes each person apart into two, by turns."""

    def group(self, facts: Facts, said: IntArray, **part: Any) -> Grouping:
        found = super().group(facts, said, **part)
        labels = found.labels.copy()
        for person in np.unique(labels):
            labels[np.flatnonzero(labels == person)[::2]] += 20
        return Grouping(found.moments, labels, found.threshold)


@pytest.fixture
def divided(tmp_path: Path, album: Path) -> Library:
    """Each of two people is two."""
    library = Library(tmp_path / "library.db", engine=Hasty())
    library.scan(album)
    return library


@pytest.fixture
def mixed(library: Library, engine: FakeEngine, album: Path) -> Library:
    """Two people are one, p1."""
    for number in range(20, 26):
        paint(album / f"{number}.png", [number % 2], seed=number)
    engine.relabel = lambda person: 5
    library.scan(album)
    return library


def test_people_who_may_be_one_are_asked_about_and_merged(divided: Library) -> None:
    questions = divided.suggest()
    assert [q.kind for q in questions[:2]] == ["same", "same"]
    assert all(q.same > 0.9 for q in questions[:2])
    assert questions[0].gain >= questions[1].gain
    first = questions[0]
    answer = divided.answer(first, same=True)
    assert answer.kind == "same" and answer.people == (first.sides[0].person, first.sides[1].person)
    assert len(divided.people()) == 3
    assert not divided.is_open(first) and divided.is_open(questions[1])
    divided.answer(questions[1], same=True)
    assert sorted(len(photos) for _, photos in shown(divided).values()) == [4, 5]
    assert not [q for q in divided.suggest() if q.same > 0.5 and q.kind == "same"]
    divided.undo()
    assert divided.is_open(questions[1])


def test_no_is_never_asked_again_in_this_or_another_grouping(divided: Library) -> None:
    while questions := divided.suggest():
        divided.answer(questions[0], same=questions[0].kind == "split")
    assert len(divided.people()) == 4
    divided.recluster()
    assert divided.suggest() == []
    again_open = Library(divided.path, engine=Hasty())
    assert again_open.suggest() == []
    n_answers = len(divided.history())
    for answer in reversed(divided.history()):
        divided.undo(answer.number)
    assert len(divided.suggest()) > 1 and len(divided.history()) == 2 * n_answers


def test_one_who_may_be_two_is_split(mixed: Library) -> None:
    (question, *_) = mixed.suggest()
    assert question.kind == "split" and question.same < 0.1
    assert {side.person for side in question.sides} == {"p1"}
    mixed.answer(question, same=False)
    assert sorted(len(mixed.faces(p.id)) for p in mixed.people()) == [7, 8]
    whose = {face.photo.name: face.person for face in mixed.faces()}
    assert whose["4.png"] == whose["8.png"] != whose["0.png"] == whose["2.png"]
    assert not [q for q in mixed.suggest() if q.same < 0.5 and q.kind == "split"]


def test_one_person_who_looked_like_two_is_confirmed(mixed: Library) -> None:
    before = shown(mixed)
    (question, *_) = mixed.suggest()
    assert mixed.answer(question, same=True).kind == "confirm"
    assert shown(mixed) == before and not mixed.is_open(question)
    assert question not in mixed.suggest()


def test_answers_teach_which_doubts_are_right(mixed: Library) -> None:
    unlike = next(q for q in mixed.suggest() if q.kind == "split")
    mixed.answer(unlike, same=True)
    assert mixed._bias("split") < 0.6 and mixed._bias("same") == 1.0


def test_stale_questions(divided: Library) -> None:
    first, second, *_ = divided.suggest()
    one = first.sides[0].person
    divided.split(one, [divided.faces(one)[0].id])
    assert not divided.is_open(first)
    with pytest.raises(ValueError, match="has changed; suggest again"):
        divided.answer(first, same=True)
    divided.name(second.sides[0].person, "Ada")
    divided.name(second.sides[1].person, "Bea")
    assert not divided.is_open(second), "two names are two people"


def test_the_named_is_kept(divided: Library) -> None:
    (question, *_) = divided.suggest()
    small = question.sides[1].person
    divided.name(small, "Ada")
    divided.answer(question, same=True)
    assert "Ada" in {p.name for p in divided.people() if p.id == small}


def test_hidden_people_are_left_alone(divided: Library) -> None:
    for person in divided.people():
        divided.hide(person.id)
    assert divided.suggest() == []
    with pytest.raises(ValueError, match="limit: expected at least 1"):
        divided.suggest(0)


def test_an_empty_library_has_no_questions(library: Library) -> None:
    assert library.suggest() == []


def known(persons: list[int], **more: object) -> Known:
    n = len(persons)
    fields = {
        "persons": np.array(persons),
        "photos": np.arange(n),
        "groups": np.array(persons),
        "confirmed": np.zeros(n, bool),
        "weight": np.ones(n),
    }
    return Known(**{**fields, **more})  # type: ignore[arg-type]


def made_up(persons: int, each: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.standard_normal((persons, 128)), each, axis=0)
    faces = centres + 0.7 * rng.standard_normal(centres.shape)
    return (faces / np.linalg.norm(faces, axis=1, keepdims=True)).astype(np.float32)


def test_photos_that_show_both_speak_against() -> None:
    faces = made_up(6, 8)
    persons = [k // 4 + 1 for k in range(48)]  # everybody is two
    embed: Callable[[IntArray], np.ndarray] = faces.__getitem__
    never = lambda one, other: False  # noqa: E731
    alone = doubts.two_that_may_be_one(known(persons), embed, never, CURVE, 6)
    assert sorted(d.people for d in alone) == [(k, k + 1) for k in range(1, 12, 2)]
    photos = np.arange(48)
    photos[4:8] = photos[:4]  # persons 1 and 2
    both = doubts.two_that_may_be_one(known(persons, photos=photos), embed, never, CURVE, 6)
    before, now = ({d.people: d.same for d in found} for found in (alone, both))
    odds = [1 / (1 - found.get((1, 2), 0.0)) - 1 for found in (before, now)]
    assert odds[1] < 1e-3 * odds[0] and now[3, 4] == before[3, 4]


def test_somebody_twice_on_a_photo() -> None:
    faces = made_up(2, 9)
    persons = [1] * 9 + [1] + [2] * 8  # one face of the second taken for the first
    photos = np.arange(18)
    photos[9] = photos[0]
    embed: Callable[[IntArray], np.ndarray] = faces.__getitem__
    (doubt,) = doubts.twice_on_a_photo(known(persons, photos=photos), embed, CURVE, 5)
    assert doubt.other.tolist() == [9] and doubt.same < 0.01
    confirmed = np.isin(np.arange(18), [0, 9])
    sure = known(persons, photos=photos, confirmed=confirmed)
    assert doubts.twice_on_a_photo(sure, embed, CURVE, 5) == []
    groups = np.where(np.arange(18) == 9, 3, persons)
    assert (
        doubts.twice_on_a_photo(known(persons, photos=photos, groups=groups), embed, CURVE, 5) == []
    )
    faces[9] = faces[0]
    assert doubts.twice_on_a_photo(known(persons, photos=photos), embed, CURVE, 5) == [], "a mirror"


def test_faces_that_are_more_like_somebody_else() -> None:
    faces = made_up(3, 9)
    persons = [1] * 9 + [1, 1] + [2] * 7 + [3] * 9  # two faces of the second taken for the first
    embed: Callable[[IntArray], np.ndarray] = faces.__getitem__
    (doubt,) = doubts.more_like_somebody_else(known(persons), embed, CURVE, 5)
    assert doubt.people == (1, 1) and sorted(doubt.other.tolist()) == [9, 10]
    assert not np.isin(doubt.one, [9, 10]).any() and doubt.same < 0.01
    assert doubt.gain == pytest.approx(2 * 9 * 2 / 11, rel=0.01)
    confirmed = np.isin(np.arange(27), [9])
    (other,) = doubts.more_like_somebody_else(known(persons, confirmed=confirmed), embed, CURVE, 5)
    assert other.other.tolist() == [10]
    groups = np.where(confirmed, 4, persons)  # the user said so of this very face
    (other,) = doubts.more_like_somebody_else(known(persons, groups=groups), embed, CURVE, 5)
    assert other.other.tolist() == [10]
    right = np.repeat([1, 2, 3], 9).tolist()
    assert doubts.more_like_somebody_else(known(right), embed, CURVE, 5) == []
    assert doubts.more_like_somebody_else(known([1] * 27), embed, CURVE, 5) == []


def test_no_face_of_a_small_side_is_set_aside_unseen(mixed: Library) -> None:
    for question in mixed.suggest():
        shown = {face.id for face in question.sides[1].faces}
        assert len(question.aside) > doubts.SHOWN or {*question.aside} <= shown


def test_the_answer_does_not_depend_on_the_order_of_faces() -> None:
    faces = made_up(5, 9, seed=3)
    persons = np.array([1] * 18 + [2] * 9 + [3] * 18)
    order = np.random.default_rng(1).permutation(45)
    found = doubts.one_that_may_be_two(known(persons.tolist()), faces.__getitem__, CURVE, 3)
    moved = doubts.one_that_may_be_two(
        known(persons[order].tolist()), faces[order].__getitem__, CURVE, 3
    )
    assert [d.people[0] for d in found][:2] == [d.people[0] for d in moved][:2]
    for one, other in zip(found[:2], moved[:2], strict=True):
        assert {*one.other.tolist()} in ({*order[other.other]}, {*order[other.one]})
        assert one.same < 0.1


# -- the commands --------------------------------------------------------------------------------


def type_in(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    terminal = io.StringIO("".join(line + "\n" for line in lines))
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", terminal)


def run(library: Library, *arguments: str) -> int:
    return main([*arguments, "--library", str(library.path)])


def test_answers_from_a_file(
    divided: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(divided, "suggest", "--json") == 0
    questions = json.loads(capsys.readouterr().out)
    assert {"kind", "question", "same", "gain", "sides", "aside"} == set(questions[0])
    for question, answer in zip(questions, ["yes", "skip"], strict=False):
        question["answer"] = answer
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(questions[:2]))
    assert run(divided, "suggest", "--answers", str(path), "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"answered": 1, "skipped": 1, "stale": 0}
    assert len(divided.people()) == 3
    assert run(divided, "suggest", "--answers", str(path)) == 0
    assert "0 answers kept, 1 skipped, 1 settled before." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("{}", "expected a list"),
        ("[{}]", "entry 1 is not a question with its answer: it has no 'sides'"),
        ('[{"kind": "same", "sides": [], "answer": "yes"}]', "entry 1 is not a question"),
        ('[{"sides": [{"person": "p1", "faces": []}, {"person": "p2", "faces": []}]}]', "no faces"),
        ("[" * 100_000, "not JSON"),
        ("caf\udce9", "not JSON"),
    ],
)
def test_a_bad_file_changes_nothing(
    divided: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    path = tmp_path / "answers.json"
    path.write_bytes(os.fsencode(text))
    assert run(divided, "suggest", "--answers", str(path)) == 1
    assert message in capsys.readouterr().err
    assert divided.history() == []


def test_review_asks_undoes_names_and_quits(
    divided: Library, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda address: address.startswith("file:"))
    type_in(monkeypatch, "1 Ada", "what", "o", "y", "u", "n", "q")
    assert run(divided, "review") == 0
    told = capsys.readouterr().err
    assert "Are p" in told and " one person?" in told and ".png (" in told
    assert "is called Ada" in told and "is taken back" in told and "2 answers kept" in told
    assert [(a.kind, a.stands) for a in divided.history()] == [
        ("name", True),
        ("same", False),
        ("undo", True),
        ("different", True),
    ]


def test_a_letter_means_the_face_that_it_stands_before(
    divided: Library, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = divided.suggest(1)[0].sides
    type_in(monkeypatch, "q")
    assert run(divided, "review") == 0
    lettered = dict(re.findall(r"^     ([a-z])  (\S+) ", capsys.readouterr().err, re.MULTILINE))
    faces = [*first.faces, *second.faces]
    assert list(lettered) == list(string.ascii_lowercase[: len(faces)])
    assert list(lettered.values()) == [str(face.photo) for face in faces]
    letter, rejected = list(lettered)[len(first.faces)], second.faces[0]
    type_in(monkeypatch, f"x {letter}", "q")
    assert run(divided, "review") == 0
    assert rejected.id not in {face.id for face in divided.faces(second.person)}
    assert {face.id for face in first.faces} <= {face.id for face in divided.faces(first.person)}


def test_review_ends_with_the_questions_and_with_the_input(
    divided: Library, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, *["s"] * 40)
    assert run(divided, "review") == 0
    assert "nothing more to ask" in capsys.readouterr().err
    type_in(monkeypatch, "y")
    assert run(divided, "review", "--limit", "5") == 0
    assert "1 answer kept" in capsys.readouterr().err
    type_in(monkeypatch, "n", "n")
    assert run(divided, "review", "--limit", "1") == 0
    assert "1 answer kept" in capsys.readouterr().err
    type_in(monkeypatch, "x z", "x a", "q")
    n_people = len(divided.people())
    assert run(divided, "review") == 0
    told = capsys.readouterr().err
    assert "no such faces" in told and "1 face taken out" in told
    assert len(divided.people()) == n_people + 1 and divided.history()[-1].kind == "reject"
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert run(divided, "review") == 1
    assert "on a terminal" in capsys.readouterr().err
