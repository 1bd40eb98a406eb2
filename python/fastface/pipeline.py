"""Wires the parts: facts -> moments -> clusters -> people.  It owns no algorithm."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from fastface.reading import Analyzer
from fastface.roll import Roll
from fastface.store import Facts, Store
from fastface.types import FloatArray, IntArray
from fastface.verdicts import Places

if TYPE_CHECKING:
    from fastface.ageing import Ageing
    from fastface.calibration import Calibration
    from fastface.cohort import Strangers
    from fastface.rule import Rule

NOTHING: Final[Mapping[str, FloatArray]] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """moments: (n_photos,) int64.  labels: (n,) int64, -1 for none.  threshold: the cut used.

    rule: what the library showed of strangers and of people (`Rule`), by which it was cut.
    Both are None where there was no face to group.
    """

    moments: IntArray
    labels: IntArray
    threshold: float | None
    rule: Rule | None = None


class Match(Protocol):
    """Whom a gallery sees in a face; see `gallery.Assignment`.  person: a number or None."""

    @property
    def person(self) -> int | None: ...
    @property
    def confidence(self) -> float: ...
    @property
    def distance(self) -> float: ...


class Gallery(Protocol):
    """Exemplars of people, to compare new faces with.  queries, faces: (n, d) float32, unit norm.

    impostors: what strangers score, for a gallery of almost the same people.  n_people: in it.
    within_reach: whom a grouping might join with one of these faces.
    """

    @property
    def n_people(self) -> int: ...

    @property
    def impostors(self) -> Sequence[float]: ...
    def identify(
        self, queries: FloatArray, *, impossible: Sequence[Collection[int]] | None = None
    ) -> Sequence[Match]: ...
    def within_reach(self, faces: FloatArray) -> Sequence[int]: ...


class Engine(Protocol):
    """The models and algorithms that a library works with.

    model_tag: names what made an observation; known without loading a model.
    grouping_tag: names the algorithm and its constants: another one means grouping again.
    min_side: photos are decoded with a longer side of at least so many pixels.
    same_face: cosine distance under which two faces of a shot in a video are one person's.
    group: said (n,) int64 is who the user said each face is, 0 where nothing was said.  Where
    the faces are only a part of the library: moments (p,) of its photos, if they are known; given
    (n,), faces that stay together by number, negative for others; others, how many people there are
    beside these; rule, what the whole library showed, as stored; gallery, the library's.  earlier:
    what other models saw of the same faces, see `earlier_looks`.
    choose_exemplars: rows of one person's faces, see `exemplars.choose`.
    make_gallery: exemplars (m, d), people (m,) ascending; impostors: those of a gallery of almost
    the same people, None to calibrate anew.
    """

    @property
    def model_tag(self) -> str: ...
    @property
    def grouping_tag(self) -> str: ...
    @property
    def min_side(self) -> int: ...
    @property
    def same_face(self) -> float: ...
    def make_analyzer(self) -> Analyzer: ...
    def moments(self, photos: Facts) -> IntArray: ...
    def group(
        self,
        facts: Facts,
        said: IntArray,
        *,
        moments: IntArray | None = None,
        given: IntArray | None = None,
        others: int = 0,
        rule: Sequence[Sequence[float]] | None = None,
        gallery: Gallery | None = None,
        earlier: Mapping[str, FloatArray] = NOTHING,
    ) -> Grouping: ...
    def choose_exemplars(
        self,
        faces: FloatArray,
        quality: FloatArray,
        confirmed: npt.NDArray[np.bool_],
        taken_at: npt.NDArray[np.float64],
    ) -> IntArray: ...
    def make_gallery(
        self, exemplars: FloatArray, people: IntArray, impostors: Sequence[float] | None
    ) -> Gallery: ...


@functools.cache
def _release() -> str:
    """Looking it up takes milliseconds: the text of the package's description is read for it."""
    return version("fastface-people")


def pack_of(model_tag: str) -> str:
    """The pack that made observations of a tag; the default one where nothing was made yet.

    >>> pack_of("small-1.1"), pack_of("")
    ('small', 'default')
    """
    return model_tag.rpartition("-")[0] or "default"


