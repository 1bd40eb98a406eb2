"""`fastface bench`: how fast the models and the whole path are on this machine."""

from __future__ import annotations

import json
import tempfile
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, positive
from fastface.cli.output import Output, count, printable, size
from fastface.cli.progress import Line

if TYPE_CHECKING:
    from fastface.benchmark import ModelCost, ScanCost, StepCost
    from fastface.energy import Energy

INTERRUPTED = "nothing was kept."
RUNS_AT_LEAST = 5


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "bench",
        run,
        usage="fastface bench [PACK...] [--photos FOLDER] [--save FILE] [options]",
        summary="how fast the models and the whole path are on this machine",
        description="""\
Three tables. What each model takes, in turns on one thread: milliseconds by the clock
(median, and what 95 of 100 runs stay below) and of the processor. Where a photo's time
goes, step by step on one thread. And whole scans, photos in and people out, in a
process of its own each, with one worker and with one per core. If the clock's figures
are much above the processor's, something else keeps this machine busy.

Without --photos, drawn ones of 12 megapixels with three faces are made: the same on
every machine, so that figures can be compared. Yours are only read. Your library is
not touched.

Energy is the processor's own meter's where it can be read (RAPL, source "measured"),
else --watts times processor seconds (source "estimated").

JSON: an object with machine, photos (source, count), models (a list of objects with
name, role, packs, engine ("fastface" for kernels of its own, or "onnxruntime"),
file_bytes, resident_bytes, wall_ms, wall_p95_ms, cpu_ms, cpu_p95_ms, per_s, joules,
energy_source), and paths (by pack: steps, a list of objects with name, ms, least_ms,
most_ms; scans, a list of objects with workers, photos_per_s, photos_per_s_least,
photos_per_s_most, faces_per_s, cpu_ms, peak_bytes, joules, energy_source).""",
        examples="""\
  fastface bench
  fastface bench default int8                 the whole path with two packs
  fastface bench --photos ~/Pictures/2024     on photos of your own
  fastface bench --save before.json           to compare with later""",
    )
    parser.add_argument(
        "packs", nargs="*", metavar="PACK", help="packs of the whole path (default: default)"
    )
    parser.add_argument(
        "--photos", type=Path, metavar="FOLDER", help="use a sample of these (default: drawn ones)"
    )
    parser.add_argument(
        "--count", type=positive, default=9, metavar="N", help="photos, one to warm up (9)"
    )
    parser.add_argument("--rounds", type=positive, default=3, metavar="N", help="of scans (3)")
    _add_common(parser)


def register_models(actions: Commands) -> None:
    """`fastface models bench`: the first of the three tables."""
    parser = add_command(
        actions,
        "bench",
        run_models,
        usage="fastface models bench [PACK...] [--save FILE] [options]",
        summary="how fast the models of installed packs are on this machine",
        description="""\
Every model is timed in turns with the others, one face or one look at a photo of 1024 x
768 pixels at a time, on one thread. `fastface bench` times the whole path too.

JSON: an object with machine and models, as in `fastface bench --json`.""",
        examples="""\
  fastface models bench
  fastface models bench default int8""",
    )
    parser.add_argument("packs", nargs="*", metavar="PACK", help="(default: all installed)")
    _add_common(parser)


def _add_common(parser: ArgumentParser) -> None:
    parser.add_argument("--runs", type=positive, default=50, metavar="N", help="of a model (50)")
    parser.add_argument("--watts", type=float, default=5.0, metavar="W", help="per busy core (5)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the JSON there too")
    parser.set_defaults(when_interrupted=INTERRUPTED)


def run(args: Namespace, out: Output) -> None:
    from fastface import benchmark, machine

    packs = args.packs or ["default"]
    installed, cores = _installed(also=packs), machine.usable_cores()
    with tempfile.TemporaryDirectory(prefix="fastface-bench-") as scratch:
        n_photos = max(args.count, 2)
        if args.photos is None:
            photos = benchmark.draw_photos(Path(scratch), n_photos)
            source = "drawn, 12 megapixels, 3 faces each"
        else:
            photos = benchmark.sample_photos(args.photos, Path(scratch), n_photos)
            source = str(args.photos)
        told = _bench_models(installed, args, out)
        told |= {"photos": {"source": source, "count": len(photos)}, "paths": {}}
        for pack in packs:
            line = Line(enabled=not out.quiet)
            steps = benchmark.time_steps(pack, photos, rounds=args.rounds)
            scans = benchmark.time_scans(
                pack,
                photos,
                sorted({1, cores}),
                rounds=args.rounds,
                watts_per_core=args.watts,
                progress=partial(line.count, "scanning"),
            )
            line.close()
            rows = [_scan_row(scan) for scan in scans]
            told["paths"][pack] = {"steps": [step._asdict() for step in steps], "scans": rows}
            if not out.as_json:
                print(f"\n{count(len(photos), 'photo')} ({printable(source)}), pack {pack}\n")
                _show_steps(steps, out)
                print()
                _show_scans(scans, out)
    _conclude(told, args, out)


