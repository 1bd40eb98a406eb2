"""Wires the parts: facts -> moments -> clusters -> people.  It owns no algorithm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from fastface.reading import Analyzer
from fastface.roll import Roll
from fastface.store import Facts, Store
from fastface.types import FloatArray, IntArray

if TYPE_CHECKING:
    from fastface.calibration import Calibration


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """moments: (n_photos,) int64.  labels: (n,) int64, -1 for none.  threshold: the cut used.

    threshold is None where there was no face to group.
    """

    moments: IntArray
    labels: IntArray
    threshold: float | None


class Match(Protocol):
    """Whom a gallery sees in a face; see `gallery.Assignment`.  person: a number or None."""

    @property
    def person(self) -> int | None: ...
    @property
    def confidence(self) -> float: ...
    @property
    def distance(self) -> float: ...


class Gallery(Protocol):
    """Exemplars of people, to compare new faces with.  queries: (n, d) float32, unit norm.

    impostors: what strangers score, for a gallery of almost the same people.  n_people: in it.
    """

    @property
    def n_people(self) -> int: ...

    @property
    def impostors(self) -> Sequence[float]: ...
    def identify(self, queries: FloatArray) -> Sequence[Match]: ...


class Engine(Protocol):
    """The models and algorithms that a library works with.

    model_tag: names what made an observation; known without loading a model.
    grouping_tag: names the algorithm and its constants: another one means grouping again.
    min_side: photos are decoded with a longer side of at least so many pixels.
    group: said (n,) int64 is who the user said each face is, 0 where nothing was said; known:
    the gallery of the library, where these faces are only a part of it.
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
    def make_analyzer(self) -> Analyzer: ...
    def group(self, facts: Facts, said: IntArray, *, known: Gallery | None = None) -> Grouping: ...
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
        return f"fastface {version('fastface-people')}"

    @property
    def min_side(self) -> int:
        from fastface.analysis import DECODE_SIDE

        return DECODE_SIDE

    def make_analyzer(self) -> Analyzer:
        from fastface.analysis import Analyzer

        return Analyzer(self.pack, providers=self.providers)

    def group(self, facts: Facts, said: IntArray, *, known: Gallery | None = None) -> Grouping:
        from fastface import clustering, moments

        of_photo = moments.split(
            facts.taken_at,
            facts.latitude,
            facts.longitude,
            folder=[str(path.parent) for path in facts.paths],
            order=[path.name for path in facts.paths],
        )
        if not len(facts.ids):  # without a face not even their dimension is known
            return Grouping(of_photo, facts.ids, None)
        found = clustering.cluster(
            facts.faces,
            facts.torsos if facts.torsos.any() else None,
            moments=of_photo[facts.photo_index],
            photos=facts.photo_index,
            unclear=facts.unclear,
            said=said,
            others=0 if known is None else known.n_people,
            calibration=self._calibration(facts.faces[~facts.unclear], known),
        )
        return Grouping(of_photo, found.labels, float(found.threshold))

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

    def _calibration(self, faces: FloatArray, known: Gallery | None) -> Calibration:
        """The embedder's impostor curve; where it has none, one measured on the library's faces."""
        from fastface import models
        from fastface.calibration import Calibration
        from fastface.gallery import Gallery as Exemplars

        if isinstance(known, Exemplars):
            return known.calibration
        curve = models.recipe(self.pack).curve
        return Calibration.of_faces(faces) if curve is None else Calibration.of_pack(curve)


def regroup(store: Store, roll: Roll, engine: Engine, *, force: bool = False) -> bool:
    """Brings moments, clusters and people up to date; False if nothing they rest on changed."""
    model = engine.model_tag
    rests_on = {
        "revision": store.revision(),
        "model": model,
        "grouping": engine.grouping_tag,
    }
    last = store.state("grouping", {})
    if not force and all(last.get(key) == value for key, value in rests_on.items()):
        return False
    with store.snapshot():
        facts = store.facts(model)
        roll.look(model)
        said = roll.seats(facts.ids)
    grouping = engine.group(facts, said)
    with roll.changing(model):  # with what somebody may have said meanwhile
        moments = zip(facts.content_ids.tolist(), grouping.moments.tolist(), strict=True)
        store.replace_moments(moments)
        roll.regroup(dict(zip(facts.ids.tolist(), grouping.labels.tolist(), strict=True)))
        told = {"n_photos": len(facts.content_ids), "n_faces": len(facts.ids)}
        store.set_state("grouping", {**rests_on, **told, "threshold": grouping.threshold})
    return True