@dataclass(frozen=True, slots=True)
class PackEngine:
    """A model pack and the algorithms of this package, each loaded when first used.

    providers: where the models run, see `Analyzer`.
    """

    pack: str = "default"
    providers: tuple[str, ...] | None = None

    @property
    def model_tag(self) -> str:
        from fastface.analysis import model_tag

        return model_tag(self.pack)

    @property
    def grouping_tag(self) -> str:
        # A release may change any constant of the grouping; grouping again costs little.
        return f"fastface {_release()}"

    @property
    def min_side(self) -> int:
        from fastface.analysis import DECODE_SIDE

        return DECODE_SIDE

    @property
    def same_face(self) -> float:
        from fastface import models
        from fastface.calibration import Calibration

        curve = models.recipe(self.pack).curve
        strangers = Calibration.of_pack() if curve is None else Calibration.of_pack(curve)
        # Among the few faces of a shot, one pair of strangers in 10,000 as near is rare enough.
        return strangers.threshold(2, 2e-4)

    def make_analyzer(self) -> Analyzer:
        from fastface.analysis import Analyzer

        return Analyzer(self.pack, providers=self.providers)

    def moments(self, photos: Facts) -> IntArray:
        from fastface import moments

        return moments.split(
            photos.taken_at,
            photos.latitude,
            photos.longitude,
            folder=[str(path.parent) for path in photos.paths],
            order=[path.name for path in photos.paths],
        )

    def group(
        self,
        facts: Facts,
        said: IntArray,
        *,
        moments: IntArray | None = None,
        given: IntArray | None = None,
        others: int = 0,
        rule: Sequence[Sequence[float]] | None = None,
        gallery: Gallery | None = None,
        earlier: Mapping[str, FloatArray] = NOTHING,
    ) -> Grouping:
        from fastface import clustering, pictures
        from fastface.looks import Look
        from fastface.rule import Rule

        of_photo = self.moments(facts) if moments is None else moments
        if not len(facts.ids):  # without a face not even their dimension is known
            return Grouping(of_photo, facts.ids, None)
        found = clustering.cluster(
            facts.faces,
            facts.torsos if facts.torsos.any() else None,
            moments=of_photo[facts.photo_index],
            photos=pictures.of_anchors(facts.photo_index, facts.anchors),
            unclear=facts.unclear,
            said=said,
            given=given,
            others=others,
            rule=None if rule is None else Rule.of(rule),
            calibration=self._calibration(facts.faces[~facts.unclear], gallery),
            taken_at=facts.taken_at[facts.photo_index],
            ageing=self._ageing(),
            earlier=[Look(faces, strangers_of(tag)) for tag, faces in earlier.items()],
        )
        return Grouping(of_photo, found.labels, float(found.threshold), found.rule)

    def choose_exemplars(
        self,
        faces: FloatArray,
        quality: FloatArray,
        confirmed: npt.NDArray[np.bool_],
        taken_at: npt.NDArray[np.float64],
    ) -> IntArray:
        from fastface.exemplars import choose

        return choose(faces, quality, confirmed=confirmed, taken_at=taken_at)

    def make_gallery(
        self, exemplars: FloatArray, people: IntArray, impostors: Sequence[float] | None
    ) -> Gallery:
        from fastface.gallery import Gallery as Exemplars

        curve = self._calibration(exemplars, None)
        return Exemplars.of(exemplars, people, impostors=impostors, calibration=curve)

    def _ageing(self) -> Ageing | None:
        """How likeness fades with the years, where that is known of the embedder."""
        from fastface import models
        from fastface.ageing import Ageing

        curve = models.recipe(self.pack).curve
        return None if curve is None else Ageing.of_pack(curve)

    def _calibration(self, faces: FloatArray, gallery: Gallery | None) -> Calibration:
        """The embedder's impostor curve; where it has none, one measured on the library's faces."""
        from fastface import models
        from fastface.calibration import Calibration
        from fastface.gallery import Gallery as Exemplars

        if isinstance(gallery, Exemplars):
            return gallery.calibration
        curve = models.recipe(self.pack).curve
        return Calibration.of_faces(faces) if curve is None else Calibration.of_pack(curve)


def strangers_of(model_tag: str) -> Strangers | None:
    """How close strangers come for the pack of a tag, if that was measured."""
    from fastface import models
    from fastface.calibration import Calibration
    from fastface.errors import ModelError

    with contextlib.suppress(
        ModelError
    ):  # of an engine of the caller's own, or a pack that is gone
        curve = models.recipe(pack_of(model_tag)).curve
        return None if curve is None else Calibration.of_pack(curve).strangers
    return None


def earlier_looks(store: Store, model: str, facts: Facts) -> dict[str, FloatArray]:
    """What other models saw at the places of these faces: (n, d) float32 each, by their tags.

    A row of zeros where one saw no face clearly.  Facts that are never edited: they stay evidence
    for as long as the library has them.
    """
    looks = store.other_looks(model, facts.content_ids.tolist())
    places = Places(facts.anchors) if looks else None
    found = {}
    for tag, (anchors, faces) in looks.items():
        found[tag] = np.zeros((len(facts.ids), faces.shape[1]), np.float32)
        for anchor, face in zip(anchors, faces, strict=True):
            if places is not None and (row := places.find(anchor)) is not None:
                found[tag][row] = face
    return found


def regroup(store: Store, roll: Roll, engine: Engine) -> None:
    """Brings moments, clusters and people up to date, by grouping all faces."""
    model = engine.model_tag
    with store.snapshot():
        facts = store.facts(model)
        roll.look(model)
        said = roll.seats(facts.ids)
        told = {"n_whole": len(facts.content_ids), **rests_on(store)}
        earlier = earlier_looks(store, model, facts)
    grouping = engine.group(facts, said, earlier=earlier)
    with roll.changing(model):  # with what somebody may have said meanwhile
        moments = zip(facts.content_ids.tolist(), grouping.moments.tolist(), strict=True)
        store.replace_moments(moments)
        roll.regroup(facts.ids, grouping.labels)
        found = {"threshold": grouping.threshold, "rule": grouping.rule}
        remember_grouping(store, engine, {**told, **found})


def rests_on(store: Store) -> dict[str, int]:
    """What a grouping knows: a revision of the facts, and the last verdict."""
    return {"revision": store.revision(), "verdict": store.last_verdict()}


def remember_grouping(store: Store, engine: Engine, told: Mapping[str, Any]) -> None:
    """Keeps what made a grouping; inside a transaction.

    told: what it `rests_on`, its threshold and rule, and n_whole, how many photos there were when
    all were last grouped.
    """
    made_by = {"model": engine.model_tag, "grouping": engine.grouping_tag}
    size = {"n_photos": store.count_photos(), "n_faces": store.count_grouped()}
    store.set_state("grouping", {**told, **made_by, **size})
