"""The bench's report: what it writes of given measurements, and that a point can be measured."""

from __future__ import annotations

import dataclasses
import importlib.util
import json

import pytest

if importlib.util.find_spec("matplotlib") is None or importlib.util.find_spec("faiss") is None:
    pytest.skip("needs the extra bench", allow_module_level=True)

from bench import aims, report, report_plots


@pytest.fixture
def points():
    found = []
    for kernel, candidates in report.CANDIDATES.items():
        for rank, name in enumerate(candidates, 1):
            for n in (1000, 2000):
                found.append(report.Point(kernel, name, n, [rank * n * s for s in (3, 1, 2)], [n]))
    return found


@pytest.fixture
def by_quality():
    return [report.Point("grouping", name, 5000, [1], [1], 0.9) for name in report.PARETO]


def test_page_has_ratios_and_limits(points, by_quality):
    lines = [
        aims.Line("pairs", "bench_distances.py", "1 s", "0.5 s", held=True),
        aims.Line("growth", "scale_linkage.py", "1.15", "1.4", held=False, beside="of levels"),
    ]
    lines.append(aims.Line("threads", "scale_threads.py", "1.8", "1.0", held=None))
    page = report.page(points, by_quality, {"float32 GFLOP/s": 123.4}, lines)
    assert "| pairs | `bench_distances.py` | 1 s | 0.5 s | held |  |" in page
    assert "| growth | `scale_linkage.py` | 1.15 | 1.4 | **missed** | of levels |" in page
    assert "| 1.0 | not to be told |" in page
    assert report.with_aims(page, lines) == page
    assert "growth" not in report.with_aims(page, lines[:1])
    assert "At most 123 float32 GFLOP/s" in page
    assert "| 2,000 | 4e+03 s (2e+03 to 6e+03), 2000 MB | 2, 2000 MB |" in page
    assert "| fastcluster average | 0.9000 | 1 s | 1.0 MB |" in page


def test_figure_is_the_same_twice(points, by_quality, tmp_path):
    series = {
        kernel: {name: report.of(points, kernel, name) for name in names}
        for kernel, names in report.CANDIDATES.items()
    }
    for name in ("a.svg", "b.svg"):
        report_plots.draw(series, report.WHAT, by_quality, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert "fastcluster average" in (tmp_path / "a.svg").read_text()


def test_lines_of_aims_are_kept_in_their_order(tmp_path):
    for name in ("lasso", "edges"):
        line = dataclasses.asdict(aims.Line(name, "bench", "1 s", "2 s", held=False))
        (tmp_path / f"{name}.json").write_text(json.dumps([line]))
    assert [line.what for line in aims.read(tmp_path)] == ["edges", "lasso"]


def test_a_point_is_measured():
    point = report.Point("edges", "fastface", 300)
    point.measure()
    assert point.median > 0
    assert point.memory_mb >= 0
    assert point.f is None
