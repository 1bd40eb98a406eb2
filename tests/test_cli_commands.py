"""Every command against a library in memory: what it prints, where, and how it ends."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fastface.cli import main
from fastface.types import Placement
from tests.fakes import FakeLibrary

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def library(fake_library: FakeLibrary) -> FakeLibrary:
    return fake_library


@pytest.fixture
def run(library: FakeLibrary, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command: exit code, stdout, stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def run_json(run: Run, *arguments: str | Path) -> Any:
    code, out, _ = run(*arguments, "--json")
    assert code == 0
    return json.loads(out)


def test_people(run: Run) -> None:
    code, out, err = run("people")
    assert code == 0 and not err
    assert out.splitlines() == [
        "ID  NAME          PHOTOS  FACES",
        "p1  Ada Lovelace       2      2",
        "p2  -                  1      1",
    ]
    assert run("people", "--min-photos", "2")[1].count("\n") == 2


def test_people_json(run: Run) -> None:
    others = {"videos": 0, "first_seen": None, "last_seen": None, "hidden": False}
    assert run_json(run, "people") == [
        {"id": "p1", "name": "Ada Lovelace", "photos": 2, "faces": 2, **others},
        {"id": "p2", "name": None, "photos": 1, "faces": 1, **others},
    ]


def test_people_of_an_empty_library(run: Run, library: FakeLibrary) -> None:
    library.called, library.faces_found = {}, []
    code, out, err = run("people")
    assert (code, out) == (0, "") and "fastface scan FOLDER" in err
    assert run_json(run, "people") == []


def test_faces(run: Run) -> None:
    code, out, _ = run("faces")
    lines = out.splitlines()
    assert code == 0 and lines[0].split() == ["ID", "PERSON", "QUALITY", "PLACE", "PHOTO"]
    assert lines[1].startswith("f1  p1") and lines[1].endswith(
        "35% across, 35% down  /photos/a.jpg"
    )
    assert "(unclear)" in lines[4]
    assert len(run("faces", "Ada Lovelace")[1].splitlines()) == 3
    assert run("faces", "--unclear")[1].count("/photos/c.jpg") == 1


def test_faces_json(run: Run) -> None:
    faces = run_json(run, "faces")
    assert faces[0] == {
        "id": "f1",
        "photo": "/photos/a.jpg",
        "box": [0.25, 0.2, 0.2, 0.3],
        "person": "p1",
        "quality": 0.91,
        "unclear": False,
    }
    assert faces[3]["person"] is None and faces[3]["unclear"] is True


def test_photos(run: Run) -> None:
    assert run("photos", "Ada Lovelace") == (0, "/photos/a.jpg\n/photos/b.jpg\n", "")
    assert run("photos", "p2", "-0")[1] == "/photos/a.jpg\0"
    assert run_json(run, "photos", "p1")[0] == {
        "photo": "/photos/a.jpg",
        "taken_at": "2001-09-09T01:46:40",
        "latitude": None,
        "longitude": None,
    }


def test_an_unknown_person_is_one_line_and_exit_1(run: Run) -> None:
    code, out, err = run("photos", "Bob")
    assert (code, out) == (1, "")
    assert err == "fastface: error: no person 'Bob' in the library; `fastface people` lists them\n"


def test_name(run: Run, library: FakeLibrary) -> None:
    assert run("name", "p2", "Grace Hopper") == (0, "", "p2 is called Grace Hopper\n")
    assert library.called["p2"] == "Grace Hopper"
    assert run_json(run, "name", "Grace Hopper", "Grace")["name"] == "Grace"


def test_identify(run: Run) -> None:
    code, out, _ = run("identify", "new.jpg")
    assert code == 0
    known = " ".join(out.splitlines()[1].split())
    assert known == "Ada Lovelace 97% 35% across, 35% down new.jpg"
    assert out.splitlines()[2].startswith("unknown")
    assert run("identify", "nobody.jpg") == (0, "", "nobody.jpg: no face found\n")


def test_identify_json(run: Run) -> None:
    known, unknown = run_json(run, "identify", "new.jpg")
    assert known == {
        "photo": "new.jpg",
        "box": [0.25, 0.2, 0.2, 0.3],
        "person": "p1",
        "name": "Ada Lovelace",
        "confidence": 0.97,
        "distance": 0.31,
    }
    assert unknown["person"] is None and unknown["name"] is None


def test_identify_json_in_an_empty_library(run: Run, library: FakeLibrary) -> None:
    """JSON has no infinity: strict parsers refuse what Python's own would let pass."""
    library.called.clear()
    _, out, _ = run("identify", "new.jpg", "--json")
    (face,) = json.loads(out, parse_constant=pytest.fail)
    assert face["person"] is None and face["distance"] is None


def test_identify_goes_on_after_a_broken_photo(run: Run) -> None:
    code, out, err = run("identify", "notes.txt", "new.jpg")
    assert code == 1
    assert "Ada Lovelace" in out and "notes.txt: not a JPEG" in err


