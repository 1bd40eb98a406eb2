"""Every example in a docstring of the installed package runs and is true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import fastface

MODULES = ["fastface"] + [
    module.name
    for module in pkgutil.walk_packages(fastface.__path__, prefix="fastface.")
    if module.name != "fastface.__main__"
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str) -> None:
    if name.startswith("fastface.lab."):
        pytest.importorskip("torch", reason="needs the extra lab")
    results = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert results.failed == 0
