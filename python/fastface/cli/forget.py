"""`fastface forget PERSON`: delete all that is known of somebody."""

from __future__ import annotations

from argparse import Namespace

from fastface.cli.answering import add_dry_run, add_person, agreed, label, opened, person_meant
from fastface.cli.arguments import Commands, add_command
from fastface.cli.output import Output, count, printable
from fastface.errors import FastfaceError


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "forget",
        run,
        usage="fastface forget PERSON [--yes] [--dry-run] [options]",
        summary="delete all that is known of a person, for good",
        description="""\
Likenesses, name and what you said of nobody else are deleted from the library's
files without a trace; you are asked first. The photos are not touched. What stays
is where in which photos the faces are, so that no scan brings them back; in another
photo the person is somebody new. Faces that were taken for somebody else's stay: see
`fastface faces` first. Reports and exports you made are yours to delete, as are
backups, and remnants on the disk itself are your system's.

JSON: an object with person, faces, photos, answers (entries of the history that are
blank now), scrubbed (false: another program reads the library; the next command
that writes removes the last copies), dry_run.""",
        examples="""\
  fastface forget "Ada Lovelace" --dry-run
  fastface forget p4
  fastface forget p4 --yes               without asking""",
    )
    add_person(parser, help="who is to be forgotten")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_dry_run(parser)


def run(args: Namespace, out: Output) -> None:
    with opened(args) as library:
        person = person_meant(library, args.person)
        who = printable(label(person, library.names()))
        with library.rehearsal():
            would = library.forget(person)
        faces = f"{count(would.n_faces, 'face')} on {count(would.n_photos, 'photo')}"
        if not args.dry_run:
            question = f"Forget {who}, {faces}? This cannot be undone."
            if not args.yes and not agreed(question):
                raise FastfaceError("nothing was changed")
            would = library.forget(person)
    if out.as_json:
        out.json(
            {
                "person": person,
                "faces": would.n_faces,
                "photos": would.n_photos,
                "answers": would.n_answers,
                "scrubbed": would.scrubbed,
                "dry_run": args.dry_run,
            }
        )
    elif args.dry_run:
        print(f"{who}: {faces}, {count(would.n_answers, 'entry', 'entries')} of the history")
        out.say("Nothing was changed: this was a dry run.")
    else:
        out.say(f"Forgotten: {faces}.")
        if not would.scrubbed:
            out.warn(
                "another program is reading the library: copies are left until the next "
                "fastface command that writes"
            )
