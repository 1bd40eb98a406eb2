"""`fastface why A B`: why two faces, or people, are one person or two."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, open_library
from fastface.cli.faces import time_json
from fastface.cli.output import Output, box_list, printable
from fastface.errors import FastfaceError

if TYPE_CHECKING:
    from fastface.explaining import Explanation, Side
    from fastface.types import Face


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "why",
        run,
        usage="fastface why A B [options]",
        summary="explain why two faces or people are one person, or are not",
        description="""\
A and B are people (IDs or names) or faces (IDs, from `fastface faces --json`). Tells
what you said, how near the faces are and how rare that is among strangers, whether
clothes counted, where the groups met and how likely that was right, and which faces
carry an assignment.

JSON: an object with a and b (face, person, name, faces), together, same_cluster,
same_moment, nearest (a, b, distance, log10_rate, torso, combined, limit), median,
meeting (distance, sizes, shared_photos, groups, expected, odds, happened) or null,
earlier (model, distance, log10_rate or null) of models that saw the nearest before,
answers (numbers in the history), carriers (face, person, name, share, similarity),
words. A face is an object with id, photo, box, and at_s in a video.""",
        examples="""\
  fastface why p1 p7                     why are these two people?
  fastface why Ada 0f3a99bc01d2e4f5-1    why is this face Ada's?
  fastface why p1 p2 --json""",
    )
    parser.add_argument("a", metavar="A", help="a person or a face")
    parser.add_argument("b", metavar="B", help="another one")


def run(args: Namespace, out: Output) -> None:
    from fastface.wording import in_words

    with open_library(args) as library:
        try:
            why = library.why(args.a, args.b)
        except ValueError as error:
            raise FastfaceError(str(error)) from error
    words = in_words(why)
    if out.as_json:
        out.json(as_json(why, words))
        return
    for line in words:
        print(printable(line))


def as_json(why: Explanation, words: list[str]) -> dict[str, Any]:
    """The explanation as other programs read it; never an embedding."""
    likeness, meeting = why.likeness, why.meeting
    return {
        "a": _side(why.a),
        "b": _side(why.b),
        "together": why.together,
        "same_cluster": why.same_cluster,
        "same_moment": why.same_moment,
        "nearest": {
            "a": _face(why.pair[0]),
            "b": _face(why.pair[1]),
            "distance": likeness.distance,
            "log10_rate": likeness.log10_rate,
            "torso": likeness.torso,
            "combined": likeness.combined,
            "limit": likeness.limit,
        },
        "median": why.median,
        "meeting": None
        if meeting is None
        else {
            "distance": meeting.distance,
            "sizes": list(meeting.sizes),
            "shared_photos": meeting.shared_photos,
            "groups": meeting.n_clusters,
            "expected": meeting.expected,
            "odds": meeting.odds,
            "happened": meeting.happened,
        },
        "earlier": [
            {"model": look.model, "distance": look.distance, "log10_rate": look.log10_rate}
            for look in why.earlier
        ],
        "answers": [answer.number for answer in why.answers],
        "carriers": [
            {
                "face": _face(carrier.face),
                "person": carrier.person,
                "name": carrier.name,
                "share": carrier.share,
                "similarity": carrier.similarity,
            }
            for carrier in why.carriers
        ],
        "words": words,
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "face": None if side.face is None else _face(side.face),
        "person": side.person,
        "name": side.name,
        "faces": side.n_faces,
    }


def _face(face: Face) -> dict[str, Any]:
    box = box_list(face.box)
    return {"id": face.id, "photo": str(face.photo), "box": box, **time_json(face.at_s)}
