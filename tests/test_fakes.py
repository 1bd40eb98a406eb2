"""The library in memory, which the commands are tested with, has the real one's face."""

from __future__ import annotations

import inspect

import pytest

from fastface.library import Library
from tests.fakes import FakeLibrary

SHARED = [
    name for name in vars(FakeLibrary) if name[0] != "_" and callable(getattr(Library, name, 0))
]


def test_something_is_shared() -> None:
    assert {"scan", "people", "faces", "photos", "identify", "name", "stats"} <= set(SHARED)


@pytest.mark.parametrize("name", ["__init__", *SHARED])
def test_every_call_of_the_fake_would_do_for_the_real_one(name: str) -> None:
    real = inspect.signature(getattr(Library, name)).parameters
    for fake in inspect.signature(getattr(FakeLibrary, name)).parameters.values():
        assert (real[fake.name].kind, real[fake.name].default) == (fake.kind, fake.default)
