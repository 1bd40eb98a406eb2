"""`fastface lab compress`: make a trained network smaller, in every way there is."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from pathlib import Path

from fastface.cli.arguments import Commands, add_command
from fastface.cli.lab.shared import add_data, add_log, cache_folder, keep_result, need_torch
from fastface.cli.output import Output
from fastface.cli.progress import Line

METHODS = (
    *("float", "weights-8", "weights-4", "weights-3", "int8", "int8-aware"),
    *("zeros-50", "zeros-80", "channels-25", "channels-50", "layers-3"),
)


def register(actions: Commands) -> None:
    parser = add_command(
        actions,
        "compress",
        run,
        usage="fastface lab compress RUN --data DIR --out DIR [options]",
        summary="make a trained network smaller: fewer bits, zeros, channels, layers",
        description="""\
RUN is a folder that `lab train` wrote. Each method writes an ONNX file RUN-METHOD.onnx to
the --out folder: `weights-8`, `-4`, `-3` round the weights alone, `int8` the activations
too, `int8-aware` after --steps of training with rounding; `zeros-50`, `-80` set the smallest
weights to zero; `channels-25`, `-50` and `layers-3` cut, and train --steps more. Judge the
files by `lab measure` and `lab evaluate`.

JSON: a list of objects with name, theory_bytes, file_bytes, zipped_bytes.""",
        examples="""\
  fastface lab compress runs/peoplenet --data crops --out small
  fastface lab compress runs/peoplenet --data crops --out small --only int8 --only weights-4""",
    )
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="a training's folder")
    add_data(parser, "the crops that it was trained on")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for the files")
    parser.add_argument(
        "--only", action="append", choices=METHODS, metavar="METHOD", help="not all methods"
    )
    parser.add_argument(
        "--steps", type=int, default=200, metavar="N", help="of training after a change (200)"
    )
    add_log(parser)


def run(args: Namespace, out: Output) -> None:
    need_torch()
    from fastface.lab import compress
    from fastface.lab import crops as crop_folders
    from fastface.lab.train import load_network, load_recipe, teacher_for

    cache, checkpoint = cache_folder(args.cache), args.run_folder / "checkpoint.pt"
    network, recipe = load_network(checkpoint), load_recipe(checkpoint)
    crops = crop_folders.load_folder(args.data, cache)
    shop = compress.Workshop(network, recipe, crops, teacher_for(recipe, crops, cache), args.steps)
    args.out.mkdir(parents=True, exist_ok=True)
    line, rows = Line(enabled=not args.quiet), []
    for method in args.only or METHODS:
        line.show(method)
        made = compress.compress(shop, method, args.out, args.run_folder.name)
        rows.append(dataclasses.asdict(made))
        keep_result(args.log, "compress", rows[-1:])
    line.close()
    if out.as_json:
        out.json(rows)
    else:
        header = ["file", "theory KB", "file KB", "zipped KB"]
        cells = [
            [r["name"], *(f"{v / 1e3:.0f}" for k, v in r.items() if k != "name")] for r in rows
        ]
        out.table(header, cells)
