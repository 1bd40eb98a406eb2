"""Times, memory and quality of the kernels against n, beside their peers and the machine's limits.

    python -m bench.report                   # rewrites docs/kernels.md and docs/kernels.svg
    python -m bench.report --aims DIR        # the aims as bench/aims.py --to DIR measured them
    python -m bench.report --most 5000 --turns 1 --out /tmp/report

One thread, CPU seconds. Every point is a process of its own; the candidates of one size take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench import report_plots
from bench.aims import Line
from bench.aims import read as read_aims
from bench.aims import table as table_of_aims
from bench.machine_limits import machine_limits

ROOT = Path(__file__).parents[1]

# Kernel -> candidate -> largest n that is worth waiting for. The first candidate is fastface.
CANDIDATES = {
    "edges": {
        "fastface": 100_000,
        "NumPy, by blocks": 50_000,
        "scikit-learn": 20_000,
        "faiss": 20_000,
    },
    "grouping": {
        "fastface bounded": 100_000,
        "fastface exact": 20_000,
        "fastcluster average": 10_000,
        "SciPy average": 5_000,
    },
    "lasso": {
        "fastface": 20_000,
        "fastface, prepared": 20_000,
        "spams": 2_000,
        "one product, by BLAS": 20_000,
    },
}
SIZES = {
    "edges": (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000),
    "grouping": (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000),
    "lasso": (200, 500, 1_000, 2_000, 5_000, 20_000),
}
WHAT = {
    "edges": "pairs of n faces within .5, d = 128",
    "grouping": "groups of n made-up faces (hard512), from the faces themselves",
    "lasso": "sparse codes of 256 queries over n atoms, d = 512, certified to 1e-4",
}
PARETO = (
    "fastface exact",
    "fastface bounded",
    "fastcluster average",
    "fastcluster complete",
    "fastcluster single",
    "scikit-learn DBSCAN",
)
PARETO_SIZE = 5_000
LONG = 4.0  # seconds: not measured again


@dataclass
class Point:
    """What was measured of one candidate at one size, turn by turn."""

    kernel: str
    candidate: str
    n: int
    seconds: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    f: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def memory_mb(self) -> float:
        return statistics.median(self.peak_mb)

    def measure(self) -> None:
        command = [sys.executable, ROOT / "bench/report_cases.py", self.kernel, self.candidate]
        done = subprocess.run(
            [*command, str(self.n)],
            check=True,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'bench'}"},
        )
        found = json.loads(done.stdout)
        self.seconds += found["seconds"]
        self.peak_mb.append(found["peak_mb"])
        self.f = found["f"]


def cpu_name() -> str:
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def measure(points: list[Point], turns: int) -> None:
    """Candidates of one size in turns; a point that takes long is measured once."""
    for turn in range(turns):
        for point in points if turn % 2 == 0 else reversed(points):
            if turn == 0 or point.median < LONG:
                point.measure()
    for point in points:
        print(f"{point.kernel} {point.n} {point.candidate}: {point.median:.4g} s", flush=True)


def growth(turns: int, most: int) -> Iterator[Point]:
    """Every kernel's candidates at every size they are worth."""
    for kernel, candidates in CANDIDATES.items():
        for n in SIZES[kernel]:
            names = [name for name, largest in candidates.items() if n <= min(largest, most)]
            points = [Point(kernel, name, n) for name in names]
            measure(points, turns)
            yield from points


def pareto(turns: int) -> list[Point]:
    points = [Point("grouping", name, PARETO_SIZE) for name in PARETO]
    measure(points, turns)
    return points


def of(points: list[Point], kernel: str, candidate: str) -> list[Point]:
    return [p for p in points if (p.kernel, p.candidate) == (kernel, candidate)]


def table(points: list[Point], kernel: str) -> Iterator[str]:
    """A line per size: seconds and MB of fastface; how many times as long and MB of the others."""
    first, *others = CANDIDATES[kernel]
    yield f"| n | {first} | " + " | ".join(f"{name}, times as long" for name in others) + " |"
    yield "| --- " * (len(others) + 2) + "|"
    for ours in of(points, kernel, first):
        cells = [f"{ours.n:,}", f"{seconds(ours)}, {megabytes(ours)}"]
        for name in others:
            theirs = [p for p in of(points, kernel, name) if p.n == ours.n]
            cells.append(times(theirs[0], ours) if theirs else "")
        yield "| " + " | ".join(cells) + " |"


