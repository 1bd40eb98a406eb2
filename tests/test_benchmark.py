"""What `fastface bench` tells is measured, complete and of this machine."""

from __future__ import annotations

import json
import mmap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastface import benchmark, machine, measuring
from fastface.cli import main
from fastface.errors import PhotoError

pytestmark = pytest.mark.models


def test_tasks_take_turns_and_are_told_apart() -> None:
    order: list[str] = []
    slow = np.ones((400, 400))

    def work() -> None:
        order.append("work")
        for _ in range(3):
            slow @ slow

    costs = measuring.in_turns([lambda: order.append("nothing"), work], runs=6)
    assert order == ["nothing", "work"] * 11
    idle, busy = costs
    assert 0 <= idle.latency.cpu_ms < busy.latency.cpu_ms <= busy.latency.cpu_p95_ms
    assert busy.per_s > 0 and idle.per_s > 0  # by the clock, which others at work spoil
    assert busy.energy.joules > idle.energy.joules


def test_resident_memory_grows_with_what_is_held() -> None:
    before = machine.resident_bytes()
    if not before:
        pytest.skip("this system does not tell")
    # Of the system itself: an allocator may hand out again what stayed resident.
    with mmap.mmap(-1, 50_000_000) as held:
        np.frombuffer(held, np.uint8)[:] = 1
        assert machine.resident_bytes() - before > 40_000_000
    assert machine.resident_bytes(peak=True) >= before + 40_000_000


def test_drawn_photos_are_of_twelve_megapixels_and_differ(models: Path, tmp_path: Path) -> None:
    paths = benchmark.draw_photos(tmp_path, 2)
    with Image.open(paths[0]) as photo:
        assert photo.size == (4000, 3000)
    assert len({path.read_bytes() for path in paths}) == 2
    told = benchmark.scan_once("default", [str(path) for path in paths], 1, 5.0)
    assert told["photos"] == 1 and told["faces"] == 3
    assert told["cpu_s"] > 0 and told["wall_s"] > 0 and told["joules"] > 0


def test_the_command_tells_everything(
    models: Path, demo_photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(demo_photos.iterdir())
    file = tmp_path / "bench.json"
    arguments = ["bench", "--photos", str(demo_photos), "--count", "3", "--rounds", "1"]
    assert main([*arguments, "--runs", "5", "--json", "--save", str(file)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert json.loads(file.read_text()) == told
    assert told["photos"] == {"source": str(demo_photos), "count": 3}
    assert told["machine"]["cores"] == machine.usable_cores()
    assert {row["role"] for row in told["models"]} == {"detector", "embedder"}
    for row in told["models"]:
        assert 0 < row["wall_ms"] <= row["wall_p95_ms"] and row["energy_source"]
    path = told["paths"]["default"]
    assert [step["name"] for step in path["steps"]][:3] == ["hash", "decode", "find faces"]
    assert [scan["workers"] for scan in path["scans"]] == sorted({1, machine.usable_cores()})
    for scan in path["scans"]:
        assert scan["photos_per_s_least"] <= scan["photos_per_s"] <= scan["photos_per_s_most"]
        assert scan["faces_per_s"] > 0 and scan["cpu_ms"] > 0
    assert sorted(demo_photos.iterdir()) == before


def test_models_alone(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "bench", "default", "--runs", "5"]) == 0
    out, said = capsys.readouterr()
    assert "yunet-2023mar (default)" in out and "sface-2021dec (default)" in out
    assert "WORKERS" not in out
    assert "estimated" in said or "mJ" in out


def test_a_wrong_folder_is_told_before_anything_is_timed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "time_models", lambda *_, **__: pytest.fail("timed"))
    assert main(["bench", "--photos", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert not out and "holds no photos" in err


def test_a_folder_without_photos_is_told(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="holds no photos"):
        benchmark.sample_photos(tmp_path, tmp_path, 3)


def test_a_pack_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "bench", "no-such-pack"]) == 1
    assert "no-such-pack" in capsys.readouterr().err


def test_photos_of_which_none_can_be_read_are_an_error_of_one_line(
    models: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    with pytest.raises(PhotoError, match="none of the photos can be read"):
        benchmark.time_steps("default", [broken])
