"""Rows made to break a bound on rounding: what 8 bits cannot hold, pairs next to a threshold."""

from __future__ import annotations

import numpy as np


def adversarial_rows(kind, n, d, seed):
    """(n, d) float32 of one kind of trouble, see KINDS."""
    rng = np.random.default_rng(seed)
    return np.ascontiguousarray(KINDS[kind](rng, n, d), np.float32)


def _unit(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)


def _next_to_a_threshold(rng, n, d):
    """Rows at 0.5 from the first one, give or take the last bits of a float32."""
    first = _unit(rng.normal(size=(1, d)))
    other = rng.normal(size=(n, d))
    other = _unit(other - (other @ first.T) * first)
    cosine = 0.5 + rng.integers(-8, 9, size=(n, 1)) * 2.0**-24
    rows = cosine * first + np.sqrt(1 - cosine**2) * other
    rows[0] = first
    return rows


def _tiny_beside_huge(rng, n, d):
    """Values of one row from 1 down to 1e-12: all but a few round to zero in 8 bits."""
    return _unit(rng.normal(size=(n, d)) * 10.0 ** -rng.uniform(0, 12, size=(n, d)))


def _between_two_integers(rng, n, d):
    """Values half-way between neighbours in 8 bits, all rounded to one side of their rows' sign."""
    rows = (rng.integers(-2, 3, size=(n, d)) + 0.5) / 127
    rows[:, 0] = rng.choice([-1.0, 1.0], size=n)
    return rows


def _exact_in_8_bits(rng, n, d):
    """Nothing is lost in 8 bits, so that only the allowance for float32's own rounding is left."""
    value = rng.uniform(0.5, 1, size=(rng.integers(1, 4), 1))
    return np.repeat(_unit(np.ones((1, d))) * value, -(-n // len(value)), axis=0)[:n]


def _mixed_lengths(rng, n, d):
    """Norms from 1e-44 to 1e17, against the contract of unit norm but within what is accepted."""
    return _unit(rng.normal(size=(n, d))) * 10.0 ** rng.uniform(-44, 17, size=(n, 1))


KINDS = {
    "next to a threshold": _next_to_a_threshold,
    "tiny beside huge": _tiny_beside_huge,
    "between two integers": _between_two_integers,
    "exact in 8 bits": _exact_in_8_bits,
    "mixed lengths": _mixed_lengths,
    "one-hot": lambda rng, n, d: np.eye(d)[rng.integers(d, size=n)] * rng.choice([-1, 1], (n, 1)),
    "equal": lambda rng, n, d: np.repeat(_unit(rng.normal(size=(1, d))), n, axis=0),
    "denormal": lambda rng, n, d: rng.normal(size=(n, d)) * 1e-41,
    "least denormal": lambda rng, n, d: rng.integers(-1, 2, size=(n, d)) * 1e-45,
}
