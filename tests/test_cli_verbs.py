"""The commands that say something, on a library on disk: whom they mean, what they change."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fastface.cli import main
from fastface.library import Library
from tests.test_answers import shown

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def scanned(library: Library, album: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Ada (p1) on 0, 1, 2, 5 and 7; p2 on 1, 4, 5 and 8.  Photos are in the working folder."""
    library.scan(album)
    library.name("p1", "Ada Lovelace")
    monkeypatch.chdir(album)
    return library


@pytest.fixture
def run(scanned: Library, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command: exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--library", str(scanned.path)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def run_json(run: Run, *arguments: str) -> Any:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def answer_with(monkeypatch: pytest.MonkeyPatch, reply: str) -> None:
    terminal = io.StringIO(reply)
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", terminal)


def content(path: Path) -> list[str]:
    """Everything that is in the file."""
    connection = sqlite3.connect(path)
    lines = list(connection.iterdump())
    connection.close()
    return lines


# command; person -> name and photos after it; what is told
VERBS = {
    "merge Ada p2": ({"p1": ("Ada Lovelace", "0124578")}, ["4 faces: p2 -> Ada Lovelace (p1)"]),
    "split lovelace 0.png 7.png --name Bea": (
        {"p1": ("Ada Lovelace", "125"), "p2": (None, "1458"), "p3": ("Bea", "07")},
        ["Bea (p3) is new, with 2 faces", "2 faces: Ada Lovelace (p1) -> Bea (p3)"],
    ),
    "different p1 p2": ({"p1": ("Ada Lovelace", "01257"), "p2": (None, "1458")}, ["Kept; nothing"]),
    "reject ada 5.png": (
        {"p1": ("Ada Lovelace", "0127"), "p2": (None, "1458"), "p3": (None, "5")},
        ["p3 is new, with 1 face", "1 face: Ada Lovelace (p1) -> p3"],
    ),
    "confirm ada 5.png 4.png": (
        {"p1": ("Ada Lovelace", "012457"), "p2": (None, "158")},
        ["1 face: p2 -> Ada Lovelace (p1)", "1 face of Ada Lovelace (p1): confirmed"],
    ),
    "not-face 4.png": (
        {"p1": ("Ada Lovelace", "01257"), "p2": (None, "158")},
        ["1 face: p2 -> nobody"],
    ),
    "favourite ada 2.png": (
        {"p1": ("Ada Lovelace", "01257"), "p2": (None, "1458")},
        ["Ada Lovelace (p1) is shown by another face"],
    ),
    "hide ada": ({"p2": (None, "1458")}, ["Ada Lovelace (p1) is hidden"]),
    "unhide ada": ({"p1": ("Ada Lovelace", "01257"), "p2": (None, "1458")}, ["Kept; nothing"]),
    "name p2 Bea": (
        {"p1": ("Ada Lovelace", "01257"), "p2": ("Bea", "1458")},
        ["p2 is called Bea"],
    ),
    "undo": (
        {"p1": (None, "01257"), "p2": (None, "1458")},
        ["p1 has no name, no longer Ada Lovelace"],
    ),
}


@pytest.mark.parametrize("command", VERBS)
def test_a_rehearsal_tells_what_happens_then(run: Run, scanned: Library, command: str) -> None:
    expected, told = VERBS[command]
    before, said, bytes_before = shown(scanned), scanned.history(), content(scanned.path)
    code, would, note = run(*command.split(), "--dry-run")
    assert code == 0 and "dry run" in note
    rehearsed = run_json(run, *command.split(), "--dry-run")
    assert (shown(scanned), scanned.history(), content(scanned.path)) == (
        before,
        said,
        bytes_before,
    )
    code, out, did = run(*command.split())
    assert (code, out) == (0, "")
    assert shown(scanned) == expected
    for line in told:
        assert line in did
        assert line in would or line.startswith("Kept")
    assert rehearsed["dry_run"] is True
    changed = {change["id"]: change["after"] for change in rehearsed["changes"]["people"]}
    assert all(changed[p]["name"] == name for p, (name, _) in expected.items() if p in changed)
    assert len(scanned.history()) == len(said) + 1 + ("--name" in command)


def test_undo_by_number_and_history(run: Run, scanned: Library) -> None:
    before = shown(scanned)
    run("merge", "ada", "p2")
    run("not-face", "4.png")
    assert run_json(run, "undo", "2")["kind"] == "same"
    assert shown(scanned) == {**before, "p2": (None, "158")}
    code, out, _ = run("history")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0 and lines[0] == "NUMBER WHEN WHAT FACES STATE"
    assert "p1 is called Ada Lovelace" in lines[1]
    assert lines[2].endswith("Ada Lovelace (p1) and p2 are one 9 taken back")
    assert lines[3].endswith("not a face 1") and lines[4].endswith("2 is taken back")
    assert [entry["number"] for entry in run_json(run, "history", "p2")] == [2]
    run("undo", "4")
    assert set(shown(scanned)) == {"p1"}
    assert run("undo", "77")[2] == "fastface: error: there is no answer 77; see the history\n"


def test_overruled_answers_are_explained(run: Run) -> None:
    run("reject", "ada", "5.png")
    run("confirm", "ada", "5.png", "--dry-run")
    (face,) = [f["id"] for f in run_json(run, "faces", "p3")]
    run("confirm", "ada", face)
    assert "overruled by 3 for 1 face" in run("history")[1]
    assert run_json(run, "history")[1]["overruled"] == [{"by": 3, "faces": 1}]


def test_hidden_people(run: Run) -> None:
    assert run("people", "--hidden")[2] == "Nobody is hidden.\n"
    run("hide", "ada")
    assert [p["id"] for p in run_json(run, "people")] == ["p2"]
    assert [p["id"] for p in run_json(run, "people", "--hidden")] == ["p1"]
    run("unhide", "p1")
    assert [p["id"] for p in run_json(run, "people")] == ["p1", "p2"]


def test_who_is_meant_is_asked(run: Run, scanned: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    scanned.name("p2", "Ada Byron")
    code, _, err = run("hide", "ada")
    assert code == 1
    assert "may mean Ada Lovelace (p1) or Ada Byron (p2); give the id" in err
    answer_with(monkeypatch, "2\n")
    code, _, err = run("hide", "ada")
    assert code == 0 and "1  Ada Lovelace (p1, 5 photos)" in err
    assert [p.id for p in scanned.people()] == ["p1"]
    for reply in ("\n", "3\n", "x\n"):
        answer_with(monkeypatch, reply)
        assert run("unhide", "ada")[0] == 1
    assert [p.id for p in scanned.people()] == ["p1"]
    answer_with(monkeypatch, "1\n")
    assert run("hide", "Ada Lovelase")[0] == 0, "a typo is asked about too"
    assert scanned.people() == []


def test_faces_are_given_by_photos(run: Run, scanned: Library) -> None:
    code, _, err = run("not-face", "5.png")
    assert code == 1 and "shows 2 faces; give the ID of one: " in err
    assert all(face.id in err for face in scanned.faces_in("5.png"))
    assert "no face was found on 3.png" in run("not-face", "3.png")[2]
    assert "not in the library" in run("not-face", "nowhere.png")[2]
    assert "Ada Lovelace (p1) is not seen on 4.png" in run("reject", "ada", "4.png")[2]
    other = scanned.faces("p2")[0].id
    assert f"{other} is not a face of p1" in run("split", "p1", scanned.faces("p1")[0].id, other)[2]
    assert len(scanned.history()) == 1


def test_forget(run: Run, scanned: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = run("forget", "ada")
    assert code == 1 and "cannot be undone. If so, add --yes" in err
    before = content(scanned.path)
    code, out, _ = run("forget", "ada", "--dry-run")
    assert (code, out) == (0, "Ada Lovelace (p1): 5 faces on 5 photos, 1 entry of the history\n")
    answer_with(monkeypatch, "n\n")
    assert run("forget", "ada")[0] == 1
    assert content(scanned.path) == before
    answer_with(monkeypatch, "y\n")
    assert run("forget", "ada")[2].endswith("Forgotten: 5 faces on 5 photos.\n")
    assert set(shown(scanned)) == {"p2"}
    assert b"Lovelace" not in scanned.path.read_bytes()
    assert run_json(run, "forget", "p2", "--yes") == {
        "person": "p2",
        "faces": 4,
        "photos": 4,
        "answers": 0,
        "scrubbed": True,
        "dry_run": False,
    }
    assert "(forgotten)" in run("history")[1]


def test_nothing_said_yet(run: Run, tmp_path: Path, album: Path) -> None:
    assert run("history", "p2")[2].startswith("Nothing was said yet.")
