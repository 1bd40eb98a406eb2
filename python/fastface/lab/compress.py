"""Every way of making a trained network smaller, each written as a file that can be measured.

What theory promises is written beside what the file takes; latency, memory and accuracy are for
`measure` and `evaluate` to find out.
"""

from __future__ import annotations

import copy
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from fastface.files import write_whole
from fastface.lab.crops import Crops, split
from fastface.lab.export import to_onnx
from fastface.lab.finetune import finetune, finetune_rounded
from fastface.lab.network import FaceNet
from fastface.lab.prune import cut_channels, leave_out_layers, zero_weights
from fastface.lab.quantize import packed_bytes, quantize_all, quantize_weights
from fastface.lab.teachers import Teacher
from fastface.lab.train import Recipe
from fastface.types import ImageArray

_CALIBRATION = 200  # faces whose activations set the ranges of int8


@dataclass(frozen=True, slots=True)
class Compressed:
    """One file. theory_bytes: what the method promises at best.  zipped_bytes: after gzip, which is
    where zeros pay."""

    name: str
    theory_bytes: int
    file_bytes: int
    zipped_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Workshop:
    """What compressing needs: the network, how it was taught and on what.

    steps: of fine-tuning, where a method asks for it; 0 leaves it out.
    """

    network: FaceNet
    recipe: Recipe
    crops: Crops
    teacher: Teacher
    steps: int

    def copy(self) -> FaceNet:
        return copy.deepcopy(self.network).eval()

    def taught(self, network: FaceNet) -> FaceNet:
        if not self.steps:
            return network.eval()
        return finetune(network, self.recipe, self.crops, self.teacher, self.steps)

    def calibration(self) -> ImageArray:
        """Faces for ranges and choices, of those that training has seen."""
        train, _ = split(len(self.crops.names))
        rows = train[np.linspace(0, len(train) - 1, min(_CALIBRATION, len(train))).astype(int)]
        return np.array(self.crops.pixels[rows])


Made = tuple[bytes, int]  # the file, and what theory promises


def weights_only(shop: Workshop, bits: int) -> Made:
    content = to_onnx(shop.network)
    return quantize_weights(content, bits), packed_bytes(content, bits)  # type: ignore[arg-type]


def int8(shop: Workshop) -> Made:
    content = to_onnx(shop.network)
    return quantize_all(content, shop.calibration()), packed_bytes(content, 8)


def int8_aware(shop: Workshop) -> Made:
    taught = finetune_rounded(
        shop.network, shop.recipe, shop.crops, shop.teacher, max(shop.steps, 1)
    )
    content = to_onnx(taught)
    return quantize_all(content, shop.calibration()), packed_bytes(content, 8)


def zeros(shop: Workshop, share: float) -> Made:
    network = shop.copy()
    zero_weights(network, share)
    content = to_onnx(network)
    n_left = sum(int(torch.count_nonzero(p)) for p in network.parameters())
    return content, 4 * n_left


def channels(shop: Workshop, share: float) -> Made:
    network = shop.copy()
    cut_channels(network, share)
    content = to_onnx(shop.taught(network))
    return content, packed_bytes(content, 32)


def layers(shop: Workshop, n: int) -> Made:
    network = shop.copy()
    planes = torch.from_numpy(shop.calibration()).permute(0, 3, 1, 2).float()
    leave_out_layers(network, n, planes)
    content = to_onnx(shop.taught(network))
    return content, packed_bytes(content, 32)


METHODS: dict[str, Callable[[Workshop], Made]] = {
    "float": lambda shop: (to_onnx(shop.network), packed_bytes(to_onnx(shop.network), 32)),
    "weights-8": lambda shop: weights_only(shop, 8),
    "weights-4": lambda shop: weights_only(shop, 4),
    "weights-3": lambda shop: weights_only(shop, 3),
    "int8": int8,
    "int8-aware": int8_aware,
    "zeros-50": lambda shop: zeros(shop, 0.5),
    "zeros-80": lambda shop: zeros(shop, 0.8),
    "channels-25": lambda shop: channels(shop, 0.25),
    "channels-50": lambda shop: channels(shop, 0.5),
    "layers-3": lambda shop: layers(shop, 3),
}


def compress(shop: Workshop, method: str, folder: Path, prefix: str) -> Compressed:
    """Write PREFIX-METHOD.onnx to the folder; the same file for the same network and steps."""
    content, theory = METHODS[method](shop)
    name = f"{prefix}-{method}"
    write_whole(folder / f"{name}.onnx", content, 0o644)
    return Compressed(name, theory, len(content), len(gzip.compress(content, 9, mtime=0)))
