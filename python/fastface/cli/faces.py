"""`fastface faces`: every face that was found, and where."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, open_library
from fastface.cli.output import Output, box_list
from fastface.periods import clock

if TYPE_CHECKING:
    from fastface.types import Face


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "faces",
        run,
        usage="fastface faces [PERSON] [--unclear] [options]",
        summary="list the faces, of everybody or of one person",
        description="""\
QUALITY runs from 0 to 1. Unclear faces (too small, blurred or turned away) are
kept but belong to nobody. The ID of a face stays the same from one run to the next;
`confirm`, `reject`, `split` and others take it.

JSON: a list of objects with id, photo, box ([left, top, width, height] in fractions
of the upright photo), person (an ID, or null), quality, unclear; in a video also at_s,
the seconds from its start to the picture that shows the face best.""",
        examples="""\
  fastface faces                         every face
  fastface faces "Ada Lovelace"          the faces of one person
  fastface faces --unclear               faces too poor to be grouped
  fastface faces --json > faces.json""",
    )
    parser.add_argument("person", nargs="?", metavar="PERSON", help="a person's ID or name")
    parser.add_argument("--unclear", action="store_true", help="only the unclear faces")


def run(args: Namespace, out: Output) -> None:
    with open_library(args) as library:
        faces = library.faces(args.person)
    chosen = [face for face in faces if face.unclear or not args.unclear]
    if out.as_json:
        out.json([as_json(face) for face in chosen])
    elif chosen:
        rows = [
            [face.id, _owner(face), f"{face.quality:.2f}", place(face), face.photo]
            for face in chosen
        ]
        out.table(["ID", "PERSON", "QUALITY", "PLACE", "PHOTO"], rows)
    if not chosen:
        out.say("No such faces." if faces else "No faces yet. To find some: fastface scan FOLDER")


def as_json(face: Face) -> dict[str, Any]:
    """A face as other programs read it."""
    return {
        "id": face.id,
        "photo": str(face.photo),
        "box": box_list(face.box),
        "person": face.person,
        "quality": round(float(face.quality), 4),
        "unclear": bool(face.unclear),
        **time_json(face.at_s),
    }


def time_json(at_s: float | None) -> dict[str, float]:
    """When in a video a face is seen; nothing for one on a photo."""
    return {} if at_s is None else {"at_s": round(at_s, 3)}


def place(face: Any) -> str:
    """Where the middle of the face is, for a person to find it: '62% across, 31% down at 1:23'."""
    left, top, width, height = face.box
    when = "" if face.at_s is None else f" at {clock(face.at_s)}"
    return f"{100 * (left + width / 2):.0f}% across, {100 * (top + height / 2):.0f}% down{when}"


def _owner(face: Face) -> str:
    return "(unclear)" if face.unclear else face.person or "-"
