"""Searches against plain Python over what is listed."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from fastface.cli import main
from fastface.errors import NotFoundError
from fastface.library import Library
from fastface.moments import distance_km
from fastface.periods import Period
from fastface.types import PhotoRow
from tests.fake_engine import FakeEngine, paint

DAY = 86400.0
PARIS, VERSAILLES, LONDON = (48.86, 2.35), (48.80, 2.12), (51.51, -0.13)
PLACES = {0: PARIS, 1: VERSAILLES, 2: LONDON, 4: PARIS}


@pytest.fixture
def scanned(library: Library, album: Path) -> Library:
    """p1 on 0, 1, 2, 5 and 7; p2 on 1, 4, 5 and 8; photo k taken in year 2000 + k, 7 at no time."""
    library.scan(album)
    database = library._store._database
    for number in range(9):
        place = PLACES.get(number, (None, None))
        taken = None if number == 7 else Period.parse("", f"{2000 + number}-06-15").start
        database.run(
            """UPDATE content SET taken_at = ?, latitude = ?, longitude = ? WHERE id =
               (SELECT content_id FROM file WHERE path = ?)""",
            (taken, *place, str(album / f"{number}.png").encode()),
        )
    library._store.facts_changed()
    return library


def numbers(rows: list[PhotoRow]) -> str:
    return "".join(row.path.name[0] for row in rows)


def test_and_but_not(scanned: Library) -> None:
    assert numbers(scanned.search(["p1"])) == "01257"
    assert scanned.search(["p1"]) == scanned.photos("p1")
    both = scanned.search(["p1", "p2"])
    assert numbers(both) == "15" and all(len(row.faces) == 2 for row in both)
    assert numbers(scanned.search(["p1"], without=["p2"])) == "027"
    assert numbers(scanned.search(without=["p1", "p2"])) == "36"
    assert numbers(scanned.search()) == "012345687"
    with pytest.raises(NotFoundError):
        scanned.search(["nobody"])


def test_every_search_agrees_with_plain_python(scanned: Library) -> None:
    on = {"p1": set("01257"), "p2": set("1458")}
    who = [set(), {"p1"}, {"p2"}, {"p1", "p2"}]
    years = [None, 1999, 2001, 2004, 2008]
    for people, without, since, until in itertools.product(who, who, years, years):
        if since and until and since > until:
            continue
        expected = set("012345678").intersection(*(on[p] for p in people))
        expected = expected.difference(*(on[p] for p in without))
        if since or until:
            expected &= {str(k - 2000) for k in range(since or 0, (until or 9999) + 1)} - {"7"}
        found = scanned.search(
            people,
            without=without,
            since=None if since is None else str(since),
            until=None if until is None else str(until),
        )
        assert sorted(numbers(found)) == sorted(expected)


def test_times(scanned: Library) -> None:
    assert numbers(scanned.search(since="2001", until="2002")) == "12"
    assert numbers(scanned.search(since="2001-06-16", until="2005-06-15")) == "2345"
    assert numbers(scanned.search(until="2001-06-14")) == "0"
    assert numbers(scanned.search(since="2008-06-15T00:00", until="2008-06-15T00:00")) == "8"
    for wrong in ("yesterday", "2019-13", "2019-02-30", "", "0000"):
        with pytest.raises(ValueError, match=r"since: expected a time such as 2019"):
            scanned.search(since=wrong)
    with pytest.raises(ValueError, match="since, until: 2019-07 is after 2019-06-30"):
        scanned.search(since="2019-07", until="2019-06-30")


def test_periods() -> None:
    for text, days in (("2019-12", 31), ("2020-02", 29), ("2019", 365), ("2019-06-30", 1)):
        period = Period.parse("", text)
        assert period.end - period.start == days * DAY


def test_places(scanned: Library, album: Path) -> None:
    assert numbers(scanned.search(near=PARIS)) == "04"
    assert numbers(scanned.search(near=album / "0.png", km=30)) == "014"
    assert numbers(scanned.search(["p1"], near=PARIS, km=400)) == "012"
    with pytest.raises(NotFoundError, match="does not say where"):
        scanned.search(near=album / "5.png")
    with pytest.raises(NotFoundError, match="not in the library"):
        scanned.search(near=album / "x.png")
    for wrong in ({"near": (91.0, 0.0)}, {"near": PARIS, "km": 0}, {"near": PARIS, "km": np.nan}):
        with pytest.raises(ValueError, match=r"^(near|km): expected"):
            scanned.search(**wrong)  # type: ignore[arg-type]


def test_distances_across_the_date_line_and_the_pole() -> None:
    assert distance_km(0, 179.5, 0, -179.5) == pytest.approx(111.2, abs=0.1)
    assert distance_km(89.5, 0, 89.5, 180) == pytest.approx(111.2, abs=0.1)


def test_together(scanned: Library, engine: FakeEngine, album: Path) -> None:
    paint(album / "9.png", [0, 2], seed=99)
    scanned.scan(album)
    everybody = scanned.people()
    on = {p.id: {row.path for row in scanned.photos(p.id)} for p in everybody}
    expected = {
        frozenset((a, b)): len(on[a] & on[b])
        for a, b in itertools.combinations(on, 2)
        if on[a] & on[b]
    }
    pairs = scanned.together()
    assert {frozenset((c.person.id, c.other.id)): c.n_photos for c in pairs} == expected
    assert [c.n_photos for c in pairs] == [2, 1]
    assert [(c.other.id, c.n_photos) for c in scanned.together("p2")] == [("p1", 2)]
    scanned.hide("p1")
    assert scanned.together() == [] and len(scanned.together("p1")) == 2


def test_commands(scanned: Library, album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        code = main([*words, "--library", str(scanned.path)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    found = run("photos", "p1", "--without", "p2", "--from", "2000", "--to", "2003")[1]
    assert found.split() == [str(album / "0.png"), str(album / "2.png")]
    near = json.loads(run("photos", "--near", "48.86,2.35", "--json")[1])
    assert [(row["taken_at"], row["latitude"]) for row in near] == [
        ("2000-06-15T00:00:00", 48.86),
        ("2004-06-15T00:00:00", 48.86),
    ]
    assert run("photos", "--near", str(album / "0.png"), "--km", "30")[1].count("png") == 3
    assert run("photos")[0] == 1 and "which photos?" in run("photos")[2]
    assert "--from: expected a time" in run("photos", "p1", "--from", "x")[2]
    assert "--from, --to: 2001 is after 2000" in run("photos", "--from", "2001", "--to", "2000")[2]
    assert "--near: expected degrees" in run("photos", "--near", "-91.5,-0.5")[2]
    assert run("photos", "--near", "-48.86,-2.35") == (0, "", "")
    seen = run("people", "--seen")[1].splitlines()
    assert seen[1].split() == ["p1", "-", "5", "5", "2000-06-15", "2005-06-15"]
    assert run("together")[1].splitlines()[1].split() == ["p1", "-", "p2", "-", "2"]
    assert json.loads(run("together", "p2", "--json")[1]) == [
        {"id": "p2", "name": None, "with_id": "p1", "with_name": None, "photos": 2}
    ]
    assert "Nobody" in run("together", "p2", "--min-photos", "3")[2]
