"""`fastface lab export`: a trained network as an ONNX file."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from fastface.cli.arguments import Commands, add_command
from fastface.cli.lab.shared import need_torch
from fastface.cli.output import Output


def register(actions: Commands) -> None:
    parser = add_command(
        actions,
        "export",
        run,
        usage="fastface lab export RUN --out FILE [--phone | --rounded]",
        summary="write a trained network as an ONNX file",
        description="""\
RUN is a folder that `lab train` wrote. The file holds the averaged network, without the
class vectors of the people it was trained on, and takes (n, 3, 112, 112) RGB 0..255.
--rounded writes a quarter of the bytes, to be sent or kept; fastface makes floats of it
again where it installs the pack.

JSON: an object with file, bytes, parameters, macs.""",
        examples="""\
  fastface lab export runs/tiny --out tiny.onnx
  fastface lab export runs/tiny --out tiny.onnx --phone
  fastface lab export runs/peoplenet --out peoplenet.onnx --rounded""",
    )
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="a training's folder")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .onnx file")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument(
        "--phone", action="store_true", help="one face at a time, activations as accelerators like"
    )
    forms.add_argument("--rounded", action="store_true", help="weights in 8 bits, for a pack")


def run(args: Namespace, out: Output) -> None:
    need_torch()
    from fastface.files import write_whole
    from fastface.lab.costs import read_costs
    from fastface.lab.export import to_onnx
    from fastface.lab.quantize import quantize_weights
    from fastface.lab.train import load_network

    network = load_network(args.run_folder / "checkpoint.pt")
    plain = args.phone or args.rounded
    content = to_onnx(network, batch=1 if args.phone else None, plain_prelu=plain)
    if args.rounded:
        content = quantize_weights(content, 8)
    write_whole(args.out, content, 0o644)
    costs = read_costs(args.out)
    result = {
        "file": str(args.out),
        "bytes": len(content),
        "parameters": costs.parameters,
        "macs": costs.macs,
    }
    if out.as_json:
        out.json(result)
    else:
        out.pairs(result.items())
