"""How much of everybody is said to be found follows how much is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fastface import doubts
from fastface.calibration import Calibration
from fastface.cli import main
from fastface.completeness import completeness
from fastface.library import Library
from tests.synthetic import people


@pytest.fixture
def scanned(library: Library, album: Path) -> Library:
    """p1 and p2, on photos 1 and 5 together."""
    library.scan(album)
    return library


def test_a_person_in_two_groups_is_less_complete_than_one_in_one() -> None:
    faces, truth = people([24, 24, 24, 24], cosine=0.45, seed=1)
    persons = truth + 1
    torn = np.flatnonzero(truth == 0)[:6]
    persons[torn] = 9
    photos = np.arange(len(faces))
    nobody = np.zeros(len(faces), bool)
    known = doubts.Known(persons, photos, persons, nobody, np.ones(len(faces)))
    pairs = doubts.two_that_may_be_one(
        known, lambda rows: faces[rows], lambda _, __: False, Calibration.of_pack(), 100
    )
    shares = completeness(persons, pairs)
    assert shares.keys() == {1, 2, 3, 4, 9}
    assert shares[9] < shares[1] < min(shares[2], shares[3], shares[4])
    assert shares[1] == pytest.approx(18 / 24, abs=0.1)
    assert min(shares[2], shares[3], shares[4]) > 0.95


def test_what_the_user_ruled_out_is_not_missing(
    scanned: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    before = scanned.completeness()
    assert before.keys() == {"p1", "p2"} and all(0 < share < 1 for share in before.values())
    scanned.different("p1", "p2")
    assert scanned.completeness() == {"p1": 1.0, "p2": 1.0}
    scanned.hide("p2")
    assert scanned.completeness().keys() == {"p1"}
    assert main(["people", "--complete", "--json", "--library", str(scanned.path)]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["completeness"] == 1.0
    assert main(["people", "--complete", "--library", str(scanned.path)]) == 0
    assert "> 99 %" in capsys.readouterr().out


def test_nobody_is_no_fault(library: Library) -> None:
    assert library.completeness() == {}
