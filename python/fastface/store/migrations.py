"""The library's schema, as ordered steps; the last one describes today's tables.

A step never changes once released: a new need is a new function at the end of `MIGRATIONS`.  The
database runs every missing step, each in a transaction of its own with the number it leads to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any, Final, TypeAlias

import numpy as np

Execute: TypeAlias = Callable[..., Any]  # (sql, parameters) -> the rows, as sqlite3's `execute`


def create_tables(execute: Execute) -> None:
    """Facts, derived tables and verdicts, which refer to facts by content only."""
    # Facts: written once per photo content and model, never edited.
    execute(
        """CREATE TABLE content (
            id INTEGER PRIMARY KEY,
            hash TEXT NOT NULL UNIQUE,
            width INTEGER NOT NULL, height INTEGER NOT NULL,
            taken_at REAL, latitude REAL, longitude REAL, camera TEXT)"""
    )
    # Paths are bytes: a photo's name need not be UTF-8.
    execute(
        """CREATE TABLE file (
            path BLOB PRIMARY KEY,
            size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
            content_id INTEGER NOT NULL REFERENCES content,
            missing INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID"""
    )
    execute("CREATE INDEX file_by_content ON file (content_id, missing, path)")
    # One row per photo and model, so that a photo without faces is remembered too.
    execute(
        """CREATE TABLE analysis (
            content_id INTEGER NOT NULL REFERENCES content, model TEXT NOT NULL,
            PRIMARY KEY (content_id, model)) WITHOUT ROWID"""
    )
    execute(
        """CREATE TABLE observation (
            id INTEGER PRIMARY KEY,
            content_id INTEGER NOT NULL, model TEXT NOT NULL, position INTEGER NOT NULL,
            box_left REAL NOT NULL, box_top REAL NOT NULL,
            box_width REAL NOT NULL, box_height REAL NOT NULL,
            landmarks BLOB NOT NULL, score REAL NOT NULL,
            quality REAL NOT NULL, unclear INTEGER NOT NULL, face BLOB NOT NULL,
            torso_left REAL, torso_top REAL, torso_width REAL, torso_height REAL, torso BLOB,
            UNIQUE (content_id, model, position),
            FOREIGN KEY (content_id, model) REFERENCES analysis)"""
    )
    execute(
        """CREATE TRIGGER observation_is_a_fact BEFORE UPDATE ON observation
           BEGIN SELECT RAISE(ABORT, 'observations are never edited'); END"""
    )
    # A broken photo is not tried again until it, or the fastface that reads it, changes.
    execute(
        """CREATE TABLE failure (
            path BLOB PRIMARY KEY,
            size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
            reader TEXT NOT NULL, message TEXT NOT NULL) WITHOUT ROWID"""
    )
    # Derived: may be thrown away and computed again.
    execute(
        """CREATE TABLE moment (
            content_id INTEGER PRIMARY KEY REFERENCES content ON DELETE CASCADE,
            moment INTEGER NOT NULL)"""
    )
    execute("CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT)")
    # Rows of photos that are missing now stay: their people keep their ids when they come back.
    execute(
        """CREATE TABLE membership (
            observation_id INTEGER PRIMARY KEY REFERENCES observation ON DELETE CASCADE,
            cluster INTEGER NOT NULL, person_id INTEGER REFERENCES person)"""
    )
    execute("CREATE INDEX membership_by_person ON membership (person_id)")
    # Verdicts: what a person said.  Append-only; they name a photo's content and a place in it,
    # never a row that a new scan, model or clustering could replace.
    execute(
        """CREATE TABLE verdict (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL, payload TEXT NOT NULL, said_at REAL NOT NULL)"""
    )
    execute(
        """CREATE TABLE anchor (
            verdict_id INTEGER NOT NULL REFERENCES verdict,
            content_hash TEXT NOT NULL,
            box_left REAL NOT NULL, box_top REAL NOT NULL,
            box_width REAL NOT NULL, box_height REAL NOT NULL)"""
    )
    execute("CREATE INDEX anchor_by_verdict ON anchor (verdict_id)")
    seal_verdicts(execute)
    # Small facts about the library itself, as JSON.
    execute("CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")


def seal_verdicts(execute: Execute, tables: Collection[str] = ("verdict", "anchor")) -> None:
    """From here on nobody changes or deletes what was said."""
    for trigger, table, change in _seals(tables):
        execute(
            f"""CREATE TRIGGER {trigger} BEFORE {change} ON {table}
                BEGIN SELECT RAISE(ABORT, 'verdicts are append-only'); END"""
        )


def unseal_verdicts(execute: Execute, tables: Collection[str] = ("verdict", "anchor")) -> None:
    """For a migration, or to forget somebody; seal them again in the same transaction."""
    for trigger, _, _ in _seals(tables):
        execute(f"DROP TRIGGER {trigger}")


def _seals(tables: Collection[str]) -> list[tuple[str, str, str]]:
    return [
        (f"{table}_no_{change.lower()}", table, change)
        for table in tables
        for change in ("UPDATE", "DELETE")
    ]


def say_of_whom(execute: Execute) -> None:
    """Verdicts say which person each face was said to be; clusters get numbers that last."""
    execute("ALTER TABLE anchor ADD COLUMN person INTEGER NOT NULL DEFAULT 0")
    execute("ALTER TABLE person ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0")
    execute("ALTER TABLE person ADD COLUMN cover INTEGER")  # the observation that the user chose
    # said: -1 no face, 0 nothing, 1 the user said who it is, 2 the user confirmed it.  The last
    # three are copies of the observation's: its rows are so wide that listing people from them
    # would read the whole file.
    execute(
        """CREATE TABLE member (
            observation_id INTEGER PRIMARY KEY REFERENCES observation ON DELETE CASCADE,
            cluster INTEGER NOT NULL, person_id INTEGER REFERENCES person, said INTEGER NOT NULL,
            content_id INTEGER NOT NULL, model TEXT NOT NULL, quality REAL NOT NULL)"""
    )
    # Clusters of one person become one: what kept them together until now was their common name.
    execute(
        """INSERT INTO member
           SELECT id, coalesce(person_id, 0), person_id, 0, content_id, model, quality
           FROM membership JOIN observation ON id = observation_id"""
    )
    execute("DROP TABLE membership")
    execute("ALTER TABLE member RENAME TO membership")
    execute(
        "CREATE INDEX membership_by_person ON membership (person_id, model, content_id, quality)"
    )
    _number_the_named(execute)


def _number_the_named(execute: Execute) -> None:
    """A naming said {name, renames}; a renaming had no faces, and changed the name of all alike."""
    called: dict[int, str] = {}  # verdict -> the name that its faces have in the end
    own: dict[int, str] = {}
    for verdict, payload in execute("SELECT id, payload FROM verdict WHERE kind = 'name'"):
        said = json.loads(payload)
        own[verdict] = said["name"]
        if said.get("renames") is not None:
            renamed = [v for v, name in called.items() if name == said["renames"]]
            called.update(dict.fromkeys(renamed, said["name"]))
        called[verdict] = said["name"]
    number = dict(execute("SELECT name, id FROM person WHERE name IS NOT NULL"))
    row = execute("SELECT value FROM state WHERE key = 'next_person'").fetchone()
    next_person = 1 if row is None else json.loads(row[0])
    for name in called.values():  # of people none of whose photos are left
        if name not in number:
            number[name], next_person = next_person, next_person + 1
    if called:
        execute("REPLACE INTO state VALUES ('next_person', ?)", (json.dumps(next_person),))
    unseal_verdicts(execute)
    for verdict, name in called.items():
        payload = json.dumps({"name": own[verdict], "person": number[name]})
        execute("UPDATE verdict SET payload = ? WHERE id = ?", (payload, verdict))
        execute("UPDATE anchor SET person = ? WHERE verdict_id = ?", (number[name], verdict))
    seal_verdicts(execute)


def remember_what_was_heard(execute: Execute) -> None:
    """Derived: which observations verdicts are about, so that anchors need not be looked up."""
    execute(
        """CREATE TABLE heard (
            verdict_id INTEGER NOT NULL REFERENCES verdict,
            observation_id INTEGER NOT NULL,  -- 0 for a face that is not there
            person INTEGER NOT NULL,
            PRIMARY KEY (verdict_id, observation_id, person)) WITHOUT ROWID"""
    )


def know_rewritten_files(execute: Execute) -> None:
    """A photo into which names were embedded has other bytes, but is the same photo."""
    execute(
        """CREATE TABLE rewritten (
            hash TEXT PRIMARY KEY, content_id INTEGER NOT NULL REFERENCES content) WITHOUT ROWID"""
    )


def keep_portraits(execute: Execute) -> None:
    """Derived: exemplars, chosen once for all who compare new faces with them."""
    execute(
        """CREATE TABLE exemplar (
            observation_id INTEGER PRIMARY KEY REFERENCES observation ON DELETE CASCADE,
            person INTEGER NOT NULL, rank INTEGER NOT NULL)"""
    )
    execute("CREATE INDEX exemplar_by_person ON exemplar (person)")
    # Those whose faces are others than when their exemplars were chosen, and in which
    # people_version they last changed.
    execute("CREATE TABLE outdated (person INTEGER PRIMARY KEY, since INTEGER NOT NULL)")
    execute("INSERT INTO outdated SELECT id, 0 FROM person")


def know_videos(execute: Execute) -> None:
    """In a video a place has a time; a face that is followed through a shot has many places."""
    execute("ALTER TABLE content ADD COLUMN duration_s REAL")  # NULL for a photo
    # Seconds from the start: of the picture that was measured; and of each that shows the face,
    # with the box in it, as rows of five numbers.
    execute("ALTER TABLE observation ADD COLUMN at_s REAL")
    execute("ALTER TABLE observation ADD COLUMN sightings BLOB")
    execute("CREATE INDEX observation_in_video ON observation (content_id) WHERE at_s IS NOT NULL")
    execute("ALTER TABLE anchor ADD COLUMN at_s REAL")


def answer_quickly(execute: Execute) -> None:
    """Derived: what is counted of each person; and places beside the wide rows of observations."""
    execute(
        """CREATE TABLE figure (
            person INTEGER PRIMARY KEY, n_photos INTEGER NOT NULL, n_faces INTEGER NOT NULL,
            clearest INTEGER NOT NULL, first_seen REAL, last_seen REAL,
            n_videos INTEGER NOT NULL)"""
    )
    execute(
        """CREATE INDEX observation_place ON observation (
            id, content_id, position, box_left, box_top, box_width, box_height, at_s)"""
    )


def hold_on_to_places(execute: Execute) -> None:
    """Places get numbers, so that what is said of a person of many faces is one row.

    And who is who is kept as columns that are read at once.
    """
    # A fact: where a face was seen, by the number of the observation; it outlives that one.
    execute(
        """CREATE TABLE place (
            id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice, whatever is forgotten
            content_id INTEGER NOT NULL REFERENCES content, position INTEGER NOT NULL,
            box_left REAL NOT NULL, box_top REAL NOT NULL,
            box_width REAL NOT NULL, box_height REAL NOT NULL, at_s REAL)"""
    )
    execute(
        """INSERT INTO place SELECT id, content_id, position,
               box_left, box_top, box_width, box_height, at_s FROM observation"""
    )
    execute("DROP INDEX observation_place")
    execute("CREATE INDEX place_by_content ON place (content_id)")
    _number_places(execute)
    seal_verdicts(execute, ["place"])
    # Derived.  said: -1 no face, 0 not looked at, 1 confirmed; who is said to be whom is in the
    # log, so a person of many faces is named without touching them.  That SQLite sees for each
    # face that its person is there took a quarter of the time in which many change hands.
    execute(
        """CREATE TABLE member (
            observation_id INTEGER PRIMARY KEY REFERENCES observation ON DELETE CASCADE,
            cluster INTEGER NOT NULL, person_id INTEGER, said INTEGER NOT NULL,
            content_id INTEGER NOT NULL, model TEXT NOT NULL, quality REAL NOT NULL)"""
    )
    execute(
        """INSERT INTO member SELECT observation_id, cluster, person_id,
               iif(said > 0, said - 1, said), content_id, model, quality FROM membership"""
    )
    execute("DROP TABLE membership")
    execute("ALTER TABLE member RENAME TO membership")
    execute("CREATE INDEX membership_by_person ON membership (person_id, content_id)")
    execute("DROP TABLE heard")
    execute("DELETE FROM state WHERE key IN ('heard', 'figures')")
    execute(
        """CREATE TABLE roster (
            id INTEGER PRIMARY KEY, version TEXT NOT NULL, faces BLOB NOT NULL)"""
    )


def _number_places(execute: Execute) -> None:
    """Anchors, a row for each face, become one of a verdict and person: numbers of places."""
    unseal_verdicts(execute)
    execute(
        """INSERT INTO content (hash, width, height) SELECT DISTINCT content_hash, 0, 0 FROM anchor
           WHERE content_hash NOT IN (SELECT hash FROM content)"""
    )
    at_the_place = """content.hash = content_hash AND place.at_s IS anchor.at_s
        AND (place.box_left, place.box_top, place.box_width, place.box_height)
          = (anchor.box_left, anchor.box_top, anchor.box_width, anchor.box_height)"""
    joined = "content JOIN place ON content_id = content.id"
    # Of somebody who was forgotten, or whom another model saw before it was forgotten.
    execute(
        f"""INSERT INTO place (content_id, position, box_left, box_top, box_width, box_height, at_s)
            SELECT DISTINCT (SELECT id FROM content WHERE hash = content_hash), -1,
                   box_left, box_top, box_width, box_height, at_s
            FROM anchor WHERE NOT EXISTS (SELECT 1 FROM {joined} WHERE {at_the_place})"""  # noqa: S608
    )
    places: dict[tuple[int, int], list[int]] = {}
    for verdict, person, place in execute(
        f"""SELECT verdict_id, person, (SELECT min(place.id) FROM {joined} WHERE {at_the_place})
            FROM anchor ORDER BY verdict_id, person, 3"""  # noqa: S608
    ):
        places.setdefault((verdict, person), []).append(place)
    execute("DROP TABLE anchor")
    # places: their numbers, ascending, four bytes each, the least significant first.
    execute(
        """CREATE TABLE anchor (
            verdict_id INTEGER NOT NULL REFERENCES verdict, person INTEGER NOT NULL,
            places BLOB NOT NULL, UNIQUE (verdict_id, person))"""
    )
    for (verdict, person), numbers in places.items():
        blob = np.array(numbers, "<u4").tobytes()
        execute("INSERT INTO anchor VALUES (?, ?, ?)", (verdict, person, blob))
    seal_verdicts(execute)


MIGRATIONS: Final[tuple[Callable[[Execute], None], ...]] = (
    create_tables,
    say_of_whom,
    remember_what_was_heard,
    know_rewritten_files,
    keep_portraits,
    know_videos,
    answer_quickly,
    hold_on_to_places,
)
