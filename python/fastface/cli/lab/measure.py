"""`fastface lab measure`: what networks cost on this machine."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, positive
from fastface.cli.lab.shared import add_cache, add_models, cache_folder, keep_result
from fastface.cli.output import Output
from fastface.cli.progress import Line

if TYPE_CHECKING:
    from fastface.lab.measure import Measurement


def register(actions: Commands) -> None:
    parser = add_command(
        actions,
        "measure",
        run,
        usage="fastface lab measure MODEL... [options]",
        summary="parameters, size, memory, latency and energy of networks",
        description="""\
A MODEL is an installed pack, an .onnx file or a training's folder. All are timed in turns in
one process, one face at a time; memory is what a fresh process grows by. Energy is the
processor's own meter's where it has one (RAPL, source "measured"), else --watts times
processor seconds (source "estimated").

JSON: a list of objects with name, provider, threads, parameters, macs, file_bytes,
weight_bytes, map_bytes, resident_bytes, wall_ms, wall_p95_ms, cpu_ms, cpu_p95_ms,
faces_per_s, joules, energy_source, co2_micrograms.""",
        examples="""\
  fastface lab measure default small
  fastface lab measure default runs/peoplenet --threads 2 --log results.jsonl""",
    )
    add_models(parser)
    add_cache(parser)
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="per call (1)")
    parser.add_argument("--runs", type=positive, default=100, metavar="N", help="timed runs (100)")
    parser.add_argument("--provider", action="append", metavar="NAME", help="best first (cpu)")
    parser.add_argument("--watts", type=float, default=5.0, metavar="W", help="per busy core (5)")
    parser.add_argument(
        "--grid", type=float, default=480.0, metavar="G", help="grams of CO2 per kWh (480)"
    )


def run(args: Namespace, out: Output) -> None:
    from fastface.lab.measure import measure
    from fastface.lab.subjects import find_subject

    cache = cache_folder(args.cache)
    subjects = [find_subject(text, cache) for text in args.models]
    line = Line(enabled=not args.quiet)
    measured = measure(
        subjects,
        providers=args.provider,
        threads=args.threads,
        runs=args.runs,
        watts_per_core=args.watts,
        progress=lambda done, n: line.show(f"timing  {done}/{n}"),
    )
    line.close()
    rows = [as_row(m, args.grid) for m in measured]
    keep_result(args.log, "measure", rows)
    show(rows, out)
    if not out.as_json and rows[0]["energy_source"] == "estimated":
        out.say(f"energy: estimated, {args.watts:g} W per busy core")


def show(rows: list[dict[str, Any]], out: Output) -> None:
    """Measurements as a table, or as JSON."""
    if out.as_json:
        out.json(rows)
        return
    header = ["model", "parameters", "M MACs", "KB", "memory MB", "ms", "p95", "faces/s"]
    header += ["mJ", "ug CO2"]
    out.table(header, [_cells(row) for row in rows])


def as_row(measured: Measurement, grams_per_kwh: float) -> dict[str, Any]:
    """One measurement as a flat row."""
    return {
        "name": measured.name,
        "provider": measured.provider,
        "threads": measured.threads,
        **dataclasses.asdict(measured.costs),
        "file_bytes": measured.file_bytes,
        "resident_bytes": measured.resident_bytes,
        **measured.latency._asdict(),
        "faces_per_s": measured.faces_per_s,
        "joules": measured.energy.joules,
        "energy_source": measured.energy.source,
        "co2_micrograms": measured.energy.co2_micrograms(grams_per_kwh),
    }


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        row["name"],
        f"{row['parameters']:,}",
        f"{row['macs'] / 1e6:.1f}",
        f"{row['file_bytes'] / 1e3:.0f}",
        f"{row['resident_bytes'] / 1e6:.1f}",
        f"{row['wall_ms']:.2f}",
        f"{row['wall_p95_ms']:.2f}",
        f"{row['faces_per_s']:.0f}",
        f"{1000 * row['joules']:.1f}",
        f"{row['co2_micrograms']:.2f}",
    ]
