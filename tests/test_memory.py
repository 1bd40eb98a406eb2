"""A scan within the memory that it was given."""

from __future__ import annotations

import io
import pickle
import threading
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

import fastface
from fastface import machine
from fastface.errors import PhotoError
from fastface.images import decode
from fastface.memory import (
    BASE_BYTES,
    MEGABYTE,
    ORDINARY_BYTES,
    WORKER_BYTES,
    MemoryBudget,
    MemoryLimitError,
    share_out,
)
from tests.fake_engine import FakeEngine

HUNDRED = ORDINARY_BYTES + 100 * MEGABYTE


def test_who_does_not_fit_waits_and_nobody_overtakes():
    budget = MemoryBudget(250 * MEGABYTE)
    held, highest, order = 0, 0, []
    lock, begun = threading.Lock(), [threading.Event() for _ in range(8)]

    def work(number: int, size: int) -> None:
        nonlocal held, highest
        begun[number].set()
        with budget.reserve(ORDINARY_BYTES + size):
            with lock:
                held += size
                highest = max(highest, held)
                order.append(number)
            threading.Event().wait(0.01)
            with lock:
                held -= size

    threads = []
    with budget.reserve(HUNDRED):
        for number, size in enumerate([200, 10, 10, 100, 200, 10, 100, 10]):
            threads.append(threading.Thread(target=work, args=(number, size * MEGABYTE)))
            threads[-1].start()
            begun[number].wait()
            # In line, before the next one comes: the first waits for the block, all others for it.
            while len(budget._waiting) <= number:
                threading.Event().wait(0.001)
    for thread in threads:
        thread.join()
    assert order[0] == 0 and sorted(order) == list(range(8))
    assert 200 * MEGABYTE <= highest <= 250 * MEGABYTE
    with budget.reserve(ORDINARY_BYTES + 250 * MEGABYTE):
        pass  # all of it has been given back


def test_what_will_never_fit_is_refused_at_once():
    budget = MemoryBudget(99 * MEGABYTE)
    refused = pytest.raises(MemoryLimitError, match="takes 132 MB, 1 MB more than the memory limit")
    with refused, budget.reserve(HUNDRED):
        pass


def test_an_error_inside_gives_back_what_was_held():
    budget = MemoryBudget(100 * MEGABYTE)
    for _ in range(2):
        with pytest.raises(KeyError), budget.reserve(HUNDRED):
            raise KeyError


def test_a_process_has_a_budget_of_its_own():
    assert pickle.loads(pickle.dumps(MemoryBudget(7))).n_bytes == 7


def test_short_memory_means_fewer_workers(monkeypatch):
    monkeypatch.setattr(machine, "usable_cores", lambda: 8)
    workers, budget = share_out(BASE_BYTES + 3 * WORKER_BYTES + 5, None)
    assert (workers, budget.n_bytes) == (3, 5)
    workers, budget = share_out(None, 2)
    assert workers == 2
    monkeypatch.setattr(machine, "memory_bytes", lambda: MEGABYTE)
    assert share_out(None, None)[0] == 1
    assert share_out(None, 4)[0] == 4


@pytest.mark.parametrize(
    ("max_memory", "workers", "message"),
    [
        (None, 0, "workers: expected at least 1, got 0"),
        (BASE_BYTES, None, "max_memory: expected at least 300 MB for 1 worker, got 210 MB"),
        (400 * MEGABYTE, 4, "max_memory: expected at least 570 MB for 4 workers, got 400 MB"),
    ],
)
def test_limits_that_cannot_be_held(max_memory, workers, message):
    with pytest.raises(ValueError, match=message):
        share_out(max_memory, workers)


def test_machine_memory_is_told():
    assert machine.memory_bytes() > 100 * MEGABYTE


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff"])
def test_decoders_ask_before_they_decode(tmp_path: Path, suffix: str):
    path = tmp_path / f"large.{suffix}"
    options = {"progressive": True} if suffix == "jpg" else {}
    mode = "P" if suffix == "png" else "RGB"  # PNGs without palettes are read in bands
    Image.new(mode, (4000, 3000)).save(path, **options)
    with pytest.raises(MemoryLimitError, match=rf"large\.{suffix}: decoding takes \d+ MB"):
        decode(path, budget=MemoryBudget(0))
    assert decode(path, budget=MemoryBudget(400 * MEGABYTE)).pixels.shape == (1500, 2000, 3)


@pytest.mark.parametrize(
    ("mode", "options", "megabytes"),
    [("RGB", {}, 96), ("RGB", {"chroma": 444}, 120), ("RGBA", {}, 168)],
)
def test_heic_of_phones_asks_for_less(mode, options, megabytes):
    """Measured: 7.1, 8.9 and 12.8 bytes a pixel (bench/peak_memory.py)."""
    content = io.BytesIO()
    photo = pillow_heif.from_pillow(Image.new(mode, (4000, 3000)))
    photo.save(content, quality=50, enc_params={"preset": "ultrafast"}, **options)
    with pytest.raises(MemoryLimitError, match=f"decoding takes {megabytes} MB"):
        decode(content.getvalue(), budget=MemoryBudget(0))


def test_a_photo_that_did_not_fit_is_tried_again(tmp_path: Path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(np.full((3000, 4000, 3), 90, np.uint8)).save(folder / "large.webp")
    library = fastface.Library(tmp_path / "l.sqlite", engine=FakeEngine())
    least = BASE_BYTES + WORKER_BYTES
    (failure,) = library.scan(folder, max_memory=least).failures
    assert "memory limit" in failure[1]
    assert library.scan(folder, max_memory=least + 300 * MEGABYTE).failures == ()
    assert issubclass(MemoryLimitError, PhotoError)
