"""`bench/names_kept.py` on made-up photos: all that happens there, without models."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import names_kept
from fastface.photos import content_hash
from fastface.pipeline import Grouping
from fastface.store import Facts
from fastface.types import Box, IntArray
from naming_user import User
from tests.fake_engine import FakeEngine, paint


@dataclass
class Careless(FakeEngine):
    """With a threshold it groups anyhow, another way for each."""

    threshold: float | None = None

    def __reduce__(self) -> tuple[type[Careless], tuple[()]]:
        return Careless, ()

    def group(self, facts: Facts, said: IntArray, **part: Any) -> Grouping:
        found = super().group(facts, said, **part)
        if self.threshold is None:
            return found
        rng = np.random.default_rng(round(100 * self.threshold))
        return Grouping(found.moments, rng.integers(-1, 5, len(facts.ids)), self.threshold)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_names_are_kept_whatever_happens(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = names_kept.Truth()
    album, later = tmp_path / "album", tmp_path / "later"
    for index in range(30):
        people = rng.choice(8, rng.integers(1, 4), replace=False).tolist()
        path = paint((later if index % 5 == 4 else album) / f"{index}.jpg", people, seed=index)
        truth.names[content_hash(path)[:16]] = [
            (Box(0.05 + 0.2 * place, 0.1, 0.15, 0.2), f"person of {person}")
            for place, person in enumerate(people)
        ]
    engine = Careless(relabel=lambda person: person // 2)  # two people are one at first
    trial = names_kept.Trial(tmp_path / "private" / "library.db", album, truth, engine)
    names_kept.scan(trial)
    with trial.open() as library:
        User(library, truth.of(library.faces())).name(8)
        trial.remember(library)
        assert len(trial.ids) == 8 and {v.kind for v in trial.log} >= {"name", "different", "undo"}
    assert len(trial.kept) == sum(
        len(people) for photo, people in truth.names.items() if photo not in hashes(later)
    )
    assert len(trial.said) > 0.8 * len(trial.kept)
    engine.relabel = lambda person: person
    done = []
    for what in names_kept.steps(trial, later, [], crashes=3):
        with trial.open() as library:
            now = names_kept.check(trial, library)
        assert (now.n_intact, now.said, now.n_ids) == (len(trial.log), 1.0, 8), what
        done.append(what)
    assert len(done) == 10 and now.later > 0.9


def hashes(folder: Path) -> set[str]:
    return {content_hash(path)[:16] for path in folder.iterdir()}
