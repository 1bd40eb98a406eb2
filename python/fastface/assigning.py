"""New faces to people at once, by comparing them with everybody's exemplars.

The cost is that of the new photos and of the gallery, however many faces the library holds. It is
a first answer: the next grouping (`updating`) looks at the new faces together with the old.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from fastface import pictures
from fastface.pipeline import Engine, Match
from fastface.recognition import Recogniser
from fastface.store import Facts, PersonRow, Store
from fastface.types import IntArray


def assign(store: Store, engine: Engine, recogniser: Recogniser) -> bool:
    """Says who the faces are that no grouping has seen; inside a transaction.

    False, and nothing is written, where an earlier model saw these photos, the user said something
    of them, or several people claim where a face would go: that is for a grouping to weigh.
    """
    model = engine.model_tag
    contents = store.unplaced(model)
    holders = store.state("holders")
    if holders is None or store.is_placed(contents):
        return False
    facts = store.facts(model, contents)
    if store.is_said(facts.hashes):
        return False
    rule = store.state("grouping", {}).get("rule")
    people = who(facts, engine, recogniser, rule=rule, first_new=store.next_person())
    known = {*people.tolist()} & store.person_rows().keys()
    clusters = {person: _home(store, recogniser, person, dict(holders)) for person in known}
    if None in clusters.values():
        return False
    new = sorted({*people.tolist()} - known - {0})
    store.put_people({person: PersonRow(None, False, None) for person in new})
    store.add_memberships(
        (id_, clusters.get(person) or person, person or None, 0)
        for id_, person in zip(facts.ids.tolist(), people.tolist(), strict=True)
    )
    store.set_state("next_person", store.next_person() + len(new))
    # Who was known keeps the exemplars until the next grouping: choosing anew would take longer
    # the more faces somebody has.
    store.outdate(new)
    store.set_state("people_version", store.people_version() + 1)
    return True


def _home(
    store: Store, recogniser: Recogniser, person: int, holders: Mapping[int, int]
) -> int | None:
    """The cluster that most exemplars of a person are in, of those whose new faces are theirs.

    holders: who gets the faces that come to a cluster, see `verdicts.Claims`.
    """
    seen = store.clusters_of(recogniser.portrait(person).ids.tolist())
    homes = [cluster for cluster in seen if holders.get(cluster, cluster) == person]
    if homes:
        return _most(Counter(homes))
    return person if holders.get(person, person) == person else None


def who(
    facts: Facts,
    engine: Engine,
    recogniser: Recogniser,
    *,
    rule: Sequence[Sequence[float]] | None,
    first_new: int,
) -> IntArray:
    """(n,) int64: each face's person, 0 for one too unclear; strangers are numbered `first_new` on.

    rule: that the last grouping was cut by.
    The new faces are grouped among themselves, where clothes help: those who are recognised speak
    for the others of their group. Nobody is twice on a photo; the surest face stays.
    """
    people = np.zeros(len(facts.ids), np.int64)
    clear = np.flatnonzero(~facts.unclear)
    if not len(clear):
        return people
    model, gallery = engine.model_tag, recogniser.gallery(engine.model_tag)
    grouping = engine.group(facts, people, rule=rule, others=gallery.n_people, gallery=gallery)
    labels = grouping.labels
    taken_at = facts.taken_at[facts.photo_index[clear]]
    found = recogniser.identify(model, facts.faces[clear], taken_at)
    matches = dict(zip(clear.tolist(), found, strict=True))
    surest = sorted(matches, key=lambda row: (-matches[row].confidence, row))
    picture = pictures.of_anchors(facts.photo_index, facts.anchors).tolist()
    taken = set[tuple[int, int]]()

    def seat(row: int, person: int | None) -> None:
        if person is not None and not people[row] and (picture[row], person) not in taken:
            people[row] = person
            taken.add((picture[row], person))

    for row in surest:
        seat(row, matches[row].person)
    leaders = _leaders(labels, people, matches)
    for row in surest:
        seat(row, leaders.get(int(labels[row])))
    strangers = clear[people[clear] == 0]
    # One who is on a photo beside the person of their group is somebody else than the group.
    alone = np.array([int(labels[row]) in leaders for row in strangers.tolist()], bool)
    group = np.where(alone, labels.max(initial=0) + 1 + strangers, labels[strangers])
    people[strangers] = first_new + np.unique(group, return_inverse=True)[1]
    return people


def _leaders(labels: IntArray, people: IntArray, matches: Mapping[int, Match]) -> dict[int, int]:
    """Of each group in which somebody was recognised, the person most of it is, by confidence."""
    votes: dict[int, Counter[int]] = {}
    for row, match in matches.items():
        if people[row]:
            counted = votes.setdefault(int(labels[row]), Counter())
            counted[int(people[row])] += match.confidence  # type: ignore[assignment]
    return {label: _most(counted) for label, counted in votes.items()}


def _most(votes: Counter[int]) -> int:
    """Who has most votes; of several the lowest number."""
    return min(votes, key=lambda number: (-votes[number], number))
