"""What files in and beside photos say of who is on them, source by source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from fastface.errors import FastfaceError
from fastface.images import read_header
from fastface.metadata import picasa, regions, sidecars, takeout
from fastface.metadata.embedded import read_embedded
from fastface.metadata.regions import Names
from fastface.video import is_video

SOURCES: Final = (
    "sidecar",
    "embedded",
    "picasa",
    "takeout",
)  # of two that differ, the first counts


@dataclass(frozen=True, slots=True)
class Found:
    """What the sources say of one photo.  orientation: how its stored picture is turned."""

    photo: Path
    orientation: int
    names: tuple[tuple[str, Names], ...]
    problems: tuple[str, ...]


def gather(
    photos: Sequence[Path],
    sources: Collection[str] = SOURCES,
    contacts: Mapping[str, str] | None = None,
    progress: Callable[[int, int, Path | None], None] | None = None,
) -> Iterator[Found]:
    """Each photo of which something is said, or of which a file cannot be read; folder by folder.

    contacts: names of Picasa's contacts, see `picasa.read_contacts`.
    """
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for photo in photos:
        by_folder[photo.parent].append(photo)
    done = 0
    for folder, inside in by_folder.items():
        beside, problems = _beside(folder, inside, sources, contacts)
        for photo in inside:
            found = _of_photo(photo, sources, beside, problems)
            problems = []  # of the folder: reported with its first photo
            done += 1
            if progress is not None:
                progress(done, len(photos), photo)
            if found.names or found.problems:
                yield found


def _beside(
    folder: Path,
    photos: Sequence[Path],
    sources: Collection[str],
    contacts: Mapping[str, str] | None,
) -> tuple[dict[str, dict[str, Names]], list[str]]:
    """Source -> file name -> names, of the sources that are read by folder."""
    beside: dict[str, dict[str, Names]] = {}
    problems: list[str] = []
    if "picasa" in sources:
        try:
            entries = picasa.read_folder(folder, contacts)
            beside["picasa"] = {
                p.name: entries[p.name.lower()] for p in photos if p.name.lower() in entries
            }
        except FastfaceError as error:
            problems.append(str(error))
    if "takeout" in sources:
        beside["takeout"], wrong = takeout.read_folder(folder, [photo.name for photo in photos])
        problems += wrong
    return beside, problems


def _of_sidecar(path: Path) -> Names:
    return regions.read(sidecars.read_sidecar(path).properties())


def _without_places(names: Names) -> Names:
    """Of a video: nobody says in which of its pictures a place is."""
    alone = tuple(dict.fromkeys(replace(region, box=None) for region in names.regions))
    return replace(names, regions=alone)


def _of_photo(
    photo: Path,
    sources: Collection[str],
    beside: Mapping[str, Mapping[str, Names]],
    folder_problems: Sequence[str],
) -> Found:
    names: list[tuple[str, Names]] = []
    problems = list(folder_problems)

    try:
        video = is_video(photo)
    except FastfaceError as error:
        return Found(photo, 1, (), (*problems, str(error)))

    def add(source: str, read: Callable[[], Names]) -> None:
        try:
            found = _without_places(read()) if video else read()
        except FastfaceError as error:
            problems.append(str(error))
            return
        if found.regions or found.n_unnamed:
            names.append((source, found))

    if "sidecar" in sources:
        for path in sidecars.sidecars_of(photo):
            add("sidecar", partial(_of_sidecar, path))
    if "embedded" in sources and not video:
        add("embedded", lambda: regions.read(read_embedded(photo).properties()))
    for source, of in beside.items():
        if photo.name in of:
            names.append((source, _without_places(of[photo.name]) if video else of[photo.name]))
    orientation = 1
    if any(region.box is not None for _, found in names for region in found.regions):
        try:
            orientation = read_header(photo).orientation
        except FastfaceError as error:
            problems.append(str(error))
    return Found(photo, orientation, tuple(names), tuple(dict.fromkeys(problems)))
