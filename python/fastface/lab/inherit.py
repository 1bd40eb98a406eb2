"""A network that begins with what another of its family has learnt, in a minute.

The streams between bottlenecks, to which every one of a stage adds, are turned to their principal
axes, of which the first are kept (after Ashkboos et al., SliceGPT, ICLR 2024).  Of the hidden
channels those are kept that count for most in the projection, and every projection is fitted anew
to what the donor says at its place (after Luo et al., ThiNet, ICCV 2017), from the maps that the
new network itself has come to, so that errors do not add up.  Where the new network is the wider
one, what is left over begins at random and counts for nothing yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from fastface import models
from fastface.errors import FastfaceError
from fastface.graphs import ChainLayer, ChainWeights, read_chain_weights
from fastface.lab.crops import Crops, split
from fastface.lab.network import MOBILEFACENET, Bottleneck, ConvUnit, Design, FaceNet, centred
from fastface.lab.teachers import Teacher
from fastface.types import ImageArray

# Packs whose embedders are of the lecture's family, and their tables.
DONORS: Mapping[str, Design] = {"small": Design(MOBILEFACENET, embedding=512)}

_EVERY_MAP, _EVERY_ANSWER = 40, 3  # of the faces to train on: to fit maps, to fit the embedding
_MAP_SHRINKAGE, _ANSWER_SHRINKAGE = 1e-3, 0.1  # of least squares, in mean variances
_PLACES, _AXIS_PLACES = 60_000, 8_000  # of maps, to fit a projection and to find axes
_CHUNK = 16  # larger maps are handed back to the system at every layer, which takes as long again


class Stream(NamedTuple):
    """How the channels of a new map stand for those of the donor's: donor = axes @ new + offset.

    axes: (donor's, new), orthonormal columns.  offset: (donor's,), the mean of what is left out.
    """

    axes: Tensor
    offset: Tensor

    @classmethod
    def along(cls, axes: Tensor, mean: Tensor) -> Stream:
        return cls(axes, mean - axes @ (axes.T @ mean))


def heir(design: Design, pack: str, crops: Crops, teacher: Teacher, *, seed: int = 0) -> FaceNet:
    """A network of the design with the weights of a pack's embedder and the teacher's coordinates.

    pack: a key of DONORS, whose rows the design must have, in any width.
    Raises FastfaceError if the rows differ, ModelError if the pack is not installed.
    """
    torch.manual_seed(seed)
    network = FaceNet(design).eval()
    train, _ = split(len(crops.names))
    faces, answered = crops.pixels[train[::_EVERY_MAP]], train[::_EVERY_ANSWER]
    with torch.no_grad():
        inherit(network, read_donor(pack), _planes(faces))
        fit_embedding(network, crops.pixels[answered], teacher.embed(crops, answered))
        settle(network, _planes(faces))
    return network


def read_donor(pack: str) -> FaceNet:
    """The embedder of an installed pack, a key of DONORS, as a network in evaluation."""
    network = FaceNet(DONORS[pack]).eval()
    units = [module for module in network.modules() if isinstance(module, ConvUnit)]
    weights = read_chain_weights(models.installed(pack)["embedder"].path.read_bytes())
    if weights is None or len(weights.layers) + 1 != len(units):
        raise FastfaceError(f"the embedder of the pack '{pack}' is not the network it is known as")
    for unit, layer in zip(units, [*weights.layers, _last(weights)], strict=True):
        _fill(unit, layer)
    # The published network sees x - mean, ours (x - 127.5) / 127.5.
    convolution, norm = units[0][0], units[0][1]
    norm.bias.data += convolution.weight.data.sum((1, 2, 3)) * (127.5 - weights.mean)
    convolution.weight.data *= 127.5
    return network


def inherit(network: FaceNet, donor: FaceNet, planes: Tensor) -> None:
    """Give a network all of the donor's but the embedding, by (n, 3, side, side) float32 faces.

    Both are in evaluation.  Raises FastfaceError where their rows differ.
    """
    if _shape(donor) != _shape(network):
        raise FastfaceError("a network inherits from one of the same rows only, in any width")
    theirs = [centred(planes)]
    for module in donor.body:
        theirs.append(module(theirs[-1]))
    x, rows = theirs[0], torch.arange(3)
    stream = Stream(torch.eye(3), torch.zeros(3))
    for k, (old, new) in enumerate(zip(donor.body, network.body, strict=True)):
        if isinstance(old, Bottleneck):
            _inherit_hidden(new, old, stream, theirs[k])
            if not old.adds_input:
                stage = theirs[k + 1 : _end_of_stage(donor, k) + 1]
                stream = _principal(stage, new.project[0].out_channels)
            _fit_projection(new, x, theirs[k + 1], stream.axes)
        else:
            if old[0].groups == 1:  # a depthwise unit follows it, and then whoever reads that
                use = _use(theirs[k + 2], _reader(donor, k + 2))
                rows = _largest(use, new[0].out_channels)
                _mix(new, old, stream, rows)
            else:
                _copy_rows(new, old, rows)
            stream = _selection(rows, theirs[k + 1])
        x = new(x)


def fit_embedding(network: FaceNet, crops: ImageArray, answers: np.ndarray) -> None:
    """The last layer that comes nearest to a teacher's (n, d) unit vectors of (n, ...) crops."""
    parts = [
        network.body(centred(_planes(crops[start : start + _CHUNK]))).flatten(1)
        for start in range(0, len(crops), _CHUNK)
    ]
    fitted = _least_squares(torch.cat(parts), torch.from_numpy(answers), _ANSWER_SHRINKAGE)
    _set_linear(network.embedding, *fitted)


