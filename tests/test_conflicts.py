"""Two faces in one photo: evidence that they are two people."""

import numpy as np

from fastface import conflicts
from fastface.calibration import Calibration
from tests import synthetic


def test_conflicts_are_counted_where_they_meet():
    merges = np.array([[0, 1, 0.1, 2], [2, 3, 0.2, 2], [4, 5, 0.3, 4]], float)
    together = np.array([[0, 2], [1, 3], [0, 1]])
    assert conflicts.count(merges, 4, together).tolist() == [1, 0, 2]


def test_pairs_of_each_photo_but_no_mirrors():
    faces, _ = synthetic.people([1] * 5, cosine=0.7)
    faces[4] = faces[0]
    pairs = conflicts.same_photo(faces, np.array([3, 9, 3, 3, 3]), Calibration.of_pack())
    found = {tuple(sorted(pair)) for pair in pairs.tolist()}
    assert found == {(0, 2), (0, 3), (2, 3), (2, 4), (3, 4)}


def test_strays_do_not_part_what_belongs_together():
    """Two photos say much of single faces and little of two crowds."""
    assert conflicts.against(2, 1) == 4
    assert conflicts.against(2, 100) < 1
    assert conflicts.against(0, 1) == 0
