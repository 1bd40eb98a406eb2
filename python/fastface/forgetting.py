"""Forgetting somebody: nothing of their likeness stays, nor their name.

What stays is where in which photos they are, so that another scan does not bring them back; that
they were merged with nobody else's number; and everything that was said of other people.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

import numpy as np

from fastface.roll import Roll
from fastface.store import Store
from fastface.types import Anchor, Forgotten, Observation, Verdict
from fastface.verdicts import Places, words

_OF_ONE: Final = {words.NAME, words.CONFIRM, words.HIDE, words.UNHIDE, words.FAVOURITE, words.BORN}


def forget(store: Store, roll: Roll, person: int) -> Forgotten:
    """Deletes a person; inside `Roll.changing`, and before `Store.scrub`."""
    numbers = {person, *(n for n in roll.rulings.kin.people if roll.rulings.kin.root(n) == person)}
    faces = roll.faces_of(person)[:, 0]
    places = [*store.anchors(roll.members.ids[faces].tolist()).values()]
    hashes = {place.content_hash for place in places}
    here = Places(places)

    at_theirs = [n for n, place in store.places_on(hashes).items() if here.find(place) is not None]
    verdict, _, place = store.said().T
    theirs = np.isin(place, at_theirs)
    emptied = {*np.setdiff1d(verdict[theirs], verdict[~theirs]).tolist()}
    redacted = [v.id for v in roll.verdicts if v.id in emptied or _is_only_of(v, numbers)]
    store.redact(redacted, at_theirs, words.REDACTED)

    seen = store.observations_on(hashes)
    gone = [id_ for id_, place in seen.items() if here.find(place) is not None]
    never_again = roll.members.ids[faces].tolist()
    store.add_verdict(words.FORGET, {}, time.time(), {0: never_again})
    store.delete_observations(gone, {*at_theirs} - {*never_again})
    roll.start_anew()
    return Forgotten(len(faces), len(hashes), len(redacted), scrubbed=False)


def _is_only_of(verdict: Verdict, numbers: set[int]) -> bool:
    people = set(words.people_of(verdict))
    return verdict.kind in _OF_ONE | {words.SAME} and bool(people) and people <= numbers


def not_forgotten(
    store: Store, content_hash: str, observations: Iterable[Observation]
) -> list[Observation | None]:
    """The observations on a photo, None in the place of one that may not be remembered."""
    said = store.places_said(words.FORGET, content_hash)

    def is_forgotten(seen: Observation) -> bool:
        here = Places([Anchor(content_hash, seen.box, seen.at_s, seen.sightings)])
        return any(here.find(place) is not None for place in said)

    return [None if is_forgotten(seen) else seen for seen in observations]
