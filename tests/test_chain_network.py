"""An embedder's network in kernels of its own: against the twin on every SIMD target, and against
ONNX Runtime with the real weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fastface import models as model_packs
from fastface.chains import fastest_chain
from fastface.detection import Detector
from fastface.embedding import Embedder, align
from fastface.graphs import ChainLayer, read_chain_weights
from fastface.images import decode
from fastface.inference import OrtSession
from fastface.kernels import ChainNetwork
from fastface.types import Placement
from tests.reference import chain_network as reference

Network = tuple[float, list[ChainLayer], np.ndarray, np.ndarray]


def drawn(rng: np.random.Generator, *shape: int) -> np.ndarray:
    scale = np.sqrt(2 / np.prod(shape[:-1])) if len(shape) > 1 else 0.1
    return rng.normal(0, scale, shape).astype(np.float32)


def network(side: int = 31, stride: int = 1, seed: int = 0) -> Network:
    """Every kind of layer: odd sides, one and more blocks of channels, filters of 1, 3 and 5, alone
    and before a layer that mixes, a sum across each, and images of few and of many pixels."""
    rng = np.random.default_rng(seed)

    def layer(*shape: int, **more: int | None) -> ChainLayer:
        slope = rng.uniform(-0.5, 1.5, shape[-1]).astype(np.float32)
        return ChainLayer(drawn(rng, *shape), drawn(rng, shape[-1]), slope, **more)  # type: ignore[arg-type]

    layers = [
        layer(3, 3, 3, 16, stride=stride, pad=1),
        layer(3, 3, 16, stride=1, pad=1),
        layer(16, 48),
        layer(48, 80),
        layer(5, 5, 80, stride=1, pad=2),
        layer(80, 48, added=2),
        layer(3, 3, 48, stride=2, pad=1),
        layer(1, 1, 48, stride=1, pad=0),
        layer(48, 32),
        layer(3, 3, 32, stride=2, pad=1),
        layer(32, 64),
        layer(3, 3, 64, stride=1, pad=1),
        layer(64, 64, added=10),
        layer(64, 64, added=10),
        layer(3, 3, 64, stride=1, pad=0),
    ]
    sides = -(-side // stride)
    for k in layers[1:]:
        if k.weights.ndim == 3:
            sides = (sides + 2 * k.pad - len(k.weights)) // k.stride + 1
    layers[0] = layers[0]._replace(weights=layers[0].weights / 128)
    return 127.5, layers, drawn(rng, 32, 64, sides**2) / 8, drawn(rng, 32)


def some_crops(n: int, side: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (n, side, side, 3), np.uint8)


@pytest.mark.parametrize(("side", "stride"), [(31, 1), (24, 1), (64, 2), (61, 2)])
def test_matches_twin(target, side, stride):
    weights, crops = network(side, stride), some_crops(2, side)
    expected = reference.run(*weights, crops)
    found = ChainNetwork(side, *weights).run(crops)
    assert found.shape == expected.shape and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


def test_the_same_bits_however_crops_are_batched(target):
    crops = some_crops(11, 31)
    chain = ChainNetwork(31, *network())
    together = chain.run(crops)
    for start, stop in ((0, 1), (1, 3), (3, 8), (8, 11)):
        np.testing.assert_array_equal(chain.run(crops[start:stop]), together[start:stop])
    assert chain.run(crops[:0]).shape == (0, 32)


def test_a_view_is_as_good_as_its_copy():
    view = some_crops(3, 40)[::2, ::-1, 5:36][:, 4:35]
    chain = ChainNetwork(31, *network())
    np.testing.assert_array_equal(chain.run(view), chain.run(view.copy()))


def byte_network(side: int, n_pairs: int = 3, seed: int = 0) -> tuple:
    """A network in 8 bits, its ranges a little narrow so that some values are clipped."""
    rng = np.random.default_rng(seed)

    def layer(*shape: int, **more: int) -> ChainLayer:
        slope = rng.uniform(-0.2, 0.8, shape[-1]).astype(np.float32)
        return ChainLayer(drawn(rng, *shape), drawn(rng, shape[-1]), slope, **more)

    first = layer(3, 3, 3, 16, stride=1, pad=1)
    layers = [first._replace(weights=first.weights / 128)]
    n_in = 16
    for k in range(n_pairs):
        n_out = 48 if k % 2 else 80
        stride = 2 if k % 2 else 1
        layers += [layer(3, 3, n_in, stride=stride, pad=1), layer(n_in, n_out)]
        n_in, side = n_out, -(-side // stride)
    rounding = [
        (rng.uniform(0.012, 0.03, len(k.bias)).astype(np.float32), int(rng.integers(60, 150)))
        for k in layers
    ]
    return 127.0, layers, drawn(rng, 32, n_in, side**2) / 8, drawn(rng, 32), rounding


@pytest.mark.parametrize(("side", "n_pairs"), [(2, 1), (9, 2), (31, 0), (31, 3), (20, 5)])
def test_bytes_match_twin(target, side, n_pairs):
    """Where sums are on the edge between two bytes, targets may take either."""
    network, crops = byte_network(side, n_pairs), some_crops(3, side)
    expected = reference.run(*network[:4], crops, network[4])
    found = ChainNetwork(side, *network).run(crops)
    np.testing.assert_allclose(found, expected, atol=5e-3 * np.abs(expected).max())


def test_the_same_bits_of_bytes_however_crops_are_batched(target):
    crops = some_crops(11, 31)
    chain = ChainNetwork(31, *byte_network(31))
    together = chain.run(crops)
    for start, stop in ((0, 1), (1, 3), (3, 8), (8, 11)):
        np.testing.assert_array_equal(chain.run(crops[start:stop]), together[start:stop])


def test_bad_rounding_is_named():
    mean, layers, dense, bias, rounding = byte_network(9, 1)

    def refused(message: str, changed: list, of: list[ChainLayer] = layers) -> None:
        with pytest.raises(ValueError, match=message):
            ChainNetwork(9, mean, of, dense, bias, changed)

    refused("rounding: expected one of each", rounding[1:])
    refused(r"rounding\[2\]: expected a scale", [rounding[0], *rounding[:2]])
    refused(r"rounding\[0\]: expected a zero", [(rounding[0][0], 256), *rounding[1:]])
    refused(r"rounding\[0\]: expected scales", [(-rounding[0][0], 7), *rounding[1:]])
    with pytest.raises(ValueError, match=r"rounding\[\d\]: of"):
        some = network()
        ChainNetwork(31, *some, [(np.ones(len(k.bias), np.float32), 9) for k in some[1]])


@pytest.mark.parametrize(
    ("crops", "message"),
    [
        (np.zeros((1, 31, 31, 3), np.float32), "crops: expected uint8"),
        (np.zeros((31, 31, 3), np.uint8), r"crops: expected \(n, 31, 31, 3\), got shape"),
        (np.zeros((1, 32, 31, 3), np.uint8), r"crops: expected \(n, 31, 31, 3\), got shape"),
    ],
)
def test_bad_crops_are_named(crops, message):
    with pytest.raises(ValueError, match=message):
        ChainNetwork(31, *network()).run(crops)


def test_bad_weights_are_named():
    mean, layers, dense, bias = network()

    def refused(message: str, changed: list[ChainLayer], weights: np.ndarray = dense) -> None:
        with pytest.raises(ValueError, match=message):
            ChainNetwork(31, mean, changed, weights, bias)

    refused("layers: the first", layers[1:])
    refused("layers: the first", [])
    refused(r"layers\[2\]: expected 16 inputs, got 48", [*layers[:2], *layers[3:]])
    refused(r"layers\[1\]: is a first one", [layers[0], *layers])
    narrow = layers[0]._replace(
        weights=layers[0].weights[..., :8], bias=layers[0].bias[:8], slope=layers[0].slope[:8]
    )
    refused(r"layers\[0\]: expected a multiple of 16 outputs", [narrow, *layers[1:]])
    short = layers[2]._replace(slope=layers[2].slope[:16])
    refused(r"layers\[2\]: weights, biases and slopes", [*layers[:2], short, *layers[3:]])
    refused(
        r"layers\[5\]: what is added has another shape",
        [*layers[:5], layers[5]._replace(added=0), *layers[6:]],
    )
    refused(
        r"layers\[5\]: what is added has another shape",
        [*layers[:5], layers[5]._replace(added=9), *layers[6:]],
    )
    refused(r"layers\[1\]: does not fit", [layers[0], layers[1]._replace(stride=0), *layers[2:]])
    for weights in (layers[0].weights[0, 0, 0], layers[0].weights[:2]):
        refused("layers: expected", [layers[0]._replace(weights=weights)])
    refused("dense: expected", layers, dense[:, :16])


def session_of(pack: str) -> tuple[OrtSession, Path]:
    file = model_packs.installed(pack)["embedder"]
    return OrtSession(file.path, sha256=file.sha256), file.path


@pytest.mark.models
@pytest.mark.parametrize("pack", ["default", "small"])
def test_the_real_network_is_taken_and_says_what_onnx_runtime_says(models: Path, pack):
    if not has(pack):
        pytest.skip(f"the pack {pack} is not installed")
    session, path = session_of(pack)
    chain = fastest_chain(session, path, 112)
    assert isinstance(chain, ChainNetwork)
    crops = some_crops(5, 112)
    (expected,) = session.run(
        {session.input: np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32)}
    ).values()
    np.testing.assert_allclose(chain.run(crops), expected, atol=1e-4 * np.abs(expected).max())


def has(pack: str) -> bool:
    return all(row.state == "installed" for row in model_packs.list_models() if row.pack == pack)


@pytest.mark.models
@pytest.mark.photos
def test_bytes_are_as_close_to_float32_as_onnx_runtime_s(models: Path, photos_dir: Path):
    if not has("int8"):
        pytest.skip("the pack int8 is not installed")
    exact = Embedder(session_of("default")[0])
    session, path = session_of("int8")
    chain = fastest_chain(session, path, 112)
    assert isinstance(chain, ChainNetwork)
    file = model_packs.installed()["detector"]
    detector = Detector(OrtSession(file.path, sha256=file.sha256))
    cosines = []
    for photo in sorted((photos_dir / "detect").glob("*.jpg"))[:8]:
        pixels = decode(photo).pixels
        crops = align(pixels, detector.detect(pixels).landmarks)
        expected = exact.embed(crops)[0]
        both = (Embedder(network).embed(crops)[0] for network in (chain, session))
        cosines.append([np.sum(vectors * expected, axis=1) for vectors in both])
    ours, theirs = np.concatenate(cosines, axis=1)
    assert len(ours) > 20 and ours.mean() > max(theirs.mean() - 1e-3, 0.99)


@pytest.mark.models
@pytest.mark.photos
def test_the_same_vectors_of_real_faces(models: Path, photos_dir: Path):
    session, path = session_of("default")
    file = model_packs.installed()["detector"]
    detector = Detector(OrtSession(file.path, sha256=file.sha256))
    ours, theirs = Embedder(fastest_chain(session, path, 112)), Embedder(session)
    n_faces = 0
    for photo in sorted((photos_dir / "detect").glob("*.jpg"))[:12]:
        pixels = decode(photo).pixels
        crops = align(pixels, detector.detect(pixels).landmarks)
        found, expected = ours.embed(crops)[0], theirs.embed(crops)[0]
        n_faces += len(crops)
        assert (np.sum(found.astype(np.float64) * expected, axis=1) > 0.99999).all()
    assert n_faces > 30


@pytest.mark.models
def test_another_device_or_network_keeps_its_session(models: Path, monkeypatch):
    session, path = session_of("default")
    elsewhere = Placement(("cuda",), ("cuda", "cpu"), {}, {})
    with monkeypatch.context() as patch:
        patch.setattr(session, "placement", elsewhere)
        assert fastest_chain(session, path, 112) is session
    detector = model_packs.installed()["detector"]
    other = OrtSession(detector.path, sha256=detector.sha256)
    assert fastest_chain(other, detector.path, 112) is other
    assert fastest_chain(session, path, 96) is session

    def wrong(content: bytes):
        found = read_chain_weights(content)
        assert found is not None
        return found._replace(dense_bias=found.dense_bias + 1)

    monkeypatch.setattr("fastface.chains.read_chain_weights", wrong)
    assert fastest_chain(session, path, 112) is session
