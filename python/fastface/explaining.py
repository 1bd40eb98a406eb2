"""Why two faces, or people, are one person or two: what was measured, and what was said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from fastface import pictures, reasons
from fastface.answers import Answers
from fastface.calibration import Calibration
from fastface.exemplars import choose
from fastface.pipeline import strangers_of
from fastface.reasons import Earlier, Likeness, Meeting
from fastface.rule import Rule
from fastface.store import Closeup, person_key
from fastface.types import Answer, Face, FloatArray, IntArray
from fastface.verdicts import Places

MAX_FACES: Final = 1000  # of one side: a sample beyond says the same
MAX_BRANCHES: Final = 2000  # faces of a cluster whose dendrogram is made again
MAX_COMPARED: Final = 200  # faces of somebody among which the least alike is looked for
RIVALS: Final = 8  # other people whose exemplars may explain a face better
_FACE_ID: Final = re.compile(r"[0-9a-f]{16}-\d+")


@dataclass(frozen=True, slots=True)
class Side:
    """What was asked about.  face: None for a person.  person, name: whose it is, or None."""

    face: Face | None
    person: str | None
    name: str | None
    n_faces: int


@dataclass(frozen=True, slots=True)
class Carrier:
    """An exemplar that a face resembles.

    share: of the face's sparse code, 0..1.  similarity: the cosine, -1..1.
    """

    face: Face
    person: str
    name: str | None
    share: float
    similarity: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why two sides are one person or two.

    together: whether they are one now.  pair, likeness: the two nearest faces of the sides, and how
    near.  same_moment: whether those were taken in one moment, where clothes count.
    same_cluster: whether the machine alone sees them as one.  meeting: the two clusters that hold
    the pair, where the dendrogram joined them or would; None where one is too unclear for groups.
    median: the median distance of all faces of the two sides.  answers: what you said of them.
    carriers: of a face and a person, the exemplars that the face resembles, of anybody.  earlier:
    how near the pair is to models before the present one that saw both faces, which counts too.
    """

    a: Side
    b: Side
    together: bool
    pair: tuple[Face, Face]
    likeness: Likeness
    same_moment: bool
    same_cluster: bool
    meeting: Meeting | None
    median: float
    answers: tuple[Answer, ...]
    carriers: tuple[Carrier, ...]
    earlier: tuple[Earlier, ...] = ()


class _Asked(NamedTuple):
    """A side, and the rows of its faces in `Members`."""

    is_face: bool
    person: int
    rows: IntArray