def settle(network: FaceNet, planes: Tensor) -> None:
    """Make every normalisation that of these faces, and the network's answers what they were: it
    can go on learning from batches."""

    def settle_norm(norm: nn.BatchNorm2d, inputs: tuple[Tensor], _: Tensor) -> None:
        mean, variance = inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3), correction=0)
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        norm.bias.data = norm.bias + factor * (mean - norm.running_mean)
        norm.weight.data = factor * torch.sqrt(variance + norm.eps)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)

    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_hook(settle_norm) for norm in norms]
    network(planes)
    for hook in hooks:
        hook.remove()


def _inherit_hidden(new: Bottleneck, old: Bottleneck, stream: Stream, x: Tensor) -> None:
    """Expansion and depthwise layer; x: what the donor's bottleneck sees."""
    use = _use(old.spread(old.expand(x)), old.project)
    rows = _largest(use, new.expand[0].out_channels)
    _mix(new.expand, old.expand, stream, rows)
    _copy_rows(new.spread, old.spread, rows)


def _fit_projection(new: Bottleneck, x: Tensor, goal: Tensor, axes: Tensor) -> None:
    """x: what the new bottleneck sees.  goal: what the donor's hands on, seen along the axes."""
    goals = _pixels(goal) @ axes
    if new.adds_input:
        goals = goals - _pixels(x)[:, : axes.shape[1]]
    hidden = _pixels(new.spread(new.expand(x)))
    places = _some(len(hidden), _PLACES)
    _set_linear(new.project, *_least_squares(hidden[places], goals[places], _MAP_SHRINKAGE))


def _principal(stage: list[Tensor], n: int) -> Stream:
    """The first n principal axes, or as many as there are, of the maps of a stage together."""
    values = torch.cat([_pixels(x)[_some(x[:, 0].numel(), _AXIS_PLACES)] for x in stage]).double()
    mean = values.mean(0)
    _, axes = torch.linalg.eigh((values - mean).T @ (values - mean))  # in rising order
    return Stream.along(axes.flip(1)[:, :n].float(), mean.float())


def _selection(rows: Tensor, x: Tensor) -> Stream:
    """Single channels of the donor's map x."""
    return Stream.along(torch.eye(x.shape[1])[:, rows], _pixels(x).mean(0))


def _use(outputs: Tensor, reader: ConvUnit) -> Tensor:
    """How much each channel of the maps moves what the next layer makes of it."""
    weights = reader[0].weight.data
    return _pixels(outputs).std(0) * weights.transpose(0, 1).flatten(1).norm(dim=1)


def _largest(use: Tensor, n: int) -> Tensor:
    return use.topk(min(n, len(use))).indices.sort().values


def _mix(new: ConvUnit, old: ConvUnit, stream: Stream, rows: Tensor) -> None:
    """The donor's rows of a unit that mixes channels, for the stream that the new one sees."""
    weights, bias = _affine(old)
    _take(new, old, rows, 0.0)
    n_in = stream.axes.shape[1]
    mixed = torch.einsum("oikl,ij->ojkl", weights, stream.axes)
    new[0].weight.data[: len(rows), :n_in] = mixed[rows]
    new[1].bias.data[: len(rows)] = (bias + weights.sum((2, 3)) @ stream.offset)[rows]


def _copy_rows(new: ConvUnit, old: ConvUnit, rows: Tensor) -> None:
    """The donor's rows of a depthwise unit."""
    weights, bias = _affine(old)
    _take(new, old, rows, weights[rows])
    new[1].bias.data[: len(rows)] = bias[rows]