def test_scan(run: Run, library: FakeLibrary) -> None:
    library.faces_found = []
    code, out, err = run("scan", "/", "--workers", "2")
    assert code == 0
    assert out.splitlines() == [
        "4 photos: 3 new, 1 not readable in 1.5 s, 2.0 photos/s.",
        "4 faces (1 too unclear to group), 2 people.",
    ]
    assert "warning: /broken.jpg: truncated after 12 bytes" in err
    assert "\r" not in err and "\x1b" not in err  # no bar where there is no terminal


def test_scan_lists_some_failures_and_all_with_json(run: Run, library: FakeLibrary) -> None:
    many = [(Path(f"/album/{k}.jpg"), "empty file") for k in range(25)]
    library.on_scan = lambda: None
    library.fill = lambda folder: setattr(library, "broken", many)  # type: ignore[assignment]
    code, _, err = run("scan", "/")
    assert code == 0
    assert err.count("warning: ") == 10 and "and 15 more photos" in err
    summary = run_json(run, "scan", "/")
    assert len(summary["failures"]) == 25
    assert summary["failures"][3] == {"photo": "/album/3.jpg", "reason": "empty file"}
    assert {"photos", "new", "unchanged", "moved", "failed", "missing"} <= set(summary)
    assert {"faces", "unclear", "people", "seconds"} <= set(summary)


def test_scan_says_where_the_models_ran(run: Run, library: FakeLibrary) -> None:
    none: dict[str, int] = {}
    asked = ("coreml", "cpu")
    library.placements = {
        "detector": Placement(asked, ("cpu",), {"coreml": "needs one shape"}, none),
        "embedder": Placement(asked, asked, {}, {"coreml": 115, "cpu": 1}),
    }
    _, _, err = run("scan", "/", "--provider", "coreml")
    assert "The detector ran on cpu; coreml needs one shape.\n" in err
    assert "The embedder ran on coreml (115 layers), cpu (1 layer).\n" in err
    placements = run_json(run, "scan", "/")["placements"]
    assert placements["embedder"]["layers"] == {"coreml": 115, "cpu": 1}
    assert placements["detector"]["missing"] == {"coreml": "needs one shape"}
    library.placements = {"detector": Placement(("cpu",), ("cpu",), {}, none)}
    assert " ran on " not in run("scan", "/")[2]
    with pytest.raises(SystemExit):
        run("scan", "/", "--provider", "abacus")


def test_scan_says_what_other_models_have_seen(run: Run, library: FakeLibrary) -> None:
    assert "other models" not in run("scan", "/")[2]
    library.n_outdated = 1200
    _, _, err = run("scan", "/")
    assert "1,200 photos of the library were seen by other models" in err
    assert "1,200 photos elsewhere" in err
    assert run_json(run, "scan", "/")["outdated"] == 1200


def test_scan_says_what_was_moved_and_what_is_gone(run: Run, library: FakeLibrary) -> None:
    library.counts = {"n_moved": 1000, "n_missing": 2}
    _, out, err = run("scan", "/")
    assert "0 new, 3 unchanged, 1,000 moved or copied, 1 not readable, 2 gone in" in out
    assert "disk is not connected" not in err
    library.counts = {"n_photos": 0, "n_unchanged": 0, "n_missing": 4}
    _, out, err = run("scan", "/")
    assert "0 photos: 0 new, 1 not readable, 4 gone in" in out
    assert "disk is not connected" in err


def test_scan_says_which_kinds_are_not_read(run: Run, library: FakeLibrary) -> None:
    assert "not read" not in run("scan", "/")[2]
    library.counts = {"others": {".gif": 1}}
    assert "1 file of a kind that is not read was left out: 1 .gif.\n" in run("scan", "/")[2]
    assert run_json(run, "scan", "/")["others"] == {".gif": 1}


def test_scan_says_what_became_of_live_photos(run: Run, library: FakeLibrary) -> None:
    assert "live photo" not in run("scan", "/")[2]
    library.n_live = 1
    assert "1 video is the moving half of a live photo;" in run("scan", "/")[2]
    library.n_live = 1300
    assert "1,300 videos are the moving halves of live photos" in run("scan", "/")[2]
    assert "live photo" not in run("-q", "scan", "/")[2]
    assert run_json(run, "scan", "/")["live"] == 1300


def test_quiet_scan_says_only_what_went_wrong(run: Run) -> None:
    code, out, err = run("-q", "scan", "/")
    assert (code, out) == (0, "")
    assert err == "warning: /broken.jpg: truncated after 12 bytes\n"


def test_ctrl_c_says_that_a_rerun_resumes(run: Run, library: FakeLibrary) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    library.on_scan = interrupt
    code, out, err = run("scan", "/")
    assert (code, out) == (130, "")
    assert err.startswith("fastface: stopped: ") and "run the same command again" in err
    assert "Traceback" not in err and err.count("\n") == 1


