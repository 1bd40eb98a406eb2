"""Is every lasso code certified, and is the certificate true?

    python -m bench.certify_lasso --queries 100000

Draws dictionaries of 1 to 3,000 atoms: of people, of strangers, strongly correlated, with
duplicates and near duplicates, unit norm or not; and for each a lambda from 0.01 to 0.9 of its
maximum. All gaps are computed again in float64 by the reference. With --peer, spams (LARS, float32)
solves the same batches.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from fastface.kernels import lasso
from tests.reference import lasso as reference

BATCH = 250
TOL = 1e-4


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def draw(rng: np.random.Generator) -> tuple[str, np.ndarray, np.ndarray]:
    """The kind of a dictionary, its atoms and a batch of queries."""
    d = int(rng.choice([16, 64, 128, 512]))
    n_atoms = int(np.exp(rng.uniform(0, np.log(3_000))))
    kind = str(rng.choice(["people", "strangers", "correlated", "duplicates", "near", "scaled"]))
    spread = {"strangers": 1e3, "correlated": 0.05}.get(kind, 0.8)
    centres = rng.standard_normal((n_atoms // 20 + 1, d))
    if kind == "correlated":
        centres = centres[:1] + 0.2 * centres
    owners = rng.integers(0, len(centres), n_atoms)
    atoms = unit(centres[owners] + spread * rng.standard_normal((n_atoms, d)))
    queries = centres[rng.integers(0, len(centres), BATCH)]
    queries = unit(queries + spread * rng.standard_normal((BATCH, d)))
    copied = atoms[rng.integers(0, n_atoms, n_atoms // 3)]
    if kind == "duplicates":
        atoms = np.concatenate([atoms, copied, -copied[:3]])
    elif kind == "near":
        atoms = np.concatenate([atoms, unit(copied + 1e-4 * rng.standard_normal(copied.shape))])
    elif kind == "scaled":
        atoms *= np.exp(rng.uniform(-2, 2, (n_atoms, 1))).astype(np.float32)
    return kind, atoms, queries


def batches(n_queries: int, seed: int) -> Iterator[tuple[str, np.ndarray, np.ndarray, float, bool]]:
    rng = np.random.default_rng(seed)
    for _ in range(-(-n_queries // BATCH)):
        kind, atoms, queries = draw(rng)
        share = np.exp(rng.uniform(np.log(0.01), np.log(0.9)))
        lam = share * 2 * float(np.abs(queries @ atoms.T).max())
        yield kind, atoms, queries, lam, bool(rng.random() < 0.3)


def spams_codes(atoms: np.ndarray, queries: np.ndarray, lam: float, positive: bool) -> np.ndarray:
    import spams

    codes = spams.lasso(
        np.asfortranarray(queries.T),
        np.asfortranarray(atoms.T),
        lambda1=lam / 2,
        mode=2,
        pos=positive,
        numThreads=1,
    )
    return codes.T.toarray()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peer", action="store_true", help="ask spams as well (takes longer)")
    arguments = parser.parse_args()

    total = uncertified = untrue = peer_missed = 0
    worst = 0.0
    with threadpool_limits(1):
        for kind, atoms, queries, lam, positive in batches(arguments.queries, arguments.seed):
            codes = lasso(atoms, queries, lam, positive=positive, tol=TOL)
            gap = reference.relative_gap(atoms, queries, codes.toarray(), lam, positive)
            total += len(queries)
            bad = int((codes.gap > np.float32(TOL)).sum())
            lies = int((np.abs(codes.gap - gap) > 1e-5 * gap + 1e-11).sum())
            if bad or lies:
                print(f"{kind}: {atoms.shape}, lam {lam:.4g}, {bad} uncertified, {lies} untrue")
            uncertified, untrue = uncertified + bad, untrue + lies
            worst = max(worst, float(gap.max()))
            if arguments.peer:
                theirs = spams_codes(atoms, queries, lam, positive)
                theirs_gap = reference.relative_gap(atoms, queries, theirs, lam, positive)
                peer_missed += int((~(theirs_gap <= TOL)).sum())
    print(f"{total:,} queries: {uncertified} uncertified, {untrue} untrue certificates", end="")
    print(f", largest gap {worst:.3g}")
    if arguments.peer:
        print(f"spams: {peer_missed:,} missed")


if __name__ == "__main__":
    main()
