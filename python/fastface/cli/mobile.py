"""`fastface models export` and `check-golden`: the networks for an app on a phone."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from fastface.cli.arguments import Commands, add_command, positive
from fastface.cli.output import Output, count, printable, size
from fastface.errors import FastfaceError
from fastface.providers import PROVIDERS

if TYPE_CHECKING:
    from fastface.mobile import Agreement


def register(actions: Commands) -> None:
    _register_export(actions)
    _register_check(actions)


def _register_export(actions: Commands) -> None:
    export = add_command(
        actions,
        "export",
        run_export,
        usage="fastface models export --mobile DIR [--pack PACK] [--side N] [options]",
        summary="write a pack's networks for an app on a phone",
        description="""\
Writes a folder with each network for one fixed shape, as .onnx and as .ort (ONNX
Runtime's own format, for its reduced builds), rewritten so that CoreML and NNAPI take
every layer; a manifest with inputs, outputs, providers and their options; golden
vectors, with which the app checks its device's results; licences, and a page on how to
use them. Nothing of your photos is in it: the golden pictures are drawn.

Photos are scaled to fit a square of --side pixels. 640 finds faces of a fortieth of the
photo's long side; half takes a quarter of the time. The pack int8 is made for the
processors of computers and cannot be exported.

JSON: the manifest.""",
        examples="""\
  fastface models export --mobile app/models
  fastface models export --mobile app/models --pack small --side 320
  fastface models check-golden app/models            what was written is right""",
    )
    export.add_argument(
        "--mobile", type=Path, required=True, metavar="DIR", help="the folder to write"
    )
    export.add_argument("--pack", default="default", metavar="PACK", help="(default: default)")
    export.add_argument(
        "--side",
        type=positive,
        default=640,
        metavar="N",
        help="pixels of the detector's square, a multiple of 32 (default: 640)",
    )


def _register_check(actions: Commands) -> None:
    check = add_command(
        actions,
        "check-golden",
        run_check,
        usage="fastface models check-golden DIR [--results DIR] [--provider NAME] [options]",
        summary="check a device's results, or this machine's, by golden vectors",
        description="""\
DIR is what `models export --mobile` wrote. Without --results, both files of each
network are run here. With it, the files in that folder are compared that a device made
of the golden inputs, under the names of the golden outputs: raw float32, little-endian.

exact is as near as single precision gets, half as half precision, which the neural
accelerators of phones compute in. Exits with 1 if anything is further off.

JSON: a list of objects with model (the file, or the folder of results), case, output,
cosine, difference (numbers, or null where they cannot be compared), verdict (exact,
half, wrong).""",
        examples="""\
  fastface models check-golden app/models
  fastface models check-golden app/models --provider coreml
  fastface models check-golden app/models --results from-phone""",
    )
    check.add_argument("folder", type=Path, metavar="DIR", help="the bundle")
    check.add_argument("--results", type=Path, metavar="DIR", help="what a device made")
    check.add_argument(
        "--provider",
        action="append",
        choices=list(PROVIDERS),
        metavar="NAME",
        help=f"run here on {', '.join(PROVIDERS)} (default: cpu)",
    )


def run_export(args: Namespace, out: Output) -> None:
    from fastface import mobile

    try:
        manifest = mobile.export(
            args.mobile, args.pack, side=args.side, progress=lambda line: out.say(printable(line))
        )
    except ValueError as error:
        raise FastfaceError(str(error)) from error
    if out.as_json:
        out.json(manifest)
        return
    out.table(
        ["MODEL", "ROLE", "SIZE", "LAYERS", "TAKEN BY"],
        [
            [
                model["name"],
                model["role"],
                size(manifest["files"][model["onnx"]]["bytes"]),
                model["coverage"]["NNAPI"]["layers"],
                taken_by(model["coverage"]),
            ]
            for model in manifest["models"]
        ],
    )


def taken_by(coverage: dict[str, dict[str, int]]) -> str:
    """Which accelerators take a network, and of those that do not take all of it, how much.

    >>> whole, torn = ({"covered": n, "layers": 9, "parts": 1} for n in (9, 7))
    >>> taken_by({"NNAPI": whole, "CoreML MLProgram": torn})
    'NNAPI, CoreML MLProgram (7 layers in 1 part)'
    """
    return ", ".join(
        name
        if part["covered"] == part["layers"] and part["parts"] == 1
        else f"{name} ({count(part['covered'], 'layer')} in {count(part['parts'], 'part')})"
        for name, part in coverage.items()
    )


def run_check(args: Namespace, out: Output) -> int:
    from fastface import mobile

    found = mobile.check(args.folder, results=args.results, providers=args.provider)
    wrong = [row for row in found if row.verdict == "wrong"]
    if out.as_json:
        out.json([as_json(row) for row in found])
    elif not out.quiet:
        show(found, out)
    for row in wrong:
        out.warn(
            f"{row.model}: {row.case}, {row.output}: cosine {row.cosine:.5f}, "
            f"difference {row.difference:.2g}"
        )
    return 1 if wrong else 0


def show(found: list[Agreement], out: Output) -> None:
    """A line for each file that was run, or for a device's results."""
    rows = []
    for model in dict.fromkeys(row.model for row in found):
        own = [row for row in found if row.model == model]
        verdicts = [row.verdict for row in own]
        n = [verdicts.count(verdict) for verdict in ("exact", "half", "wrong")]
        rows.append([printable(model), len(own), *n, f"{min(row.cosine for row in own):.6f}"])
    out.table(["MODEL", "OUTPUTS", "EXACT", "HALF", "WRONG", "LEAST COSINE"], rows)


def as_json(row: Agreement) -> dict[str, str | float | None]:
    """An output as other programs read it; JSON knows no NaN."""
    comparable = row.cosine == row.cosine
    return {
        "model": row.model,
        "case": row.case,
        "output": row.output,
        "cosine": row.cosine if comparable else None,
        "difference": row.difference if comparable else None,
        "verdict": row.verdict,
    }
