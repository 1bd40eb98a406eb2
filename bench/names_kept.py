"""What becomes of 200 named people when everything around their names changes.

    python bench/names_kept.py --data DIR --cache DIR [--crashes 200]

A library of real photos (LFW's developer people and the album) is scanned, without every fifth
photo of those who are on at least five. A user who is always right names and corrects the 200
people with most photos. Then the faces are grouped by three constant thresholds that heed nothing
the user said, the rest of the photos comes, photos are moved, renamed, copied, deleted and
restored, other model packs look at everything, a process that answers and groups is killed 200
times, and all that is derived is thrown away. After each step: verdicts that are in the log as
they were said; photos still under the right name, of those that were after naming; photos of the
rest under the right name, which nobody promised; of all that were right a step before, those that
still are; people who have the id that they had.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from crashing import crash
from fastface.boxes import overlap
from fastface.library import Library
from fastface.types import Box, Face, Verdict
from naming_user import User
from remembering import Remembering

N_NAMED = 200
HELD_BACK = 5  # one photo in so many comes later
THRESHOLDS = (0.45, 0.55, 0.65)  # around the cut that the default takes here
SAME_FACE = 0.5  # intersection over union
ALBUM_FACE = 0.3  # of a labelled box and a found one


@dataclass
class Truth:
    """Who is on a photo, by the hash in a face's id: where, and the name.  labels: of the album."""

    labels: Mapping[str, Any] = field(default_factory=dict)
    names: dict[str, list[tuple[Box, str]]] = field(default_factory=dict)

    def learn(self, faces: Sequence[Face]) -> None:
        """LFW's photos show who the folder says nearest to the centre; the album is labelled."""
        on: dict[Path, list[Face]] = {}
        for face in faces:
            on.setdefault(face.photo, []).append(face)
        for path, seen in on.items():
            known = self.names.setdefault(photo(seen[0]), [])
            if path.parent.name == "album":
                known += _labelled(self.labels[path.name], seen)
            else:
                centre = min(seen, key=lambda face: _from_centre(face.box))
                known.append((centre.box, path.parent.name.replace("_", " ")))

    def name_of(self, face: Face) -> str | None:
        """The name of the labelled face that a found one is; None for somebody unlabelled."""
        near = [(overlap(face.box, box), name) for box, name in self.names.get(photo(face), ())]
        share, name = max(near, default=(0.0, ""))
        return name if share >= SAME_FACE else None

    def of(self, faces: Sequence[Face]) -> dict[str, str]:
        """Face id -> name, of all labelled ones."""
        return {face.id: name for face in faces if (name := self.name_of(face)) is not None}


def photo(face: Face) -> str:
    return face.id.partition("-")[0]


@dataclass
class Trial:
    """One library on its way.

    kept: (photo, name) pairs that were right after naming.  said: those of which the user said so.
    before: those that were right after the last step.
    """

    path: Path
    album: Path
    truth: Truth
    engine: Any  # a dataclass with a pack and a threshold, see `remembering`
    log: list[Verdict] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    kept: set[tuple[str, str]] = field(default_factory=set)
    said: set[tuple[str, str]] = field(default_factory=set)
    before: set[tuple[str, str]] = field(default_factory=set)

    def open(self) -> Library:
        return Library(self.path, engine=self.engine)

    def remember(self, library: Library) -> None:
        """What has to stay."""
        self.log = library._store.verdicts()
        names = {user for user in library.names().values() if user}
        self.ids = {p.name: p.id for p in library.people(hidden=True) if p.name in names}
        self.kept, _ = self.right(library)
        store = library._store
        library._roll.look(library._model())
        said = {*library._roll.members.ids[library._roll.rulings.seat > 0].tolist()}
        truth = self.truth.of(library.faces())
        self.said = self.kept & {
            (face.partition("-")[0], name)
            for face, name in truth.items()
            if store.observation_of(library._model(), face) in said
        }

    def right(self, library: Library) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        """(photo, name) pairs that the library has right, and all it should have."""
        names = library.names()
        faces = library.faces()
        truth = self.truth.of(faces)
        wanted = {(photo(f), truth[f.id]) for f in faces if truth.get(f.id) in self.ids}
        found = {
            (photo(face), truth[face.id])
            for face in faces
            if face.id in truth and face.person and names[face.person] == truth[face.id]
        }
        return found & wanted, wanted


class Outcome(NamedTuple):
    """Verdicts intact; shares of photos that are right: said, kept, later, still; the same ids."""

    n_intact: int
    said: float
    kept: float
    later: float
    still: float
    n_ids: int


def check(trial: Trial, library: Library) -> Outcome:
    log = library._store.verdicts()
    right, wanted = trial.right(library)
    ids = {p.name: p.id for p in library.people(hidden=True)}

    def share(pairs: set[tuple[str, str]]) -> float:
        return len(right & pairs) / len(pairs) if pairs else float("nan")

    before, trial.before = trial.before, right
    return Outcome(
        sum(before == now for before, now in zip(trial.log, log, strict=False)),
        share(trial.said & wanted),
        share(trial.kept & wanted),
        share(wanted - trial.kept),
        share(before & wanted),
        sum(ids.get(name) == id_ for name, id_ in trial.ids.items()),
    )


# -- what happens ------------------------------------------------------------------------------


def group_by(trial: Trial, threshold: float | None) -> None:
    """Groups anew, by a constant threshold or by the default rule."""
    with Library(trial.path, engine=replace(trial.engine, threshold=threshold)) as library:
        library.recluster()