def test_stats(run: Run) -> None:
    run("scan", "/")
    code, out, _ = run("stats")
    assert code == 0
    assert "people     2, of whom 1 named\n" in out and "threshold  0.525\n" in out
    stats = run_json(run, "stats")
    assert stats["people"] == 2 and stats["model"] == "yunet+sface"
    assert stats["last_scan"]["photos"] == 4 and "failures" not in stats["last_scan"]


def test_library_option_before_or_after_the_command(run: Run, tmp_path: Path) -> None:
    FakeLibrary(tmp_path / "a.db").fill().called["p1"] = "Somebody Else"
    for arguments in (
        ["--library", tmp_path / "a.db", "people"],
        ["people", "--library", tmp_path / "a.db"],
    ):
        assert "Somebody Else" in run(*arguments)[1]


def test_a_name_cannot_steer_the_terminal(run: Run, library: FakeLibrary) -> None:
    library.called["p1"] = "Ada\x1b[2J\n\u202eevil"
    out = run("people")[1]
    assert "Ada\\x1b[2J\\n\\u202eevil" in out
    assert run_json(run, "people")[0]["name"] == library.called["p1"]


def test_verbose_says_nothing_of_a_photos_tags(
    run: Run, library: FakeLibrary, tmp_path: Path
) -> None:
    def meet_a_photo() -> None:
        logging.getLogger("PIL.TiffImagePlugin").debug("tag: GPSLatitude 51.5")
        logging.getLogger("fastface").debug("of ours")

    library.on_scan = meet_a_photo
    shown: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: shown.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        run("scan", tmp_path, "--verbose")
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger("fastface").setLevel(logging.NOTSET)
    assert shown == ["of ours"]


def test_a_bug_is_a_traceback(run: Run, library: FakeLibrary) -> None:
    def bug() -> None:
        raise ZeroDivisionError

    library.on_scan = bug
    with pytest.raises(ZeroDivisionError):
        run("scan", "/")


def test_an_os_error_names_the_file(run: Run, library: FakeLibrary) -> None:
    def fail() -> None:
        raise PermissionError(13, "Permission denied", "/album/x")

    library.on_scan = fail
    assert run("scan", "/")[0::2] == (
        1,
        "fastface: error: Permission denied: /album/x\n",
    )


def test_report(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.html"
    code, out, err = run("report", "-o", path)
    assert (code, out) == (0, f"{path}\n") and err.startswith("Report written, ")
    assert run_json(run, "report", "-o", path) == {
        "report": str(path),
        "bytes": path.stat().st_size,
        "people": 2,
        "faces": 4,
        "photos": 2,
    }
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda uri: not opened.append(uri))
    assert run("report", "-o", path, "--open")[0] == 0
    assert opened == [path.as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda uri: False)
    assert "no browser could be started" in run("report", "-o", path, "--open")[2]
    assert run("report", "-o", tmp_path / "no folder" / "r.html")[0] == 1


def test_library_warnings_are_one_line(run: Run, library: FakeLibrary) -> None:
    library.on_scan = lambda: warnings.warn("coreml is not available", stacklevel=1)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert run("scan", "/")[2].startswith("warning: coreml is not available\n")


@pytest.mark.parametrize(("reply", "joined"), [("y\n", True), ("\n", False)])
def test_a_name_joins_two_people_only_if_meant(
    run: Run, library: FakeLibrary, monkeypatch: pytest.MonkeyPatch, reply: str, joined: bool
) -> None:
    code, _, err = run("name", "p2", " Ada  Lovelace ")
    assert code == 1 and "Is p2 (1 photo) the same person?" in err and "--yes" in err
    terminal = io.StringIO(reply)
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", terminal)
    assert run("name", "p2", "Ada Lovelace")[0] == (0 if joined else 1)
    assert (library.called["p2"] == "Ada Lovelace") == joined


def test_joining_is_asked_of_names_too(run: Run, library: FakeLibrary) -> None:
    library.called["p2"] = "Grace"
    code, _, err = run("name", "Grace", "Ada Lovelace")
    assert code == 1 and "Is Grace (p2, 1 photo) the same person?" in err
    assert library.called["p2"] == "Grace"
    assert run("name", "Ada Lovelace", "Ada")[0] == 0


def test_yes_joins_without_asking(run: Run, library: FakeLibrary) -> None:
    assert run("name", "p2", "Ada Lovelace", "--yes")[0] == 0
    assert library.called["p2"] == "Ada Lovelace"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--max-memory", "100M"], "--max-memory: expected at least 300 MB for 1 worker"),
        (["--max-memory", "400MB", "--workers", "9"], "expected at least 1020 MB for 9 workers"),
    ],
)
def test_a_limit_that_cannot_be_held(run, options, expected):
    code, _, err = run("scan", "/", *options)
    assert code and expected in err
