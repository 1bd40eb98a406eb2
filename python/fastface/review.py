"""The questions whose answers help most, what follows from an answer, and what may be missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fastface import doubts, pictures
from fastface.answers import Answers
from fastface.arrays import distinct
from fastface.completeness import MOST_DOUBTS, completeness
from fastface.doubts import SHOWN, Doubt, Known
from fastface.store import person_key
from fastface.types import Answer, FloatArray, IntArray, Question, QuestionSide


class Review(Answers):
    """Asks what it is least sure of; see `Library`."""

    def suggest(self, limit: int = 20) -> list[Question]:
        """The questions whose answers set most faces right, best first.

        Each asks whether the faces of two sides are one person: two people who may be one, or one
        who may be two. What was answered is not asked again, nor whether people with two names are
        one, nor about hidden people. No photo is read and no model needed.
        Raises ValueError for a limit below 1.
        """
        if limit < 1:
            raise ValueError(f"limit: expected at least 1, got {limit}")
        with self._store.snapshot():
            self._roll.look(self._model())
            rows, known = self._known()
            if not len(rows):
                return []
            curve = self._curve()

            embed = self._embedder(rows)
            joined = doubts.two_that_may_be_one(
                known, embed, self._settled(), curve, limit, bias=self._bias("same")
            )
            bias = self._bias("split")
            divided = doubts.one_that_may_be_two(known, embed, curve, limit, bias=bias)
            twice = doubts.twice_on_a_photo(known, embed, curve, limit, bias=bias)
            strays = doubts.more_like_somebody_else(known, embed, curve, limit, bias=bias)
            best = sorted([*joined, *divided, *twice, *strays], key=lambda doubt: -doubt.gain)
            samples = set(map(id, divided))
            best = [
                doubts.divide(doubt, known, embed) if id(doubt) in samples else doubt
                for doubt in best[:limit]
            ]
            return [self._question(doubt, rows, known) for doubt in best]

    def completeness(self) -> dict[str, float]:
        """Of each person, by id, what share of their faces is expected to be found, 0..1.

        What is missing is under other people, whom the evidence or the user does not rule out;
        unclear faces, and those that were never found, do not count.  Hidden people are left out.
        """
        with self._store.snapshot():
            self._roll.look(self._model())
            rows, known = self._known()
            if not len(rows):
                return {}
            pairs = doubts.two_that_may_be_one(
                known,
                self._embedder(rows),
                self._settled(),
                self._curve(),
                MOST_DOUBTS,
                bias=self._bias("same"),
            )
        shares = completeness(known.persons, pairs)
        return {person_key(person): share for person, share in shares.items()}

    def is_open(self, question: Question) -> bool:
        """Whether a question still asks what is not known: answers to others may have settled it.

        Raises NotFoundError where its faces are not in the library any more.
        """
        with self._store.snapshot():
            self._roll.look(self._model())
            people = self._people_asked_about(question)
            if people is None:
                return False
            one, other = people
            if one == other:
                return question.kind == "split" and not self._is_confirmed(question)
            return question.kind == "same" and not self._settled()(*sorted(people))

    def answer(self, question: Question, *, same: bool) -> Answer:
        """Says whether the two sides of a question are one person; at once, undone as any answer.

        Two people who are one are merged, the named or else the larger of them is kept; who is two
        is split. What is right as it is is kept too: the two are never joined, the faces that were
        shown are confirmed.
        Raises NotFoundError where the faces that are asked about are gone, ValueError where
        answers meanwhile made several people of one side.
        """
        with self._answering():
            people = self._people_asked_about(question)
            if people is None:
                raise ValueError("question: what it asks about has changed; suggest again")
            self._learn(question, same)
            one, other = map(person_key, people)
            if one != other and same:
                names = self.names()
                kept = other if names[one] is None and names[other] is not None else one
                self.merge(kept, one if kept == other else other)
            elif one != other:
                return self.different(one, other)
            elif same:
                return self.confirm(one, [f.id for side in question.sides for f in side.faces])
            else:
                faces = question.aside or [face.id for face in question.sides[1].faces]
                self.split(one, faces)
            return self.history()[-1]

    def _bias(self, kind: str) -> float:
        """How many times likelier than expected doubts of one kind proved to be right, so far."""
        expected, right = self._store.state("doubts", {}).get(kind, (0.0, 0))
        return float((right + 1.0) / (expected + 1.0))

    def _learn(self, question: Question, same: bool) -> None:
        """Counts an answer, and what the curve alone expected it to be."""
        kind, told = question.kind, self._store.state("doubts", {})
        chance = question.same if kind == "same" else 1.0 - question.same
        odds = chance / max(1.0 - chance, 1e-6) / self._bias(kind)
        expected, right = told.get(kind, (0.0, 0))
        told[kind] = expected + odds / (1.0 + odds), right + (same == (kind == "same"))
        self._store.set_state("doubts", told)

    def _known(self) -> tuple[IntArray, Known]:
        """Rows of the roll that have a person who is shown, and what is known of them."""
        members, rulings = self._roll.members, self._roll.rulings
        hidden = [n for n, row in self._roll.people.items() if row.hidden]
        listed = members.present & (members.persons > 0) & ~np.isin(members.persons, hidden)
        rows = np.flatnonzero(listed)
        ids = members.ids[rows]
        photos, quality = members.contents[rows], members.quality[rows]
        followed = self._store.followed()
        in_videos = np.flatnonzero(np.isin(ids, [*followed])).tolist()
        photos = pictures.number(photos, {k: followed[int(ids[k])].sightings for k in in_videos})
        groups = members.persons.copy()
        groups[rulings.said[0]] = rulings.said[1]  # the number before people were joined
        confirmed = rulings.confirmed[rows]
        return rows, Known(members.persons[rows], photos, groups[rows], confirmed, quality)

    def _embedder(self, rows: IntArray) -> doubts.Embed:
        """Reads faces, each once."""
        ids, model = self._roll.members.ids[rows], self._model()
        read = np.zeros(len(ids), np.bool_)
        table = np.empty((len(ids), 0), np.float32)

        def embed(of: IntArray) -> FloatArray:
            nonlocal table
            new = distinct(of[~read[of]])
            if len(new):
                found, faces = self._store.vectors(model, ids[new].tolist())
                if not table.shape[1]:
                    table = np.empty((len(ids), faces.shape[1]), np.float32)
                by_id = new[np.argsort(ids[new])]
                table[by_id[np.searchsorted(ids[by_id], found)]] = faces
                read[new] = True
            return table[of]

        return embed

    def _settled(self) -> Callable[[int, int], bool]:
        """Whether two people, the lower first, are known not to be one."""
        rulings, persons = self._roll.rulings, self._roll.members.persons
        apart = set(rulings.kin.apart)
        for row, refused in rulings.refused.items():
            person = int(persons[row])
            apart |= {(min(person, other), max(person, other)) for other in refused}
        named = {n for n, row in self._roll.people.items() if row.name is not None}
        return lambda one, other: (one, other) in apart or (one in named and other in named)

    def _question(self, doubt: Doubt, rows: IntArray, known: Known) -> Question:
        one, other = doubt.people
        aside = doubt.other if one == other else doubt.other[:0]
        ids = self._roll.members.ids[rows]
        shown = [_to_look_at(side, known) for side in (doubt.one, doubt.other)]
        faces = self._store.faces_by_id({*ids[np.concatenate([*shown, aside])].tolist()})
        people = self._roll.people
        first, second = (
            QuestionSide(
                person_key(person),
                people[person].name,
                tuple(faces[id_] for id_ in ids[side].tolist()),
            )
            for person, side in zip(doubt.people, shown, strict=True)
        )
        return Question(
            kind="split" if one == other else "same",
            sides=(first, second),
            aside=tuple(faces[id_].id for id_ in ids[aside].tolist()),
            same=round(doubt.same, 4),
            gain=round(doubt.gain, 4),
        )

    def _people_asked_about(self, question: Question) -> tuple[int, int] | None:
        """Whose the faces of both sides are now; None where that is not one person a side."""
        found: list[int] = []
        for side in question.sides:
            whose = {*self._these(face.id for face in side.faces)[:, 1].tolist()}
            if len(whose) != 1 or 0 in whose:
                return None
            found += whose
        return found[0], found[1]

    def _is_confirmed(self, question: Question) -> bool:
        """Whether the user said of every face that is shown that it is this person."""
        faces = self._these(face.id for side in question.sides for face in side.faces)
        return bool(self._roll.rulings.confirmed[faces[:, 0]].all())


def _to_look_at(side: IntArray, known: Known) -> Sequence[int]:
    """All faces of a small side, of a large one the clearest, on as many photos as there are."""
    order = side[np.argsort(-known.weight[side], kind="stable")]
    if len(order) <= SHOWN:
        few: list[int] = order.tolist()
        return few
    _, first = np.unique(known.photos[order], return_index=True)
    chosen: list[int] = order[np.sort(first)][:SHOWN].tolist()
    return chosen