class Explanations(Answers):
    """Explains; see `Library`."""

    def why(self, a: str, b: str) -> Explanation:
        """Why two faces, a face and a person, or two people are one person or are not.

        a, b: a face's id, or a person's id or name.  Embeddings are compared, never shown.
        Raises NotFoundError for what is not in the library, ValueError for the same twice or for a
        person of whom nothing is left but the face that is compared with them.
        """
        with self._store.snapshot():
            self._roll.look(self._model())
            one, other = self._asked(a), self._asked(b)
            if one.is_face != other.is_face:  # a face is not compared with itself in a person
                one, other = _without(one, other), _without(other, one)
            if not len(one.rows) or not len(other.rows) or np.array_equal(one.rows, other.rows):
                raise ValueError("a, b: expected two different faces or people")
            return self._explain(one, other)

    def least_sure(self, person: str) -> list[Explanation]:
        """Of somebody's faces the one least like the others, and who is most like the person.

        person: an id or a name.  Shorter where there is one face only, or nobody else.
        Raises NotFoundError for a person that is not in the library.
        """
        with self._store.snapshot():
            self._roll.look(self._model())
            asked = self._asked(person)
            near = [*self._closeups(_spread(asked.rows, MAX_COMPARED)).values()]
            if not near:
                return []
            faces, key = _faces(near), person_key(asked.person)
            found = []
            if len(near) > 1:
                typical = np.median(faces @ faces.T, axis=1)
                found.append(self.why(near[int(typical.argmin())].face_id, key))
            others = [n for n in self._rivals(faces.mean(axis=0)) if n != asked.person]
            if others:
                found.append(self.why(key, person_key(others[0])))
        return found

    def _explain(self, one: _Asked, other: _Asked) -> Explanation:
        members, curve = self._roll.members, self._curve()
        sample = _spread(one.rows), _spread(other.rows)
        near = self._closeups(np.concatenate(sample))
        a, b = ([near[row] for row in rows.tolist()] for rows in sample)
        likeness = reasons.nearest(_faces(a), _faces(b), curve)
        pair = int(sample[0][likeness.a]), int(sample[1][likeness.b])
        shown = near[pair[0]], near[pair[1]]
        same_moment = shown[0].moment == shown[1].moment >= 0
        if same_moment:
            n_faces = self._store.n_clear_in_moment(self._model(), shown[0].moment)
            likeness = reasons.dressed(likeness, (shown[0].torso, shown[1].torso), n_faces, curve)
        clusters = members.clusters[list(pair)].tolist()
        found = self._store.faces_by_id(members.ids[list(pair)].tolist())
        face, person = (one, other) if one.is_face else (other, one)
        return Explanation(
            a=self._side(one),
            b=self._side(other),
            together=bool(one.person == other.person != 0),
            pair=(found[int(members.ids[pair[0]])], found[int(members.ids[pair[1]])]),
            likeness=likeness,
            same_moment=same_moment,
            same_cluster=clusters[0] == clusters[1] != 0,
            meeting=self._meeting(pair) if all(clusters) else None,
            median=reasons.median_distance(_faces(a), _faces(b)),
            answers=self._answers_about(one, other),
            carriers=self._carriers(face, person) if face.is_face and not person.is_face else (),
            earlier=self._earlier(shown),
        )

    def _asked(self, what: str) -> _Asked:
        members = self._roll.members
        if _FACE_ID.fullmatch(what):
            row, person = self._these([what])[0].tolist()
            return _Asked(True, person, np.array([row]))
        number = self._find(what)
        rows = np.flatnonzero((members.persons == number) & members.present)
        return _Asked(False, number, rows)

    def _side(self, asked: _Asked) -> Side:
        people = self._roll.people
        face = None
        if asked.is_face:
            id_ = int(self._roll.members.ids[asked.rows[0]])
            face = self._store.faces_by_id([id_])[id_]
        person = person_key(asked.person) if asked.person else None
        name = people[asked.person].name if asked.person else None
        return Side(face, person, name, len(asked.rows))

    def _closeups(self, rows: IntArray) -> dict[int, Closeup]:
        ids = self._roll.members.ids[rows].tolist()
        found = self._store.closeups(ids)
        return {row: found[id_] for row, id_ in zip(rows.tolist(), ids, strict=True)}

    def _meeting(self, pair: tuple[int, int]) -> Meeting:
        """The clusters of two faces: as they met, inside one cluster, or as they are, if in two."""
        members = self._roll.members
        grouped = [
            np.flatnonzero((members.clusters == members.clusters[row]) & members.present)
            for row in pair
        ]
        happened = bool(members.clusters[pair[0]] == members.clusters[pair[1]])
        if happened:
            rows = np.union1d(_spread(grouped[0], MAX_BRANCHES), pair)
            near = self._closeups(rows)
            at = np.searchsorted(rows, pair).tolist()
            branches = reasons.branches(_faces([near[row] for row in rows.tolist()]), *at)
            sides = [rows[branch] for branch in branches]
        else:
            sides = [_spread(rows) for rows in grouped]
            near = self._closeups(np.concatenate(sides))
        a, b = ([near[row] for row in side.tolist()] for side in sides)
        n_clusters = self._store.n_clusters(self._model())
        photos, rule = np.split(_pictures([*a, *b]), [len(a)]), self._rule()
        return reasons.meeting(
            _faces(a), _faces(b), (photos[0], photos[1]), n_clusters, rule, happened=happened
        )

    def _earlier(self, pair: tuple[Closeup, Closeup]) -> tuple[Earlier, ...]:
        """Two faces as models before the present one saw them, of those that saw both clearly."""
        looks = self._store.other_looks(self._model(), {near.content for near in pair})
        places, found = Places(near.place for near in pair), []
        for tag, (anchors, faces) in looks.items():
            at = [places.find(anchor) for anchor in anchors]
            if {0, 1} <= {*at}:
                a, b = faces[at.index(0)], faces[at.index(1)]
                found.append(reasons.earlier(tag, a, b, strangers_of(tag)))
        return tuple(found)

    def _rule(self) -> Rule:
        """By which the groups were made."""
        shown = self._store.state("grouping", {}).get("rule")
        return Rule.unknown(Calibration.of_pack().strangers) if shown is None else Rule.of(shown)

    def _answers_about(self, one: _Asked, other: _Asked) -> tuple[Answer, ...]:
        """What was said of a face that was asked about, or of both people."""
        kin = self._roll.rulings.kin
        about = [self._roll.answers_about(asked.rows) for asked in (one, other) if asked.is_face]
        numbers = set().union(*about)
        both = {one.person, other.person} - {0}
        people = {person_key(number) for number in both}
        history, found = self.history(), []
        for answer in history:
            named = {person_key(kin.root(int(id_[1:]))) for id_ in answer.people}
            of_both = len(both) == 2 and (people <= named or people <= {*answer.people})
            if answer.number in numbers or of_both:
                found.append(answer)
        said = {answer.number for answer in found}
        found += [a for a in history if a.undoes in said and a.number not in said]
        return tuple(sorted(found, key=lambda answer: answer.number))

    def _carriers(self, face: _Asked, person: _Asked) -> tuple[Carrier, ...]:
        """The exemplars that a face resembles, among those of whom it may be."""
        members, people = self._roll.members, self._roll.people
        (row,) = face.rows.tolist()
        seen = self._closeups(face.rows)[row].face
        candidates = {person.person, face.person, *self._rivals(seen)} - {0}
        rows = np.flatnonzero(np.isin(members.persons, [*candidates]) & members.present)
        rows = rows[rows != row]
        near = self._closeups(rows)
        vectors = _faces([near[k] for k in rows.tolist()])
        quality = np.array([near[k].quality for k in rows.tolist()])
        sure, who = members.said[rows] > 0, members.persons[rows]
        groups = [np.flatnonzero(who == number) for number in np.unique(who)]
        chosen = np.concatenate(
            [rows[own[choose(vectors[own], quality[own], confirmed=sure[own])]] for own in groups]
        )
        exemplars = _faces([near[k] for k in chosen.tolist()])
        parts = reasons.parts(seen, exemplars)
        found = self._store.faces_by_id(members.ids[chosen].tolist())
        carriers = []
        for part in parts:
            whose = int(members.persons[chosen[part.row]])
            exemplar = found[int(members.ids[chosen[part.row]])]
            name = people[whose].name
            carriers.append(Carrier(exemplar, person_key(whose), name, part.share, part.similarity))
        return tuple(carriers)

    def _rivals(self, seen: FloatArray) -> list[int]:
        """The people whose clearest faces a face resembles most."""
        figures = self._store.person_figures(self._model())
        clearest = {n: row.clearest for n, row in figures.items()}
        vectors = self._store.embeddings(self._model(), clearest.values())
        likeness = {n: float(vectors[id_] @ seen) for n, id_ in clearest.items() if id_ in vectors}
        return sorted(likeness, key=lambda n: (-likeness[n], n))[:RIVALS]


def _without(asked: _Asked, other: _Asked) -> _Asked:
    """A person without the face that they are compared with."""
    return asked if asked.is_face else asked._replace(rows=np.setdiff1d(asked.rows, other.rows))


def _spread(rows: IntArray, most: int = MAX_FACES) -> IntArray:
    """At most so many rows, evenly spread."""
    return rows[:: max(1, -(-len(rows) // most))]


def _faces(closeups: list[Closeup]) -> FloatArray:
    return np.stack([closeup.face for closeup in closeups])


def _pictures(closeups: list[Closeup]) -> IntArray:
    contents = np.array([closeup.content for closeup in closeups], np.int64)
    return pictures.of_anchors(contents, [closeup.place for closeup in closeups])
