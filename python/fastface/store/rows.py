"""What the store takes and hands out: rows, and arrays of all observations."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fastface.types import Anchor, Box, FloatArray, IntArray, Observation, Sighting

FACE_TYPE: Final = "<f4"
# Torsos are long and only compared within a moment: half the bytes move a distance by under 0.001.
TORSO_TYPE: Final = "<f2"
SIGHTING_TYPE: Final = "<f8"  # a time and a box each
PLACE_TYPE: Final = "<u4"  # the number of a place, in an anchor

# Where an observation is; the columns of `place`.
PLACE: Final = "hash, box_left, box_top, box_width, box_height, at_s, sightings"


class FileRow(NamedTuple):
    """What is known of a path.  analysed: its content has observations of the asked model."""

    size: int
    mtime_ns: int
    content_hash: str
    missing: bool
    analysed: bool


class FailureRow(NamedTuple):
    """A photo that could not be read.  reader: version of the fastface that tried."""

    size: int
    mtime_ns: int
    reader: str
    message: str


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """All observations of one model on photos that are present, in canonical order.

    The order is by content hash, then place in the photo: the same whatever the order of files.
    Photos, p of them: content_ids (p,) int64; hashes, paths; taken_at, latitude, longitude (p,)
    float64, NaN where unknown.  Observations, n of them: ids (n,) int64; anchors; photo_index (n,)
    int64 into the photos; faces (n, d) and torsos (n, d') float32, unit norm, a missing torso all
    zero; scores, quality (n,) float32; unclear (n,) bool.
    """

    content_ids: IntArray
    hashes: list[str]
    paths: list[Path]
    taken_at: npt.NDArray[np.float64]
    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]
    ids: IntArray
    anchors: list[Anchor]
    photo_index: IntArray
    faces: FloatArray = field(repr=False)
    torsos: FloatArray = field(repr=False)
    scores: FloatArray
    quality: FloatArray
    unclear: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """Where the last grouping put the n observations that it knew, or should know now.

    In canonical order, as int64 arrays (n,).  ids.  clusters: each one's lasting number, 0 for
    none.  persons: 0 for nobody.  said: -1 no face, 0 not looked at, 1 the user confirmed it.
    contents: the photo's.  As bool arrays: present, seen by the asked model on a photo that is
    there; the others are only remembered.  stored, known to the last grouping.  in_video.  As
    float64: quality; taken_at, NaN where unknown.
    """

    ids: IntArray
    clusters: IntArray
    persons: IntArray
    said: IntArray
    present: npt.NDArray[np.bool_]
    stored: npt.NDArray[np.bool_]
    contents: IntArray
    in_video: npt.NDArray[np.bool_]
    quality: npt.NDArray[np.float64]
    taken_at: npt.NDArray[np.float64]

    def rows_of(self, ids: IntArray) -> IntArray:
        """The row of each of these observations, -1 for one that is not here."""
        row = np.full(max(int(self.ids.max(initial=0)), int(ids.max(initial=0))) + 1, -1)
        row[self.ids] = np.arange(len(self.ids))
        found: IntArray = row[ids]
        return found


class PersonRow(NamedTuple):
    """A person, derived.  cover: the observation that the user chose to show, or None."""

    name: str | None
    hidden: bool
    cover: int | None


class PersonFigures(NamedTuple):
    """What is counted of a person.  clearest: an observation.  first, last: taken, or None."""

    n_photos: int
    n_faces: int
    clearest: int
    first_seen: float | None
    last_seen: float | None
    n_videos: int


def observation_row(observation: Observation) -> tuple[Any, ...]:
    """The columns of an observation, from box to sightings."""
    torso_box: Sequence[float | None] = observation.torso_box or (None,) * 4
    return (
        *map(float, observation.box),
        _blob(observation.landmarks, FACE_TYPE),
        float(observation.score),
        float(observation.quality),
        int(observation.unclear),
        _blob(observation.face, FACE_TYPE),
        *(None if edge is None else float(edge) for edge in torso_box),
        None if observation.torso is None else _blob(observation.torso, TORSO_TYPE),
        observation.at_s,
        _sightings_blob(observation.sightings),
    )


def _sightings_blob(sightings: Sequence[Sighting]) -> bytes | None:
    rows = [(at_s, *box) for at_s, box in sightings]
    return np.array(rows, SIGHTING_TYPE).tobytes() if rows else None


def place(columns: Sequence[Any]) -> Anchor:
    """Where an observation is, from the columns `PLACE`."""
    content_hash, left, top, width, height, at_s, blob = columns
    box = Box(left, top, width, height)
    if blob is None:
        return Anchor(content_hash, box, at_s)
    rows = np.frombuffer(blob, SIGHTING_TYPE).reshape(-1, 5).tolist()
    return Anchor(content_hash, box, at_s, tuple(Sighting(row[0], Box(*row[1:])) for row in rows))


def stack(blobs: list[bytes | None], dtype: str) -> FloatArray:
    """Embeddings, (n, d) float32, from blobs of equal length; None becomes a row of zeros."""
    n_bytes = max((len(blob) for blob in blobs if blob is not None), default=0)
    rows = np.zeros((len(blobs), n_bytes // np.dtype(dtype).itemsize), np.float32)
    for row, blob in zip(rows, blobs, strict=True):
        if blob is not None:
            row[:] = np.frombuffer(blob, dtype)
    return rows


def _blob(array: FloatArray, dtype: str) -> bytes:
    return np.ascontiguousarray(array, dtype).tobytes()


def path_of(key: bytes) -> Path:
    """The path that a file's key stands for; any bytes will do."""
    return Path(os.fsdecode(key))


def range_under(folder: Path) -> tuple[bytes, bytes]:
    """Bounds (first, past the last) of all keys below a folder, for the primary key."""
    separator = os.fsencode(os.sep)
    stem = os.fsencode(folder).rstrip(separator)
    return stem + separator, stem + bytes([separator[0] + 1])
