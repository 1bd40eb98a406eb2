"""`fastface name PERSON NAME`: say who somebody is."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from fastface.cli import people
from fastface.cli.arguments import Commands, add_command, open_library
from fastface.cli.output import Output, count, printable
from fastface.errors import FastfaceError

if TYPE_CHECKING:
    from fastface.library import Library
    from fastface.types import Person


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "name",
        run,
        usage="fastface name PERSON NAME [--yes] [options]",
        summary="say who a person is",
        description="""\
Names are kept apart from what fastface computes: they survive new photos, a new
grouping and a change of model. Naming again changes the name. Giving the name that
another person already has says that the two are one: you are asked first.

JSON: the person, as in `fastface people`.""",
        examples="""\
  fastface name p1 "Ada Lovelace"
  fastface name "Ada Lovelace" "Ada King"     a new name for the same person
  fastface name p7 "Ada King" --yes           p7 is Ada too: join them""",
    )
    parser.add_argument("person", metavar="PERSON", help="a person's ID, or the present name")
    parser.add_argument("name", metavar="NAME", help="the name to give")
    parser.add_argument("--yes", action="store_true", help="join two people without asking")


def run(args: Namespace, out: Output) -> None:
    with open_library(args, read_only=False) as library:
        if not args.yes:
            confirm_join(library, args.person, args.name)
        try:
            person = library.name(args.person, args.name)
        except ValueError as error:
            raise FastfaceError(str(error)) from error
    if out.as_json:
        out.json(people.as_json(person))
    else:
        name = printable(person.name or "")
        out.say(f"{person.id} is {name}, in {count(person.n_photos, 'photo')}.")


def confirm_join(library: Library, person: str, name: str) -> None:
    """Ask before a name joins two people; without a terminal, refuse."""
    from fastface.verdicts.names import clean_name

    everybody = library.people()

    def called(name: str) -> Person | None:
        return next((p for p in everybody if p.name == clean_name(name)), None)

    namesake = called(name)
    named = next((p for p in everybody if person == p.id), None) or called(person)
    if namesake is None or named is None or named.id == namesake.id:
        return
    question = f"{_described(namesake)} is there already. Is {_described(named)} the same person?"
    if not sys.stdin.isatty():
        raise FastfaceError(f"{question} If so, add --yes to join them")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise FastfaceError("nothing was changed")


def _described(person: Person) -> str:
    photos = count(person.n_photos, "photo")
    if person.name is None:
        return f"{person.id} ({photos})"
    return f"{printable(person.name)} ({person.id}, {photos})"
