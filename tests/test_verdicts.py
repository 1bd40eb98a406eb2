"""Weighing and replaying what the user said: rules by example, then promises for any history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastface.types import Anchor, Box, IntArray, Verdict
from fastface.verdicts import (
    Conflict,
    Heard,
    Places,
    Rulings,
    claim,
    number,
    replay,
    weigh,
)
from fastface.verdicts.names import clean_name, matching

BOX = Box(0.1, 0.1, 0.2, 0.2)
N = 9


def face(k: int) -> Anchor:
    return Anchor(f"{k:02}", BOX)


def said(kind: str, payload: dict[str, object], faces: dict[int, int] | None = None) -> Verdict:
    """faces: face -> the person it is said to be."""
    pairs = sorted((faces or {}).items())
    anchors = tuple(face(k) for k, _ in pairs)
    return Verdict(kind, payload, anchors, 0.0, tuple(person for _, person in pairs))


def name(person: int, name: str, faces: Sequence[int]) -> Verdict:
    return said("name", {"person": person, "name": name}, dict.fromkeys(faces, person))


def same(*people: int, **faces: int) -> Verdict:
    return said("same", {"people": list(people)}, {int(k[1:]): p for k, p in faces.items()})


def ruled(*verdicts: Verdict, n: int = N) -> Rulings:
    """Weighed, with ids 1, 2, ... in order."""
    log = [
        Verdict(v.kind, v.payload, v.anchors, v.said_at, v.people, id=k)
        for k, v in enumerate(verdicts, start=1)
    ]
    places = Places(face(k) for k in range(n))
    rows = [
        (v.id, -1 if (found := places.find(anchor)) is None else found, person)
        for v in log
        for anchor, person in zip(v.anchors, v.people, strict=True)
    ]
    return weigh(Heard.of(n, log, np.array(rows, np.int64).reshape(-1, 3)))


def people(clusters: Sequence[int], *verdicts: Verdict) -> list[int]:
    rulings = ruled(*verdicts, n=len(clusters))
    return replay(np.array(clusters, np.int64), rulings).tolist()


# -- dividing clusters ---------------------------------------------------------------------------


def test_without_verdicts_clusters_are_people() -> None:
    assert people([5, 2, 2, 0]) == [5, 2, 2, 0]


def test_a_face_is_who_it_was_last_said_to_be() -> None:
    assert people([5, 5, 5], name(5, "Ada", [0, 1, 2]), name(7, "Bea", [2])) == [5, 5, 7]
    assert people([0, 5], name(5, "Ada", [0, 1])) == [5, 5]


def test_a_person_claims_the_cluster_of_most_faces() -> None:
    """Faces 1 and 4 are new: face 1 joined the cluster in which most of Ada's are now."""
    assert people([8, 8, 8, 9, 9], name(5, "Ada", [0, 2, 3])) == [5, 5, 5, 5, 9]


def test_a_stray_face_claims_nothing() -> None:
    assert people([5, 5, 9, 9, 9], name(5, "Ada", [0, 1, 2])) == [5, 5, 5, 9, 9]


def test_a_number_that_was_merged_claims_the_cluster_of_its_faces() -> None:
    log = same(5, 8, f0=5, f1=5, f2=8)
    assert people([31, 31, 32, 32, 32], log) == [5, 5, 5, 5, 5]


def test_a_cluster_follows_its_own_number_when_the_named_photos_are_gone() -> None:
    assert people([5, 5], said("name", {"person": 5, "name": "Ada"})) == [5, 5]
    assert ruled(said("name", {"person": 5, "name": "Ada"})).names == {5: "Ada"}


def test_faces_that_several_claim_go_where_they_are_most_alike() -> None:
    log = [name(5, "Ada", [0, 1, 2]), name(7, "Bea", [3, 4])]
    clusters = [5] * 7
    assert people(clusters, *log) == [5, 5, 5, 7, 7, 5, 5]

    def like(faces: IntArray, sides: Sequence[IntArray]) -> IntArray:
        assert [side.tolist() for side in sides] == [[0, 1, 2], [3, 4]]
        return np.array([1, 0])[: len(faces)]

    persons = replay(np.array(clusters), ruled(*log, n=7), like)
    assert persons.tolist() == [5, 5, 5, 7, 7, 7, 5]


def test_who_holds_a_cluster_for_certain() -> None:
    log = [name(5, "Ada", [0, 1]), name(7, "Bea", [2, 3, 4]), said("confirm", {}, {5: 7})]
    clusters = np.array([5, 5, 7, 7, 5, 8, 9])
    holders = claim(clusters, ruled(*log, n=7)).holders()
    assert holders == {5: 5, 7: 7, 8: 0}, "another face in 8 might be of 8; 9 is of 9"
    clusters[[2, 3]] = 5
    assert claim(clusters, ruled(*log, n=7)).holders() == {5: 0, 8: 0}, "both claim 5"


