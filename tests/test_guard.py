"""The gate against slower kernels: it stops what it should, and not for one bad turn."""

from __future__ import annotations

from pathlib import Path

import pytest

import guard


class Scripted:
    """A build whose measurements are known; the last one repeats."""

    def __init__(self, name, *seconds):
        self.name, self.site = name, Path(name)
        self.left = list(seconds)

    def seconds(self, workload):
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


def judged(head, base=(1.0,), turns=3):
    return guard.judge(Scripted("base", *base), Scripted("head", *head), "edges", turns, 1.10)


def test_as_fast_or_slightly_slower_passes(capsys):
    assert judged([1.0]) and judged([1.09]) and judged([0.5])
    assert "SLOWER" not in capsys.readouterr().out


def test_slower_fails_and_says_by_how_much(capsys):
    assert not judged([1.12])
    assert "edges" in (line := capsys.readouterr().out) and "1.120" in line and "SLOWER" in line


def test_one_bad_turn_does_not_count():
    assert judged([1.0, 3.0, 1.0])


def test_a_bad_mood_is_measured_again():
    assert judged([1.3, 1.3, 1.3, 1.0])


def test_a_mood_that_both_share_cancels():
    assert judged(head=[1.0, 2.0, 4.0], base=[1.0, 2.0, 4.0])
    assert not judged(head=[1.2, 2.4, 4.8], base=[1.0, 2.0, 4.0])


def test_new_work_passes_and_lost_work_does_not(capsys):
    assert judged([1.0], base=[None])
    assert "new" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="edges: head no longer has it"):
        judged([None])
