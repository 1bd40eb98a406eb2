"""`fastface lab evaluate`: how well networks tell people apart."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command
from fastface.cli.lab.shared import add_cache, add_models, cache_folder, keep_result
from fastface.cli.output import Output

if TYPE_CHECKING:
    from fastface.lab.pairs import Pairs
    from fastface.templates import Template
    from fastface.types import ImageArray


def register(actions: Commands) -> None:
    parser = add_command(
        actions,
        "evaluate",
        run,
        usage="fastface lab evaluate MODEL... (--pairs DIR | --groups DIR) [options]",
        summary="accuracy of networks: pairs, clusters, masks, groups of people",
        description="""\
A MODEL is an installed pack, an .onnx file or a training's folder. --pairs takes a folder in
LFW's form (pairs.txt and PERSON/PERSON_0001.jpg): cross-validated accuracy, the share of
same-person pairs accepted where 1 in 1,000 others is (tar), both again with a made-up mask
on one face of each pair, and the F of the clusters of all photos. --groups takes aligned
crops whose names begin as UTKFace's do, with age, gender and race: how like a face stays to
itself under bad conditions, how often it is told from all others, and how often the default
detector finds it, by group.

JSON: a list of objects: with --pairs name, accuracy, error, tar, masked_accuracy,
masked_error, masked_tar, pairwise_f, bcubed_f; with --groups name, kind, group, faces,
similarity, share, detected.""",
        examples="""\
  fastface lab evaluate default small --pairs lfw
  fastface lab evaluate default runs/peoplenet --groups crops""",
    )
    add_models(parser)
    add_cache(parser)
    on = parser.add_mutually_exclusive_group(required=True)
    on.add_argument("--pairs", type=Path, metavar="DIR", help="photos in LFW's form")
    on.add_argument("--groups", type=Path, metavar="DIR", help="aligned crops named as UTKFace")


def run(args: Namespace, out: Output) -> None:
    cache = cache_folder(args.cache)
    rows = _pairs(args, cache) if args.pairs else _groups(args, cache)
    keep_result(args.log, "evaluate", rows)
    if out.as_json:
        out.json(rows)
    else:
        out.table(list(rows[0]), [[_cell(value) for value in row.values()] for row in rows])


def _pairs(args: Namespace, cache: Path) -> list[dict[str, Any]]:
    from fastface.lab.evaluate import evaluate, masked_crops
    from fastface.lab.pairs import load_pairs
    from fastface.lab.subjects import find_subject

    rows = []
    seen: dict[Template, tuple[Pairs, ImageArray]] = {}  # masks take longer than small networks
    for text in args.models:
        subject = find_subject(text, cache)
        if subject.template not in seen:
            pairs = load_pairs(args.pairs, cache, subject.template)
            seen[subject.template] = pairs, masked_crops(pairs.pixels, subject.template)
        result = evaluate(subject, *seen[subject.template])
        masked = {f"masked_{name}": value for name, value in result.masked._asdict().items()}
        clusters = {"pairwise_f": result.pairwise_f, "bcubed_f": result.bcubed_f}
        rows.append({"name": result.name, **result.bare._asdict(), **masked, **clusters})
    return rows


def _groups(args: Namespace, cache: Path) -> list[dict[str, Any]]:
    from fastface.lab.crops import load_folder
    from fastface.lab.evaluate import by_group
    from fastface.lab.subjects import find_subject

    crops = load_folder(args.groups, cache)
    return [
        {
            "name": Path(text).name,
            "kind": group.kind,
            "group": group.name,
            "faces": group.n_faces,
            "similarity": group.similarity,
            "share": group.share,
            "detected": group.detected,
        }
        for text in args.models
        for group in by_group(find_subject(text, cache), crops)
    ]


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
