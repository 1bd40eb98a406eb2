"""The kinds of verdicts, and how each is said.

A person is a number that is never given to anybody else.  Every anchor carries the person its face
was said to be, so that a verdict can be read without knowing what was computed when it was said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastface.types import Verdict

# kind: what the payload holds; what the anchors are
NAME: Final = "name"  # person, name; the person's faces
SAME: Final = "same"  # people, the one whose number and name stay first; faces of each
DIFFERENT: Final = "different"  # people; faces of each.  After a split the second one is new
REJECT: Final = "reject"  # person; faces that are not the person's, each with a number of its own,
# and some that are
NOT_FACE: Final = "not_face"  # nothing; what is no face at all
CONFIRM: Final = "confirm"  # person; faces that are the person
HIDE: Final = "hide"  # person; the person's faces
UNHIDE: Final = "unhide"  # person; the person's faces
FAVOURITE: Final = "favourite"  # person; the face to show for the person
BORN: Final = "born"  # person, born: a day, a month or a year; the person's faces
UNDO: Final = "undo"  # verdict: the id of what is taken back, which may be an undo itself
FORGET: Final = "forget"  # nothing; where faces were deleted, never to be stored again

# A face that is anchored by one of these is said to be the person it carries.
AFFIRMING: Final = frozenset({NAME, SAME, DIFFERENT, CONFIRM, HIDE, UNHIDE, FAVOURITE, BORN})

REDACTED: Final[Mapping[str, Any]] = {"redacted": True}  # the payload of what was forgotten


def people_of(verdict: Verdict) -> list[int]:
    """The people that a verdict names."""
    if "person" in verdict.payload:
        return [verdict.payload["person"]]
    return list(verdict.payload.get("people", ()))
