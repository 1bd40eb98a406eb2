"""What the commands share that say something of people and faces: whom is meant, what changes."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from fastface.cli import history, people
from fastface.cli.arguments import open_library
from fastface.cli.faces import place
from fastface.cli.output import Output, count, printable
from fastface.errors import AmbiguousError, FastfaceError, NotFoundError

if TYPE_CHECKING:
    from fastface.library import Library
    from fastface.types import Answer, Changes, Person, PersonChange, PersonState

FACE_ID: Final = re.compile(r"[0-9a-f]{16}-[0-9]+")


def add_person(parser: ArgumentParser, name: str = "person", *, help: str) -> None:  # noqa: A002
    """A PERSON argument."""
    parser.add_argument(name, metavar=name.upper(), help=f"{help}: an ID, a name, or most of one")


def add_faces(parser: ArgumentParser, *, help: str) -> None:  # noqa: A002
    """FACE arguments."""
    parser.add_argument(
        "faces",
        metavar="FACE",
        nargs="+",
        help=f"{help}: IDs, as in `fastface faces`, or photos",
    )


def add_dry_run(parser: ArgumentParser) -> None:
    """`--dry-run`."""
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would change, and change nothing"
    )


@contextmanager
def opened(args: Namespace) -> Iterator[Library]:
    """The library, to give answers; those that make no sense end the command with a message."""
    with open_library(args, read_only=False) as library:
        try:
            yield library
        except ValueError as error:
            raise FastfaceError(str(error)) from error


def give(
    args: Namespace, out: Output, library: Library, answer: Callable[[], Person | Answer]
) -> None:
    """Gives an answer, and prints what it changes."""
    from fastface.types import Person

    names = library.names()
    with library.watching(dry_run=args.dry_run) as changes:
        given = answer()
    if out.as_json:
        said = people.as_json(given) if isinstance(given, Person) else history.as_json(given)
        out.json({**said, "changes": changes_json(changes), "dry_run": args.dry_run})
        return
    lines = told(changes, names)
    for line in lines:
        if args.dry_run:
            print(printable(line))
        else:
            out.say(printable(line))
    if args.dry_run:
        out.say("Nothing was changed: this was a dry run.")
    elif not lines:
        later = "Kept; nothing looks different yet."
        out.say("That is so already." if isinstance(given, Person) else later)


# -- whom and what is meant ----------------------------------------------------------------------


def person_meant(library: Library, text: str) -> str:
    """The id of a person; asks on a terminal where several, or one of a similar name, may be."""
    try:
        return library.find_person(text)
    except AmbiguousError as error:
        if not sys.stdin.isatty():
            raise
        return _choose(library, text, error.candidates)


def _choose(library: Library, text: str, candidates: Sequence[str]) -> str:
    listed = {person.id: person for person in library.people(hidden=True)}
    print(f"{printable(text)!r} may mean", file=sys.stderr)
    for number, id_ in enumerate(candidates, start=1):
        who = described(listed[id_]) if id_ in listed else id_
        print(f"  {number}  {who}", file=sys.stderr)
    print("Which one? [number; Enter for none] ", end="", file=sys.stderr, flush=True)
    chosen = sys.stdin.readline().strip()
    if not chosen.isdecimal() or not 1 <= int(chosen) <= len(candidates):
        raise FastfaceError("nothing was changed")
    return candidates[int(chosen) - 1]


def agreed(question: str) -> bool:
    """Whether the user says yes; where nobody can be asked, the question is the error."""
    if not sys.stdin.isatty():
        raise FastfaceError(f"{question} If so, add --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def described(person: Person) -> str:
    """A person to choose among others."""
    photos = count(person.n_photos, "photo")
    if person.name is None:
        return f"{person.id} ({photos})"
    return f"{printable(person.name)} ({person.id}, {photos})"


def faces_meant(library: Library, texts: Sequence[str], person: str | None = None) -> list[str]:
    """The ids of faces that are given as such or by photos.

    person: of a photo that shows this person, theirs; of any other, the only face there is.
    """
    found = []
    for text in texts:
        found += [text] if FACE_ID.fullmatch(text) else _on_photo(library, text, person)
    return found


def own_faces_meant(library: Library, texts: Sequence[str], person: str) -> list[str]:
    """The ids of a person's faces that are given as such or by photos."""
    found = []
    for text in texts:
        if FACE_ID.fullmatch(text):
            found.append(text)
            continue
        own = [face.id for face in library.faces_in(text) if face.person == person]
        if not own:
            raise NotFoundError(f"{label(person, library.names())} is not seen on {text}")
        found += own
    return found


def _on_photo(library: Library, photo: str, person: str | None) -> list[str]:
    faces = library.faces_in(photo)
    own = [face.id for face in faces if person is not None and face.person == person]
    if own or len(faces) == 1:
        return own or [faces[0].id]
    if not faces:
        raise NotFoundError(f"no face was found on {photo}")
    places = ", ".join(f"{face.id} ({place(face)})" for face in faces)
    raise FastfaceError(f"{photo} shows {len(faces)} faces; give the ID of one: {places}")


# -- what changes --------------------------------------------------------------------------------


def told(changes: Changes, names: Mapping[str, str | None]) -> list[str]:
    """What changes, a line each.  names: those before."""
    names = {**names, **{c.person: c.after.name for c in changes.people if c.after is not None}}
    lines = [line for change in changes.people for line in _told_of(change, names)]
    for n_faces, source, target in changes.moved:
        whose, now = (label(who, names) if who else "nobody" for who in (source, target))
        lines.append(f"{count(n_faces, 'face')}: {whose} -> {now}")
    for person, n_faces in changes.confirmed.items():
        lines.append(f"{count(n_faces, 'face')} of {label(person, names)}: confirmed")
    return lines


def _told_of(change: PersonChange, names: Mapping[str, str | None]) -> Iterator[str]:
    who = label(change.person, names)
    before, after = change.before, change.after
    if after is None:
        yield f"{who} is nobody any more"
        return
    if before is None:
        yield f"{who} is new, with {count(after.n_faces, 'face')}"
        return
    if before.name != after.name:
        was = "" if before.name is None else f", no longer {before.name}"
        now = f"is called {after.name}" if after.name is not None else "has no name"
        yield f"{change.person} {now}{was}"
    if before.hidden != after.hidden:
        yield f"{who} is {'hidden' if after.hidden else 'listed again'}"
    if before.cover != after.cover:
        yield f"{who} is shown by another face"


def label(person: str, names: Mapping[str, str | None]) -> str:
    """A person with their name, if there is one.

    >>> label("p1", {"p1": "Ada"}), label("p2", {})
    ('Ada (p1)', 'p2')
    """
    name = names.get(person)
    return person if name is None else f"{name} ({person})"


def changes_json(changes: Changes) -> dict[str, Any]:
    """Changes as other programs read them."""

    def state(person: PersonState | None) -> dict[str, Any] | None:
        if person is None:
            return None
        return {"name": person.name, "faces": person.n_faces, "hidden": person.hidden}

    return {
        "people": [
            {"id": change.person, "before": state(change.before), "after": state(change.after)}
            for change in changes.people
        ],
        "moved": [
            {"faces": moved.n_faces, "from": moved.source, "to": moved.target}
            for moved in changes.moved
        ],
        "confirmed": changes.confirmed,
    }
