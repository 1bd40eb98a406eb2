"""`fastface lab attention`: what attention costs."""

from __future__ import annotations

from argparse import Namespace

from fastface.cli.arguments import Commands, add_command, positive
from fastface.cli.lab.shared import add_cache, add_log, cache_folder, keep_result, need_torch
from fastface.cli.output import Output
from fastface.cli.progress import Line


def register(actions: Commands) -> None:
    parser = add_command(
        actions,
        "attention",
        run,
        usage="fastface lab attention [options]",
        summary="what SE and CBAM cost in MobileNet and in the lecture's network",
        description="""\
Counts and measures MobileNet at widths 0.7 and 1.0, plain, with SE and with CBAM, as in
table 5 of the paper on CBAM, and the lecture's network with each, with PReLU as an
operator, rewritten for ONNX Runtime, and in 8-bit integers. The weights are random.

JSON: a list of objects as of `lab measure`.""",
        examples="""\
  fastface lab attention
  fastface lab attention --runs 200 --log results.jsonl""",
    )
    parser.add_argument("--runs", type=positive, default=50, metavar="N", help="timed runs (50)")
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="per call (1)")
    add_cache(parser)
    add_log(parser)


def run(args: Namespace, out: Output) -> None:
    need_torch()
    from fastface.cli.lab.measure import as_row, show
    from fastface.lab.attention_study import subjects
    from fastface.lab.measure import measure

    line = Line(enabled=not args.quiet)
    line.show("building the networks")
    measured = measure(
        subjects(cache_folder(args.cache)),
        threads=args.threads,
        runs=args.runs,
        progress=lambda done, n: line.show(f"timing  {done}/{n}"),
    )
    line.close()
    rows = [as_row(m, 480.0) for m in measured]
    keep_result(args.log, "measure", rows)
    show(rows, out)
