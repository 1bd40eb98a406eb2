"""Faces of made-up people, for tests that need structure and no photos."""

from __future__ import annotations

import numpy as np

D = 128


def people(sizes, *, cosine, seed=0):
    """Unit faces of strangers: mates have about this cosine, strangers about none."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    centres = rng.standard_normal((len(sizes), D)) / np.sqrt(D)
    noise = rng.standard_normal((len(truth), D)) / np.sqrt(D)
    faces = np.sqrt(cosine) * centres[truth] + np.sqrt(1 - cosine) * noise
    return (faces / np.linalg.norm(faces, axis=1, keepdims=True)).astype(np.float32), truth
