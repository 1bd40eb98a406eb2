"""Teach a network again after it was changed: what pruning and rounding took can be won back."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from fastface.lab.crops import Crops
from fastface.lab.network import FaceNet
from fastface.lab.teachers import Teacher
from fastface.lab.train import Recipe, Trainer

Progress = Callable[[int, int], None]

_RATE = 3e-4
_RANGE_MEMORY = 0.95  # of the ranges of activations, per batch


def finetune(
    network: FaceNet,
    recipe: Recipe,
    crops: Crops,
    teacher: Teacher,
    steps: int,
    *,
    progress: Progress | None = None,
) -> FaceNet:
    """The network after so many more steps by the recipe at a low rate; `network` stays.

    Layers may have been cut; the parameters that are there are taught.  A network that had no
    teacher learns how alike the teacher finds two faces, which asks for no coordinates.
    """
    relation = recipe.relation if recipe.teacher else 10.0
    recipe = replace(recipe, steps=steps, rate=_RATE, margin=0.0, hints=0.0, relation=relation)
    trainer = Trainer(recipe, crops, teacher, Path(), network=copy.deepcopy(network))
    for step in range(steps):
        trainer.train_step()
        if progress is not None:
            progress(step + 1, steps)
    return trainer.network.eval()


def finetune_rounded(
    network: FaceNet,
    recipe: Recipe,
    crops: Crops,
    teacher: Teacher,
    steps: int,
    *,
    progress: Progress | None = None,
) -> FaceNet:
    """The same with weights and activations rounded to 8 bits in the forward pass
    (quantisation-aware training; Jacob et al., CVPR 2018); gradients pass straight through.

    The returned network is in floats, and made to be rounded.
    """
    rounded = copy.deepcopy(network)
    hooks = []
    for module in rounded.modules():
        if isinstance(module, nn.Conv2d):
            parametrize.register_parametrization(module, "weight", RoundedWeight(), unsafe=True)
            hooks.append(module.register_forward_pre_hook(RoundedInput()))
    taught = finetune(rounded, recipe, crops, teacher, steps, progress=progress)
    for module in taught.modules():
        if isinstance(module, nn.Conv2d):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=False)
            module._forward_pre_hooks.clear()
    return taught


class RoundedWeight(nn.Module):
    """A weight as 8 signed bits with a step for each output channel would have it."""

    def forward(self, weight: Tensor) -> Tensor:
        step = weight.detach().abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-12) / 127
        return weight + ((weight / step).round() * step - weight).detach()


class RoundedInput:
    """A layer's input as 8 unsigned bits between the moving ends of its range would have it."""

    def __init__(self) -> None:
        self._low: Tensor | None = None
        self._high: Tensor | None = None

    def __call__(self, module: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        (x,) = inputs
        if module.training or self._low is None:
            self._low = _follow(self._low, x.detach().amin().clamp_max(0))
            self._high = _follow(self._high, x.detach().amax().clamp_min(0))
        assert self._low is not None and self._high is not None
        step = (self._high - self._low).clamp_min(1e-12) / 255
        rounded = ((x - self._low) / step).round().clamp(0, 255) * step + self._low
        return (x + (rounded - x).detach(),)


def _follow(value: Tensor | None, new: Tensor) -> Tensor:
    return new if value is None else torch.lerp(new, value, _RANGE_MEMORY)
