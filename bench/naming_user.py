"""A user who is always right: names people, and corrects everything that is wrong about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from fastface.library import Library


class User:
    """truth: face id -> name, of everybody whose name the user knows.

    Uses every kind of answer, some of them by mistake, which is taken back.
    """

    def __init__(self, library: Library, truth: Mapping[str, str]) -> None:
        self._library, self._truth = library, truth
        self._named: list[str] = []  # ids

    def name(self, n_people: int) -> None:
        """Names the people with most photos, one after the other."""
        known = Counter(self._truth.values())
        for name in sorted(known, key=lambda name: (-known[name], name))[:n_people]:
            self._name(name)

    def _name(self, name: str) -> None:
        library, turn = self._library, len(self._named)
        own = [face for face, who in self._truth.items() if who == name]
        largest, faces = self._largest(own)
        if largest is None:
            return  # on unclear photos only
        if not self._is_mostly(largest, name):
            largest = library.split(largest, faces).id
        person = library.name(largest, name).id
        while (other := self._another(own, name, person)) is not None:
            library.merge(person, other) if turn % 2 else library.name(other, name)
        now = self._now()
        strays = [face for face in own if now[face] != person]
        if strays:
            library.confirm(person, strays)
        wrong = [f for f, p in now.items() if p == person and self._truth.get(f, name) != name]
        if wrong:
            library.reject(person, wrong)
        self._say_more(turn, person, own)
        self._named.append(person)

    def _now(self) -> dict[str, str | None]:
        return {face.id: face.person for face in self._library.faces()}

    def _largest(self, own: list[str]) -> tuple[str | None, list[str]]:
        """The person with most of these faces, and which."""
        now = self._now()
        of_people = Counter(now[face] for face in own if now[face] is not None)
        ((largest, _),) = of_people.most_common(1) or [(None, 0)]
        return largest, [face for face in own if now[face] == largest]

    def _another(self, own: list[str], name: str, person: str) -> str | None:
        """Somebody else who is mostly of this name."""
        now = self._now()
        others = sorted({p for face in own if (p := now[face]) not in (None, person)})
        return next((other for other in others if self._is_mostly(other, name)), None)

    def _is_mostly(self, person: str, name: str) -> bool:
        known = [self._truth.get(face.id) for face in self._library.faces(person)]
        return 2 * known.count(name) > len(known)

    def _say_more(self, turn: int, person: str, own: list[str]) -> None:
        library = self._library
        if turn % 3 == 0:
            library.favourite(person, own[turn % len(own)])
        if turn % 5 == 1:
            library.different(person, self._named[-1])
        if turn % 7 == 2:
            library.merge(self._named[-1], person)
            library.undo()
        if turn % 11 == 3:
            library.hide(person)
            library.unhide(person)
        if turn % 13 == 4:
            library.not_face(own[:1])
            library.undo()
