"""Plots and report: made of the log alone, and saying no more than it does."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fastface.cli import main
from fastface.errors import FastfaceError
from fastface.lab import report, results
from fastface.lab.pareto import draw, joined, on_front
from fastface.lab.published import TABLE_5


def measured(name, **changes):
    row = {"name": name, "provider": "cpu", "threads": 1, "parameters": 1000, "macs": 2_000_000}
    row |= {"weight_bytes": 4000, "map_bytes": 900, "file_bytes": 5000, "resident_bytes": 10**7}
    row |= {"wall_ms": 2.0, "wall_p95_ms": 3.0, "cpu_ms": 2.0, "cpu_p95_ms": 3.0}
    row |= {"faces_per_s": 500.0, "joules": 0.01, "energy_source": "estimated"}
    return row | {"co2_micrograms": 1.3} | changes


def judged(name, accuracy, **changes):
    row = {"name": name, "accuracy": accuracy, "error": 0.003, "tar": 0.5}
    row |= {"masked_accuracy": accuracy - 0.1, "masked_error": 0.004, "masked_tar": 0.2}
    return row | {"pairwise_f": 0.6, "bcubed_f": 0.7} | changes


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "results.jsonl"
    names = ["default", "peoplenet", "peoplenet-int8", "study-none", "study-se", "study-cbam"]
    names += ["study-wider", "study-deeper", "study-masks"]
    costly = {"default": 8.0, "peoplenet": 1.5}
    rows = [measured(name, cpu_ms=costly.get(name, 2.0)) for name in names]
    rows += [measured(f"mobilenet-{r.width:g}-{r.attention}", cpu_ms=40.0) for r in TABLE_5]
    results.append(path, "measure", rows)
    accurate = {"default": 0.995, "study-se": 0.802, "study-masks": 0.9}
    results.append(path, "evaluate", [judged(name, accurate.get(name, 0.8)) for name in names])
    groups = [("age", "0-9", 0.7), ("age", "20-39", 0.9), ("gender", "man", 0.8)]
    groups += [("gender", "woman", 0.81), ("race", "asian", 0.75), ("race", "white", 0.85)]
    rows = [
        {
            "name": "default",
            "kind": k,
            "group": g,
            "faces": 50,
            "similarity": s,
            "share": s,
            "detected": s,
        }
        for k, g, s in groups
    ]
    results.append(path, "evaluate", rows)
    compressed = {"name": "peoplenet-int8", "theory_bytes": 700, "file_bytes": 900}
    results.append(path, "compress", [compressed | {"zipped_bytes": 650}])
    trained = {"name": "peoplenet", "step": 3000, "batch": 32, "crops": 9600, "seconds": 1200.0}
    results.append(path, "train", [trained | {"held_out": 0.6}])
    return path


def test_the_front_is_the_one_that_trying_all_finds():
    rng = np.random.default_rng(0)
    cost, good = rng.integers(0, 8, (2, 60))
    found = on_front(cost, good)
    for k in range(60):
        beaten = any(
            cost[j] <= cost[k] and good[j] >= good[k] and (cost[j] < cost[k] or good[j] > good[k])
            for j in range(60)
        )
        assert found[k] == (not beaten)


def test_networks_timed_on_another_machine_are_named(log, tmp_path):
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    for row in rows:
        row["machine"] = "an old one" if row["name"].startswith("study-") else "a new one"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report.write(log, tmp_path / "report.md")
    told = (tmp_path / "report.md").read_text().partition("Timed on ")[2]
    names = "study-cbam, study-deeper, study-masks, study-none, study-se, study-wider"
    assert told.startswith(f"a new one; {names} on an old one, ONNX")


def test_the_report_answers_from_the_log(log, tmp_path):
    target = tmp_path / "report.md"
    report.write(log, target)
    text = target.read_text()
    assert "0.9950 ± 0.0030" in text
    assert "0.19 of the time" in text  # 1.5 / 8
    assert "No: peoplenet, peoplenet-int8 need at most" in text
    assert "+0.0020 (standard error 0.0042; less than two errors, so nothing is shown)" in text
    assert "No: 0.8000 falls short of the 0.97" in text
    assert "10 times over" in text
    assert "masked +0.1000 (standard error 0.0057)" in text
    assert "| default | age | found by the detector | 0-9 0.700 (50) | 20-39 0.900 (50) |" in text
    assert text.count("\n## ") == 8
    report.write(log, tmp_path / "again.md")
    assert (tmp_path / "again.md").read_text() == text


def test_what_was_not_measured_is_said_not_to_be(tmp_path):
    log = tmp_path / "results.jsonl"
    results.append(log, "measure", [measured("default")])
    report.write(log, tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text()
    assert "Whether attention makes this network more accurate was not measured." in text
    assert "What training with masks gives back was not measured." in text
    assert "## Wider or deeper?\n\nNot measured." in text
    (tmp_path / "empty").touch()
    with pytest.raises(FastfaceError, match="no results"):
        report.write(tmp_path / "empty", tmp_path / "report.md")


def test_the_command_draws_what_is_on_the_front(log, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    png, svg = tmp_path / "p.png", tmp_path / "p.svg"
    arguments = ["lab", "pareto", "--log", str(log), "--out", str(png), "--out", str(svg)]
    assert main([*arguments, "--json"]) == 0
    rows = {row["name"]: row["front"] for row in json.loads(capsys.readouterr().out)}
    assert "cpu_ms" in rows["default"] and "cpu_ms" in rows["peoplenet"]
    assert "cpu_ms" not in rows["study-none"]
    assert png.read_bytes()[:4] == b"\x89PNG"
    first = svg.read_text()
    draw(joined(results.read(log, "measure"), results.read(log, "evaluate")), [png, svg])
    assert svg.read_text() == first


def test_the_report_command_puts_the_plot_beside_it(log, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    out = tmp_path / "report.md"
    assert main(["lab", "report", "--log", str(log), "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert "(report.svg)" in out.read_text()
    assert (tmp_path / "report.svg").is_file()
    assert result == {"report": str(out), "plot": str(tmp_path / "report.svg")}


def test_nothing_to_draw_is_an_error(tmp_path):
    with pytest.raises(FastfaceError, match="both measured and judged"):
        draw([], [tmp_path / "p.png"])
