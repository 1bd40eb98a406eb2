"""From what was said to faces that are there now: anchors and the observations at their place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fastface.boxes import overlap
from fastface.types import Anchor, Box, IntArray, Verdict

SAME_PLACE_IOU: Final = 0.5  # a face found again by another detector overlaps at least this much
SAME_TIME_S: Final = 1.0  # faces of one shot move little in so many seconds


class Places:
    """Finds the observation at an anchor's place.

    In a video the place is one of its sightings, the nearest in time: another model may find
    another picture of the same shot the best.

    >>> places = Places([Anchor("c0ffee", Box(0.1, 0.1, 0.2, 0.2))])
    >>> places.find(Anchor("c0ffee", Box(0.11, 0.1, 0.2, 0.2)))
    0
    >>> places.find(Anchor("c0ffee", Box(0.6, 0.1, 0.2, 0.2))) is None
    True
    """

    def __init__(self, observations: Iterable[Anchor]) -> None:
        self._seen: dict[str, list[tuple[int, Anchor]]] = {}
        for index, anchor in enumerate(observations):
            self._seen.setdefault(anchor.content_hash, []).append((index, anchor))

    def find(self, anchor: Anchor) -> int | None:
        """Index of the observation that overlaps most, the earliest of several; or None."""
        best, best_overlap = None, 0.0
        for index, seen in self._seen.get(anchor.content_hash, ()):
            if (seen.box, seen.at_s) == (anchor.box, anchor.at_s):
                return index
            box = seen.box if anchor.at_s is None else _box_at(seen, anchor.at_s)
            shared = 0.0 if box is None else overlap(anchor.box, box)
            if shared >= SAME_PLACE_IOU and shared > best_overlap:
                best, best_overlap = index, shared
        return best


def _box_at(seen: Anchor, at_s: float) -> Box | None:
    """Where a face of a video is at about a time; None if it is not seen then."""
    times = [(seen.at_s, seen.box), *seen.sightings]
    near = [(abs(time - at_s), box) for time, box in times if time is not None]
    away, box = min(near, default=(np.inf, None))
    return box if away <= SAME_TIME_S else None


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Verdicts with the faces that they are about.

    n_faces: observations in all.  verdicts: in the order in which they were said, with ascending
    ids.  face, person, verdict: (m,) int64, one row per anchor: the observation or -1 where it is
    not there, the person it was said to be, the index of the verdict; in order of the verdicts.
    """

    n_faces: int
    verdicts: tuple[Verdict, ...]
    face: IntArray
    person: IntArray
    verdict: IntArray

    @classmethod
    def of(cls, n_faces: int, verdicts: Sequence[Verdict], rows: IntArray) -> Heard:
        """rows: (m, 3) int64: verdict id, index of a face or -1, person."""
        order = np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))
        ids = np.array([verdict.id for verdict in verdicts], np.int64)
        verdict, face, person = rows[order].T
        return cls(n_faces, tuple(verdicts), face, person, np.searchsorted(ids, verdict))

    def more(self, verdicts: Sequence[Verdict], rows: IntArray) -> Heard:
        """With later verdicts at the end."""
        new = Heard.of(self.n_faces, verdicts, rows)
        return Heard(
            self.n_faces,
            (*self.verdicts, *new.verdicts),
            np.concatenate([self.face, new.face]),
            np.concatenate([self.person, new.person]),
            np.concatenate([self.verdict, len(self.verdicts) + new.verdict]),
        )
