"""Plain Python twin of `fastface.verdicts`: who is who, slowly and obviously, from a log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

Face = tuple[str, int]  # photo, place in it; sorted as everywhere

OF_ONE = {"name", "same", "confirm", "hide", "unhide", "favourite"}  # forgotten with the person
AFFIRMING = {"name", "same", "different", "confirm", "hide", "unhide", "favourite"}


@dataclass
class Said:
    """kind, people and name as in the log; faces: who each is said to be; undoes: an index.

    batch: a number that what is taken back together shares.
    """

    kind: str
    people: list[int] = field(default_factory=list)
    faces: dict[Face, int] = field(default_factory=dict)
    name: str | None = None
    undoes: int | None = None
    batch: int | None = None
    forgotten: bool = False


class Log:
    """Everything that was said, oldest first."""

    def __init__(self, said: Iterable[Said]) -> None:
        self.said = list(said)
        self.standing = self._standing()
        self.joins, self.parted = self._ties()
        self.groups = self._groups()

    def _standing(self) -> list[int]:
        """What counts: not forgotten, and not taken back by an undo that counts."""
        undone: set[int] = set()
        for index in reversed(range(len(self.said))):
            said = self.said[index]
            if index not in undone and said.kind == "undo":
                assert said.undoes is not None
                undone.add(said.undoes)
        return [k for k, s in enumerate(self.said) if k not in undone and not s.forgotten]

    def together(self, index: int) -> list[int]:
        """What counts and is taken back with the verdict at an index."""
        batch = self.said[index].batch
        if batch is None:
            return [index]
        return [k for k in self.standing if self.said[k].batch == batch]

    def _ties(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Merges (oldest first) and partings that hold; the latest is heard first."""
        joins: list[tuple[int, int]] = []
        parted: list[tuple[int, int]] = []
        for index in reversed(self.standing):
            said = self.said[index]
            if said.kind == "different":
                one, two = said.people
                if two not in self._reached(one, joins):
                    parted.append((one, two))
            if said.kind == "same":
                kept, *others = said.people
                found: list[tuple[int, int]] = []
                for other in others:
                    a, b = self._reached(kept, joins), self._reached(other, joins)
                    if other in a:  # said again later
                        continue
                    if not any((x in a and y in b) or (y in a and x in b) for x, y in parted):
                        joins = [*joins, (kept, other)]
                        found.append((kept, other))
                joins = [j for j in joins if j not in found] + found[::-1]
        return joins[::-1], parted

    @staticmethod
    def _reached(person: int, joins: list[tuple[int, int]]) -> set[int]:
        reached, grown = {person}, True
        while grown:
            more = {x for join in joins for x in join if reached & set(join)}
            grown = not more <= reached
            reached |= more
        return reached

    def _groups(self) -> dict[int, list[int]]:
        """Of everybody who was merged: the group, the one who was kept first."""
        groups: dict[int, list[int]] = {}
        for kept, other in self.joins:
            one, two = groups.get(kept, [kept]), groups.get(other, [other])
            if one is not two:
                for person in (merged := [*one, *two]):
                    groups[person] = merged
        return groups

    def root(self, person: int) -> int:
        return self.groups.get(person, [person])[0]

    def people(self) -> set[int]:
        """Everybody who is named by what counts."""
        standing = [self.said[k] for k in self.standing]
        return {p for s in standing for p in (*s.people, *s.faces.values()) if p}

    def name(self, person: int) -> str | None:
        names = {s.people[0]: s.name for k in self.standing if (s := self.said[k]).kind == "name"}
        group = self.groups.get(person, [person])
        return next((names[p] for p in group if p in names), None)

    def hidden(self, person: int) -> bool:
        last = [
            s.kind
            for k in self.standing
            if (s := self.said[k]).kind in ("hide", "unhide") and s.people[0] == person
        ]
        return last[-1:] == ["hide"]

    def rows(self, face: Face) -> tuple[list[int], set[int], int]:
        """What was said of a face that still holds.

        Whom it is said to be, 0 for no face; whom it is not; the number it got when that was said.
        """
        rows: list[tuple[bool, int, int]] = []  # whether it is, this number, its own number
        for index in self.standing:
            said = self.said[index]
            if face not in said.faces:
                continue
            number = said.faces[face]
            affirmed = said.kind != "reject" or number == said.people[0]
            row = (affirmed, number if affirmed else said.people[0], number)
            rows = [r for r in rows if r[0] == affirmed or self.root(r[1]) != self.root(row[1])]
            rows.append(row)
        yes = [number for affirmed, number, _ in rows if affirmed]
        no = {self.root(number) for affirmed, number, _ in rows if not affirmed}
        return yes, no, [0, *(own for affirmed, _, own in rows if not affirmed)][-1]


def forgotten(told: Iterable[Said], person: int, gone: set[Face]) -> list[Said]:
    """The log after somebody, with these faces, was forgotten: what is left of each verdict."""
    said = list(told)
    log = Log(said)
    numbers = {person, *(n for n in log.people() if log.root(n) == person)}
    rest: list[Said] = []
    for verdict in said:
        left = {face: who for face, who in verdict.faces.items() if face not in gone}
        emptied = bool(verdict.faces) and not left
        only_theirs = (
            verdict.kind in OF_ONE and bool(verdict.people) and {*verdict.people} <= numbers
        )
        if emptied or only_theirs:
            rest.append(Said(verdict.kind, forgotten=True))
        else:
            rest.append(replace(verdict, faces=left))
    return [*rest, Said("forget", faces=dict.fromkeys(gone, 0))]


def expected(log: Log, clusters: Mapping[Face, int]) -> dict[Face, set[int]]:
    """Who each face may be: one person, of several who claim its cluster any; 0 for nobody."""
    said = {face: log.rows(face) for face in clusters}
    seat = {face: log.root(yes[-1]) if yes else 0 for face, (yes, _, _) in said.items()}
    no_face = {face for face, (yes, _, _) in said.items() if yes and not yes[-1]}
    live = {face: 0 if face in no_face else cluster for face, cluster in clusters.items()}
    claims = _claims(log, said, seat, live)
    result: dict[Face, set[int]] = {}
    for face, cluster in live.items():
        _, refused, own = said[face]
        if seat[face]:
            result[face] = {seat[face]}
        elif face in no_face or not cluster:
            result[face] = {0}
        else:
            holders = claims.get(cluster) or {log.root(cluster)}
            alone = 0 if log.root(own) in refused else log.root(own)
            result[face] = (holders - refused) or {alone}
    return result


def _claims(
    log: Log,
    said: Mapping[Face, tuple[list[int], set[int], int]],
    seat: Mapping[Face, int],
    live: Mapping[Face, int],
) -> dict[int, set[int]]:
    claims: dict[int, set[int]] = {}
    size = Counter(live.values())
    seated = Counter((live[face], seat[face]) for face in live if live[face] and seat[face])
    for (cluster, person), n in seated.items():
        if 2 * n > size[cluster]:
            claims.setdefault(cluster, set()).add(person)
    homes: dict[int, Counter[int]] = {}
    for face in sorted(live):
        for number in {n for n in said[face][0] if n and log.root(n) == seat[face]}:
            if live[face]:
                homes.setdefault(number, Counter())[live[face]] += 1
    for number, places in homes.items():  # of equal ones the first that was met
        claims.setdefault(places.most_common(1)[0][0], set()).add(log.root(number))
    known = {log.root(person) for person in log.people()}
    for cluster in {c for c in live.values() if c}:
        if log.root(cluster) in known:
            claims.setdefault(cluster, set()).add(log.root(cluster))
    return claims
