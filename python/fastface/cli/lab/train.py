"""`fastface lab train`: teach a network."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, positive
from fastface.cli.lab.shared import (
    add_data,
    add_log,
    cache_folder,
    keep_result,
    need_torch,
)
from fastface.cli.output import Output
from fastface.cli.progress import Line

if TYPE_CHECKING:
    from fastface.lab.network import FaceNet
    from fastface.lab.teachers import Teacher
    from fastface.lab.train import Moment, Recipe

PRESETS = ("lecture", "peoplenet", "study", "tiny")


def register(actions: Commands) -> None:
    parser = add_command(
        actions,
        "train",
        run,
        usage="fastface lab train --data DIR --out DIR [--preset NAME] [options]",
        summary="teach a network from aligned face crops",
        description="""\
DIR holds aligned 112 x 112 crops: SET/PERSON/photo.jpg where people are known and
SET/photo.jpg where they are not. `peoplenet`, `lecture` (the full width, for a GPU) and
`study` (minutes, to compare designs) learn mostly from the installed embedder, `tiny`
from the labelled people alone. `peoplenet` begins with the network of the pack `small`,
fitted into fewer channels; --from-scratch begins at random. A GPU is used where there is
one. Ctrl-C keeps what was learnt; --resume goes on from there, to the same result as
without a stop. With --resume, another --steps reshapes the rest.

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
    parser.add_argument("--attention", choices=("none", "se", "cbam"), help="of every bottleneck")
    parser.add_argument("--width", type=float, metavar="X", help="multiplies all channels")
    parser.add_argument("--depth", type=float, metavar="X", help="multiplies the deep modules")
    parser.add_argument("--masks", type=float, metavar="X", help="share of faces given a mask")
    parser.add_argument("--seed", type=int, metavar="N", help="another beginning (default 0)")
    parser.add_argument(
        "--threads", type=positive, metavar="N", help="of the processor; the result depends on it"
    )
    parser.add_argument(
        "--from-scratch", action="store_true", help="begin at random, with no other's weights"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    add_log(parser)
    parser.set_defaults(when_interrupted="what was learnt is kept; go on with --resume.")


def run(args: Namespace, out: Output) -> None:
    need_torch()
    import torch

    from fastface.lab import crops as crop_folders
    from fastface.lab.inherit import heir
    from fastface.lab.train import Trainer, teacher_for

    if args.threads is not None:
        torch.set_num_threads(args.threads)
    recipe = chosen_recipe(args)
    cache = cache_folder(args.cache)
    args.out.mkdir(mode=0o700, parents=True, exist_ok=True)
    crops = crop_folders.load_folder(args.data, cache)
    line = Line(enabled=not args.quiet)
    taught: Teacher | None = None
    if recipe.teacher:
        taught = teacher_for(
            recipe,
            crops,
            cache,
            lambda done, n: line.show(f"asking the teacher  {done}/{n}"),
        )
    network: FaceNet | None = None
    if recipe.heir_of and taught is not None and not args.resume:
        line.show(f"fitting the network of the pack '{recipe.heir_of}'")
        network = heir(recipe.design, recipe.heir_of, crops, taught, seed=recipe.seed)
    trainer = Trainer(recipe, crops, taught, args.out, network=network)
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
    logged = {"name": args.out.name, "preset": args.preset, "batch": recipe.batch, **result}
    logged["heir_of"] = recipe.heir_of
    keep_result(args.log, "train", [{**logged, "crops": len(crops.names)}])
    if out.as_json:
        out.json(result)
    else:
        out.pairs(result.items())


def chosen_recipe(args: Namespace) -> Recipe:
    """The preset's recipe with what the user chose in the place of its own."""
    from fastface.lab.train import RECIPES

    recipe = RECIPES[args.preset]
    design = replace(recipe.design, **_given(args, "attention", "width", "depth"))
    curriculum = replace(recipe.curriculum, **_given(args, "masks"))
    heir_of = None if args.from_scratch else recipe.heir_of
    return replace(
        recipe,
        design=design,
        curriculum=curriculum,
        heir_of=heir_of,
        **_given(args, "steps", "seed"),
    )


def _given(args: Namespace, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(args, name)) is not None}


def describe(moment: Moment) -> str:
    """A progress line with the time left."""
    left = moment.seconds / max(moment.step, 1) * (moment.steps - moment.step)
    minutes, seconds = divmod(round(left), 60)
    return (
        f"step {moment.step}/{moment.steps}  loss {moment.loss:.3f}  {minutes}:{seconds:02d} left"
    )
