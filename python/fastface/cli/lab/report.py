"""`fastface lab report`: the lecture's questions, answered from a log."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from fastface.cli.arguments import Commands, add_command
from fastface.cli.output import Output


def register(actions: Commands) -> None:
    parser = add_command(
        actions,
        "report",
        run,
        usage="fastface lab report --log FILE --out FILE",
        summary="write what was measured as a report",
        description="""\
Writes a Markdown report that answers: was the attention worth it, is a neural engine
needed, wider or deeper, what do quantisation and pruning give, what do masks cost. Beside
it goes a plot, if matplotlib is installed. Every figure is one of the log's.

JSON: an object with report, plot (null without matplotlib).""",
        examples="""\
  fastface lab report --log docs/lab-results.jsonl --out docs/lab-report.md""",
    )
    parser.add_argument("--log", type=Path, required=True, metavar="FILE", help="of results")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the report (.md)")


def run(args: Namespace, out: Output) -> None:
    import importlib.util

    from fastface.lab import pareto, report, results

    rows = pareto.joined(results.read(args.log, "measure"), results.read(args.log, "evaluate"))
    rows = [row for row in rows if not row["name"].startswith("study-")]
    plot = None
    if rows and importlib.util.find_spec("matplotlib"):
        plot = args.out.with_suffix(".svg")
        pareto.draw(rows, [plot])
    report.write(args.log, args.out, plot.name if plot else None)
    result = {"report": str(args.out), "plot": str(plot) if plot else None}
    if out.as_json:
        out.json(result)
    else:
        out.pairs(result.items())
