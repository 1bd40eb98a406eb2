"""The detector's network where it runs best: on the processor, fastface's own kernels.

ONNX Runtime computes a layer of the whole photo before it begins with the next, and YuNet's layers
do so little with each value that it waits for memory most of the time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from fastface.graphs import read_yunet
from fastface.inference import OrtSession, Session
from fastface.kernels import FaceNetwork, planes

# A photo of noise, which stirs every channel, and what rounding may add to a value of it.
_TRIAL: Final = (96, 64)
_TOLERANCE: Final = 1e-3


def fastest(session: OrtSession, path: Path) -> Session | FaceNetwork:
    """The network of a session by fastface's kernels, if they give the same on a trial.

    session: of the model file at `path`.  It is returned as it is where it runs elsewhere than on
    the processor, or is another network than YuNet.
    """
    if session.placement.obtained != ("cpu",):
        return session
    weights = read_yunet(path.read_bytes())
    if weights is None:
        return session
    try:
        network = FaceNetwork(*weights)
    except ValueError:  # of other sizes
        return session
    height, width = _TRIAL
    photo = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    expected = session.run({session.input: planes(photo, height, width)[None]})
    found = network.see(photo)
    same = found.keys() == expected.keys() and all(
        np.allclose(found[name], expected[name], atol=_TOLERANCE, rtol=_TOLERANCE) for name in found
    )
    return network if same else session