def move(trial: Trial) -> None:
    """The folder gets another name, every second photo too, and every tenth is copied."""
    trial.album = trial.album.rename(trial.album.with_name("moved"))
    photos = sorted(trial.album.rglob("*.jpg"))
    for path in photos[1::2]:
        path.rename(path.with_name(f"renamed-{path.name}"))
    for path in photos[::10]:
        shutil.copy(path, path.with_name(f"copy-{path.name}"))
    scan(trial)


def delete_and_restore(trial: Trial) -> None:
    """Every third photo is gone in one scan and back in the next."""
    away = trial.album.with_name("away")
    gone = {path: away / f"{k}.jpg" for k, path in enumerate(sorted(trial.album.rglob("*.jpg")))}
    gone = {path: target for k, (path, target) in enumerate(gone.items()) if k % 3 == 0}
    away.mkdir()
    for path, target in gone.items():
        path.rename(target)
    scan(trial)
    for path, target in gone.items():
        target.rename(path)
    scan(trial)


def scan(trial: Trial) -> None:
    with trial.open() as library:
        library.scan(trial.album)


def start_from_the_log(trial: Trial) -> None:
    """Everything that is derived is thrown away."""
    with trial.open() as library:
        with library._store.atomic():
            for table in ("membership", "person", "moment", "figure", "roster"):
                library._store._database.run(f"DELETE FROM {table}")
            library._store.facts_changed()
            library._store.set_state("people_version", library._store.people_version() + 1)
        library.recluster()


# -- the photos --------------------------------------------------------------------------------


def copy_photos(data: Path, album: Path, later: Path, n_people: int | None) -> None:
    """Copies LFW and the album; every HELD_BACK-th photo of a person, or of the album, to later."""
    people = sorted(folder for folder in (data / "lfw").iterdir() if folder.is_dir())
    if n_people is not None:
        people = sorted(people, key=lambda folder: -len([*folder.iterdir()]))[:n_people]
    for folder in [*people, data / "album"]:
        photos = sorted(folder.glob("*.jpg"))
        for index, path in enumerate(photos):
            held = len(photos) >= HELD_BACK and index % HELD_BACK == HELD_BACK - 1
            target = (later if held else album) / folder.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


def _labelled(labels: Mapping[str, Any], seen: Sequence[Face]) -> Iterator[tuple[Box, str]]:
    width, height = labels["size"]
    for labelled in labels["faces"]:
        left, top, w, h = labelled["box"]
        box = Box(left / width, top / height, w / width, h / height)
        found = max(seen, key=lambda face: overlap(face.box, box))
        if labelled["person"].startswith("person_") and overlap(found.box, box) >= ALBUM_FACE:
            yield found.box, labelled["person"].replace("_", " ")


def _from_centre(box: Box) -> float:
    return float(np.hypot(box[0] + box[2] / 2 - 0.5, box[1] + box[3] / 2 - 0.5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for embeddings")
    parser.add_argument("--people", type=int, help="so many of LFW, those with most photos first")
    parser.add_argument("--packs", nargs="*", default=[], help="other packs, one after the other")
    parser.add_argument("--crashes", type=int, default=200)
    options = parser.parse_args()
    labels = json.loads((options.data / "album_labels.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        album, later = Path(folder) / "album", Path(folder) / "later"
        copy_photos(options.data, album, later, options.people)
        engine = Remembering(cache=options.cache)
        trial = Trial(Path(folder) / "private" / "library.db", album, Truth(labels), engine)
        scan(trial)
        with trial.open() as library:
            trial.truth.learn(library.faces())
            user = User(library, trial.truth.of(library.faces()))
            user.name(N_NAMED)
            trial.remember(library)
            print(f"{len(library.faces())} faces, {len(trial.ids)} people named, ", end="")
            print(f"{len(trial.log)} verdicts on {sum(len(v.anchors) for v in trial.log)} faces")
        print(f"{'':<36}{'verdicts':>12}{'said':>8}{'right':>8}{'later':>8}{'still':>8}{'ids':>9}")
        for what in steps(trial, later, options.packs, options.crashes):
            with trial.open() as library:
                now = check(trial, library)
            words, ids = f"{now.n_intact}/{len(trial.log)}", f"{now.n_ids}/{len(trial.ids)}"
            shares = f"{now.said:8.2%}{now.kept:8.2%}{now.later:8.2%}{now.still:8.2%}".replace(
                "nan%", "   -"
            )
            print(f"{what:<36}{words:>12}{shares}{ids:>9}", flush=True)


def steps(trial: Trial, later: Path, packs: Sequence[str], crashes: int) -> Iterator[str]:
    """Does one thing after the other; says what was done."""
    yield "named and corrected"
    for threshold in THRESHOLDS:
        group_by(trial, threshold)
        yield f"grouped at {threshold}, said ignored"
    group_by(trial, None)
    yield "grouped by the default rule"
    shutil.copytree(later, trial.album, dirs_exist_ok=True)
    scan(trial)
    with trial.open() as library:
        trial.truth.learn([f for f in library.faces() if photo(f) not in trial.truth.names])
    yield "the rest of the photos came"
    move(trial)
    yield "photos moved, renamed, copied"
    delete_and_restore(trial)
    yield "every third deleted, then restored"
    for pack in packs:
        trial.engine = replace(trial.engine, pack=pack)
        scan(trial)
        yield f"looked at by the pack {pack}"
    crash(trial.path, trial.engine, [*trial.ids], crashes)
    yield f"{crashes} times killed while writing"
    start_from_the_log(trial)
    yield "all that is derived thrown away"


if __name__ == "__main__":
    main()
