"""An explanation in plain words."""

from __future__ import annotations

from collections import defaultdict

from fastface.explaining import Explanation, Side
from fastface.periods import clock
from fastface.types import Answer, Face

SAID = {
    "name": "you gave the name {name}",
    "same": "you said that {people} are one",
    "different": "you said that {people} are two people",
    "reject": "you said that faces are not {people}",
    "not_face": "you said that something is no face",
    "confirm": "you confirmed faces as {people}",
    "hide": "you hid {people}",
    "unhide": "you showed {people} again",
    "favourite": "you chose a face to show for {people}",
    "born": "you said that {people} was born {born}",
    "undo": "you took answer {undoes} back",
    "forget": "you had somebody forgotten",
}


def in_words(why: Explanation) -> list[str]:
    """What decided, in a few sentences, the most important first."""
    a, b = _called(why.a), _called(why.b)
    verdict = f"{a} and {b} are one person." if why.together else f"{a} and {b} are two."
    # An id or a name is written as it is; only our own word begins a sentence.
    lines = [verdict.replace("the face", "The face", 1) if why.a.face else verdict]
    lines += [_said(answer) for answer in why.answers]
    standing = any(answer.stands for answer in why.answers)
    if why.together != why.same_cluster:
        seen = "one person" if why.same_cluster else "two"
        lines.append(
            f"The machine alone sees {seen}{'; your answers decide' if standing else ' there'}."
        )
    lines += [_nearest(why), *_seen_before(why), *_dressed(why)]
    if why.a.n_faces * why.b.n_faces > 1:
        lines.append(f"Half of all pairs are closer than {why.median:.2f}.")
    lines += [*_met(why), *_carried(why)]
    return lines


def _called(side: Side) -> str:
    owner = side.name or side.person
    if side.face is None:
        return owner or "nobody"
    whose = f" ({owner})" if owner else " (nobody's)"
    return f"the face in {_where(side.face)}{whose}"


def _where(face: Face) -> str:
    return face.photo.name if face.at_s is None else f"{face.photo.name} at {clock(face.at_s)}"


def _said(answer: Answer) -> str:
    text = SAID[answer.kind].format(
        name=answer.name, people=" and ".join(answer.people), undoes=answer.undoes, born=answer.born
    )
    state = "" if answer.stands else ", which you took back"
    if answer.stands and answer.overruled:
        by = ", ".join(str(overruled.by) for overruled in answer.overruled)
        state = f", which answer {by} overrules in part"
    return f"In answer {answer.number} {text}{state}."


def _nearest(why: Explanation) -> str:
    rate = why.likeness.log10_rate
    return (
        f"The nearest two faces are {why.likeness.distance:.2f} apart (0 is the same picture, 1 "
        f"unlike); {how_rare(rate)} of different people are as close."
    )


def _seen_before(why: Explanation) -> list[str]:
    return [
        (
            f"To the model {look.model}, which saw both before, they are {look.distance:.2f} apart"
            + (
                "; that counts too."
                if look.log10_rate is None
                else f", as close as {how_rare(look.log10_rate)} of different people is to it; "
                "that counts too."
            )
        )
        for look in why.earlier
    ]


def how_rare(log10_rate: float) -> str:
    """A rate for people.

    >>> how_rare(-3.0), how_rare(-0.1), how_rare(-20.0)
    ('one pair in 1,000', 'nearly every pair', 'fewer than one pair in 1,000,000,000')
    """
    if log10_rate < -9:
        return "fewer than one pair in 1,000,000,000"
    pairs = 10.0**-log10_rate
    return "nearly every pair" if pairs < 1.5 else f"one pair in {float(f'{pairs:.2g}'):,.0f}"


def how_many(expected: float) -> str:
    """An expected number for people.

    >>> how_many(3.2e-9), how_many(0.0123), how_many(4e12)
    ('next to none', '0.012', 'many')
    """
    if expected < 1e-4:
        return "next to none"
    return "many" if expected > 99 else f"{expected:.2g}"


def _dressed(why: Explanation) -> list[str]:
    likeness = why.likeness
    if not why.same_moment or likeness.limit is None:
        return ["They were taken at different times, so clothes do not count."]
    if likeness.torso is None or likeness.combined is None:
        return ["They were taken in one moment, but not both show clothes."]
    helped = likeness.combined < likeness.distance
    says = "brings them closer" if helped else "does not bring them closer"
    verdict = "near enough" if likeness.combined <= likeness.limit else "not near enough"
    return [
        (
            f"They were taken in one moment; their clothes are {likeness.torso:.2f} apart, which "
            f"{says}: {likeness.combined:.2f}, {verdict} to be joined there ({likeness.limit:.2f})."
        )
    ]


def _met(why: Explanation) -> list[str]:
    met = why.meeting
    if met is None:
        return ["One of the two faces is too unclear to be grouped."]
    left, right = met.sizes
    clash = {
        0: "",
        1: " One photo shows both, which speaks against it.",
    }.get(met.shared_photos, f" {met.shared_photos} photos show both, which speaks against it.")
    by_chance = how_many(met.expected)
    if met.happened:
        how = f"Groups of {left} and {right} faces met, at a median distance of"
    else:
        how = f"They are in groups of {left} and {right} faces, at a median distance of"
    return [
        (
            f"{how} {met.distance:.2f}: among {met.n_clusters} groups {by_chance} of other "
            f"people would come so close by chance.{clash} That makes {_odds(met.odds)}."
        )
    ]


def _odds(odds: float) -> str:
    """In favour of one person, in a library like this."""
    if odds >= 1:
        return f"one person likelier than two, about {how_many(odds)} to 1"
    return f"two people likelier than one, about {how_many(1 / max(odds, 1e-12))} to 1"


def _carried(why: Explanation) -> list[str]:
    if not why.carriers:
        return []
    share: dict[str, float] = defaultdict(float)
    for carrier in why.carriers:
        share[carrier.name or carrier.person] += carrier.share
    listed = ", ".join(f"{100 * part:.0f} % {name}" for name, part in share.items())
    best = why.carriers[0]
    return [
        (
            f"Composed of other faces, the face is {listed}; the largest part is the one in "
            f"{_where(best.face)} (similarity {best.similarity:.2f})."
        )
    ]
