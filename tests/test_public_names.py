"""The names that other programs rely on: they exist, take what they promise, and load late."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastface
from fastface.gallery import Gallery
from fastface.types import Box

REQUIRED = inspect.Parameter.empty
POSITIONAL, KEYWORD = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY

# Function -> positional arguments, then keyword-only ones, each with its default.
PROMISED: list[tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]] = [
    (
        fastface.pairwise_edges,
        {"faces": REQUIRED, "threshold": REQUIRED},
        {"torsos": None, "alpha": 1.0, "beta": 1.0, "groups": None, "threads": None},
    ),
    (
        fastface.fused_distances,
        {"faces": REQUIRED, "torsos": None},
        {"alpha": 1.0, "beta": 1.0, "threads": None},
    ),
    (
        fastface.nearest,
        {"queries": REQUIRED, "gallery": REQUIRED, "k": REQUIRED},
        {"threads": None},
    ),
    (
        fastface.lasso,
        {"dictionary": REQUIRED, "queries": REQUIRED, "lam": REQUIRED},
        {"solver": "cd", "positive": False, "tol": 1e-4, "threads": None},
    ),
    (fastface.analyze, {"photo": REQUIRED}, {}),
    (fastface.embed_faces, {"photo_or_crops": REQUIRED}, {}),
    (fastface.verify, {"photo_a": REQUIRED, "photo_b": REQUIRED}, {}),
    (fastface.Library, {"path": None}, {}),
    (
        fastface.Library.scan,
        {"self": REQUIRED, "folder": REQUIRED},
        {"progress": None, "workers": None},
    ),
    (fastface.Library.people, {"self": REQUIRED}, {}),
    (fastface.Library.identify, {"self": REQUIRED, "photo": REQUIRED}, {}),
    (fastface.Library.name, {"self": REQUIRED, "person": REQUIRED, "name": REQUIRED}, {}),
    (
        fastface.MedianLinkage.fit,
        {"self": REQUIRED, "X": REQUIRED},
        {"groups": None, "cannot_link": None, "must_link": None},
    ),
]


@pytest.mark.parametrize(
    ("function", "positional", "keyword"), PROMISED, ids=[row[0].__qualname__ for row in PROMISED]
)
def test_signature(
    function: Callable[..., Any], positional: dict[str, Any], keyword: dict[str, Any]
) -> None:
    """More arguments may follow; those promised keep their name, kind and default."""
    found = inspect.signature(function).parameters
    assert list(found)[: len(positional)] == list(positional)
    for kind, promised in ((POSITIONAL, positional), (KEYWORD, keyword)):
        for name, default in promised.items():
            assert (found[name].kind, found[name].default) == (kind, default), name
    new = [p for p in found.values() if p.name not in positional | keyword]
    assert all(parameter.default is not REQUIRED for parameter in new)


def test_the_estimator_takes_the_threshold_first() -> None:
    found = inspect.signature(fastface.MedianLinkage).parameters
    assert next(iter(found)) == "threshold"
    assert all(p.kind is KEYWORD for name, p in found.items() if name != "threshold")
    assert (found["mode"].default, found["random_state"].default) == ("bounded", 0)


@pytest.mark.parametrize("name", fastface.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(fastface, name) is not None
    assert name in dir(fastface)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nobody'"):
        fastface.nobody  # noqa: B018


def test_import_is_light() -> None:
    heavy = ("numpy", "onnxruntime", "onnx", "sqlite3", "PIL", "rich", "jinja2", "sklearn")
    program = f"import sys, fastface; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


def test_what_is_printed_holds_no_embedding() -> None:
    """A program that logs an observation, or fails with one at hand, tells nobody who it is."""
    marked = np.full(128, 0.08838, np.float32)
    box = Box(0.0, 0.0, 1.0, 1.0)
    landmarks = np.zeros((5, 2), np.float32)
    seen = fastface.Observation(box, landmarks, 0.9, 0.8, False, marked, box, marked)
    gallery = Gallery.build(marked[None], [0])
    assert "quality=0.8" in repr(seen) and "people=" in repr(gallery)
    for printed in (repr(seen), str([seen]), repr(gallery)):
        assert "0.08838" not in printed and "8.838" not in printed
