"""What a user can say of people and faces.  Nothing is ever lost; anything can be taken back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from fastface.changes import compare
from fastface.errors import NotFoundError
from fastface.forgetting import forget
from fastface.looking import OpenLibrary
from fastface.periods import Period
from fastface.roll import Faces, Saying
from fastface.store import person_key
from fastface.types import Answer, Changes, Forgotten, Overruled, Person, Verdict
from fastface.verdicts import in_force, words
from fastface.verdicts.kinship import relate
from fastface.verdicts.names import new_name, same_name

DAY_S: Final = 86_400.0
PINS: Final = 64  # faces that tell who a person is of whom nothing was said yet


class Answers(OpenLibrary):
    """Says things for good: each answer is kept, dated, with the places of the faces it is about.

    An answer holds on to faces, not to clusters: it survives another grouping, scan or model.  The
    latest counts; `history` tells what it overruled.  People are given by id or name, faces by id.
    All raise NotFoundError for a person or face that is not in the library, AmbiguousError where
    several people may be meant, LibraryError as `Library` does.
    """

    @contextlib.contextmanager
    def watching(self, *, dry_run: bool = False) -> Iterator[Changes]:
        """Answers given inside happen as a whole; what they change is told at the end.

        dry_run: nothing is kept.

        with library.watching(dry_run=True) as changes:
            library.merge("p1", "p2")
        print(changes.moved)
        """
        changes = Changes()
        with self.rehearsal() if dry_run else self._answering():
            self._roll.look(self._model())
            before = self._roll.who_is_who()
            yield changes
            self._roll.look(self._model())
            found = compare(before, self._roll.who_is_who())
            changes.people, changes.moved = found.people, found.moved
            changes.confirmed = found.confirmed

    def name(self, person: str, name: str) -> Person:
        """Says what a person is called; returns the person as named.

        Giving the name of somebody else, in whatever case, says that the two are one, who keeps
        that one's id and name.
        Raises ValueError for a name that is empty, longer than 200 letters, reads as an id or holds
        control characters.
        """
        name = new_name(name)
        with self._answering():
            number = self._present(person)
            people = self._roll.people
            others = [n for n, row in people.items() if same_name(row.name, name) and n != number]
            if people[number].name != name and others:
                number = self._join([others[0], number])
            elif people[number].name != name:
                self._say(words.NAME, {"person": number, "name": name}, self._faces(number))
            return self._person(number)

    def merge(self, person: str, *others: str) -> Person:
        """Says that people are one; the first keeps id and, if there is one, name."""
        with self._answering():
            numbers = list(dict.fromkeys(map(self._present, (person, *others))))
            if len(numbers) < 2:
                raise ValueError("others: expected somebody else than the first person")
            return self._person(self._join(numbers))

    def split(self, person: str, faces: Iterable[str]) -> Person:
        """Says that some faces of a person are one other person; returns the new one."""
        with self._answering():
            number = self._present(person)
            named = self._faces(number)
            chosen = np.isin(named[:, 0], self._of(number, faces)[:, 0])
            if chosen.all():
                raise ValueError("faces: expected some of the person's faces, got all of them")
            new = self._roll.new_number()
            named[chosen, 1] = new
            self._say(words.DIFFERENT, {"people": [number, new]}, named)
            return self._person(new)

    def different(self, person: str, other: str) -> Answer:
        """Says that two people are not one, so that they are never joined."""
        with self._answering():
            numbers = [self._present(person), self._present(other)]
            if numbers[0] == numbers[1]:
                raise ValueError("other: expected somebody else; to divide a person, split")
            faces = np.concatenate([self._faces(number) for number in numbers])
            return self._say(words.DIFFERENT, {"people": numbers}, faces)

    def reject(self, person: str, faces: Iterable[str]) -> Answer:
        """Says that faces are not this person's, whoever else they may be."""
        with self._answering():
            number = self._find(person)
            own = self._these(faces)
            own[:, 1] = [self._roll.new_number() for _ in own]
            pins = self._faces(number)
            pins = pins[~np.isin(pins[:, 0], own[:, 0])][:PINS]
            said = own if self._roll.is_said(number) else np.concatenate([own, pins])
            return self._say(words.REJECT, {"person": number}, said)

    def not_face(self, faces: Iterable[str]) -> Answer:
        """Says that these are not faces at all, or nobody's who matters; they are left out."""
        with self._answering():
            said = self._these(faces)
            said[:, 1] = 0
            return self._say(words.NOT_FACE, {}, said)

    def confirm(self, person: str, faces: Iterable[str]) -> Answer:
        """Says that faces are this person's; the first to be compared with new photos."""
        with self._answering():
            number = self._find(person)
            said = self._these(faces)
            said[:, 1] = number
            return self._say(words.CONFIRM, {"person": number}, said)

    def hide(self, person: str) -> Answer:
        """Says that a person is not to be listed; nothing is deleted."""
        return self._show(person, words.HIDE)

    def unhide(self, person: str) -> Answer:
        """Says that a hidden person is to be listed again."""
        return self._show(person, words.UNHIDE)

    def favourite(self, person: str, face: str) -> Answer:
        """Says which face to show for a person."""
        with self._answering():
            number = self._present(person)
            return self._say(words.FAVOURITE, {"person": number}, self._of(number, [face]))

    def born(self, person: str, date: str) -> Answer:
        """Says when a person was born, so that nobody is taken for them on an earlier photo.

        date: `2012`, `2012-03` or `2012-03-30`; where only a part is known, its beginning counts.
        Raises ValueError for what is no such date, or is still to come.
        """
        if Period.parse("date", date).start > time.time() + DAY_S:  # whatever the time zone
            raise ValueError(f"date: {date} is still to come")
        with self._answering():
            number = self._present(person)
            return self._say(words.BORN, {"person": number, "born": date}, self._faces(number))

    def forget(self, person: str) -> Forgotten:
        """Deletes a person: embeddings, boxes, name, and what was said of nobody else.

        This cannot be undone.  What stays is where in which photos they are, so that no scan brings
        these faces back; in other photos they will be somebody new.  Faces of theirs that were
        taken for somebody else's stay.  The photos are not touched.
        """
        with self._answering():
            forgotten = forget(self._store, self._roll, self._find(person))
        return forgotten._replace(scrubbed=self._store.scrub())

    def undo(self, number: int | None = None) -> Answer:
        """Takes an answer back, with all of its batch; returns what was taken back.

        number: of the answer in `history`, which may be an undo itself; None: the last that counts
        and is no undo.  Raises ValueError where that cannot be taken back (any more).
        """
        with self._answering():
            verdicts = {v.id: v for v in self._roll.verdicts}
            stands = dict(zip(verdicts, in_force(self._roll.verdicts), strict=True))
            final = {words.UNDO, words.FORGET}
            if number is None:
                last = [n for n, v in verdicts.items() if stands[n] and v.kind not in final]
                if not last:
                    raise ValueError("there is nothing to take back")
                number = last[-1]
            if number not in verdicts:
                raise ValueError(f"there is no answer {number}; see the history")
            if verdicts[number].kind == words.FORGET or "redacted" in verdicts[number].payload:
                raise ValueError("who was forgotten cannot be brought back")
            if not stands[number]:
                raise ValueError(f"answer {number} was taken back already")
            batch = verdicts[number].payload.get("batch")
            together = [number]
            if batch is not None:
                of_batch = [n for n, v in verdicts.items() if v.payload.get("batch") == batch]
                together = [n for n in of_batch if stands[n]]
            nobody = np.empty((0, 2), np.int64)
            self._say_together([(words.UNDO, {"verdict": n}, nobody) for n in together])
        return next(answer for answer in self.history() if answer.number == number)

    def history(self, person: str | None = None) -> list[Answer]:
        """Everything that was said, or what was said of one person, in order."""
        with self._store.snapshot():
            verdicts = self._store.words()
            wanted = None if person is None else self._find(person)
            n_faces, people = self._store.n_anchors(), self._store.people_said()
            overruled: dict[int, list[Overruled]] = {}
            for loser, *by in self._store.state("conflicts", []):
                overruled.setdefault(loser, []).append(Overruled(*by))
        stands = in_force(verdicts)
        kin = relate([v if ok else None for v, ok in zip(verdicts, stands, strict=True)])
        return [
            _answer(verdict, n_faces.get(verdict.id, 0), ok, tuple(overruled.get(verdict.id, ())))
            for verdict, ok in zip(verdicts, stands, strict=True)
            if wanted is None
            or wanted in map(kin.root, {*words.people_of(verdict), *people.get(verdict.id, ())})
        ]

    def _show(self, person: str, kind: str) -> Answer:
        with self._answering():
            number = self._find(person)
            return self._say(kind, {"person": number}, self._faces(number))

    def _join(self, numbers: list[int]) -> int:
        faces = np.concatenate([self._faces(number) for number in numbers])
        self._say(words.SAME, {"people": numbers}, faces)
        # The first, unless this brings an earlier word into force again by which somebody else is.
        return self._roll.rulings.kin.root(numbers[0])

    def _answering(self) -> contextlib.AbstractContextManager[None]:
        return self._roll.changing(self._model())

    def _say(self, kind: str, payload: Mapping[str, Any], faces: Faces) -> Answer:
        return _answer(self._roll.say(kind, payload, faces), len(faces), True, ())

    def _say_together(self, sayings: Sequence[Saying]) -> None:
        """Says several things that are taken back together."""
        batch = {"batch": self._roll.new_batch()} if len(sayings) > 1 else {}
        self._roll.say_all([(kind, {**said, **batch}, faces) for kind, said, faces in sayings])

    def _present(self, person: str) -> int:
        number = self._find(person)
        if not self._roll.is_seen(number):
            raise NotFoundError(f"{person!r} is only on photos that are missing now")
        return number

    def _faces(self, number: int) -> Faces:
        return self._roll.faces_of(number)

    def _these(self, faces: Iterable[str]) -> Faces:
        """These faces, with whose they are now; 0 for nobody's."""
        found = []
        for face in dict.fromkeys(faces):
            observation = self._store.observation_of(self._model(), face)
            if observation is None:
                raise NotFoundError(f"there is no face {face!r}; `fastface faces` lists them")
            found.append(self._roll.face(observation))
        if not found:
            raise ValueError("faces: expected at least one")
        return np.array(found, np.int64)

    def _of(self, number: int, faces: Iterable[str]) -> Faces:
        asked = list(dict.fromkeys(faces))
        chosen = self._these(asked)
        for face, whose in zip(asked, chosen[:, 1], strict=True):
            if whose != number:
                raise ValueError(f"faces: {face} is not a face of {person_key(number)}")
        return chosen

    def _person(self, number: int) -> Person:
        (person,) = self._people({number: self._roll.people[number]}, number)
        return person


def _answer(
    verdict: Verdict, n_faces: int, stands: bool, overruled: tuple[Overruled, ...]
) -> Answer:
    people = words.people_of(verdict)
    return Answer(
        number=verdict.id,
        kind=verdict.kind,
        people=tuple(map(person_key, people)),
        name=verdict.payload.get("name"),
        n_faces=n_faces,
        said_at=verdict.said_at,
        undoes=verdict.payload.get("verdict"),
        batch=verdict.payload.get("batch"),
        stands=stands,
        overruled=overruled,
        born=verdict.payload.get("born"),
    )
