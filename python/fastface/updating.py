"""Brings moments, clusters and people up to date with the photos, with no more work than needed."""

from __future__ import annotations

from typing import Any, Final

from fastface.assigning import assign
from fastface.pipeline import Engine, regroup
from fastface.recognition import Recogniser
from fastface.regrouping import regroup_some
from fastface.roll import Roll
from fastface.store import Store

# So many faces are grouped within a second; only beyond does it pay to do less.
QUICKLY_GROUPED: Final = 10_000
# Where more than one photo in so many is new, everything may change.
MOSTLY_KNOWN: Final = 10
# What is grouped in part drifts: a library that grew by half is grouped as a whole.
GROWN: Final = 1.5


def follow_scan(store: Store, roll: Roll, engine: Engine, recogniser: Recogniser) -> bool:
    """Says who the faces of new photos are; whether they were grouped with the others.

    A small library is grouped as a whole, at once. In a large one new faces are assigned to people
    by the gallery alone; the next `update` groups them with the others.
    """
    last = store.state("grouping", {})
    if last.get("revision") == store.revision() and _is_of(last, engine):
        return True
    if _can_build_on(last, engine):
        new = store.unplaced(engine.model_tag)
        if not new:
            return True
        if len(new) * MOSTLY_KNOWN <= last["n_photos"]:
            with store.atomic():
                if assign(store, engine, recogniser):
                    recogniser.remember(engine.model_tag)
                    return False
    update(store, roll, engine, recogniser)
    return True


def update(
    store: Store, roll: Roll, engine: Engine, recogniser: Recogniser, *, full: bool = False
) -> bool:
    """Groups what can have changed since the last grouping; False if nothing did.

    full: all faces are grouped anew, whatever changed.
    """
    last = store.state("grouping", {})
    if not full and not is_due(store, engine):
        return False
    n_photos = store.count_photos()
    grown = n_photos > GROWN * last.get("n_whole", 0) or (
        (n_photos - last.get("n_photos", 0)) * MOSTLY_KNOWN > n_photos
    )
    if full or grown or not _can_build_on(last, engine):
        regroup(store, roll, engine)
    else:
        regroup_some(store, roll, engine, recogniser)
    with store.atomic():
        recogniser.remember(engine.model_tag)
    return True


def is_due(store: Store, engine: Engine) -> bool:
    """Whether photos, answers or the algorithm changed since the last grouping."""
    last = store.state("grouping", {})
    known = (last.get("revision"), last.get("verdict"))
    return not _is_of(last, engine) or known != (store.revision(), store.last_verdict())


def _is_of(last: dict[str, Any], engine: Engine) -> bool:
    return (last.get("model"), last.get("grouping")) == (engine.model_tag, engine.grouping_tag)


def _can_build_on(last: dict[str, Any], engine: Engine) -> bool:
    """Whether the last grouping is of the same making, and of a library worth the effort."""
    return _is_of(last, engine) and last.get("n_faces", 0) > QUICKLY_GROUPED
