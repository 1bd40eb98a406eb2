"""`fastface identify PHOTO...`: who of the library is in new photos."""

from __future__ import annotations

import math
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, open_library
from fastface.cli.faces import place, time_json
from fastface.cli.output import Output, box_list, printable
from fastface.errors import PhotoError

if TYPE_CHECKING:
    from fastface.types import Identification

UNKNOWN = "unknown"


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "identify",
        run,
        usage="fastface identify PHOTO [PHOTO ...] [options]",
        summary="say who is in a new photo or video",
        description="""\
Looks at each face and compares it with the people of the library. A face that is
like nobody is 'unknown'. Of a video, somebody in one shot is one face. Nothing is added
to the library.

JSON: a list with one object per face: photo, box ([left, top, width, height] in
fractions of the upright photo), person (an ID, or null), name (or null),
confidence (0 to 1), distance (smaller is closer; null where nobody is known); in a
video also at_s, in seconds from its start.""",
        examples="""\
  fastface identify party.jpg
  fastface identify ~/Downloads/*.jpg --json""",
    )
    parser.add_argument(
        "photos", nargs="+", type=Path, metavar="PHOTO", help="a photo or video file"
    )


def run(args: Namespace, out: Output) -> int:
    found: list[tuple[Path, Identification]] = []
    n_unreadable = 0
    with open_library(args) as library:
        for photo in args.photos:
            try:
                faces = library.identify(photo)
            except PhotoError as error:
                out.error(str(error))
                n_unreadable += 1
                continue
            found += [(photo, face) for face in faces]
            if not faces:
                out.say(printable(f"{photo}: no face found"))
    if out.as_json:
        out.json([as_json(photo, face) for photo, face in found])
    elif found:
        rows = [[_who(face), _confidence(face), place(face), photo] for photo, face in found]
        out.table(["PERSON", "CONFIDENCE", "PLACE", "PHOTO"], rows)
    return 1 if n_unreadable else 0


def as_json(photo: Path, face: Identification) -> dict[str, Any]:
    """One face of a photo as other programs read it."""
    return {
        "photo": str(photo),
        "box": box_list(face.box),
        "person": face.person,
        "name": face.name,
        "confidence": round(float(face.confidence), 4),
        # JSON has no infinity, which a library without people answers.
        "distance": round(float(face.distance), 4) if math.isfinite(face.distance) else None,
        **time_json(face.at_s),
    }


def _who(face: Identification) -> str:
    return face.name or face.person or UNKNOWN


def _confidence(face: Identification) -> str:
    if face.person is None:
        return "-"
    return ">99%" if face.confidence > 0.99 else f"{face.confidence:.0%}"
