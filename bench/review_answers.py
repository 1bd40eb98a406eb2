"""How many answers a library needs: the review queue beside naming clusters one by one.

    python bench/review_answers.py --data DIR --cache DIR

A simulated user, who is always right, starts from the default grouping. In review, the first
suggested question is answered each time; where a side that is shown holds somebody else too, each
such face is taken out first, which is an answer. One by one, clusters are named from the largest
to the smallest, which joins those of one name; each face of somebody else is taken out, which is
an answer. Counted are answers until BCubed F reaches each mark, and F after so many answers.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import observations
from accuracy_clustering import powerlaw
from fastface.analysis import MODEL_TAG
from fastface.library import Library
from fastface.metrics import bcubed_scores
from fastface.store import Store
from fastface.types import Box, Observation, PhotoMetadata

ANYWHERE = Box(0.3, 0.2, 0.3, 0.4)
MARKS = (0.98, 0.99, 0.995)
SHOWN = (0, 10, 20, 50, 100, 200)


def fill(path: Path, photos: observations.PhotoSet) -> list[str]:
    """A library of these photos, each in a folder of its own; the ids of the faces."""
    store = Store(path)
    ids = [""] * len(photos.photo)
    nothing = not photos.torso.any()
    with store.atomic():
        for index in range(len(photos.names)):
            content = f"{index:016x}".ljust(64, "0")
            rows = np.flatnonzero(photos.photo == index)
            seen = []
            for place, row in enumerate(rows.tolist()):
                box = Box(*map(float, photos.box[row])) if photos.box.any() else ANYWHERE
                ids[row] = f"{content[:16]}-{place}"
                seen.append(
                    Observation(
                        box=box,
                        landmarks=np.zeros((5, 2), np.float32),
                        score=0.9,
                        quality=0.1 if photos.unclear[row] else 0.9,
                        unclear=bool(photos.unclear[row]),
                        face=photos.face[row],
                        torso_box=None if nothing else box,
                        torso=None if nothing else photos.torso[row],
                    )
                )
            store.add_analysis(content, PhotoMetadata(1000, 1000), MODEL_TAG, seen)
            store.put_file(f"/photos/{index:06}/{index}.jpg".encode(), 1, 1, content)
    store.close()
    return ids


class User:
    """Knows who everybody is.  truth: of each face's id; several -1 are several people."""

    def __init__(self, library: Library, ids: list[str], truth: np.ndarray) -> None:
        self._library = library
        self._who = {
            face: person if person >= 0 else -2 - row
            for row, (face, person) in enumerate(zip(ids, truth.tolist(), strict=True))
        }
        self._scored = [face for face, person in self._who.items() if person >= 0]

    def score(self) -> float:
        """BCubed F of those whose names are known; a face left out is alone."""
        now = {face.id: face.person for face in self._library.faces()}
        labels = [int((now[face] or "p-1")[1:]) for face in self._scored]
        return bcubed_scores(labels, [self._who[face] for face in self._scored]).f

    def reviews(self) -> Iterator[None]:
        """Answers the first question, again and again."""
        while questions := self._library.suggest(1):
            sides = [[face.id for face in side.faces] for side in questions[0].sides]
            first, second = map(self._majority, sides)
            if questions[0].kind == "split" and first in {self._who[face] for face in sides[1]}:
                second = first  # of one person: who is somebody else is no side, but a stray
            strays = [
                (side.person, face)
                for side, faces, who in zip(questions[0].sides, sides, (first, second), strict=True)
                for face in faces
                if self._who[face] != who
            ]
            for person, face in strays:
                self._library.reject(person, [face])
                yield
            if not strays:
                self._library.answer(questions[0], same=first == second)
                yield

    def names(self) -> Iterator[None]:
        """Names clusters, the largest first, and takes out who is somebody else."""
        for person in [person.id for person in self._library.people()]:
            faces = [face.id for face in self._library.faces(person)]
            who = self._majority(faces)
            self._library.name(person, f"person {who}")
            yield
            for face in faces:
                if self._who[face] != who:
                    self._library.confirm(self._person(self._who[face], face), [face])
                    yield

    def _person(self, who: int, face: str) -> str:
        named = {p.name: p.id for p in self._library.people()}
        if f"person {who}" in named:
            return named[f"person {who}"]
        current = next(f.person for f in self._library.faces() if f.id == face)
        new = self._library.split(current, [face])
        return self._library.name(new.id, f"person {who}").id

    def _majority(self, faces: object) -> int:
        values, counts = np.unique([self._who[face] for face in faces], return_counts=True)
        return int(values[counts.argmax()])


def course(user: User, answers: Iterator[None], most: int) -> list[float]:
    """F before, and after each answer."""
    scores = [user.score()]
    for _ in answers:
        scores.append(user.score())
        if len(scores) > most or (scores[-1] >= max(MARKS) and len(scores) > max(SHOWN)):
            break
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for embeddings")
    parser.add_argument("--sets", nargs="+", default=["power law", "album", "LFW", "ageing"])
    parser.add_argument("--most", type=int, default=2000, help="answers after which to give up")
    options = parser.parse_args()
    sets = {
        "power law": lambda: powerlaw(options.data),
        "album": lambda: observations.album(options.data, options.cache),
        "LFW": lambda: observations.lfw(options.data, options.cache),
        "ageing": lambda: observations.ageing(options.data, options.cache),
    }
    head = "  ".join(f"{f'F {mark}':>8}" for mark in MARKS)
    print(f"{'answers needed for':32} {head}   F after {SHOWN} answers")
    for name in options.sets:
        photos = sets[name]()
        for way in ("review", "one by one"):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "library.db"
                ids = fill(path, photos)
                with Library(path) as library:
                    library.recluster()
                    user = User(library, ids, photos.truth)
                    answers = user.reviews() if way == "review" else user.names()
                    scores = np.array(course(user, answers, options.most))
            reached = [np.flatnonzero(scores >= mark) for mark in MARKS]
            needed = "  ".join(f"{int(r[0]) if len(r) else 'never':>8}" for r in reached)
            after = " ".join(f"{scores[min(n, len(scores) - 1)]:.4f}" for n in SHOWN)
            print(f"{name + ', ' + way:32} {needed}   {after}", flush=True)


if __name__ == "__main__":
    main()