def _take(new: ConvUnit, old: ConvUnit, rows: Tensor, weights: Tensor | float) -> None:
    """Weights and slopes of the first rows, and no normalisation there."""
    n = len(rows)
    new[0].weight.data[:n] = weights
    new[1].weight.data[:n] = 1.0
    new[1].running_mean[:n] = 0.0
    new[1].running_var[:n] = 1.0 - new[1].eps
    if len(new) > 2 and isinstance(new[2], nn.PReLU) and isinstance(old[2], nn.PReLU):
        new[2].weight.data[:n] = old[2].weight.data[rows]


def _affine(unit: ConvUnit) -> tuple[Tensor, Tensor]:
    """Weights and bias of a unit's convolution and normalisation together."""
    norm = unit[1]
    factor = norm.weight.data / torch.sqrt(norm.running_var + norm.eps)
    weights = unit[0].weight.data * factor[:, None, None, None]
    return weights, norm.bias.data - factor * norm.running_mean


def _set_linear(unit: ConvUnit, weights: Tensor, bias: Tensor) -> None:
    """(out, in) and (out,) for the first channels of a 1x1 unit; the others are 0."""
    unit[0].weight.data.zero_()
    unit[0].weight.data[: len(weights), :, 0, 0] = weights
    nn.init.ones_(unit[1].weight)
    nn.init.zeros_(unit[1].bias)
    unit[1].bias.data[: len(bias)] = bias
    unit[1].running_mean.zero_()
    unit[1].running_var.fill_(1.0 - unit[1].eps)


def _least_squares(x: Tensor, y: Tensor, shrinkage: float) -> tuple[Tensor, Tensor]:
    """Weights (out, in) and bias (out,) of the linear map from (n, in) to (n, out)."""
    x, y = x.double(), y.double()
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    moments = x.T @ x
    ridge = shrinkage * moments.diagonal().mean() * torch.eye(len(moments), dtype=x.dtype)
    weights = torch.linalg.solve(moments + ridge, x.T @ y).T
    return weights.float(), (y_mean - weights @ x_mean).float()


def _fill(unit: ConvUnit, layer: ChainLayer) -> None:
    """A unit with a published layer's weights; see `ChainLayer` for their order."""
    shape = unit[0].weight.shape
    weights = torch.from_numpy(layer.weights)
    if weights.ndim == 2:
        weights = weights[None, None]
    elif weights.ndim == 3:
        weights = weights[:, :, None]
    weights = weights.permute(3, 2, 0, 1)
    if weights.shape != shape:
        raise FastfaceError(f"expected a layer of {tuple(shape)}, got {tuple(weights.shape)}")
    unit[0].weight.data = weights.contiguous()
    unit[1].bias.data = torch.from_numpy(np.float32(layer.bias))
    unit[1].running_var.fill_(1.0 - unit[1].eps)
    if len(unit) > 2:
        unit[2].weight.data = torch.from_numpy(layer.slope)


def _last(weights: ChainWeights) -> ChainLayer:
    """The dense layer, which sees one pixel here, as the others are."""
    bias = weights.dense_bias
    return ChainLayer(weights.dense[:, :, 0].T, bias, np.ones_like(bias))


def _shape(network: FaceNet) -> list[tuple[str, bool, int]]:
    """What must agree: the kind of each module, whether it adds its input, its kernel."""
    return [
        (type(m).__name__, m.adds_input, 3)
        if isinstance(m, Bottleneck)
        else (type(m).__name__, m[0].groups == 1, m[0].kernel_size[0])
        for m in network.body
    ]


def _end_of_stage(network: FaceNet, k: int) -> int:
    """The place after the last bottleneck that adds to what the k-th hands on."""
    end = k + 1
    while isinstance(module := network.body[end], Bottleneck) and module.adds_input:
        end += 1
    return end


def _reader(network: FaceNet, k: int) -> ConvUnit:
    """Who reads the channels that come to the k-th module, or out of the last."""
    if k == len(network.body):
        return network.embedding
    module = network.body[k]
    return module.expand if isinstance(module, Bottleneck) else module


def _planes(crops: ImageArray) -> Tensor:
    planes = torch.from_numpy(np.array(crops)).permute(0, 3, 1, 2).float()
    return planes.contiguous(memory_format=torch.channels_last)


def _pixels(maps: Tensor) -> Tensor:
    """(n, c, h, w) -> (n h w, c)."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def _some(n: int, wanted: int) -> Tensor:
    """Up to so many of n places, always the same."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(n))[:wanted]
