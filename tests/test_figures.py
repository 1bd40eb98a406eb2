"""Who is who comes back from its columns as it went in, and is counted right."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fastface.store import Members, PersonRow, Store
from fastface.store.figures import count
from fastface.store.rows import PersonFigures
from fastface.types import Box, Observation, PhotoMetadata

MODEL = "m-1"
TIMES = (math.nan, 10.0, 20.0)


@st.composite
def anybody(draw: st.DrawFn) -> Members:
    """Up to twelve faces of up to three people on up to four photos."""
    rows = draw(
        st.lists(
            st.tuples(*(st.integers(0, 3) for _ in range(3)), st.booleans(), st.integers(1, 3)),
            max_size=12,
        )
    )
    persons, contents, quality, present, _ = np.array(rows, np.int64).reshape(-1, 5).T
    n = len(rows)
    return Members(
        ids=np.arange(100, 100 + n),
        clusters=persons.copy(),
        persons=persons,
        said=np.zeros(n, np.int64),
        present=present == 1,
        stored=np.ones(n, np.bool_),
        contents=contents,
        in_video=contents == 3,
        quality=quality / 4,
        taken_at=np.array([TIMES[content % 3] for content in contents.tolist()], np.float64),
    )


def counted(members: Members) -> dict[int, PersonFigures]:
    """In plain Python."""
    found = {}
    for person in sorted({*members.persons.tolist()} - {0}):
        rows = [
            k
            for k in range(len(members.ids))
            if members.persons[k] == person and members.present[k]
        ]
        if not rows:
            continue
        photos = {int(members.contents[k]) for k in rows}
        times = [t for k in rows if not math.isnan(t := float(members.taken_at[k]))]
        clearest = max(rows, key=lambda k: (members.quality[k], -k))
        found[person] = PersonFigures(
            len(photos),
            len(rows),
            int(members.ids[clearest]),
            min(times, default=None),
            max(times, default=None),
            len(photos & {3}),
        )
    return found


@settings(max_examples=200, deadline=None)
@given(anybody())
def test_people_are_counted_as_by_hand(members: Members) -> None:
    assert count(members) == counted(members)
    assert count(members, [2]) == {n: f for n, f in counted(members).items() if n == 2}


def test_what_is_kept_of_everybody_is_what_would_be_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "library.db")
    seen = Observation(
        box=Box(0.1, 0.1, 0.2, 0.2),
        landmarks=np.zeros((5, 2), np.float32),
        score=0.9,
        quality=0.7,
        unclear=False,
        face=np.eye(1, 4, dtype=np.float32)[0],
        torso_box=None,
        torso=None,
    )
    with store.atomic():
        for content, taken_at, duration in (("b", 5.0, None), ("a", None, None), ("c", 7.0, 9.0)):
            metadata = PhotoMetadata(4, 3, taken_at, duration_s=duration)
            store.add_analysis(content, metadata, MODEL, [seen])
            store.put_file(content.encode(), 1, 1, content)
        store.put_people({4: PersonRow(None, False, None)})
        store.add_memberships([(1, 7, 4, 0), (2, 0, None, -1)])
        read = store.members(MODEL)
        assert read.ids.tolist() == [2, 1, 3] and read.persons.tolist() == [0, 4, 0]
        assert read.stored.tolist() == [True, True, False] and read.said.tolist() == [-1, 0, 0]
        assert read.in_video.tolist() == [False, False, True]
        np.testing.assert_array_equal(read.taken_at, [math.nan, 5.0, 7.0])
        np.testing.assert_array_equal(read.quality, [0.7] * 3)
        store.keep_members(MODEL, read)
    assert same(store.members(MODEL), read)
    with store.atomic():
        store.change_memberships([1], 7, None, 1)
        assert same(store.members(MODEL), read), "nobody said that people changed"
        store.set_state("people_version", 1)
        assert store.members(MODEL).said.tolist() == [-1, 1, 0]
        store.keep_members(MODEL, store.members(MODEL))
        store.mark_missing([b"c"])
        assert store.members(MODEL).ids.tolist() == [2, 1], "facts changed"
    assert store.members("m-2").present.tolist() == [False, False]
    store.close()


def same(one: Members, other: Members) -> bool:
    columns = [field.name for field in dataclasses.fields(Members)]
    pairs = [(getattr(one, name), getattr(other, name)) for name in columns]
    return all(a.dtype == b.dtype and np.array_equal(a, b, a.dtype == float) for a, b in pairs)
