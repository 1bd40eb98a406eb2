"""Photos to moments: gaps, places, spans, and what has no clock."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastface import moments

HOUR = 3600.0
NAN = float("nan")


def split(time, place=None, folder=None, order=None):
    n = len(time)
    place = [(NAN, NAN)] * n if place is None else place
    return moments.split(
        time,
        [lat for lat, _ in place],
        [lon for _, lon in place],
        [""] * n if folder is None else folder,
        [f"{k:04d}.jpg" for k in range(n)] if order is None else order,
    ).tolist()


def test_a_gap_ends_a_moment():
    assert split([0, HOUR, 2 * HOUR, 4.1 * HOUR, 4.2 * HOUR]) == [0, 0, 0, 1, 1]


def test_moments_are_numbered_by_time_not_by_order():
    assert split([9 * HOUR, 0, 9.5 * HOUR]) == [1, 0, 1]


def test_a_step_in_place_ends_a_moment():
    paris, louvre, lyon = (48.853, 2.349), (48.861, 2.336), (45.764, 4.836)
    assert split([0, 60, 120], [paris, louvre, lyon]) == [0, 0, 1]


def test_photos_without_a_place_do_not_hide_a_step():
    paris, lyon = (48.853, 2.349), (45.764, 4.836)
    assert split([0, 60, 120], [paris, (NAN, NAN), lyon]) == [0, 0, 1]


def test_the_date_line_is_no_step():
    assert split([0, 60], [(-17.0, 179.999), (-17.0, -179.999)]) == [0, 0]


def test_a_span_of_days_is_cut_at_its_longest_gap():
    time = np.arange(40) * HOUR
    time[20:] += 0.9 * HOUR  # still under the gap that ends a moment
    found = split(time.tolist())
    assert found[:20] != found[20:]
    assert found[19] != found[20]
    for moment in set(found):
        own = time[np.array(found) == moment]
        assert own.max() - own.min() <= moments.MAX_SPAN_S


def test_without_a_clock_folders_and_natural_order_decide():
    names = [f"photo{k}.jpg" for k in range(1, 31)]
    found = split([NAN] * 31, folder=["a"] * 30 + ["b"], order=[*names, "photo1.jpg"])
    assert found == [0] * 24 + [1] * 6 + [2]


def test_clocked_and_guessed_moments_never_mix():
    found = split([0, NAN, 60, NAN])
    assert found == [0, 1, 0, 1]


def test_no_photos():
    assert split([]) == []


@pytest.mark.parametrize("name", ["latitude", "longitude", "folder", "order"])
def test_lengths_must_agree(name):
    columns = {name: [NAN] * 2 for name in ("latitude", "longitude")}
    columns |= {"folder": ["", ""], "order": ["a", "b"]}
    with pytest.raises(ValueError, match=name):
        moments.split([0.0, 1.0], **{**columns, name: columns[name][:1]})


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.just(NAN), st.floats(0, 1e6)), max_size=40), st.randoms())
def test_order_of_photos_does_not_matter(time, random):
    names = [f"{k}.jpg" for k in range(len(time))]
    shuffled = list(range(len(time)))
    random.shuffle(shuffled)
    found = split(time, order=names)
    again = split([time[k] for k in shuffled], order=[names[k] for k in shuffled])
    assert again == [found[k] for k in shuffled]
