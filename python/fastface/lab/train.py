"""Training: a recipe in, checkpoints and a CSV log out; stopped anywhere, it goes on to the same.

All randomness is a function of the recipe's seed and the step, and a checkpoint holds every other
state, so a resumed run repeats an uninterrupted one bit for bit on the same machine.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from fastface.errors import FastfaceError
from fastface.files import write_private
from fastface.lab import losses
from fastface.lab.augment import Curriculum
from fastface.lab.batches import ECHOED, Batch, Batches
from fastface.lab.crops import NOBODY, Crops, split
from fastface.lab.log import Log
from fastface.lab.network import INPUT_SIZE, PRESETS, Design, FaceNet, Row
from fastface.lab.teachers import Answers, LiveTeacher, Progress, Teacher, targets
from fastface.types import ImageArray

_EMA = 0.998
_WARM_UP = 0.15  # share of the steps in which the rate rises
# Faces asked about at a time: larger maps go back to the system at every layer, which takes as
# long again.
_HELD_OUT_BATCH = 16
_ECHO = 3  # times that a live teacher's answer is learnt from: it costs as much as a step


def fast_bfloat16() -> bool:
    """Whether this machine multiplies bfloat16 faster than float32."""
    return torch.cuda.is_available() or bool(torch.cpu._is_avx512_bf16_supported())


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a training besides the crops.

    rate: the peak of AdamW's One-Cycle.  balanced: see `Batches`.  cosine, relation, margin: the
    weights of the losses; the first two need a teacher.  hints: the weight of `losses.Hints`; needs
    a live teacher, who is asked once for every third batch.  margin_kind, mining: as in
    `MarginSoftmax`.
    heir_of: the pack whose network this one begins with (`fastface.lab.inherit`); None begins at
    random.
    bfloat16: mixed precision; the machine's choice.
    """

    design: Design
    steps: int
    batch: int = 64
    rate: float = 2e-3
    decay: float = 0.05
    seed: int = 0
    balanced: float = 0.25
    cosine: float = 1.0
    relation: float = 0.0
    hints: float = 0.0
    margin: float = 0.0
    margin_kind: losses.MarginKind = "arcface"
    mining: losses.Mining = "none"
    curriculum: Curriculum = field(default_factory=Curriculum)
    heir_of: str | None = None
    bfloat16: bool = field(default_factory=fast_bfloat16)

    @property
    def teacher(self) -> bool:
        return self.cosine > 0 or self.relation > 0 or self.hints > 0


