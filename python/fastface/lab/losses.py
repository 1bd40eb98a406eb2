"""What a face network is taught by: margins between people, and a teacher's answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

MarginKind = Literal["arcface", "cosface", "airface", "combined"]
Mining = Literal["none", "mv", "curricular"]

# m1, m2, m3 of cos(m1 angle + m2) - m3, the defaults of the papers; AirFace's m2 is on its angle.
MARGINS: dict[MarginKind, tuple[float, float, float]] = {
    "arcface": (1.0, 0.5, 0.0),
    "cosface": (1.0, 0.0, 0.35),
    "airface": (1.0, 0.4, 0.0),
    "combined": (1.0, 0.3, 0.2),
}

_EDGE = 1e-4  # cosines are kept this far from 1, where the angle's slope is infinite


def unit(vectors: Tensor) -> Tensor:
    """Rows of length 1, as embeddings are compared."""
    return functional.normalize(vectors, dim=1)


class MarginSoftmax(nn.Module):
    """Softmax over cosines to one vector per person, the person's own made harder by a margin.

    kind: "arcface" cos(angle + m2) (Deng et al., CVPR 2019), "cosface" cos(angle) - m3 (Wang et
    al., CVPR 2018), "airface" (pi - 2 (angle + m2)) / pi, linear in the angle (Li et al., 2019),
    "combined" cos(m1 angle + m2) - m3.
    mining: the function f put on the others that are closer than the own person is after its
    margin, the hard ones: "none"; "mv" (t + 1) cos + t (Wang et al., AAAI 2020, t = 0.2);
    "curricular" cos (t + cos), t following the mean of the own cosines, so that hard ones count
    more as training goes on (Huang et al., CVPR 2020).
    """

    hardness: Tensor

    def __init__(
        self,
        n_people: int,
        n_values: int,
        *,
        kind: MarginKind = "arcface",
        mining: Mining = "none",
        scale: float = 32.0,
    ) -> None:
        super().__init__()
        self.kind, self.mining, self.scale = kind, mining, scale
        self.people = nn.Parameter(torch.randn(n_people, n_values) / math.sqrt(n_values))
        self.register_buffer("hardness", torch.tensor(0.2 if mining == "mv" else 0.0))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy, 0 for no rows.

        embeddings: (n, d), any length.  labels: (n,) 0..people-1.
        """
        if not len(labels):
            return embeddings.sum()  # 0, with a gradient: a mean of nothing would be NaN
        cosines = (unit(embeddings) @ unit(self.people).T).clamp(-1 + _EDGE, 1 - _EDGE)
        own = cosines.gather(1, labels[:, None])
        if self.mining == "curricular" and self.training:
            self.hardness.mul_(0.99).add_(own.detach().mean(), alpha=0.01)
        others = cosines if self.kind != "airface" else 1 - 2 * cosines.acos() / math.pi
        target = with_margin(own, self.kind)
        logits = self._mined(others, target).scatter(1, labels[:, None], target)
        return functional.cross_entropy(self.scale * logits, labels)

    def _mined(self, others: Tensor, target: Tensor) -> Tensor:
        if self.mining == "none":
            return others
        t = self.hardness
        harder = (t + 1) * others + t if self.mining == "mv" else others * (t + others)
        return torch.where(others > target.detach(), harder, others)


def with_margin(cosines: Tensor, kind: MarginKind) -> Tensor:
    """The own person's logit for a cosine in (-1, 1); it falls as the angle grows, up to pi and
    beyond, where cos(angle + m) would rise again."""
    m1, m2, m3 = MARGINS[kind]
    angle = cosines.acos()
    if kind == "airface":
        return 1 - 2 * (angle + m2) / math.pi
    shifted = m1 * angle + m2
    return torch.where(shifted <= math.pi, shifted.cos(), -2 - shifted.cos()) - m3


def cosine_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean of 1 - cosine to the teacher's unit vectors, (n, d) both."""
    return 1 - (unit(student) * teacher).sum(1).mean()


def relational_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of the similarities between the faces of a batch (after Park et al.,
    CVPR 2019): asks for the teacher's geometry, in any number of dimensions."""
    n = len(student)
    ours, theirs = unit(student), teacher
    difference = ours @ ours.T - theirs @ theirs.T
    return difference.square().sum() / max(n * (n - 1), 1)


class Hints(nn.Module):
    """Asks for the teacher's maps, stage by stage, from linear readings of the student's own
    (Romero et al., FitNets, ICLR 2015).  Every place of every map is an example, so that few photos
    teach much.

    student, teacher: side -> channels; the sides of the student's that the teacher has are read.
    The teacher's channels are brought to variance 1 by those of the first batch.
    """

    def __init__(self, student: Mapping[int, int], teacher: Mapping[int, int]) -> None:
        super().__init__()
        self.sides = [side for side in teacher if side in student]
        self.readings = nn.ModuleDict(
            {str(side): nn.Conv2d(student[side], teacher[side], 1) for side in self.sides}
        )
        for side in self.sides:
            self.register_buffer(f"scale_{side}", torch.zeros(2, 1, teacher[side], 1, 1))

    def forward(self, student: Mapping[int, Tensor], teacher: Mapping[int, Tensor]) -> Tensor:
        """Mean over stages of the share of the teacher's variance that is not read."""
        parts = []
        for side in self.sides:
            maps, scale = teacher[side], getattr(self, f"scale_{side}")
            if not scale.any():
                scale[0] = maps.mean((0, 2, 3), keepdim=True)
                scale[1] = 1 / maps.std((0, 2, 3), correction=0, keepdim=True).clamp_min(1e-6)
            read = self.readings[str(side)](student[side]).float()
            parts.append((read - (maps - scale[0]) * scale[1]).square().mean())
        return torch.stack(parts).mean()
