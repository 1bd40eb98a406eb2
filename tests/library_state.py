"""All that a library on disk holds of faces, people and what was said, to compare it."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fastface.library import Library
from fastface.store import PersonRow
from fastface.store.rows import PLACE_TYPE
from fastface.types import Verdict
from fastface.verdicts import words
from tests.reference.people import Face, Said


class Seen(NamedTuple):
    """What a library holds of a face."""

    cluster: int
    person: int
    said: int
    present: bool


class Picture(NamedTuple):
    """All that follows from what was said."""

    faces: dict[Face, Seen]
    people: dict[int, PersonRow]


def place_of(left: float) -> int:
    """The place of a face in its photo, which `fake_engine` paints from left to right."""
    return round((left - 0.05) / 0.2)


def picture(library: Library) -> Picture:
    store = library._store
    members = store.members(library._model())
    anchors = store.anchors(members.ids.tolist())
    columns = (members.ids, members.clusters, members.persons, members.said, members.present)
    faces = {
        (anchors[id_].content_hash, place_of(anchors[id_].box.left)): Seen(*seen)
        for id_, *seen in zip(*(column.tolist() for column in columns), strict=True)
    }
    assert len(faces) == len(members.ids), "one row for one face"
    return Picture(faces, store.person_rows())


def log_of(library: Library) -> list[Said]:
    """The log as it is on disk, in the words of the twin."""
    verdicts = library._store.verdicts()
    index = {verdict.id: k for k, verdict in enumerate(verdicts)}
    return [_said(verdict, index) for verdict in verdicts]


def _said(verdict: Verdict, index: dict[int, int]) -> Said:
    faces = {
        (anchor.content_hash, place_of(anchor.box.left)): person
        for anchor, person in zip(verdict.anchors, verdict.people, strict=True)
    }
    assert len(faces) == len(verdict.anchors)
    payload = verdict.payload
    undoes = index[payload["verdict"]] if "verdict" in payload else None
    people = words.people_of(verdict)
    forgotten = "redacted" in payload
    name, batch = payload.get("name"), payload.get("batch")
    return Said(verdict.kind, people, faces, name, undoes, batch, forgotten)


def copy_reversed(source: Path, target: Path) -> None:
    """A library whose facts have the reverse numbers, as if they had been found last to first."""
    shutil.copy(source, target)
    connection = sqlite3.connect(target)
    sealed = ("observation_is_a_fact", "anchor_no_update", "place_no_update")
    for trigger in sealed:
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.create_function("renumbered", 1, _reversed)
    connection.execute("UPDATE anchor SET places = renumbered(places)")
    for turn in ("{0} = -{0}", "{0} = {0} + 100000"):
        for table, columns in {
            "content": ["id"],
            "observation": ["id", "content_id"],
            "place": ["id", "content_id"],
            **{key: ["content_id"] for key in ("file", "analysis", "moment")},
            "membership": ["observation_id", "content_id"],
            "person": ["cover"],
        }.items():
            changes = ", ".join(turn.format(column) for column in columns)
            connection.execute(f"UPDATE {table} SET {changes}")
    connection.commit()
    connection.close()


def _reversed(blob: bytes) -> bytes:
    """The numbers that places have after both turns."""
    return np.sort(100_000 - np.frombuffer(blob, PLACE_TYPE)).astype(PLACE_TYPE).tobytes()
