"""The values that travel between parts: plain, frozen, free of behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int64]
ImageArray: TypeAlias = npt.NDArray[np.uint8]  # (height, width, 3), RGB, upright


class Box(NamedTuple):
    """A rectangle in fractions (0..1) of the upright photo's width and height."""

    left: float
    top: float
    width: float
    height: float


class Sighting(NamedTuple):
    """Where a face is in a video.  at_s: seconds from its start."""

    at_s: float
    box: Box


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """One person seen in one photo, or in one shot of a video.

    box, torso_box: fractions of the upright photo.  landmarks: (5, 2) float32, x and y in the same
    fractions: right eye, left eye, nose, right and left corner of the mouth (the person's own
    right).  score: the detector's confidence, 0..1.  quality: 0..1, higher is clearer.
    unclear: too poor to be grouped; kept as a fact.  face: (d,) float32, unit norm.
    torso: (d',) float32, unit norm, or None.
    In a video all this is of the shot's best picture, at_s seconds from the start; sightings: in
    which of its keyframes the face is, and where, by time.  None and empty on a photo.
    """

    box: Box
    landmarks: FloatArray
    score: float
    quality: float
    unclear: bool
    face: FloatArray = field(repr=False)  # what identifies a person is in no log
    torso_box: Box | None
    torso: FloatArray | None = field(repr=False)
    at_s: float | None = None
    sightings: tuple[Sighting, ...] = ()


@dataclass(frozen=True, slots=True)
class PhotoMetadata:
    """What a photo or video file says of itself.

    width, height: pixels of the upright photo.  taken_at: seconds since 1970 by the camera's clock
    (local time read as if it were UTC; moments need gaps, not zones) or None.  latitude, longitude:
    degrees, or None.  camera: maker and model, or None.  duration_s: of a video; None of a photo.
    """

    width: int
    height: int
    taken_at: float | None = None
    latitude: float | None = None
    longitude: float | None = None
    camera: str | None = None
    duration_s: float | None = None


PhotoInput: TypeAlias = "str | Path | ImageArray | Any"  # path, RGB uint8 array or PIL image


@dataclass(frozen=True, slots=True)
class Face:
    """A face of the library.  id: stable for a photo's content and model.  person: id or None.

    at_s: in a video, seconds from its start to the picture that shows the face best; else None.
    """

    id: str
    photo: Path
    box: Box
    person: str | None
    quality: float
    unclear: bool
    at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Someone in the library.

    id: stable between runs.  cover: the face the user chose, else the clearest.  hidden: the user
    does not want to be shown them.  first_seen, last_seen: as `taken_at` in `PhotoMetadata`.
    n_videos: how many of the n_photos are videos.
    """

    id: str
    name: str | None
    n_photos: int
    n_faces: int
    cover: Face
    hidden: bool = False
    first_seen: float | None = None
    last_seen: float | None = None
    n_videos: int = 0


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """A photo, or video, of a person.  faces: that person's only.

    taken_at, duration_s: as in `PhotoMetadata`.
    """

    path: Path
    taken_at: float | None
    latitude: float | None
    longitude: float | None
    faces: tuple[Face, ...]
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class Identification:
    """Who a face of a new photo is.

    person, name: None for someone unknown or unnamed.  confidence: 0..1 that it is this person; for
    someone unknown, that it is the most similar person after all; 0 for an unclear face.
    distance: cosine distance (0..2) to that person's nearest exemplar; infinite where nobody is
    known.  at_s: in a video, as in `Face`.
    """

    box: Box
    person: str | None
    name: str | None
    confidence: float
    distance: float
    at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a network runs, as keys of `providers.PROVIDERS`.

    asked: what was wished for, best first; obtained: what it has.  missing: why what was asked for
    is not there or not used.  layers: how many of its layers run on each, where that is known.
    """

    asked: tuple[str, ...]
    obtained: tuple[str, ...]
    missing: Mapping[str, str]
    layers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """What a scan found.  n_photos = n_new + n_unchanged + n_moved + n_failed, videos included.

    n_new: analysed now.  n_unchanged: same path, size and time as before.  n_moved: known content
    at another path, copies too.  n_failed: could not be read, now or before; `failures` has path
    and reason.  n_missing: gone since the last scan, and not found elsewhere in the folder.
    n_faces, n_unclear, n_people: of the whole library.  placements: where each model ran, by role;
    empty where nothing was analysed, or not by this process.  grouped: False if new faces were only
    compared with known people, see `update`.  n_outdated: photos of the library that only other
    models, or an older detector, have seen: the next scan of their folders looks at them again,
    and until then their faces are left out.
    n_videos: how many of the n_photos are videos.  n_videos_left: videos that were not looked at,
    because PyAV, which reads them, is not installed.  n_live: moving halves of live photos, whose
    still is looked at instead.  others: how many pictures and videos of kinds that are not read
    were left out, by suffix.
    """

    n_photos: int
    n_new: int
    n_unchanged: int
    n_moved: int
    n_failed: int
    n_missing: int
    n_faces: int
    n_unclear: int
    n_people: int
    seconds: float
    failures: tuple[tuple[Path, str], ...]
    placements: Mapping[str, Placement] = field(default_factory=dict)
    grouped: bool = True
    n_outdated: int = 0
    n_videos: int = 0
    n_videos_left: int = 0
    n_live: int = 0
    others: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LibraryStats:
    """Figures of a library.

    n_photos: different contents present.  n_missing: those that no file holds any more.  threshold:
    the cut that grouped the faces, or None before the first grouping.  model: tag of the models
    that made the observations.  last_scan: figures of the last finished scan, as in `ScanSummary`
    (no paths).
    """

    path: Path
    n_photos: int
    n_missing: int
    n_failed: int
    n_faces: int
    n_unclear: int
    n_people: int
    n_named: int
    n_moments: int
    model: str | None
    threshold: float | None
    last_scan: dict[str, float]


