"""Any commands in any order, on a library on disk: what was said stays true, or is explained.

Photos come, go and move, the faces are grouped by whim, the model is exchanged, commands are
rehearsed, cut short, given by a second connection and taken back.  After every step the library
must agree with a plain Python twin of the rules (`reference/people.py`).

    python -m pytest tests/test_state_machine.py --hypothesis-profile=long    500 commands a run
"""

from __future__ import annotations

import dataclasses
import shutil
import sqlite3
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fastface import updating
from fastface.library import Library
from fastface.pipeline import Grouping
from fastface.store import Facts, Members
from fastface.types import IntArray
from tests.fake_engine import UNCLEAR, FakeEngine, again, paint
from tests.library_state import copy_reversed, log_of, picture
from tests.reference.commands import COMMANDS, Command, give, someone
from tests.reference.people import Face, Log, Said, expected, forgotten
from tests.test_forgetting import found, pieces

PHOTOS = ([0], [0, 1], [0, 2], [], [1], [1, 0, 3], [2, UNCLEAR], [3], [1, 2])


@dataclass
class Whim(FakeEngine):
    """Groups by the person who is shown; with a seed, anyhow."""

    seed: int = 0

    def group(self, facts: Facts, said: IntArray, **part: Any) -> Grouping:
        found = super().group(facts, said, **part)
        if not self.seed:
            return found
        rng = np.random.default_rng(self.seed)
        return Grouping(found.moments, rng.integers(-1, 4, len(facts.ids)), 0.5)


