"""`fastface lab pareto`: accuracy against cost, drawn."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from fastface.cli.arguments import Commands, add_command
from fastface.cli.output import Output


def register(actions: Commands) -> None:
    parser = add_command(
        actions,
        "pareto",
        run,
        usage="fastface lab pareto --log FILE --out FILE [--out FILE]",
        summary="draw accuracy against latency, size, memory and energy",
        description="""\
Draws every model that `lab measure --log` and `lab evaluate --pairs --log` wrote to the log.
What another model beats in both accuracy and cost is grey.

JSON: a list of objects with name, accuracy, cpu_ms, file_bytes, resident_bytes, joules and
`front`, the costs on which nothing beats the model.""",
        examples="""\
  fastface lab pareto --log results.jsonl --out pareto.png --out pareto.svg""",
    )
    parser.add_argument("--log", type=Path, required=True, metavar="FILE", help="of results")
    parser.add_argument(
        "--out", type=Path, action="append", required=True, metavar="FILE", help="PNG or SVG"
    )


def run(args: Namespace, out: Output) -> None:
    from fastface.lab import pareto, results

    rows = pareto.joined(results.read(args.log, "measure"), results.read(args.log, "evaluate"))
    pareto.draw(rows, args.out)
    accuracy = [row["accuracy"] for row in rows]
    keys = [key for key, _, _ in pareto.COSTS]
    fronts = {key: pareto.on_front([row[key] for row in rows], accuracy) for key in keys}
    shown = [
        {
            "name": row["name"],
            "accuracy": row["accuracy"],
            **{key: row[key] for key in keys},
            "front": [key for key in keys if fronts[key][k]],
        }
        for k, row in enumerate(rows)
    ]
    if out.as_json:
        out.json(shown)
    else:
        cells = [[r["name"], f"{r['accuracy']:.4f}", " ".join(r["front"]) or "-"] for r in shown]
        out.table(["model", "accuracy", "unbeaten on"], cells)
