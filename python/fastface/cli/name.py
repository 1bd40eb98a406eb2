"""`fastface name PERSON NAME`: say who somebody is."""

from __future__ import annotations

from argparse import Namespace

from fastface.cli import people
from fastface.cli.arguments import Commands, add_command, open_library
from fastface.cli.output import Output, count, printable


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "name",
        run,
        usage="fastface name PERSON NAME [options]",
        summary="say who a person is",
        description="""\
Names are kept apart from what fastface computes: they survive new photos, a new
grouping and a change of model. Naming again changes the name.

JSON: the person, as in `fastface people`.""",
        examples="""\
  fastface name p1 "Ada Lovelace"
  fastface name "Ada Lovelace" "Ada King"     a new name for the same person""",
    )
    parser.add_argument("person", metavar="PERSON", help="a person's ID, or the present name")
    parser.add_argument("name", metavar="NAME", help="the name to give")


def run(args: Namespace, out: Output) -> None:
    with open_library(args, read_only=False) as library:
        person = library.name(args.person, args.name)
    if out.as_json:
        out.json(people.as_json(person))
    else:
        name = printable(person.name or "")
        out.say(f"{person.id} is {name}, in {count(person.n_photos, 'photo')}.")
