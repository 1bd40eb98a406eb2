"""Faces of successive keyframes followed through a shot: one person, one track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from fastface.types import FloatArray, Observation, Sighting

# So many of a track's clearest faces are kept and averaged. Where somebody's photos follow each
# other, that brings the share of true matches at one false in 1,000 from .921 to .936; three do as
# well (bench/video_people.py, the half of the people to choose by).
BEST: Final = 5


@dataclass(slots=True, eq=False)
class Track:
    """One person in one shot.  best: the clearest observations, the clearest first."""

    sightings: list[Sighting] = field(default_factory=list)
    best: list[Observation] = field(default_factory=list)

    def add(self, at_s: float, seen: Observation) -> None:
        self.sightings.append(Sighting(at_s, seen.box))
        self.best.append(replace(seen, at_s=at_s))
        self.best.sort(key=lambda kept: (kept.unclear, -kept.quality, kept.at_s))
        del self.best[BEST:]

    @property
    def face(self) -> FloatArray:
        """(d,) float32, unit norm: the mean of the best faces, those that are clear if any is."""
        clear = [seen.face for seen in self.best if not seen.unclear]
        total = np.sum(clear or [seen.face for seen in self.best], axis=0, dtype=np.float64)
        return np.asarray(total / np.linalg.norm(total), np.float32)

    def observation(self) -> Observation:
        """The best picture's observation, with the face of the whole track."""
        return replace(self.best[0], face=self.face, sightings=tuple(self.sightings))


class Tracker:
    """Follows faces by likeness alone.

    same_face: cosine distance under which two faces are likely one person's.  Where a face is does
    not count: keyframes are seconds apart, and where a cut is missed the next person often takes
    the place of the last (an allowance of .15 for boxes that overlap made mixed tracks of every
    fourth of those, and joined none that likeness had not).
    """

    def __init__(self, same_face: float) -> None:
        self._same_face = same_face
        self._open: list[Track] = []
        self._closed: list[Track] = []

    def cut(self) -> None:
        """The shot ends."""
        self._closed += self._open
        self._open = []

    def add(self, at_s: float, faces: Sequence[Observation]) -> None:
        """The faces of the next keyframe; each goes to another track.

        The nearest pair of a face and a track goes first.
        """
        pairs = sorted(self._pairs(faces))
        placed, taken = set[int](), set[int]()
        for _, track, face in pairs:
            if track not in taken and face not in placed:
                self._open[track].add(at_s, faces[face])
                taken.add(track)
                placed.add(face)
        for face, seen in enumerate(faces):
            if face not in placed:
                self._open.append(Track())
                self._open[-1].add(at_s, seen)

    def observations(self) -> list[Observation]:
        """One of each track, by the time when it begins, then from left to right.  The end."""
        self.cut()
        begun = sorted(self._closed, key=lambda track: track.sightings[0])
        return [track.observation() for track in begun]

    def _pairs(self, faces: Sequence[Observation]) -> list[tuple[float, int, int]]:
        """(distance, track, face) of those that may be one person."""
        if not faces or not self._open:
            return []
        known = np.stack([track.face for track in self._open])
        distances = 1.0 - known @ np.stack([seen.face for seen in faces]).T
        near = np.argwhere(distances <= self._same_face).tolist()
        return [(float(distances[track, face]), track, face) for track, face in near]
