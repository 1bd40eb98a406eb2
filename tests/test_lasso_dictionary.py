"""A dictionary whose atoms come and go gives what a fresh one gives."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fastface.kernels import LassoDictionary
from tests.test_lasso import assert_valid, people, unit

D = 36


def rows_of(seed, n):
    rng = np.random.default_rng([5, seed])
    return unit(rng.standard_normal(D) + 0.8 * rng.standard_normal((n, D)))


class Model:
    """What the dictionary should hold, in plain lists: the last atoms take the free places."""

    def __init__(self):
        self.atoms, self.labels = [], []

    def add(self, rows, label):
        self.atoms += list(rows)
        self.labels += [label] * len(rows)

    def remove(self, label):
        for j in reversed(range(len(self.labels))):
            if self.labels[j] == label:
                self.atoms[j], self.labels[j] = self.atoms[-1], self.labels[-1]
                self.atoms.pop(), self.labels.pop()


# Across the size from which there is no Gram matrix, and back.
def test_it_follows_every_change_on_every_target(target):
    dictionary, model = LassoDictionary(D), Model()
    queries = np.concatenate([rows_of(seed, 2) for seed in range(20)])
    changes = [("add", s, 7 + s % 5) for s in range(20)]
    changes += [
        ("remove", 3, 0),
        ("remove", 19, 0),
        ("add", 3, 40),
        ("add", 50, 600),
        ("add", 5, 9),
    ]
    changes += [("remove", 0, 0), ("remove", 50, 0), ("add", 60, 33), ("remove", 7, 0)]
    for step, (verb, label, n) in enumerate(changes):
        if verb == "add":
            dictionary.add(rows_of(label, n), label)
            model.add(rows_of(label, n), label)
        else:
            assert dictionary.remove(label) == model.labels.count(label)
            model.remove(label)
        assert len(dictionary) == len(model.labels)
        if step % 3 and step < 18:
            continue
        atoms = np.array(model.atoms)
        for lam, rows in ((0.1, queries), (0.4, queries[:3])):
            codes = dictionary.lasso(rows, lam)
            assert_valid(codes, atoms, rows, lam)
            assert codes.labels.tolist() == [model.labels[j] for j in codes.indices]
            assert codes.shape == (len(rows), len(atoms))


def test_a_path_and_positive_codes():
    dictionary = LassoDictionary(D)
    for label in range(12):
        dictionary.add(rows_of(label, 6), ("person", label))
    atoms = np.concatenate([rows_of(label, 6) for label in range(12)])
    queries = rows_of(3, 5)
    for lam, codes in zip((0.1, 0.5), dictionary.lasso_path(queries, [0.1, 0.5]), strict=True):
        assert_valid(codes, atoms, queries, lam)
    codes = dictionary.lasso(queries, 0.2, positive=True)
    assert_valid(codes, atoms, queries, 0.2, positive=True)
    assert ("person", 3) in codes.labels.tolist()


def test_an_empty_dictionary_and_an_unknown_label():
    dictionary = LassoDictionary(4)
    codes = dictionary.lasso(np.ones((2, 4)), 0.1)
    assert codes.shape == (2, 0) and len(codes.labels) == 0 and (codes.gap == 0).all()
    assert dictionary.remove("nobody") == 0
    dictionary.add(np.empty((0, 4)), "nobody")
    assert len(dictionary) == 0


def test_what_is_refused_changes_nothing():
    dictionary = LassoDictionary(3)
    dictionary.add(np.eye(3), "Ada")
    for rows, message in [
        (np.ones(3), "atoms: expected a 2-D array"),
        (np.ones((1, 2)), "atoms: expected 3 columns like the dictionary, got 2"),
        ([[1, 0, 0], [0, np.nan, 0]], "atoms: row 1 holds NaN"),
    ]:
        with pytest.raises(ValueError, match=message):
            dictionary.add(rows, "Ada")
    assert len(dictionary) == 3
    with pytest.raises(ValueError, match="queries: expected 3 columns"):
        dictionary.lasso(np.ones((1, 2)), 0.1)
    with pytest.raises(ValueError, match="lam: expected a positive finite number"):
        dictionary.lasso(np.ones((1, 3)), 0)
    with pytest.raises(ValueError, match="n_dimensions: expected at least 1, got 0"):
        LassoDictionary(0)


def test_the_callers_array_may_change_afterwards():
    dictionary = LassoDictionary(3)
    atoms = np.eye(3, dtype="f4")
    dictionary.add(atoms, "Ada")
    atoms[:] = np.nan
    assert dictionary.lasso(np.eye(3), 0.5).toarray().tolist() == np.diag([0.75] * 3).tolist()


def test_people_come_and_go_while_others_ask():
    dictionary = LassoDictionary(D)
    dictionary.add(rows_of(0, 20), "always")
    queries = rows_of(0, 8)
    done = threading.Event()

    def change(k):
        while not done.is_set():
            dictionary.add(rows_of(k, 30), k)
            dictionary.remove(k)

    def ask():
        for _ in range(40):
            codes = dictionary.lasso(queries, 0.2)
            assert (codes.gap <= 1e-4).all()
            assert set(codes.labels.tolist()) <= {"always", 1, 2} and "always" in codes.labels
            assert len(codes.indices) == 0 or codes.indices.max() < codes.n_atoms

    with ThreadPoolExecutor() as pool:
        changing = [pool.submit(change, k) for k in (1, 2)]
        asking = [pool.submit(ask) for _ in range(2)]
        try:
            for task in asking:
                task.result()
        finally:
            done.set()
        for task in changing:
            task.result()
    assert len(dictionary) == 20


def test_atoms_of_many_people_match_a_plain_call():
    from fastface.kernels import lasso

    atoms, queries = people(50, 20, D, 64)
    dictionary = LassoDictionary(D)
    for person in range(50):
        dictionary.add(atoms[20 * person : 20 * person + 20], person)
    codes, plain = dictionary.lasso(queries, 0.2, tol=1e-7), lasso(atoms, queries, 0.2, tol=1e-7)
    np.testing.assert_allclose(codes.toarray(), plain.toarray(), atol=1e-3)