class Overruled(NamedTuple):
    """by: the number of the later answer that counts.  n_faces: for so many; 0: for the people."""

    by: int
    n_faces: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Something the user said, as `history` tells it.

    number: its place in the log.  kind: name, same, different, reject, not_face, confirm, hide,
    unhide, favourite, born, undo, forget.  people: ids that it names.  name: the name given, or
    None.  born: the birthday given, or None.
    n_faces: how many faces it is about.  said_at: seconds since 1970.  undoes: the number of what
    it takes back, or None.  stands: whether it counts; if not, it was taken back or forgotten.
    overruled: later answers that contradict it.  batch: those of one batch are taken back together.
    """

    number: int
    kind: str
    people: tuple[str, ...]
    name: str | None
    n_faces: int
    said_at: float
    undoes: int | None
    stands: bool
    overruled: tuple[Overruled, ...]
    batch: int | None = None
    born: str | None = None


class QuestionSide(NamedTuple):
    """One side of a question: a person, by id and name, and faces to look at, the best first."""

    person: str
    name: str | None
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """Are the faces of two sides one person?

    kind: "same": two people now, who may be one; "split": one person now, who may be two.
    sides: the first is the larger.  aside: ids of all faces that go if a split is right; else
    empty.  same: how likely they are one person, 0..1.  gain: faces expected to be set right.
    """

    kind: str
    sides: tuple[QuestionSide, QuestionSide]
    aside: tuple[str, ...]
    same: float
    gain: float


class PersonState(NamedTuple):
    """A person at one time.  n_faces: those on missing photos too.  cover: what the user chose."""

    name: str | None
    n_faces: int
    hidden: bool
    cover: int | None


class PersonChange(NamedTuple):
    """What became of a person.  before, after: None where there is no such person."""

    person: str
    before: PersonState | None
    after: PersonState | None


class FacesMoved(NamedTuple):
    """source, target: whose so many faces were and are; None for nobody's."""

    n_faces: int
    source: str | None
    target: str | None


@dataclass(slots=True)
class Changes:
    """What answers change.  confirmed: person id -> how many more faces the user confirmed."""

    people: tuple[PersonChange, ...] = ()
    moved: tuple[FacesMoved, ...] = ()
    confirmed: dict[str, int] = field(default_factory=dict)


class Forgotten(NamedTuple):
    """What was deleted of a person.

    n_answers: entries of the history that are only a number now.  scrubbed: whether no copy is left
    in the library's files; if another program reads them, the next that writes sees to it.
    """

    n_faces: int
    n_photos: int
    n_answers: int
    scrubbed: bool


class Anchor(NamedTuple):
    """A place in a photo's content: what a verdict holds on to, whatever the clusters become.

    In a video also a time, at_s seconds from its start.  Of a face that is there: sightings, where
    else it is in the same shot, so that any of these places leads to it.
    """

    content_hash: str
    box: Box
    at_s: float | None = None
    sightings: tuple[Sighting, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Something the user said.  said_at: seconds since 1970.  payload: what `kind` asks for.

    people: for each anchor, the number of the person its face was said to be.  id: the place in the
    log, 0 before it is written.
    """

    kind: str
    payload: dict[str, Any]
    anchors: tuple[Anchor, ...]
    said_at: float
    people: tuple[int, ...]
    id: int = field(default=0, compare=False)
