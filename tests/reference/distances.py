"""NumPy twin of fastface.kernels.distances: float64, n x n, obviously right."""

from __future__ import annotations

import numpy as np


def fused_distances(faces, torsos=None, *, alpha=1.0, beta=1.0, groups=None):
    """The whole matrix; with `groups`, infinite across groups and beta * T without faces."""
    n = len(faces)
    torsos = np.zeros((n, 1)) if torsos is None else torsos
    same_group = np.zeros((n, n), bool) if groups is None else np.equal.outer(groups, groups)
    face_pair = np.logical_and.outer(_present(faces), _present(faces))
    torso_pair = np.logical_and.outer(_present(torsos), _present(torsos))

    F, T = _one_minus_products(faces, faces), _one_minus_products(torsos, torsos)
    D = np.full((n, n), np.inf)
    D[face_pair] = F[face_pair]
    both = face_pair & torso_pair
    D[both] = np.minimum(F, alpha * F + beta * T)[both]
    torso_alone = ~face_pair & torso_pair & same_group
    D[torso_alone] = beta * T[torso_alone]

    if groups is not None:
        D[~same_group] = np.inf
    np.fill_diagonal(D, np.where(_present(faces), 0, np.inf))
    return D


def pairwise_edges(faces, threshold, *, torsos=None, alpha=1.0, beta=1.0, groups=None):
    distances = fused_distances(faces, torsos, alpha=alpha, beta=beta, groups=groups)
    i, j = np.nonzero(np.triu(distances <= threshold, k=1))
    return i, j, distances[i, j]


def neighbour_counts(faces, threshold, **options):
    i, j, _ = pairwise_edges(faces, threshold, **options)
    return np.bincount(np.concatenate([i, j]), minlength=len(faces))


def nearest(queries, gallery, k):
    D = _one_minus_products(queries, gallery)
    D[~np.logical_and.outer(_present(queries), _present(gallery))] = np.inf
    order = np.argsort(D, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(D, order, axis=1)


def _present(rows):
    return ~(np.isnan(rows) | (rows == 0)).all(axis=1)


def _one_minus_products(a, b):
    a, b = (np.nan_to_num(x.astype(np.float64), nan=0.0) for x in (a, b))
    return np.maximum(0, 1 - a @ b.T)
