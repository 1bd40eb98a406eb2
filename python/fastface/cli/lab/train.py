"""`fastface lab train`: teach a network."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from fastface.cli.arguments import Commands, add_command, positive
from fastface.cli.lab.shared import Line, add_data, cache_folder, need_torch
from fastface.cli.output import Output

if TYPE_CHECKING:
    from fastface.lab.train import Moment

PRESETS = ("lecture", "peoplenet", "tiny")


def register(actions: Commands) -> None:
    parser = add_command(
        actions,
        "train",
        run,
        usage="fastface lab train --data DIR --out DIR [--preset NAME] [options]",
        summary="teach a network from aligned face crops",
        description="""\
DIR holds aligned 112 x 112 crops: SET/PERSON/photo.jpg where people are known and
SET/photo.jpg where they are not. `peoplenet` and `lecture` (the full width, for a GPU)
learn mostly from the installed embedder, `tiny` from the labelled people alone. A GPU is
used where there is one. Ctrl-C keeps what was learnt; --resume goes on from there, to
the same result as without a stop. With --resume, another --steps reshapes the rest.

Writes checkpoint.pt (readable by you alone) and log.csv to the --out folder.

JSON: an object with step, steps, loss, seconds and, with a teacher, held_out (mean
cosine to the teacher on crops kept out of training).""",
        examples="""\
  fastface lab train --preset tiny --data crops --out runs/tiny
  fastface lab train --preset peoplenet --data crops --out runs/peoplenet
  fastface lab train --preset peoplenet --data crops --out runs/peoplenet --resume""",
    )
    add_data(parser, "folder of aligned crops")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the run's folder")
    parser.add_argument(
        "--preset", choices=PRESETS, default="peoplenet", help="network and recipe (peoplenet)"
    )
    parser.add_argument("--steps", type=positive, metavar="N", help="in the place of the preset's")
    parser.add_argument("--seed", type=int, metavar="N", help="another beginning (default 0)")
    parser.add_argument(
        "--threads", type=positive, metavar="N", help="of the processor; the result depends on it"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.set_defaults(when_interrupted="what was learnt is kept; go on with --resume.")


def run(args: Namespace, out: Output) -> None:
    need_torch()
    import torch

    from fastface.lab import crops as crop_folders
    from fastface.lab import teachers
    from fastface.lab.train import RECIPES, Trainer, with_steps

    if args.threads is not None:
        torch.set_num_threads(args.threads)
    recipe = with_steps(RECIPES[args.preset], args.steps, args.seed)
    cache = cache_folder(args.cache)
    args.out.mkdir(mode=0o700, parents=True, exist_ok=True)
    crops = crop_folders.load_folder(args.data, cache)
    line = Line(enabled=not args.quiet)
    taught = None
    if recipe.teacher:
        taught = teachers.targets(
            crops, cache, progress=lambda done, n: line.show(f"asking the teacher  {done}/{n}")
        )
    trainer = Trainer(recipe, crops, taught, args.out)
    if args.resume:
        trainer.resume()
    last: list[Moment] = []

    def show(moment: Moment) -> None:
        last[:] = [moment]
        line.show(describe(moment))

    trainer.run(progress=show)
    line.close()
    result = {"step": trainer.step, "steps": recipe.steps, "seconds": round(trainer.seconds, 1)}
    if last:
        result["loss"] = round(last[0].loss, 4)
    if recipe.teacher:
        result["held_out"] = round(trainer.held_out(), 4)
    if out.as_json:
        out.json(result)
    else:
        out.pairs(result.items())


def describe(moment: Moment) -> str:
    """A progress line with the time left."""
    left = moment.seconds / max(moment.step, 1) * (moment.steps - moment.step)
    minutes, seconds = divmod(round(left), 60)
    return (
        f"step {moment.step}/{moment.steps}  loss {moment.loss:.3f}  {minutes}:{seconds:02d} left"
    )
