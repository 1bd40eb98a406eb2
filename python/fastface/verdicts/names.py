"""Names: the form in which they are kept, and finding the one a user means."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping
from typing import Final

PERSON_ID: Final = re.compile(r"p([1-9][0-9]{0,17})")  # no name may look like one
LONGEST_NAME: Final = 200
CLOSE_SPELLING: Final = 0.8  # difflib's ratio: one wrong letter of five


def clean_name(name: str) -> str:
    """The form of a name that is kept and compared: NFC, single spaces, none around it.

    >>> clean_name("  Ada   Lovelace ")
    'Ada Lovelace'
    """
    return " ".join(unicodedata.normalize("NFC", name).split())


def same_name(name: str | None, other: str | None) -> bool:
    """Whether two names are one but for case; no name is nobody's.

    >>> same_name("ada lovelace", "Ada Lovelace"), same_name("Zoe", "Zoë"), same_name(None, None)
    (True, False, False)
    """
    if name is None or other is None:
        return False
    return clean_name(name).casefold() == clean_name(other).casefold()


def new_name(name: str) -> str:
    """The clean form of a name that a person is to get; ValueError where it would be unusable.

    >>> new_name("\\u200b")
    Traceback (most recent call last):
    ValueError: name: expected at least one letter
    """
    name = clean_name(name)
    categories = [unicodedata.category(char) for char in name]
    if all(category[0] in "CMZ" for category in categories):
        raise ValueError("name: expected at least one letter")
    if "Cc" in categories or "Cs" in categories:
        raise ValueError("name: expected no control characters and no broken encoding")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"name: expected at most {LONGEST_NAME} letters, got {len(name)}")
    if PERSON_ID.fullmatch(name):
        raise ValueError(f"name: {name!r} reads as a person's id")
    return name


def folded(name: str) -> str:
    """A name without case and diacritics, to find it by.

    >>> folded("Zoë ÅNGSTRÖM")
    'zoe angstrom'
    """
    decomposed = unicodedata.normalize("NFKD", clean_name(name))
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return clean_name(bare.casefold())


def matching(wanted: str, names: Mapping[int, str | None]) -> tuple[list[int], bool]:
    """Whom a user may mean, and whether that is certain enough not to ask.

    names: of every person, by number.  From strict to lenient, the first that finds somebody: the
    id, the very name, the name but for case and diacritics, the beginning of a name, a word of it,
    a close spelling of it or of a word.  A spelling is a guess and never certain, nor is one of
    several.

    >>> matching("zoe", {1: "Zoë", 2: "Ada Lovelace"}), matching("ada", {2: "Ada Lovelace"})
    (([1], True), ([2], True))
    >>> matching("Ada Lovelase", {2: "Ada Lovelace"})
    ([2], False)
    """
    if (id_ := PERSON_ID.fullmatch(wanted.strip())) and int(id_[1]) in names:
        return [int(id_[1])], True
    given = {number: name for number, name in names.items() if name is not None}
    exact = [number for number, name in given.items() if name == clean_name(wanted)]
    if exact:
        return exact, len(exact) == 1
    key = folded(wanted)
    if not key:
        return [], True
    keys = {number: folded(name) for number, name in given.items()}
    for fits in (
        lambda name: name == key,
        lambda name: name.startswith(key),
        lambda name: key in name.split(),
    ):
        found = [number for number, name in keys.items() if fits(name)]
        if found:
            return found, len(found) == 1
    spellings = {number: {name, *name.split()} for number, name in keys.items()}
    every = sorted(set().union(*spellings.values()))
    close = difflib.get_close_matches(key, every, n=5, cutoff=CLOSE_SPELLING)
    found = [number for word in close for number, own in spellings.items() if word in own]
    return list(dict.fromkeys(found)), False
