"""`fastface lab augment`: look at the augmentations."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from fastface.cli.arguments import Commands, add_command, positive
from fastface.cli.lab.shared import add_data, cache_folder
from fastface.cli.output import Output


def register(actions: Commands) -> None:
    parser = add_command(
        actions,
        "augment",
        run,
        usage="fastface lab augment --data DIR --out FILE [options]",
        summary="draw a contact sheet of what training does to faces",
        description="""\
Draws each augmentation at three strengths on the same faces, the made-up masks too, so
that you can see whether they still look like photos. The sheet is readable by you alone.

JSON: an object with file, faces, seed.""",
        examples="""\
  fastface lab augment --data crops --out sheet.png
  fastface lab augment --data crops --out sheet.png --faces 16 --seed 2""",
    )
    add_data(parser, "folder of aligned crops, as for `lab train`")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="PNG or JPEG")
    parser.add_argument("--faces", type=positive, default=10, metavar="N", help="columns (10)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="other faces (0)")


def run(args: Namespace, out: Output) -> None:
    from fastface.lab import contact_sheet
    from fastface.lab.crops import load_folder

    crops = load_folder(args.data, cache_folder(args.cache))
    contact_sheet.write(contact_sheet.draw(crops, faces=args.faces, seed=args.seed), args.out)
    result = {"file": str(args.out), "faces": args.faces, "seed": args.seed}
    if out.as_json:
        out.json(result)
    else:
        out.pairs(result.items())
