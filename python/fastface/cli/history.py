"""`fastface history [PERSON]`: everything that was said."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, open_library
from fastface.cli.output import Output, count

if TYPE_CHECKING:
    from fastface.types import Answer


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "history",
        run,
        usage="fastface history [PERSON] [options]",
        summary="list everything you said, in order",
        description="""\
Nothing you said is ever lost. Where answers contradict each other the latest
counts; STATE then says for how many faces an answer was overruled, and by which.
`fastface undo NUMBER` takes one back, an undo too; of an import, all of it.

JSON: a list of objects with number, kind (name, same, different, reject, not_face,
confirm, hide, unhide, favourite, born, undo, forget), people (a list of IDs), name
(or null), born (or null), faces (how many it is about), said_at (ISO 8601, UTC),
undoes (a number, or null), batch (a number that answers given at once share, or
null), stands (false: taken back or forgotten), overruled (a list of objects with by,
a number, and faces, 0 for the people as a whole).""",
        examples="""\
  fastface history
  fastface history "Ada Lovelace"        what was said of one person
  fastface history --json | jq 'map(select(.kind == "name"))'""",
    )
    parser.add_argument("person", nargs="?", metavar="PERSON", help="a person's ID or name")


def run(args: Namespace, out: Output) -> None:
    from fastface.cli.answering import person_meant

    with open_library(args) as library, library.snapshot():
        person = None if args.person is None else person_meant(library, args.person)
        answers, names = library.history(person), library.names()
    if out.as_json:
        out.json([as_json(answer) for answer in answers])
    elif answers:
        rows = [
            [a.number, when(a.said_at), sentence(a, names), a.n_faces or "", state(a)]
            for a in answers
        ]
        out.table(["NUMBER", "WHEN", "WHAT", "FACES", "STATE"], rows)
    else:
        out.say("Nothing was said yet. To name somebody: fastface name PERSON NAME")


def as_json(answer: Answer) -> dict[str, Any]:
    """An answer as other programs read it."""
    from datetime import UTC, datetime

    return {
        "number": answer.number,
        "kind": answer.kind,
        "people": list(answer.people),
        "name": answer.name,
        "born": answer.born,
        "faces": answer.n_faces,
        "said_at": datetime.fromtimestamp(answer.said_at, UTC).isoformat(timespec="seconds"),
        "undoes": answer.undoes,
        "batch": answer.batch,
        "stands": answer.stands,
        "overruled": [{"by": by, "faces": n_faces} for by, n_faces in answer.overruled],
    }


def when(said_at: float) -> str:
    """The minute, by this machine's clock."""
    from datetime import datetime

    return datetime.fromtimestamp(said_at).astimezone().strftime("%Y-%m-%d %H:%M")


def sentence(answer: Answer, names: Mapping[str, str | None]) -> str:
    """What was said, in words; people have the names that they have now."""
    from fastface.cli.answering import label

    who = [label(person, names) for person in answer.people] or ["somebody who was forgotten"]
    first, rest = who[0], ", ".join(who[1:])
    sentences = {
        "name": f"{answer.people[0] if answer.people else first} is called {answer.name}",
        "same": f"{first} and {rest} are one",
        "different": f"{first} and {rest} are two people",
        "reject": f"faces are not {first}",
        "not_face": "not a face",
        "confirm": f"faces are {first}",
        "hide": f"{first} is hidden",
        "unhide": f"{first} is listed",
        "favourite": f"{first} is shown by a face",
        "born": f"{first} was born {answer.born}",
        "undo": f"{answer.undoes} is taken back",
        "forget": "somebody is forgotten",
    }
    return sentences[answer.kind] if answer.people or answer.stands else "(forgotten)"


def state(answer: Answer) -> str:
    """Whether an answer counts."""
    if not answer.stands:
        return "taken back" if answer.people or answer.kind == "not_face" else ""
    return ", ".join(
        f"overruled by {by}" + (f" for {count(n_faces, 'face')}" if n_faces else "")
        for by, n_faces in answer.overruled
    )