def run_models(args: Namespace, out: Output) -> None:
    _conclude(_bench_models(args.packs or _installed(), args, out), args, out)


def _bench_models(packs: list[str], args: Namespace, out: Output) -> dict[str, Any]:
    """The first table, and what is told of the machine and the models."""
    from fastface import benchmark

    line = Line(enabled=not out.quiet)
    costs = benchmark.time_models(
        packs,
        runs=max(args.runs, RUNS_AT_LEAST),
        watts_per_core=args.watts,
        progress=partial(line.count, "timing"),
    )
    line.close()
    here = _machine()
    if not out.as_json:
        print(f"{here['processor']}, {here['cores']} cores, {size(here['memory_bytes'])}")
        print(f"fastface {here['fastface']} ({here['simd']}), onnxruntime {here['onnxruntime']}\n")
        _show_models(costs, out)
    return {"machine": here, "models": [_model_row(cost) for cost in costs]}


def _conclude(told: dict[str, Any], args: Namespace, out: Output) -> None:
    estimated = any(row["energy_source"] == "estimated" for row in told["models"])
    if out.as_json:
        out.json(told)
    elif estimated:
        out.say(f"\nEnergy is estimated: {args.watts:g} W per busy core.")
    if args.save is not None:
        args.save.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        out.say(f"Written to {printable(str(args.save))}.")


def _installed(also: list[str] | None = None) -> list[str]:
    """Packs whose every model is there, and `also`, which the caller will ask for."""
    from fastface import models

    states: dict[str, set[str]] = {}
    for row in models.list_models():
        states.setdefault(row.pack, set()).add(row.state)
    whole = [pack for pack, found in states.items() if found == {"installed"}]
    return list(dict.fromkeys([*(also or []), *whole])) or [models.DEFAULT]


def _machine() -> dict[str, Any]:
    from fastface import _core, inference, machine

    return {
        "processor": machine.cpu_name(),
        "system": machine.system_name(),
        "cores": machine.usable_cores(),
        "memory_bytes": machine.memory_bytes(),
        "fastface": _core.__version__,
        "simd": _core.target(),
        "onnxruntime": inference.load_runtime().__version__,
    }


def _show_models(costs: list[ModelCost], out: Output) -> None:
    header = ["MODEL", "OF", "BY", "ms", "95 %", "CPU ms", "a second", "memory", "mJ"]
    rows = [
        [
            f"{cost.name} ({', '.join(cost.packs)})",
            "a photo" if cost.role == "detector" else "a face",
            cost.engine,
            round(cost.latency.wall_ms, 1),
            round(cost.latency.wall_p95_ms, 1),
            round(cost.latency.cpu_ms, 1),
            round(cost.per_s),
            size(cost.resident_bytes) if cost.resident_bytes else "-",
            round(1000 * cost.energy.joules),
        ]
        for cost in costs
    ]
    out.table(header, rows)


def _show_steps(steps: list[StepCost], out: Output) -> None:
    total = sum(step.ms for step in steps)
    rows: list[list[object]] = [
        [step.name, round(step.ms, 1), f"{step.least_ms:.1f} to {step.most_ms:.1f}", share]
        for step in steps
        for share in [f"{100 * step.ms / total:.0f} %"]
    ]
    out.table(["STEP", "CPU ms", "spread", "share"], [*rows, ["all", round(total, 1), "", ""]])


def _show_scans(scans: list[ScanCost], out: Output) -> None:
    header = ["WORKERS", "photos/s", "spread", "faces/s", "CPU ms a photo", "peak memory", "J"]
    rows = [
        [
            scan.workers,
            round(scan.photos_per_s[0], 1),
            f"{scan.photos_per_s[1]:.1f} to {scan.photos_per_s[2]:.1f}",
            round(scan.faces_per_s, 1),
            round(scan.cpu_ms, 1),
            size(scan.peak_bytes) if scan.peak_bytes else "-",
            round(scan.energy.joules, 2),
        ]
        for scan in scans
    ]
    out.table(header, rows)


def _model_row(cost: ModelCost) -> dict[str, Any]:
    row = asdict(cost) | cost.latency._asdict() | _energy_row(cost.energy)
    return {key: value for key, value in row.items() if key not in ("latency", "energy")}


def _scan_row(scan: ScanCost) -> dict[str, Any]:
    median, least, most = scan.photos_per_s
    return {
        "workers": scan.workers,
        "photos_per_s": median,
        "photos_per_s_least": least,
        "photos_per_s_most": most,
        "faces_per_s": scan.faces_per_s,
        "cpu_ms": scan.cpu_ms,
        "peak_bytes": scan.peak_bytes,
        **_energy_row(scan.energy),
    }


def _energy_row(energy: Energy) -> dict[str, Any]:
    return {"joules": energy.joules, "energy_source": energy.source}
