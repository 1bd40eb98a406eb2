"""Textbook lasso in float64: what `fastface.kernels.lasso` must agree with. Slow and plain."""

from __future__ import annotations

import numpy as np


def objective(dictionary, queries, codes, lam):
    """|y - D'x|^2 + lam |x|_1 of each row."""
    residual = np.float64(queries) - np.float64(codes) @ np.float64(dictionary)
    return (residual**2).sum(axis=1) + lam * np.abs(np.float64(codes)).sum(axis=1)


def relative_gap(dictionary, queries, codes, lam, positive=False):
    """(primal - dual) / |y|^2 at the dual point s * residual, s <= 1 making every atom feasible."""
    queries = np.float64(queries)
    residual = queries - np.float64(codes) @ np.float64(dictionary)
    pull = 2 * residual @ np.float64(dictionary).T
    hardest = (pull if positive else np.abs(pull)).max(axis=1, initial=0)
    scale = np.where(hardest > lam, lam / np.maximum(hardest, lam), 1)
    dual_point = scale[:, None] * residual
    dual = (queries**2).sum(axis=1) - ((queries - dual_point) ** 2).sum(axis=1)
    energy = (queries**2).sum(axis=1)
    gap = objective(dictionary, queries, codes, lam) - dual
    return np.divide(gap, energy, out=np.zeros_like(gap), where=energy > 0)


def lasso(dictionary, queries, lam, positive=False, tol=1e-10, max_iter=200_000):
    """ISTA (Daubechies, Defrise and De Mol 2004) until every gap is at most tol; dense codes."""
    dictionary, queries = np.float64(dictionary), np.float64(queries)
    step = 1 / max(np.linalg.norm(dictionary, 2) ** 2, 1e-300) if dictionary.size else 1.0
    codes = np.zeros((len(queries), len(dictionary)))
    for iteration in range(max_iter):
        gap = (
            relative_gap(dictionary, queries, codes, lam, positive) if iteration % 50 == 0 else None
        )
        if gap is not None and (gap <= tol).all():
            return codes
        moved = codes + step * (queries - codes @ dictionary) @ dictionary.T
        pull = np.maximum(moved, 0) if positive else np.abs(moved)
        codes = np.sign(moved) * np.maximum(pull - step * lam / 2, 0)
    raise RuntimeError("the reference did not converge")