def seconds(point: Point) -> str:
    spread = f" ({min(point.seconds):.3g} to {max(point.seconds):.3g})"
    return f"{point.median:.3g} s" + (spread if len(point.seconds) > 1 else "")


def times(theirs: Point, ours: Point) -> str:
    return f"{theirs.median / ours.median:.2g}, {megabytes(theirs)}"


def megabytes(point: Point) -> str:
    return f"{point.memory_mb:.1f} MB" if point.memory_mb < 10 else f"{point.memory_mb:.0f} MB"


def page(
    points: list[Point], by_quality: list[Point], limits: dict[str, float], aims: list[Line]
) -> str:
    limit_text = ", ".join(f"{value:.0f} {unit}" for unit, value in limits.items()) or "unknown"
    lines = [
        "# Kernels, measured",
        "",
        "Written by `python -m bench.report`. CPU seconds on one thread, every point in a process",
        "of its own, candidates in turns; medians, and the least and most. Memory is the peak",
        f"beyond the data. Machine: {cpu_name()}, {os.cpu_count()} cores.",
        f"At most {limit_text} on one of them, measured in the same run.",
        "",
        "![Time and memory against n, F against time](kernels.svg)",
        "",
        *section_of_aims(aims),
    ]
    for kernel in CANDIDATES:
        lines += ["", f"## {WHAT[kernel][0].upper()}{WHAT[kernel][1:]}", "", *table(points, kernel)]
    lines += [
        "",
        f"## BCubed F of {PARETO_SIZE:,} made-up faces (hard512)",
        "",
        "Everybody at the threshold that is best on another draw of 2,000 faces.",
        "",
        "| method | BCubed F | time | memory |",
        "| --- | --- | --- | --- |",
    ]
    for point in by_quality:
        lines.append(
            f"| {point.candidate} | {point.f:.4f} | {seconds(point)} | {megabytes(point)} |"
        )
    return "\n".join(lines) + "\n"


AIMS = "## Aims"


def section_of_aims(aims: list[Line]) -> list[str]:
    return [
        AIMS,
        "",
        "`python -m bench.aims`; each is measured by the script named, which tells more. One",
        "thread and CPU seconds unless said, on a machine that others use as well; medians, the",
        f"least and most. Machine: {cpu_name()}, {os.cpu_count()} cores.",
        "[What bounds them there](measured.md#what-bounds-the-linkage): matrix unit, caches.",
        "",
        *table_of_aims(aims),
    ]


def with_aims(text: str, aims: list[Line]) -> str:
    """A page of before, with another section of aims, where the figure ends or one was."""
    lines = text.splitlines()
    headings = [k for k, line in enumerate(lines) if line.startswith("## ")]
    begin = headings[0]
    end = headings[1] if lines[begin] == AIMS else begin
    return "\n".join([*lines[:begin], *section_of_aims(aims), "", *lines[end:]]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="(default: docs)")
    parser.add_argument(
        "--turns", type=int, default=3, help="of three readings (default: %(default)s)"
    )
    parser.add_argument("--most", type=int, default=sys.maxsize, help="no larger n (default: any)")
    parser.add_argument("--aims", type=Path, help="measured before; (default: measure them)")
    parser.add_argument("--only-aims", action="store_true", help="leave the rest of the page alone")
    options = parser.parse_args()
    if options.only_aims:
        path = options.out / "kernels.md"
        path.write_text(with_aims(path.read_text(), read_aims(options.aims)))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    limits = machine_limits()
    print(limits, flush=True)
    points = list(growth(options.turns, options.most))
    by_quality = pareto(options.turns)
    series = {
        kernel: {name: of(points, kernel, name) for name in names}
        for kernel, names in CANDIDATES.items()
    }
    report_plots.draw(series, WHAT, by_quality, options.out / "kernels.svg")
    with tempfile.TemporaryDirectory() as folder:
        aims = options.aims or Path(folder)
        if not options.aims:
            subprocess.run([sys.executable, "-m", "bench.aims", "--to", aims], check=True, cwd=ROOT)
        text = page(points, by_quality, limits, read_aims(aims))
    (options.out / "kernels.md").write_text(text)


if __name__ == "__main__":
    main()