RECIPES = {
    # Distillation leads; the 96 labelled people only sharpen it.  Mild changes, by judgement, not
    # by measurement: so few passes do not fit even the plain faces.
    "peoplenet": Recipe(
        PRESETS["peoplenet"],
        3500,
        batch=32,
        rate=1e-3,
        balanced=0,
        cosine=10,
        relation=10,
        hints=1,
        margin=0.05,
        curriculum=Curriculum(end=0.6),
        heir_of="small",
    ),
    "lecture": Recipe(PRESETS["lecture"], 60_000, batch=256, cosine=10, relation=10, margin=0.05),
    # Minutes, to compare designs with one another.
    "study": Recipe(PRESETS["tiny"], 1000, batch=32, rate=3e-3, balanced=0, cosine=10, relation=10),
    # From scratch, by the labelled people alone.
    "tiny": Recipe(PRESETS["tiny"], 1500, balanced=1.0, cosine=0, margin=1, margin_kind="cosface"),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """A training as it stands: what a progress line shows."""

    step: int
    steps: int
    loss: float
    seconds: float


class Trainer:
    """One training in a folder: `checkpoint.pt` (0600: its class vectors are close to embeddings of
    real people) and `log.csv`.

    network: to go on with, in the place of a new one of the recipe's design.

    Raises FastfaceError if the recipe needs a teacher or people that are not there.
    """

    def __init__(
        self,
        recipe: Recipe,
        crops: Crops,
        teacher: Teacher | None,
        folder: Path,
        *,
        network: FaceNet | None = None,
    ) -> None:
        if recipe.teacher and teacher is None:
            raise FastfaceError("this recipe learns from a teacher: one is needed")
        live = teacher is not None and bool(teacher.stages)
        if recipe.hints and not live:
            raise FastfaceError("hints need a live teacher, who tells its stages")
        if recipe.margin and not crops.n_people:
            raise FastfaceError("a margin needs labelled people: folders SET/PERSON/ in the data")
        self.recipe, self.crops, self.folder = recipe, crops, folder
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(recipe.seed)
        # Channels last: half the time of a step, on a CPU and on tensor cores alike.
        network = FaceNet(recipe.design) if network is None else network
        self.network = network.to(self.device, memory_format=torch.channels_last)
        self.head = losses.MarginSoftmax(
            max(crops.n_people, 1),
            recipe.design.embedding,
            kind=recipe.margin_kind,
            mining=recipe.mining,
        ).to(self.device)
        self.teacher = teacher
        self.hints = losses.Hints(
            stages_of(self.network) if recipe.hints else {},
            teacher.stages if teacher and recipe.hints else {},
        ).to(self.device)
        self.average = AveragedModel(self.network, avg_fn=_ema, use_buffers=True)
        self.optimiser = torch.optim.AdamW(
            _groups([self.network, self.head, self.hints], recipe.decay), lr=recipe.rate
        )
        self.batches = Batches(
            crops,
            recipe.batch,
            recipe.balanced,
            recipe.curriculum,
            recipe.seed,
            recipe.steps,
            blends=recipe.teacher,
            fresh=live,
            echo=_ECHO if live else 1,
        )
        self._answered: dict[int, Answers] = {}  # by draw
        self.step = 0
        self.seconds = 0.0
        self.log = Log(folder / "log.csv")

    def run(
        self,
        *,
        until: int | None = None,
        save_every_s: float = 120,
        progress: Callable[[Moment], None] | None = None,
    ) -> None:
        """Train up to the recipe's last step, or to `until`; saved at the end and on Ctrl-C."""
        last = self.recipe.steps if until is None else min(until, self.recipe.steps)
        saved = time.monotonic()
        try:
            while self.step < last:
                began = time.monotonic()
                parts = self.train_step()
                self.seconds += time.monotonic() - began
                if progress is not None:
                    progress(Moment(self.step, self.recipe.steps, parts["loss"], self.seconds))
                self.log.add(parts)
                if time.monotonic() - saved > save_every_s:
                    self.save()
                    saved = time.monotonic()
        finally:
            self.save()

    def train_step(self) -> dict[str, float]:
        """One step; the mean losses of its batch."""
        recipe, batch = self.recipe, self.batches.at(self.step)
        rate = recipe.rate * one_cycle(self.step / recipe.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.bfloat16):
            embeddings, stages = self.network.staged(self._tensor(batch.pixels))
            parts = self._losses(embeddings.float(), stages, batch)
        loss = torch.stack([getattr(recipe, name) * part for name, part in parts.items()]).sum()
        if not torch.isfinite(loss):
            raise FastfaceError(f"the loss is not finite at step {self.step}: lower the rate")
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.step += 1
        return {
            "step": self.step,
            "rate": rate,
            "loss": loss.item(),
            **{name: part.item() for name, part in parts.items()},
        }

    def _losses(
        self, embeddings: Tensor, stages: dict[int, Tensor], batch: Batch
    ) -> dict[str, Tensor]:
        """The parts that the recipe gives a weight, unweighted."""
        recipe, parts = self.recipe, {}
        if self.teacher is not None and recipe.teacher:
            answers = self._answers(self.teacher, batch)
            taught = torch.from_numpy(answers.embeddings).to(self.device)
            if recipe.cosine:
                parts["cosine"] = losses.cosine_distillation(embeddings, taught)
            if recipe.relation:
                parts["relation"] = losses.relational_distillation(embeddings, taught)
            if recipe.hints:
                parts["hints"] = self.hints(stages, self._maps(answers))
        if recipe.margin:
            known = torch.from_numpy(batch.labels != NOBODY)
            labels = torch.from_numpy(batch.labels)[known].to(self.device)
            parts["margin"] = self.head(embeddings[known.to(self.device)], labels)
        return parts

    def held_out(self) -> float:
        """Mean cosine to the teacher on crops never trained on, of the averaged network."""
        if self.teacher is None:
            raise FastfaceError("without a teacher nothing is held out to compare with")
        _, rows = split(len(self.crops.names))
        taught = self.teacher.embed(self.crops, rows)
        return float((embed(self.averaged(), self.crops.pixels[rows]) * taught).sum(1).mean())

    def averaged(self) -> FaceNet:
        """The network to use: the moving average of the trained one."""
        network: FaceNet = self.average.module
        return network.eval()

    def save(self) -> None:
        """Write the checkpoint and the log."""
        state = {
            "recipe": asdict(self.recipe),
            "crops": self.crops.key,
            "step": self.step,
            "seconds": self.seconds,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "head": self.head.state_dict(),
            "hints": self.hints.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "pending": self.log.pending,
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_private(self.folder / "checkpoint.pt", buffer.getvalue())
        self.log.write()

    def resume(self) -> None:
        """Go on from the folder's checkpoint.

        Raises FastfaceError if there is none, or it is of other crops or another network.
        """
        state = read_checkpoint(self.folder / "checkpoint.pt")
        if state["crops"] != self.crops.key:
            raise FastfaceError("the checkpoint was trained on other crops")
        if _design(state["recipe"]) != self.recipe.design:
            raise FastfaceError("the checkpoint is of another network than the recipe's")
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.head.load_state_dict(state["head"])
        self.hints.load_state_dict(state["hints"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.log.keep_until(self.step)
        self.log.pending = state["pending"]

    def _answers(self, teacher: Teacher, batch: Batch) -> Answers:
        """The teacher's, who is asked once for all batches of a draw."""
        if batch.draw not in self._answered:
            while len(self._answered) >= ECHOED:
                del self._answered[min(self._answered)]
            self._answered[batch.draw] = teacher.answer(batch)
        return self._answered[batch.draw]

    def _maps(self, answers: Answers) -> dict[int, Tensor]:
        return {
            side: torch.from_numpy(maps).to(self.device).permute(0, 3, 1, 2)
            for side, maps in answers.stages.items()
        }

    def _tensor(self, pixels: ImageArray) -> Tensor:
        return torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).float()


def one_cycle(progress: float) -> float:
    """The rate as a share of its peak: a cosine up, then down to nothing (Smith and Topin, 2017).

    >>> one_cycle(0.15), one_cycle(1.0)
    (1.0, 0.0)
    """
    if progress < _WARM_UP:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * progress / _WARM_UP)) / 2
    return (1 + math.cos(math.pi * (progress - _WARM_UP) / (1 - _WARM_UP))) / 2


def stages_of(network: FaceNet) -> dict[int, int]:
    """Side -> channels of the maps of `FaceNet.staged`."""
    device = next(network.parameters()).device
    training = network.training
    with torch.inference_mode():
        _, stages = network.eval().staged(torch.zeros(1, 3, INPUT_SIZE, INPUT_SIZE, device=device))
    network.train(training)
    return {side: maps.shape[1] for side, maps in stages.items()}


def embed(network: FaceNet, crops: ImageArray) -> np.ndarray:
    """Unit vectors of (n, 112, 112, 3) uint8 crops by a network in evaluation."""
    device = next(network.parameters()).device
    parts = []
    with torch.inference_mode():
        for start in range(0, len(crops), _HELD_OUT_BATCH):
            pixels = np.array(crops[start : start + _HELD_OUT_BATCH])
            planes = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float()
            parts.append(losses.unit(network(planes)).cpu().numpy())
    return np.concatenate(parts)


def teacher_for(
    recipe: Recipe, crops: Crops, cache: Path, progress: Progress | None = None
) -> Teacher:
    """The installed embedder, as the recipe asks it: live, or once before training.

    progress: of the answers given before.  Raises ModelError if it is not installed.
    """
    if recipe.hints:
        return LiveTeacher(cache, threads=torch.get_num_threads())
    return targets(crops, cache, progress=progress)


def load_network(checkpoint: Path) -> FaceNet:
    """The averaged network of a checkpoint, in evaluation."""
    state = read_checkpoint(checkpoint)
    average = AveragedModel(FaceNet(_design(state["recipe"])))
    average.load_state_dict(state["average"])
    network: FaceNet = average.module
    return network.eval()


def load_recipe(checkpoint: Path) -> Recipe:
    """The recipe that a checkpoint was trained by."""
    recipe = dict(read_checkpoint(checkpoint)["recipe"])
    recipe["design"] = _design(recipe)
    recipe["curriculum"] = Curriculum(**recipe["curriculum"])
    return Recipe(**recipe)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's contents, nothing of which can run code; FastfaceError if it is not one."""
    try:
        with torch.serialization.safe_globals([Row]):
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise FastfaceError(f"there is no checkpoint {path}") from None
    except Exception as error:  # what torch raises for a damaged file is of no common class
        raise FastfaceError(f"{path} is not a checkpoint: {error}") from error
    return state


def _design(recipe: dict[str, Any]) -> Design:
    design = dict(recipe["design"])
    design["rows"] = tuple(Row(*row) for row in design["rows"])
    return Design(**design)


def _ema(average: Tensor, value: Tensor, n: Tensor | int) -> Tensor:
    """A moving average that is short at first, so that the first weights are soon forgotten."""
    decay = min(_EMA, (1 + float(n)) / (10 + float(n)))
    if not average.is_floating_point():
        return value
    return average.lerp(value, 1 - decay)


def _groups(modules: Sequence[nn.Module], decay: float) -> list[dict[str, Any]]:
    """No decay on biases, norms and slopes."""
    parameters = [p for module in modules for p in module.parameters()]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