def test_what_is_no_face_is_nobody() -> None:
    assert people([5, 5], said("not_face", {}, {0: 0})) == [0, 5]
    assert people([5, 5], said("not_face", {}, {0: 0}), name(5, "Ada", [0])) == [5, 5]


# -- rejecting -----------------------------------------------------------------------------------


def reject(person: int, faces: dict[int, int]) -> Verdict:
    return said("reject", {"person": person}, faces)


def test_a_rejected_face_is_alone_in_any_cluster() -> None:
    log = [name(5, "Ada", [0, 1, 2]), reject(5, {2: 40})]
    assert people([5, 5, 5], *log) == [5, 5, 40]
    assert people([9, 9, 9], *log) == [5, 5, 40]
    assert people([9, 9, 9], *log, name(7, "Bea", [2])) == [5, 5, 7]


def test_a_rejected_face_follows_another_cluster() -> None:
    assert people([5, 5, 9, 9], name(5, "Ada", [0, 1, 2]), reject(5, {2: 40})) == [5, 5, 9, 9]


def test_the_later_of_yes_and_no_counts() -> None:
    no, yes = reject(5, {0: 40}), said("confirm", {"person": 5}, {0: 5})
    assert people([5, 5], no, yes) == [5, 5]
    assert people([5, 5], no, yes, no) == [40, 5]
    assert ruled(no, yes).conflicts == (Conflict(1, 2, 1),)


def test_the_number_of_a_rejected_face_is_merged_like_any_other() -> None:
    """Where the merge says nothing of the face itself."""
    log = [name(5, "Ada", [0, 1]), reject(5, {2: 40})]
    assert people([5, 5, 5, 7, 7], *log, same(7, 40, f3=7, f4=40)) == [5, 5, 7, 7, 7]
    assert people([5, 5, 5, 7, 7], *log, same(5, 40, f0=5, f4=40)) == [5, 5, 0, 5, 5]


def test_after_a_no_the_name_before_counts() -> None:
    log = [name(7, "Bea", [0]), name(5, "Ada", [0, 1]), reject(5, {0: 40})]
    assert people([5, 5], *log) == [7, 5]


# -- merging and parting -------------------------------------------------------------------------


def test_merged_people_have_the_number_and_name_of_the_first() -> None:
    log = [name(8, "Bea", [2]), name(5, "Ada", [0]), same(8, 5, f0=5, f2=8)]
    assert people([5, 5, 8], *log) == [8, 8, 8]
    assert ruled(*log).names == {8: "Bea"}


def test_the_later_of_merging_and_parting_counts() -> None:
    apart = said("different", {"people": [5, 8]}, {0: 5, 1: 8})
    assert people([5, 8], same(5, 8), apart) == [5, 8]
    assert people([5, 8], apart, same(5, 8)) == [5, 5]
    assert ruled(same(5, 8), apart).conflicts == (Conflict(1, 2, 0),)
    chain = [same(5, 6), same(6, 8), apart]
    assert people([5, 6, 8], *chain) == [5, 6, 6]


def test_joined_again_the_later_word_says_who_keeps_the_id() -> None:
    parted = said("different", {"people": [4, 1]}, {0: 4, 1: 1})
    once = same(4, 1, f0=4, f1=1)
    assert people([4, 1], once, parted) == [4, 1]
    assert people([4, 1], once, parted, same(1, 4, f0=4, f1=1)) == [1, 1]


def test_a_split_divides_one_cluster() -> None:
    log = said("different", {"people": [5, 40]}, {0: 5, 1: 5, 2: 40})
    assert people([5, 5, 5], log) == [5, 5, 40]
    assert people([9, 9, 9], log) == [5, 5, 40]


# -- undoing -------------------------------------------------------------------------------------


def undo(of: int) -> Verdict:
    return said("undo", {"verdict": of})


def test_undo_and_undo_of_undo() -> None:
    log = [name(5, "Ada", [0, 1]), same(5, 8), undo(2)]
    assert people([5, 5, 8], *log) == [5, 5, 8]
    assert people([5, 5, 8], *log, undo(3)) == [5, 5, 5]
    assert people([5, 5, 8], *log, undo(3), undo(4)) == [5, 5, 8]
    assert ruled(*log, undo(1)).names == {}


# -- numbers, places, names ----------------------------------------------------------------------


