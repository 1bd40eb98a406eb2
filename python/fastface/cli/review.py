"""`fastface review`: answer the questions that help most, one after another."""

from __future__ import annotations

import string
import sys
import webbrowser
from argparse import Namespace
from typing import TYPE_CHECKING

from fastface.cli import history
from fastface.cli.answering import opened, told
from fastface.cli.arguments import Commands, add_command, positive
from fastface.cli.faces import place
from fastface.cli.output import DIM, Output, count, printable, styled
from fastface.cli.suggest import answer_if_open, asked, called
from fastface.errors import FastfaceError

if TYPE_CHECKING:
    from fastface.library import Library
    from fastface.types import Question

# As many are computed at once; later ones know of the answers to earlier ones.
AT_ONCE = 8
LETTERS = string.ascii_lowercase
KEYS = """\
  y  one person          n  two people          Enter or s  skip
  1 NAME or 2 NAME  say who the first or second is
  x LETTER...        these faces are not that person
  o  open the photos     u  undo the last answer     q  quit"""


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "review",
        run,
        usage="fastface review [--limit N] [options]",
        summary="answer the questions that help most, one after another",
        description="""\
Asks whether two groups of faces are one person, the question that sets most faces
right first. Each answer counts at once and is kept: quit whenever you like. Needs a
terminal; programs use `fastface suggest --json` and `--answers`.

"""
        + KEYS
        + "\n\nJSON: a list of the answers kept, each as in `fastface history`.",
        examples="""\
  fastface review
  fastface review --limit 10             ten questions""",
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="questions at most")
    parser.set_defaults(when_interrupted="your answers are kept.")


def run(args: Namespace, out: Output) -> None:
    if not sys.stdin.isatty():
        raise FastfaceError(
            "review asks questions on a terminal; programs use `fastface suggest --json`"
        )
    with opened(args) as library:
        numbers = _Session(library, out, args.limit).run()
        answers = [a for a in library.history() if a.number in numbers]
    out.say(f"{count(len(answers), 'answer')} kept. `fastface history` lists them.")
    if out.as_json:
        out.json([history.as_json(answer) for answer in answers])


class _Session:
    def __init__(self, library: Library, out: Output, limit: int | None) -> None:
        self._library, self._out = library, out
        self._left = limit
        self._skipped: set[tuple[str, ...]] = set()
        self._said: list[int] = []  # numbers of the answers that count

    def run(self) -> list[int]:
        """Asks until nothing is left or the user has enough; the numbers of answers kept."""
        self._out.say(KEYS)
        while questions := self._next():
            for question in questions:
                if self._left == 0:
                    return self._said
                if self._library.is_open(question) and not self._ask(question):
                    return self._said
        self._out.say("There is nothing more to ask.")
        return self._said

    def _next(self) -> list[Question]:
        found = self._library.suggest(AT_ONCE + len(self._skipped))
        return [q for q in found if _key(q) not in self._skipped][:AT_ONCE]

    def _ask(self, question: Question) -> bool:
        """Whether to go on."""
        self._show(question)
        while True:
            print("One person? [y/n/s/u/o/q] ", end="", file=sys.stderr, flush=True)
            line = sys.stdin.readline()
            word, _, rest = line.strip().partition(" ")
            match word.lower():
                case "q" | "quit":
                    return False
                case "" if not line:
                    return False
                case "" | "s" | "skip":
                    self._skipped.add(_key(question))
                    self._count()
                    return True
                case "y" | "yes" | "n" | "no":
                    self._answer(question, word.lower()[0] == "y")
                    return True
                case "u" | "undo":
                    self._undo()
                    if not self._library.is_open(question):
                        return True
                case "o" | "open":
                    _open(question)
                case "1" | "2" if rest.strip():
                    self._name(question, int(word) - 1, rest)
                case "x" if self._reject(question, rest.lower()):
                    return True
                case _:
                    self._out.say(KEYS)

    def _show(self, question: Question) -> None:
        likely = f"likely {question.same:.0%}, would set {question.gain:.1f} faces right"
        print(
            f"\n{printable(asked(question))} {styled(f'({likely})', DIM, sys.stderr)}",
            file=sys.stderr,
        )
        letters = iter(LETTERS)
        for number, side in enumerate(question.sides, start=1):
            print(f"  {number}  {printable(called(side))}", file=sys.stderr)
            # The faces first: `zip` asks its first argument once more than there are pairs.
            for face, letter in zip(side.faces, letters, strict=False):
                where = styled(f"({place(face)})", DIM, sys.stderr)
                print(f"     {letter}  {printable(str(face.photo))} {where}", file=sys.stderr)

    def _answer(self, question: Question, same: bool) -> None:
        names = self._library.names()
        with self._library.watching() as changes:
            if answer_if_open(self._library, question, "yes" if same else "no"):
                self._said.append(self._library.history()[-1].number)
        for line in told(changes, names):
            self._out.say(f"  {printable(line)}")
        self._count()

    def _name(self, question: Question, side: int, name: str) -> None:
        try:
            person = self._library.name(question.sides[side].person, name)
        except (FastfaceError, ValueError) as error:
            self._out.error(str(error))
            return
        self._said.append(self._library.history()[-1].number)
        self._out.say(f"  {person.id} is called {printable(person.name or '')}")

    def _reject(self, question: Question, letters: str) -> bool:
        """Whether the letters are those of faces; they are rejected."""
        shown = [(side.person, face.id) for side in question.sides for face in side.faces]
        lettered = dict(zip(LETTERS, shown, strict=False))
        chosen = [lettered.get(letter) for letter in letters.replace(" ", "")]
        if None in chosen or not chosen:
            self._out.say("  There are no such faces.")
            return False
        for person in dict.fromkeys(person for person, _ in filter(None, chosen)):
            faces = [face for whose, face in filter(None, chosen) if whose == person]
            self._said.append(self._library.reject(person, faces).number)
        self._out.say(f"  {count(len(chosen), 'face')} taken out.")
        return True

    def _undo(self) -> None:
        if not self._said:
            self._out.say("  Nothing was answered yet.")
            return
        taken = self._library.undo(self._said.pop())
        self._out.say(f"  {taken.number} ({taken.kind}) is taken back.")

    def _count(self) -> None:
        if self._left is not None:
            self._left -= 1


def _key(question: Question) -> tuple[str, ...]:
    """A question, recognised when it is suggested again."""
    return tuple(side.faces[0].id for side in question.sides)


def _open(question: Question) -> None:
    """The best photo of each side, in the program that the user opens photos with."""
    for photo in dict.fromkeys(side.faces[0].photo for side in question.sides):
        if not webbrowser.open(photo.as_uri()):
            print(f"cannot open {printable(str(photo))}", file=sys.stderr)
