"""What a user may say, as a machine says it, and what must be in the log after each command."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import strategies as st

from fastface.library import Library
from tests.library_state import Picture, log_of
from tests.reference.people import Face, Log, Said, expected

NAMES = ("Ada", "Bea", "ada", "Cleo")


class Command(NamedTuple):
    """verb, and which of the people, faces and names there are, counted round."""

    verb: str
    person: int
    other: int
    faces: tuple[int, ...]


VERBS = "name merge split different reject not_face confirm hide unhide favourite"
COMMANDS = st.builds(
    Command,
    st.sampled_from(VERBS.split(" ")),
    st.integers(0, 7),
    st.integers(0, 7),
    st.lists(st.integers(0, 15), min_size=1, max_size=2).map(tuple),
)


def alike(name: str | None, other: str) -> bool:
    return name is not None and name.lower() == other.lower()


def someone(now: Picture, person: int) -> int | None:
    """Somebody who is on a photo that is there."""
    here = sorted({seen.person for seen in now.faces.values() if seen.present} - {0})
    return here[person % len(here)] if here else None


def give(
    command: Command, library: Library, now: Picture, told: list[Said], ever: int
) -> Said | None:
    """Gives a command; returns what must be in the log then, None for nothing.

    told: the log so far.  ever: the greatest number that anybody was ever given.
    """
    log = Log(told)
    person, other = (someone(now, k) for k in (command.person, command.other))
    here = sorted(face for face, seen in now.faces.items() if seen.present)
    if person is None or other is None:
        return None
    faces = sorted({here[k % len(here)] for k in command.faces})
    own = [face for face in here if now.faces[face].person == person]
    of = {n: dict.fromkeys(_all_of(now, n), n) for n in (person, other)}
    key, ids = f"p{person}", [f"{hash_[:16]}-{place}" for hash_, place in faces]
    match command.verb:
        case "name":
            name = NAMES[command.other % len(NAMES)]
            namesakes = [n for n in sorted(now.people) if alike(log.name(n), name)]
            named = library.name(key, name)
            if log.name(person) == name:
                return None
            namesakes = [n for n in namesakes if n != person]
            if not namesakes:
                assert (named.id, named.name) == (key, name)
                return Said("name", [person], of[person], name)
            theirs = dict.fromkeys(_all_of(now, namesakes[0]), namesakes[0])
            said = Said("same", [namesakes[0], person], theirs | of[person])
            assert named.id == f"p{Log([*told, said]).root(namesakes[0])}"
            return said
        case "merge" | "different" if person == other:
            with pytest.raises(ValueError, match="expected somebody else"):
                getattr(library, command.verb)(key, f"p{other}")
            return None
        case "merge":
            said = Said("same", [person, other], of[person] | of[other])
            merged = library.merge(key, f"p{other}").id
            assert merged == f"p{Log([*told, said]).root(person)}"
            return said
        case "different":
            library.different(key, f"p{other}")
            return Said("different", [person, other], of[person] | of[other])
        case "split":
            chosen = own[: 1 + command.faces[0] % len(own)]
            ids = [f"{hash_[:16]}-{place}" for hash_, place in chosen]
            if len(chosen) == len(of[person]):
                with pytest.raises(ValueError, match="all of them"):
                    library.split(key, ids)
                return None
            new = int(library.split(key, ids).id[1:])
            assert new > ever
            return Said("different", [person, new], of[person] | dict.fromkeys(chosen, new))
        case "reject":
            library.reject(key, ids)
            said = log_of(library)[-1]
            new_numbers = [said.faces[face] for face in faces]
            assert min(new_numbers) > ever and len({*new_numbers}) == len(faces)
            seated = expected(log, dict.fromkeys(now.faces, 0))
            pins = {} if {person} in seated.values() else of[person]
            return Said("reject", [person], pins | dict(zip(faces, new_numbers, strict=True)))
        case "not_face":
            library.not_face(ids)
            return Said("not_face", faces=dict.fromkeys(faces, 0))
        case "confirm":
            library.confirm(key, ids)
            return Said("confirm", [person], dict.fromkeys(faces, person))
        case "favourite":
            face = own[command.faces[0] % len(own)]
            library.favourite(key, f"{face[0][:16]}-{face[1]}")
            return Said("favourite", [person], {face: person})
        case verb:
            getattr(library, verb)(key)
            return Said(verb, [person], of[person])


def _all_of(now: Picture, person: int) -> list[Face]:
    """A person's faces, those on missing photos too."""
    return [face for face, seen in now.faces.items() if seen.person == person]