def test_numbers_follow_most_shared_faces() -> None:
    labels, before = np.array([0, 0, 0, 1, 1, -1]), np.array([9, 4, 4, 9, 9, 3])
    numbers, next_id = number(labels, before, 10)
    assert (numbers.tolist(), next_id) == ([4, 4, 4, 9, 9, 0], 10)
    numbers, next_id = number(np.array([3, 3, 1, 1, 1]), np.zeros(5, np.int64), 10)
    assert (numbers.tolist(), next_id) == ([11, 11, 10, 10, 10], 12)


def test_face_is_found_where_it_overlaps_most() -> None:
    places = Places([Anchor("a", Box(0.0, 0.0, 0.2, 0.2)), Anchor("a", Box(0.05, 0.0, 0.2, 0.2))])
    assert places.find(Anchor("a", Box(0.04, 0.0, 0.2, 0.2))) == 1
    assert places.find(Anchor("a", Box(0.01, 0.0, 0.2, 0.2))) == 0
    assert places.find(Anchor("a", Box(0.2, 0.0, 0.2, 0.2))) is None
    assert places.find(Anchor("b", Box(0.0, 0.0, 0.2, 0.2))) is None


def test_names_are_cleaned() -> None:
    assert clean_name(" Zoe\u0308\n  B ") == "Zoë B"


def test_names_are_matched_from_strict_to_lenient() -> None:
    names = {1: "Ada", 2: "Ada Lovelace", 3: "Grace Hopper", 4: None, 5: "Zoë"}
    for wanted, found in {
        "p4": ([4], True),
        "Ada": ([1], True),
        "ada l": ([2], True),
        "hopper": ([3], True),
        "ZOE": ([5], True),
        "ad": ([1, 2], False),
        "Grace Hoper": ([3], False),
        "lovelase": ([2], False),
        "hoppers": ([3], False),
        "Bob": ([], False),
        "p9": ([], False),
    }.items():
        assert matching(wanted, names) == found


def test_clusters_are_checked() -> None:
    with pytest.raises(ValueError, match="clusters: expected 9"):
        replay(np.zeros(2, np.int64), ruled())


# -- any history ---------------------------------------------------------------------------------

clusterings = st.lists(st.integers(0, 4), min_size=N, max_size=N)
numbers = st.integers(1, 6)
some_faces = st.lists(st.integers(0, N - 1), max_size=4, unique=True)
verdicts = st.one_of(
    st.builds(name, numbers, st.sampled_from(["Ada", "Bea"]), some_faces),
    st.builds(same, numbers, numbers),
    st.builds(
        lambda a, b, k: said("different", {"people": [a, b]}, {k: a}),
        numbers,
        st.integers(7, 9),
        st.integers(0, N - 1),
    ),
    st.builds(lambda p, f: reject(p, {k: 20 + k for k in f}), numbers, some_faces),
    st.builds(lambda f: said("not_face", {}, dict.fromkeys(f, 0)), some_faces),
    st.builds(undo, st.integers(1, 6)),
)


@settings(max_examples=300, deadline=None)
@given(clusterings, st.lists(verdicts, max_size=8))
def test_promises_hold_for_any_history(clusters: list[int], log: list[Verdict]) -> None:
    rulings = ruled(*log)
    persons = np.array(people(clusters, *log))
    seat = rulings.seat
    assert (persons[seat > 0] == seat[seat > 0]).all(), "a face is who it was said to be"
    assert not persons[rulings.not_face].any()
    for k, refused in rulings.refused.items():
        assert persons[k] not in refused
    grouped = (np.array(clusters) > 0) & ~rulings.not_face
    assert (persons[grouped] > 0).all()
    counted = {conflict.overruled for conflict in rulings.conflicts}
    for k, verdict in enumerate(log, start=1):
        if verdict.kind == "name" and k not in counted:
            anchors = [int(a.content_hash) for a in verdict.anchors]
            roots = {rulings.kin.root(p) for p in verdict.people}
            standing = all(seat[a] in roots for a in anchors)
            undone = any(v.kind == "undo" and v.payload["verdict"] == k for v in log)
            assert standing or undone, "what does not count is explained"


@settings(max_examples=100, deadline=None)
@given(clusterings, clusterings, st.permutations(range(5)))
def test_how_labels_are_numbered_does_not_matter(
    labels: list[int], before: list[int], other: list[int]
) -> None:
    now = np.array(labels) - 1
    shuffled = np.array([label if label < 0 else other[label] for label in now.tolist()])
    old = np.array(before)
    first, second = number(now, old, 10), number(shuffled, old, 10)
    assert first[0].tolist() == second[0].tolist()
    assert first[1] == second[1]
    kept = first[0][(first[0] > 0) & (first[0] < 10)]
    assert set(kept.tolist()) <= set(before), "no number of somebody else"
