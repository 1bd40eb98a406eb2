"""The embedder's network where it runs best: on the processor, fastface's own kernels.

ONNX Runtime knows no PReLU in its fast layout, so that each is three layers of the whole image, and
keeps what is between a layer that filters channels and the one that mixes them.  In 8 bits it knows
no PReLU at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from fastface.graphs import read_byte_chain, read_chain_weights
from fastface.inference import OrtSession, Session
from fastface.kernels import ChainNetwork

# What rounding may add to a value, in units of the largest; and how like each other the vectors of
# two networks in 8 bits are, at least, which round at different places.
_TOLERANCE: Final = 1e-3
_LEAST_COSINE: Final = 0.98


def fastest_chain(session: OrtSession, path: Path, side: int) -> Session | ChainNetwork:
    """The network of a session by fastface's kernels, if they give the same on trial crops.

    session: of the model file at `path`, for crops of this side.  It is returned as it is where it
    runs elsewhere than on the processor, or is another kind of network.
    """
    if session.placement.obtained != ("cpu",):
        return session
    content = path.read_bytes()
    weights = read_chain_weights(content) or read_byte_chain(content)
    if weights is None:
        return session
    try:
        network = ChainNetwork(side, *weights)
    except ValueError:  # of other sizes
        return session
    return network if _agree(network, session, side, rounds=bool(weights.rounding)) else session


def _agree(network: ChainNetwork, session: OrtSession, side: int, *, rounds: bool) -> bool:
    """Whether both say the same of noise, which stirs every channel."""
    crops = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
    planes = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32)
    (expected,) = session.run({session.input: planes}).values()
    found = network.run(crops)
    if rounds:
        lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
        cosines = np.sum(found * expected, axis=1) / lengths
        return bool(np.all(cosines >= _LEAST_COSINE))
    within = _TOLERANCE * float(np.abs(expected).max(initial=0))
    return found.shape == expected.shape and bool(np.all(np.abs(found - expected) <= within))
