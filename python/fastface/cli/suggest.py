"""`fastface suggest`: the questions whose answers help most, and answers to them from a file."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, open_library, positive
from fastface.cli.faces import as_json as face_json
from fastface.cli.output import Output, count
from fastface.errors import FastfaceError, NotFoundError

if TYPE_CHECKING:
    from fastface.library import Library
    from fastface.types import Question, QuestionSide

ANSWERS = ("yes", "no", "skip")


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "suggest",
        run,
        usage="fastface suggest [--limit N | --answers FILE] [options]",
        summary="list the questions whose answers help most",
        description="""\
Each asks whether two groups of faces are one person: two people who may be one
(same), or one who may be two (split). `fastface review` asks them one after another.
What was answered is never asked again. Nothing is changed, but with --answers.

JSON: a list of objects with kind, question, same (how likely yes is, 0 to 1), gain
(faces expected to be set right), sides (two objects with person, name, and faces,
as in `fastface faces`: those to show) and aside (IDs of all faces that go if a split
is right). For --answers, add "answer" to each: "yes" for one person, "no" or "skip".
Then printed is an object with answered, skipped and stale (what other answers had
settled or changed before).""",
        examples="""\
  fastface suggest                          what fastface is least sure of
  fastface suggest --json > questions.json
  fastface suggest --answers answers.json   apply answers, in order, each undoable""",
    )
    parser.add_argument(
        "--limit", type=positive, default=20, metavar="N", help="questions at most (default: 20)"
    )
    parser.add_argument(
        "--answers", type=Path, metavar="FILE", help="apply these answers; - for stdin"
    )


def run(args: Namespace, out: Output) -> None:
    if args.answers is not None:
        return _apply(args, out)
    with open_library(args) as library:
        questions = library.suggest(args.limit)
    if out.as_json:
        out.json([as_json(question) for question in questions])
    elif questions:
        rows = [[asked(q), f"{q.same:.0%}", f"{q.gain:.1f}"] for q in questions]
        out.table(["QUESTION", "LIKELY", "FACES SET RIGHT"], rows)
        out.say("To answer them: fastface review")
    else:
        out.say("There is nothing to ask.")
    return None


def asked(question: Question) -> str:
    """The question in words."""
    first, second = question.sides
    if question.kind == "same":
        return f"Are {called(first)} and {called(second)} one person?"
    rest = count(len(question.aside), "face")
    return f"Is {called(first)} one person, with {rest} that may be somebody else's?"


def called(side: QuestionSide) -> str:
    """A side's person, by name if there is one."""
    return side.person if side.name is None else f"{side.name} ({side.person})"


def as_json(question: Question) -> dict[str, Any]:
    """A question as other programs read it."""
    return {
        "kind": question.kind,
        "question": asked(question),
        "same": question.same,
        "gain": question.gain,
        "sides": [
            {"person": s.person, "name": s.name, "faces": [face_json(face) for face in s.faces]}
            for s in question.sides
        ],
        "aside": list(question.aside),
    }


def _apply(args: Namespace, out: Output) -> None:
    told = {"answered": 0, "skipped": 0, "stale": 0}
    answers = _read(args.answers)
    with open_library(args, read_only=False) as library:
        for question, answer in answers:
            if answer == "skip":
                told["skipped"] += 1
            else:
                told["answered" if answer_if_open(library, question, answer) else "stale"] += 1
    if out.as_json:
        out.json(told)
    else:
        said = count(told["answered"], "answer")
        out.say(f"{said} kept, {told['skipped']} skipped, {told['stale']} settled before.")


def answer_if_open(library: Library, question: Question, answer: str) -> bool:
    """Whether the answer was needed: others may have settled the question, or changed its sides."""
    try:
        if not library.is_open(question):
            return False
        library.answer(question, same=answer == "yes")
    except NotFoundError:
        return False
    return True


def _read(path: Path) -> list[tuple[Question, str]]:
    """Questions and answers, all checked before the first is applied."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:  # not even text, or nested without end
        raise FastfaceError(f"{path}: not JSON: {error}") from error
    if not isinstance(entries, list):
        raise FastfaceError(f"{path}: expected a list, as `fastface suggest --json` prints it")
    return [_entry(path, number, entry) for number, entry in enumerate(entries, start=1)]


def _entry(path: Path, number: int, entry: Any) -> tuple[Question, str]:
    from fastface.types import Box, Face, Question, QuestionSide

    try:
        sides = [
            QuestionSide(
                str(side["person"]),
                side.get("name"),
                tuple(
                    Face(str(face["id"]), Path(), Box(0, 0, 0, 0), None, 0.0, unclear=False)
                    for face in side["faces"]
                ),
            )
            for side in entry["sides"]
        ]
        first, second = sides
        if not (first.faces and second.faces):
            raise ValueError("a side has no faces")
        question = Question(
            kind=entry["kind"],
            sides=(first, second),
            aside=tuple(map(str, entry["aside"])),
            same=float(entry["same"]),
            gain=float(entry["gain"]),
        )
        answer = entry["answer"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        wrong = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise FastfaceError(
            f"{path}: entry {number} is not a question with its answer: {wrong}"
        ) from error
    if answer not in ANSWERS:
        raise FastfaceError(
            f"{path}: entry {number}: answer: expected one of {', '.join(ANSWERS)}, got {answer!r}"
        )
    return question, answer
