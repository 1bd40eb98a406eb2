"""Names in Google Takeout: a JSON file beside each photo says who is on it, but not where."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from fastface.errors import MetadataError
from fastface.metadata.regions import Names, Region
from fastface.photos import display_name

MAX_BYTES: Final = 4 << 20
LONGEST_STEM: Final = 46  # of the JSON's name without .json; what is longer is cut
_SUPPLEMENT: Final = ".supplemental-metadata"
_NUMBERED = re.compile(r"(.*)(\(\d+\))(\.[^.]*)", re.DOTALL)  # IMG_1(2).jpg
_EDITED = re.compile(r"-(edited|bearbeitet|edité|modifié|editado|modificato)(?=\(\d+\)\.|\.)")


def read_folder(folder: Path, photos: Iterable[str]) -> tuple[dict[str, Names], list[str]]:
    """(the names on each of these photos of a folder, what could not be read and why)."""
    try:
        there = {path.name for path in folder.iterdir() if path.suffix.lower() == ".json"}
    except OSError as error:
        return {}, [f"{display_name(folder)}: {error.strerror}"]
    found: dict[str, Names] = {}
    problems = []
    for photo in photos if there else ():
        for name in candidates(photo):
            if name not in there:
                continue
            try:
                people = people_in(_load(folder / name))
            except MetadataError as error:
                problems.append(str(error))
                break
            if people is not None:  # else some other program's JSON
                found[photo] = Names(tuple(map(Region, people)))
                break
    return found, problems


def candidates(photo: str) -> list[str]:
    """The names that Takeout may have given to the JSON file of a photo.

    >>> candidates("IMG_1(2).jpg")[:2]
    ['IMG_1.jpg.supplemental-metadata(2).json', 'IMG_1(2).jpg.supplemental-metadata.json']
    >>> candidates("Screenshot_2017-07-05-10-05-26.png")[0]
    'Screenshot_2017-07-05-10-05-26.png.supplementa.json'
    """
    names = []
    for original in dict.fromkeys((photo, _EDITED.sub("", photo))):
        forms = [(original, "")]
        if match := _NUMBERED.fullmatch(original):
            forms.insert(0, (match[1] + match[3], match[2]))
        for stem, number in forms:
            names.append((stem + _SUPPLEMENT)[:LONGEST_STEM] + number)
        for stem, number in forms:
            names.append(stem[:LONGEST_STEM] + number)
    return [f"{name}.json" for name in dict.fromkeys(names)]


def people_in(document: Any) -> list[str] | None:
    """The names that a photo's JSON lists; None if it is no such JSON.

    >>> people_in({"title": "a.jpg", "photoTakenTime": {}, "people": [{"name": " Ada  L "}, {}]})
    ['Ada L']
    """
    if not isinstance(document, dict) or not isinstance(document.get("title"), str):
        return None
    if not document.keys() & {"photoTakenTime", "photoLastModifiedTime", "people", "geoData"}:
        return None
    people = document.get("people")
    names = [
        " ".join(person["name"].split())
        for person in (people if isinstance(people, list) else ())
        if isinstance(person, dict) and isinstance(person.get("name"), str)
    ]
    return list(dict.fromkeys(filter(None, names)))


def _load(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise MetadataError(f"{display_name(path)}: larger than {MAX_BYTES} bytes")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise MetadataError(f"{display_name(path)}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise MetadataError(f"{display_name(path)}: damaged JSON") from error
