"""Killing a process that writes to a library, and what must be true afterwards."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from fastface.library import Library
from fastface.pipeline import Engine
from fastface.types import Verdict

LONGEST_S = 0.5  # a process lives at most so long after its first answer


def answer_for_ever(path: Path, engine: Engine, names: list[str], seed: int, said: Connection):
    """Says true things of anybody, and groups now and then; tells of each that was kept."""
    rng = np.random.default_rng(seed)
    with Library(path, engine=engine) as library:
        for turn in range(10**6):
            name = str(rng.choice(names))
            faces = [face.id for face in library.faces(name)]
            match rng.integers(6):
                case 0:
                    answer = library.hide(name)
                case 1:
                    answer = library.unhide(name)
                case 2:
                    answer = library.favourite(name, faces[turn % len(faces)])
                case 3:
                    library.confirm(name, faces[:3])
                    answer = library.undo()
                case _:
                    answer = library.confirm(name, faces[:3])
            said.send(answer.number)
            if rng.random() < 0.05:
                library.recluster()


def crash(path: Path, engine: Engine, names: list[str], n: int) -> None:
    """Kills a process that answers, n times.

    What it had told of must be there, and all that was before.  engine: groups without models.
    """
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["fastface.library", __name__])
    rng = np.random.default_rng(0)
    for turn in range(n):
        with Library(path, engine=engine) as library:
            before = library._store.verdicts()
        here, there = processes.Pipe(duplex=False)
        arguments = (path, engine, names, turn, there)
        process = processes.Process(target=answer_for_ever, args=arguments)
        process.start()
        there.close()
        last = here.recv()
        time.sleep(rng.uniform(0, LONGEST_S))
        process.kill()
        process.join()
        for number in _rest(here):
            last = number
        with Library(path, engine=engine) as library:
            check(library, before, last)


def check(library: Library, before: Sequence[Verdict], last: int) -> None:
    """The file is sound, no verdict is lost, and replaying the log changes nobody."""
    store, roll = library._store, library._roll
    assert store._database.rows("PRAGMA integrity_check") == [("ok",)]
    now = store.verdicts()
    assert now[: len(before)] == before and now[-1].id >= last
    with library.rehearsal():
        model = library._model()
        persons = store.members(model).persons
        roll.look(model)
        roll.start_anew()
        assert (roll.members.persons == persons).all()


def _rest(pipe: Connection) -> Iterator[int]:
    try:
        while True:
            yield pipe.recv()
    except (EOFError, OSError):
        return
