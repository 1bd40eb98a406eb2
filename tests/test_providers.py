"""The table of providers: every row can be used, and what is missing is replaced."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fastface.providers import (
    PROVIDERS,
    candidates,
    checked,
    default_providers,
    filled,
    system_name,
)

CPU = PROVIDERS["cpu"].ort_name


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_row_is_whole(name: str) -> None:
    row = PROVIDERS[name]
    assert row.runs_on and row.systems
    assert all(other in PROVIDERS and other != name for other in row.instead)
    options = filled(row, threads=2, cache=Path("/cache"))
    assert options.keys() == row.options.keys()
    assert not any("{" in value for value in options.values())
    uncached = filled(row, threads=2, cache=None)
    assert uncached == {key: value for key, value in options.items() if value != "/cache"}


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_is_missing_is_replaced(name: str) -> None:
    row = PROVIDERS[name]
    assert candidates([name, "cpu"], [row.ort_name, CPU]) == list(dict.fromkeys([name, "cpu"]))
    for other in row.instead:
        assert candidates([name, "cpu"], [PROVIDERS[other].ort_name, CPU]) == [other, "cpu"]
    assert candidates([name, "cpu"], [CPU]) == ["cpu"]


def test_nothing_is_tried_twice() -> None:
    built_in = [PROVIDERS["directml"].ort_name, CPU]
    assert candidates(["qnn", "cuda", "directml", "cpu"], built_in) == ["directml", "cpu"]


def test_only_the_processor_is_used_without_being_asked_for() -> None:
    for system in {system for row in PROVIDERS.values() for system in row.systems}:
        chosen = default_providers(system)
        assert chosen[-1] == "cpu" and not any(PROVIDERS[name].by_request for name in chosen)
        assert all(system in PROVIDERS[name].systems for name in chosen)
    assert default_providers("Android")[0] == "xnnpack"


def test_android_is_known_by_its_own_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "getandroidapilevel", lambda: 34, raising=False)
    assert system_name() == "Android" and checked(None) == ["xnnpack", "cpu"]
