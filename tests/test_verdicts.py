"""Replaying what the user said: rules by example, then promises that hold for any history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastface.types import Anchor, Box, Verdict
from fastface.verdicts import People, Places, clean_name, naming, replay

BOX = Box(0.1, 0.1, 0.2, 0.2)


def faces(n: int) -> list[Anchor]:
    return [Anchor(f"{i:02}", BOX) for i in range(n)]


def said(name: str, of: Sequence[int], renames: str | None = None) -> Verdict:
    anchors = [Anchor(f"{i:02}", BOX) for i in of]
    return naming(name, renames, anchors, said_at=0.0)


def people(
    labels: Sequence[int],
    *verdicts: Verdict,
    previous: Mapping[int, int] | None = None,
    names: Mapping[int, str | None] | None = None,
    next_id: int = 1,
) -> People:
    observations = faces(len(labels))
    return replay(
        observations,
        labels,
        verdicts,
        previous=[(observations[face], person) for face, person in (previous or {}).items()],
        previous_names=names,
        next_id=next_id,
    )


def by_name(result: People) -> dict[str, list[int]]:
    return {
        name: [face for face, person in enumerate(result.persons) if person == number]
        for number, name in result.names.items()
        if name is not None
    }


def test_without_verdicts_clusters_are_people_largest_first() -> None:
    result = people([5, 2, 2, -1])
    assert result == People([2, 1, 1, None], {1: None, 2: None}, 3)


def test_name_follows_most_of_its_faces() -> None:
    assert by_name(people([0, 0, 1, 1, 1], said("Ada", [0, 2, 3]))) == {"Ada": [2, 3, 4]}


def test_tie_goes_to_the_earlier_face() -> None:
    assert by_name(people([1, 1, 0, 0], said("Ada", [0, 2]))) == {"Ada": [0, 1]}


def test_one_name_said_of_two_clusters_joins_them() -> None:
    result = people([0, 0, 1, 1], said("Ada", [0, 1]), said("Ada", [2, 3]))
    assert by_name(result) == {"Ada": [0, 1, 2, 3]}


def test_later_name_of_a_face_counts() -> None:
    assert by_name(people([0, 0], said("Ada", [0, 1]), said("Bea", [0, 1]))) == {"Bea": [0, 1]}


def test_two_names_in_one_cluster_split_it() -> None:
    result = people([0] * 6, said("Ada", [0, 1]), said("Bea", [2, 3, 4]))
    assert by_name(result) == {"Bea": [2, 3, 4, 5], "Ada": [0, 1]}


def test_face_of_another_name_leaves_the_cluster() -> None:
    result = people([0, 0, 0, 1, 1], said("Ada", [0, 1, 2, 3]), said("Bea", [4]))
    assert by_name(result) == {"Ada": [0, 1, 2, 3], "Bea": [4]}


def test_renaming_moves_all_that_was_said() -> None:
    history = [said("Ada", [0, 1]), said("Ada", [2]), said("Bea", [], renames="Ada")]
    assert by_name(people([0, 0, 1], *history)) == {"Bea": [0, 1, 2]}
    assert by_name(people([0, 0, 1], *history, said("Ada", [2]))) == {"Bea": [0, 1], "Ada": [2]}


def test_named_face_that_became_unclear_stays() -> None:
    assert by_name(people([-1, 0], said("Ada", [0]))) == {"Ada": [0]}


def test_name_outlives_the_photo_it_was_said_of() -> None:
    gone = Verdict("name", {"name": "Ada", "renames": None}, (Anchor("gone", BOX),), 0.0)
    grown = people([3, 3, 4], gone, previous={0: 7, 1: 7, 2: 8}, names={7: "Ada", 8: None})
    assert grown.persons == [7, 7, 8]
    assert by_name(grown) == {"Ada": [0, 1]}
    assert by_name(people([3, 3, 4], gone)) == {}


def test_unknown_kinds_are_left_alone() -> None:
    later = Verdict("hide", {"person": 1}, (Anchor("00", BOX),), 0.0)
    assert people([0], later).names == {1: None}


def test_ids_follow_most_shared_faces() -> None:
    result = people([0, 0, 0, 1, 1], previous={0: 9, 1: 4, 2: 4, 3: 9, 4: 9}, next_id=10)
    assert result == People([4, 4, 4, 9, 9], {4: None, 9: None}, 10)


def test_split_keeps_the_id_with_the_larger_part() -> None:
    assert people([0, 1, 1], previous={0: 4, 1: 4, 2: 4}, next_id=5).persons == [5, 4, 4]


def test_id_follows_the_name() -> None:
    result = people(
        [0, 0, 1, 1, 1],
        said("Ada", [0, 1]),
        previous=dict.fromkeys(range(5), 4),
        names={4: "Ada"},
        next_id=5,
    )
    assert result == People([4, 4, 5, 5, 5], {4: "Ada", 5: None}, 6)


def test_face_is_found_where_it_overlaps_most() -> None:
    places = Places([Anchor("a", Box(0.0, 0.0, 0.2, 0.2)), Anchor("a", Box(0.05, 0.0, 0.2, 0.2))])
    assert places.find(Anchor("a", Box(0.04, 0.0, 0.2, 0.2))) == 1
    assert places.find(Anchor("a", Box(0.01, 0.0, 0.2, 0.2))) == 0
    assert places.find(Anchor("a", Box(0.2, 0.0, 0.2, 0.2))) is None
    assert places.find(Anchor("b", Box(0.0, 0.0, 0.2, 0.2))) is None


def test_names_are_cleaned() -> None:
    assert clean_name(" Zoe\u0308\n  B ") == "Zoë B"


def test_labels_are_checked() -> None:
    with pytest.raises(ValueError, match="labels: expected 2"):
        replay(faces(2), [0], [])


# -- any history ---------------------------------------------------------------------------------

N = 9
clusterings = st.lists(st.integers(-1, 4), min_size=N, max_size=N)
namings = st.tuples(st.integers(0, N), st.sampled_from(["Ada", "Bea", "Cleo"]))
histories = st.lists(clusterings | namings, min_size=1, max_size=8)


class History:
    """Lives through clusterings and namings as a library does, and keeps its own account."""

    def __init__(self) -> None:
        self.labels = [0] * N
        self.verdicts: list[Verdict] = []
        self.calls: list[tuple[str, set[int]]] = []  # (name, faces said of), renamed in place
        self.current = people(self.labels)

    def live(self, step: Sequence[int]) -> None:
        names = dict(self.current.names)
        if isinstance(step, list):
            self.labels = step
        elif names:
            number = sorted(names)[step[0] % len(names)]
            self.name(number, step[1], names)
        self.current = self.replay(self.labels, names)

    def name(self, number: int, name: str, names: dict[int, str | None]) -> None:
        old = names[number]
        theirs = {face for face, person in enumerate(self.current.persons) if person == number}
        if old == name:
            return
        self.verdicts.append(said(name, sorted(theirs), renames=old))
        names[number] = name
        if old is not None:
            self.calls = [(name if n == old else n, said_of) for n, said_of in self.calls]
        else:
            self.calls = [(n, said_of - theirs) for n, said_of in self.calls]
            self.calls.append((name, theirs))

    def replay(self, labels: Sequence[int], names: Mapping[int, str | None]) -> People:
        previous = {f: p for f, p in enumerate(self.current.persons) if p is not None}
        return people(
            labels, *self.verdicts, previous=previous, names=names, next_id=self.current.next_id
        )


@settings(max_examples=300, deadline=None)
@given(histories)
def test_promises_hold_for_any_history(history: list[Sequence[int]]) -> None:
    library = History()
    for step in history:
        ids_before = library.current.next_id
        library.live(step)
        now = library.current
        for face, label in enumerate(library.labels):
            assert now.persons[face] is not None or label < 0
        assert set(now.persons) - {None} == set(now.names)
        given_names = [name for name in now.names.values() if name is not None]
        assert len(given_names) == len(set(given_names)), "one name, one person"
        for name, said_of in library.calls:
            assert not said_of or name in given_names, "no name is lost"
            for face in said_of:
                person = now.persons[face]
                shown = None if person is None else now.names[person]
                assert shown in (None, name), "no face is shown under a name it was not given"
        assert now.next_id >= ids_before
        assert all(number < now.next_id for number in now.names)
        assert library.replay(library.labels, now.names) == now, "replaying changes nothing"


@settings(max_examples=100, deadline=None)
@given(histories, st.permutations(range(5)))
def test_numbers_of_clusters_do_not_matter(
    history: list[Sequence[int]], numbers: list[int]
) -> None:
    library = History()
    for step in history:
        library.live(step)
    renumbered = [label if label < 0 else numbers[label] for label in library.labels]
    assert library.replay(renumbered, library.current.names) == library.current
