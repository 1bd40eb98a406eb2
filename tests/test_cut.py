"""Where a tree of merges is cut."""

import numpy as np
import pytest

from fastface import cut
from fastface.cut import Prior, Tree


def chain(sizes_and_closeness, n):
    """A tree in which face k joins those before it."""
    left = [0] + [n + k for k in range(n - 2)]
    m = n - 1
    return Tree(
        n,
        np.array(left),
        np.arange(1, n),
        np.asarray(sizes_and_closeness, float),
        np.zeros(m),
        np.zeros(m, bool),
    )


def groups(found):
    return len(np.unique(found.labels))


def test_near_merges_stand_and_far_ones_do_not():
    assert groups(cut.read_off(chain([8, 7, 6, 5], 5))) == 1
    assert groups(cut.read_off(chain([8, 7, 1, 0.5], 5))) == 3
    assert groups(cut.read_off(chain([0, 0, 0, 0], 5))) == 5


def test_nothing_stands_on_what_fell():
    found = cut.read_off(chain([8, 0.5, 8, 8], 5))
    assert groups(found) == 4


def test_known_merges_stand_whatever_their_distance():
    tree = chain([0, 0, 0, 0], 5)
    assert groups(cut.read_off(tree._replace(given=np.array([True, True, False, False])))) == 3


def test_photos_that_show_both_speak_against():
    tree = chain([8, 7, 4, 4], 5)
    assert groups(cut.read_off(tree)) == 1
    against = np.array([0, 0, 0, 20.0])
    assert groups(cut.read_off(tree._replace(against=against))) == 2


def test_more_faces_need_closer_pairs():
    odds = [Prior(0.1, weight).log10_odds(3.5, (1, 1)) for weight in (10, 1000, 100_000)]
    assert odds == sorted(odds, reverse=True)
    least = [Prior(0.1, weight).least_closeness() for weight in (10, 1000, 100_000)]
    assert least == sorted(least)
    for weight, closeness in zip((10, 1000, 100_000), least, strict=True):
        assert Prior(0.1, weight).log10_odds(closeness, (1, 1)) == pytest.approx(0, abs=1e-9)


def test_a_stray_joins_a_crowd_sooner_than_crowds_join():
    prior = Prior(0.1, 100)
    assert prior.log10_odds(3, (1, 50)) > prior.log10_odds(3, (1, 1))
    assert prior.log10_odds(3, (50, 50)) == prior.log10_odds(3, (1, 1))
    assert prior.log10_odds(3, (1, 50)) == prior.log10_odds(3, (50, 1))


def test_a_library_in_pieces_shows_it():
    """Where many merges are just beyond chance, further ones are believed more readily."""
    n = 400
    pairs = np.arange(n).reshape(-1, 2)

    def tree(closeness):
        m = len(pairs)
        z = np.sort(np.asarray(closeness, float))[::-1]
        return Tree(n, pairs[:, 0], pairs[:, 1], z, np.zeros(m), np.zeros(m, bool))

    in_pieces = cut.read_off(tree(np.linspace(3.5, 5.5, 200))).prior.rate
    clear = cut.read_off(tree(np.full(200, 9.0))).prior.rate
    assert in_pieces > 5 * clear
    assert clear == cut.MIN_RATE


def test_what_the_linkage_leaves_out_could_not_stand():
    for n in (100, 10_000, 1_000_000):
        least = cut.least_closeness(n)
        weakest = Prior(cut.MAX_RATE, n / cut.FACES_PER_PERSON)
        assert least == max(cut.MIN_CLOSENESS, weakest.least_closeness())
    assert cut.least_closeness(1_000_000) > cut.least_closeness(1000)


def test_no_merge_and_no_face():
    empty = np.empty(0, np.int64)
    for n in (1, 3):
        tree = Tree(n, empty, empty, np.empty(0), np.empty(0), np.empty(0, bool))
        assert groups(cut.read_off(tree)) == n
