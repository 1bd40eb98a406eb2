"""The library's schema, as ordered steps; the last one describes today's tables.

A step never changes once released: a new need is a new function at the end of `MIGRATIONS`.  The
database runs every missing step, each in a transaction of its own with the number it leads to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

Execute: TypeAlias = Callable[[str], object]


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
    for table in ("verdict", "anchor"):
        for change in ("UPDATE", "DELETE"):
            execute(
                f"""CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table}
                    BEGIN SELECT RAISE(ABORT, 'verdicts are append-only'); END"""
            )
    # Small facts about the library itself, as JSON.
    execute("CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")


MIGRATIONS: Final[tuple[Callable[[Execute], None], ...]] = (create_tables,)