class AnyHistory(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.album = self.folder / "album"
        self.engine = Whim()
        self.library = Library(self.folder / "private" / "library.db", engine=self.engine)
        self.log: list[Said] = []
        self.forgotten: set[Face] = set()
        self.traces: list[bytes] = []
        self.ever = 0  # the greatest number that was ever given
        self.n_photos = 0
        for people in PHOTOS:
            self._paint(people)
        self.library.scan(self.album)
        self.patches = pytest.MonkeyPatch()

    @initialize(large=st.booleans())
    def treat_as(self, large: bool) -> None:
        """As a large library: new faces are assigned, and groupings are of what changed only."""
        if large:
            self.patches.setattr(updating, "QUICKLY_GROUPED", 0)
            self.patches.setattr(updating, "MOSTLY_KNOWN", 1)

    def teardown(self) -> None:
        self.patches.undo()
        self.library.close()
        shutil.rmtree(self.folder)

    # -- what a user says ------------------------------------------------------------------------

    @rule(command=COMMANDS)
    def say(self, command: Command) -> None:
        self._hear(self._give(self.library, command))

    @rule(command=COMMANDS)
    def say_elsewhere(self, command: Command) -> None:
        with Library(self.library.path, engine=self.engine) as elsewhere:
            self._hear(self._give(elsewhere, command))

    @rule(command=COMMANDS)
    def say_and_take_back(self, command: Command) -> None:
        before = picture(self.library)
        said = self._give(self.library, command)
        self._hear(said)
        if said is not None:
            self.library.undo()
            self.log.append(Said("undo", undoes=len(self.log) - 1))
            assert picture(self.library) == before

    @rule(command=COMMANDS)
    def rehearse(self, command: Command) -> None:
        before = picture(self.library)
        with self.library.watching(dry_run=True):
            self._give(self.library, command)
        assert picture(self.library) == before

    @rule(command=COMMANDS, instructions=st.integers(1, 4000))
    def cut_short(self, command: Command, instructions: int) -> None:
        """SQLite stops one statement of the change after so many instructions."""
        before = picture(self.library)
        database = self.library._store._database
        connection = database._connection
        strokes = iter([True])
        connection.set_progress_handler(
            lambda: database.is_changing and next(strokes, False), instructions
        )
        try:
            said = self._give(self.library, command)
        except sqlite3.OperationalError:
            assert picture(self.library) == before
        else:
            self._hear(said)
        finally:
            connection.set_progress_handler(None, 0)

    @rule(back=st.none() | st.integers(0, 40))
    def undo(self, back: int | None) -> None:
        """The last that counts, or the one so far back."""
        log = Log(self.log)
        verdicts = self.library._store.words()
        if back is None:
            free = [k for k in log.standing if self.log[k].kind not in ("undo", "forget")]
            index = free[-1] if free else None
        else:
            index = len(self.log) - 1 - back if back < len(self.log) else None
        number = None if back is None else verdicts[index].id if index is not None else 10**6
        final = index is not None and (
            self.log[index].forgotten or self.log[index].kind == "forget"
        )
        if index is None or final or index not in log.standing:
            with pytest.raises(ValueError, match=r"take back|no answer|brought back|already"):
                self.library.undo(number)
            return
        self.library.undo(number)
        batch = log_of(self.library)[-1].batch
        together = log.together(index)
        assert (batch is None) == (len(together) == 1)
        self.log += [Said("undo", undoes=k, batch=batch) for k in together]

    @rule(same=st.booleans())
    def answer_a_question(self, same: bool) -> None:
        """Only which people are asked about is up to the library."""
        before = picture(self.library)
        for question in self.library.suggest(1):
            one, other = (int(side.person[1:]) for side in question.sides)
            assert not (before.people[one].hidden or before.people[other].hidden)
            self.library.answer(question, same=same)
            said = log_of(self.library)[-1]
            joined = one != other and same
            assert said.kind == ("same" if joined else "confirm" if same else "different")
            assert {one, other} <= {*said.people, *said.faces.values()}
            self._hear(said)
            assert not any(again == question for again in self.library.suggest(5))

    @rule()
    def names_go_out_and_come_in(self) -> None:
        """Beside the photos; those may have moved since names were written beside them."""
        self._import_names()
        self.library.export_names()
        self._import_names()
        assert not self.library.import_names(replace=True).n_answers, "nothing is new any more"

    @precondition(lambda self: len(self.forgotten) < 6)
    @rule(person=st.integers(0, 7))
    def forget(self, person: int) -> None:
        before = picture(self.library)
        number = someone(before, person)
        if number is None:
            return
        gone = {face for face, seen in before.faces.items() if seen.person == number}
        rows = self.library._store._database.rows(
            """SELECT face FROM observation JOIN membership ON observation_id = id
               WHERE person_id = ?""",
            (number,),
        )
        self.traces += [piece for row in rows for piece in pieces(row[0])]
        self.library.forget(f"p{number}")
        self.log = forgotten(self.log, number, gone)
        self.forgotten |= gone
        assert not found(self.library.path.parent, self.traces)

    # -- what happens meanwhile ------------------------------------------------------------------

    @rule(seed=st.integers(0, 3))
    def regroup(self, seed: int) -> None:
        self.engine.seed = seed
        self.library.recluster()

    @rule()
    def update(self) -> None:
        self.library.update()
        assert not self.library.update_is_due()

    @rule()
    def replay(self) -> None:
        """Everything is heard, weighed and settled again, to the same end."""
        before = picture(self.library)
        roll = self.library._roll
        with roll.changing(self.library._model()):
            roll.start_anew()
        assert picture(self.library) == before

    @rule()
    def copy_in_another_order(self) -> None:
        """The same facts, in the reverse order, with the same log come to the same people."""
        self.library.close()
        path = self.folder / "copy.db"
        copy_reversed(self.library.path, path)
        self.library = Library(self.library.path, engine=self.engine)
        with Library(path, engine=self.engine) as copy:
            with copy._roll.changing(copy._model()):
                copy._roll.start_anew()
            here, there = picture(self.library), picture(copy)
            assert here.faces == there.faces
            assert [*here.people] == [*there.people]
            for number, row in here.people.items():
                assert row[:2] == there.people[number][:2]  # `cover` is a row's number
        path.unlink()

    @rule()
    def open_again(self) -> None:
        self.library = again(self.library, self.engine)

    @rule(tag=st.sampled_from(["fake-1", "fake-2", "fake-3"]))
    def another_model(self, tag: str) -> None:
        """It sees each face a little aside of where another sees it."""
        self.engine.model_tag = tag
        self.engine.analyzer.shift = 0.01 * int(tag[-1])
        self.library.scan(self.album)

    @precondition(lambda self: self.n_photos < 20)
    @rule(people=st.lists(st.integers(0, 3), min_size=1, max_size=2, unique=True))
    def new_photo(self, people: list[int]) -> None:
        """Who is on it does not change as more is said of others."""
        self._paint(people)
        self.library.scan(self.album)
        self.replay()

    @rule(photo=st.integers(0, 19), how=st.sampled_from(["away", "back", "renamed", "copied"]))
    def handle_photo(self, photo: int, how: str) -> None:
        folder = self.album if how != "back" else self.folder
        photos = sorted(folder.glob("*.png"))
        if not photos:
            return
        chosen = photos[photo % len(photos)]
        if how == "copied":
            (self.album / "copy.png").write_bytes(chosen.read_bytes())
        else:
            target = {"away": self.folder, "back": self.album, "renamed": self.album}[how]
            chosen.rename(target / ("renamed.png" if how == "renamed" else chosen.name))
        self.library.scan(self.album)

    # -- what holds ------------------------------------------------------------------------------

    @invariant()
    def no_verdict_is_lost(self) -> None:
        assert log_of(self.library) == self.log

    @invariant()
    def people_are_what_the_twin_says(self) -> None:
        log, now = Log(self.log), picture(self.library)
        who = expected(log, {face: seen.cluster for face, seen in now.faces.items()})
        of_person = Counter(seen.person for seen in now.faces.values())
        for face, seen in now.faces.items():
            assert seen.person in who[face]
        assert [*now.people] == sorted(of_person.keys() - {0})
        for number, row in now.people.items():
            assert row.name == log.name(number)
            assert row.hidden == log.hidden(number)
        self.ever = max([self.ever, *of_person, *(seen.cluster for seen in now.faces.values())])

    @invariant()
    def every_face_is_listed_once(self) -> None:
        now = picture(self.library).faces
        here = {f"{hash_[:16]}-{place}" for (hash_, place), seen in now.items() if seen.present}
        no_face = {
            f"{hash_[:16]}-{place}" for (hash_, place), seen in now.items() if seen.said == -1
        }
        listed = [face.id for face in self.library.faces()]
        assert sorted(listed) == sorted(here - no_face)
        of_people = [f.id for p in self.library.people(hidden=True) for f in self._faces(p.id)]
        assert len(of_people) == len(set(of_people)), "nobody's face is somebody else's"
        assert {*of_people} == {f.id for f in self.library.faces() if f.person is not None}
        assert not self.forgotten & now.keys()

    @invariant()
    def what_is_counted_and_kept_is_right(self) -> None:
        """By looking at everybody's photos; and what is kept is what would be read anew."""
        for person in self.library.people(hidden=True):
            photos = self.library.photos(person.id)
            assert person.n_photos == len(photos)
            assert person.n_faces == sum(len(photo.faces) for photo in photos)
            assert person.n_videos == 0 and person.first_seen is None
        store, model = self.library._store, self.library._model()
        kept, figures = store.members(model), store.person_figures(model)
        with self.library.rehearsal():
            store._database.run("DELETE FROM roster")
            store.set_state("figures", None)
            assert store.person_figures(model) == figures
            anew = store.members(model)
        for column in dataclasses.fields(Members):
            here, there = getattr(kept, column.name), getattr(anew, column.name)
            assert here.dtype == there.dtype
            np.testing.assert_array_equal(here, there, column.name)

    def _import_names(self) -> None:
        report = self.library.import_names()
        said = log_of(self.library)[len(self.log) :]
        assert len(said) == report.n_answers
        assert len({verdict.batch for verdict in said}) <= 1
        for verdict in said:
            self._hear(verdict)

    # -- tools -----------------------------------------------------------------------------------

    def _paint(self, people: list[int]) -> None:
        paint(self.album / f"{self.n_photos:02}.png", people, seed=self.n_photos)
        self.n_photos += 1

    def _faces(self, person: str) -> list[Any]:
        return [face for row in self.library.photos(person) for face in row.faces]

    def _give(self, library: Library, command: Command) -> Said | None:
        return give(command, library, picture(self.library), self.log, self.ever)

    def _hear(self, said: Said | None) -> None:
        if said is not None:
            self.log.append(said)
            self.ever = max(self.ever, *said.people, *said.faces.values(), 0)


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
