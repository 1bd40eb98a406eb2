"""`fastface name PERSON NAME`: say who somebody is."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from fastface.cli.answering import (
    add_dry_run,
    add_person,
    agreed,
    described,
    give,
    opened,
    person_meant,
)
from fastface.cli.arguments import Commands, add_command
from fastface.cli.output import Output
from fastface.errors import FastfaceError

if TYPE_CHECKING:
    from fastface.library import Library
    from fastface.types import Person


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "name",
        run,
        usage="fastface name PERSON NAME [--yes] [--dry-run] [options]",
        summary="say who a person is",
        description="""\
Names are kept apart from what fastface computes: they survive new photos, a new
grouping and a change of model. Naming again changes the name. Giving the name that
another person already has, in whatever case, says that the two are one: you are
asked first.

JSON: the person, as in `fastface people`, with changes (people, moved, confirmed:
what became of whom) and dry_run.""",
        examples="""\
  fastface name p1 "Ada Lovelace"
  fastface name "Ada Lovelace" "Ada King"     a new name for the same person
  fastface name p7 "Ada King" --yes           p7 is Ada too: join them""",
    )
    add_person(parser, help="who it is")
    parser.add_argument("name", metavar="NAME", help="the name to give")
    parser.add_argument("--yes", action="store_true", help="join two people without asking")
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> None:
    with opened(args) as library:
        person = person_meant(library, args.person)
        namesake = _namesake(library, person, args.name)
        if namesake is not None and not args.yes and not args.dry_run:
            known = next((p for p in library.people(hidden=True) if p.id == person), None)
            one = described(known) if known is not None else person
            question = f"{described(namesake)} is there already. Is {one} the same person?"
            if not agreed(question):
                raise FastfaceError("nothing was changed")
        give(args, out, library, lambda: library.name(person, args.name))


def _namesake(library: Library, person: str, name: str) -> Person | None:
    """Somebody else of this name: then naming is joining."""
    from fastface.verdicts.names import clean_name, same_name

    everybody = library.people(hidden=True)
    if any(p.id == person and p.name == clean_name(name) for p in everybody):
        return None
    return next((p for p in everybody if same_name(p.name, name) and p.id != person), None)
