"""The networks whose attention is weighed: MobileNet as in the CBAM paper, and the lecture's own.

Their weights are random: what they cost does not depend on them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from fastface.files import write_whole
from fastface.lab.attention import Attention
from fastface.lab.export import to_onnx
from fastface.lab.mobilenet import SIZE, MobileNet
from fastface.lab.network import INPUT_SIZE, Design, FaceNet
from fastface.lab.published import TABLE_5
from fastface.lab.quantize import quantize_all
from fastface.lab.subjects import Subject
from fastface.templates import ARCFACE

KINDS: tuple[Attention, ...] = ("none", "se", "cbam")


def mobilenet_name(width: float, kind: Attention) -> str:
    return f"mobilenet-{width:g}-{kind}"


def subjects(folder: Path) -> list[Subject]:
    """Write every network to the folder: MobileNets at 224 pixels, and the lecture's at 112 with
    PReLU as an operator (`-prelu`), rewritten (no suffix), and in integers (`-int8`)."""
    wide = ARCFACE.scaled_to(SIZE)
    made = []
    for row in TABLE_5:
        network = _settled(MobileNet(row.width, row.attention), SIZE)
        name = mobilenet_name(row.width, row.attention)
        made.append(Subject(name, _written(folder, name, to_onnx(network, size=SIZE)), wide))
    for kind in KINDS:
        network = _settled(FaceNet(Design(attention=kind)), INPUT_SIZE)
        rewritten = to_onnx(network)
        noise = np.random.default_rng(0).integers(0, 256, (4, INPUT_SIZE, INPUT_SIZE, 3), np.uint8)
        files = {
            "-prelu": to_onnx(network, plain_prelu=True),
            "": rewritten,
            "-int8": quantize_all(rewritten, noise),
        }
        for suffix, content in files.items():
            name = f"lecture-{kind}{suffix}"
            made.append(Subject(name, _written(folder, name, content)))
    return made


def _settled(network: nn.Module, size: int) -> nn.Module:
    """The network with normalisations that have seen something: else activations die out, and
    processors multiply zeros or denormal numbers at another speed."""
    torch.manual_seed(0)
    network.train()
    with torch.inference_mode():
        for _ in range(2):
            network(torch.rand(2, 3, size, size) * 255)
    return network.eval()


def _written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / f"{name}.onnx"
    write_whole(path, content, 0o644)
    return path
