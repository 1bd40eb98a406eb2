"""What the kernels are meant to reach, and what they do on this machine: a line for each aim.

    python -m bench.aims                        # all, some fifteen minutes
    python -m bench.aims edges tile --to DIR    # some; DIR/NAME.json for bench/report.py

One thread and CPU seconds unless said; medians, and the least and most, of turns taken with the
peer. Every aim stays with its bench, which is named; here it is asked, and compared with its
target. FASTFACE_TEST_DATA is the folder with train_embeddings.npz.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.interleave import interleaved, spread

ROOT = Path(__file__).parents[1]
sys.path += [str(ROOT / "bench")] * (str(ROOT / "bench") not in sys.path)


@dataclass(frozen=True)
class Line:
    """what: the workload.  bench: where it is measured.  beside: the peer and how it compares.

    held: None where this machine could not tell.
    """

    what: str
    bench: str
    target: str
    figure: str
    held: bool | None
    beside: str = ""


def edges() -> Iterator[Line]:
    import bench_distances as bench

    faces, torsos = (bench.embeddings(20_000, 512, seed) for seed in (0, 1))
    times = interleaved(
        {
            "fastface": lambda: bench.fastface_edges(faces, torsos),
            "NumPy": lambda: bench.numpy_edges(faces, torsos),
        }
    )
    ratio = times["fastface"].ratio_to(times["NumPy"])
    yield Line(
        "pairs of 20,000 rows of 512 + 512 dimensions",
        "bench_distances.py",
        "1.0 s, blocked NumPy 7 times as long",
        f"{spread(times['fastface'].seconds)} s",
        times["fastface"].median <= 1 and ratio[0] >= 7,
        f"blocked NumPy {ratio[0]:.1f} times as long ({ratio[1]:.1f} to {ratio[2]:.1f})",
    )


def tile() -> Iterator[Line]:
    from dense_tile import ROWS, shares

    of_tile, of_call, peaks = shares(ROWS, 7)
    peak = f"of {statistics.median(peaks):.0f} GFLOP/s, measured by turns"
    found, calls = ([100 * share for share in each] for each in (of_tile, of_call))
    yield Line(
        "float32 tile of distances, d = 512",
        "dense_tile.py",
        "90 % of the peak",
        f"{spread(found, '.1f')} %",
        statistics.median(found) >= 90,
        f"{peak}; a call that packs rows and finds no pair: {spread(calls, '.0f')} %",
    )


def exact() -> Iterator[Line]:
    import bench_linkage as bench
    from fastface.kernels import median_linkage, pairwise_edges

    X, _ = bench.load(13_000)
    for cut in (0.525, bench.MEDIAN):

        def run(cut: float = cut) -> object:
            edges = pairwise_edges(X, cut, threads=1)
            return median_linkage(len(X), edges, cut, threads=1)

        times = interleaved({"exact": run})["exact"]
        yield Line(
            f"13,000 real faces, exact, rows to labels, cut {cut}",
            "bench_linkage.py",
            "1 s",
            f"{spread(times.seconds)} s",
            times.median < 1,
        )


def fastcluster() -> Iterator[Line]:
    from face_mixtures import face_mixture
    from scale_linkage import THRESHOLDS, link, peer_of

    X, _ = face_mixture("arc512", 20_000, 0)
    times = interleaved(
        {"fastface": lambda: link(X, THRESHOLDS["arc512"], 1), "fastcluster": peer_of(X)}
    )
    ratio = times["fastface"].ratio_to(times["fastcluster"])
    yield Line(
        "20,000 arc512 faces, rows to labels",
        "scale_linkage.py --peer 20000",
        "fastcluster average 40 times as long",
        f"{spread(times['fastface'].seconds)} s",
        ratio[0] >= 40,
        f"fastcluster average, from distances, {ratio[0]:.0f} times as long"
        f" ({ratio[1]:.0f} to {ratio[2]:.0f})",
    )


def growth() -> Iterator[Line]:
    from scale_linkage import exponents, measured_apart

    found = {n: measured_apart("arc512", n, 1, repeats) for n, repeats in GROWTH.items()}
    for n, target in ((100_000, 3), (1_000_000, 60)):
        yield Line(
            f"{n:,} arc512 faces, rows to labels",
            f"scale_linkage.py --sizes {n}",
            f"{target} s",
            f"{spread(found[n].times.seconds)} s, BCubed F {found[n].f:.4f}",
            found[n].times.median <= target,
        )
    grown = exponents("arc512", min(found), max(found), 5)
    yield Line(
        "growth of that from 50,000 to a million faces",
        "scale_linkage.py --growth 50000 1000000",
        "exponent 1.15",
        f"{spread(grown)}, by turns",
        statistics.median(grown) <= 1.15,
        ", ".join(
            f"{1e6 * one.times.median / n:.2f} us a face of {n:,}" for n, one in found.items()
        ),
    )
    memory = max(one.memory for one in found.values())
    yield Line(
        "memory of that, beside the rows' own",
        "scale_linkage.py; cpp/tests/memory_test.cpp counts allocations",
        "1.5 times the rows",
        f"{memory:.2f} times at most",
        memory <= 1.5,
        "peak of resident memory, 50,000 to 1,000,000 faces",
    )


GROWTH = {50_000: 9, 100_000: 5, 1_000_000: 3}  # faces, and how often


def lasso() -> Iterator[Line]:
    from threadpoolctl import threadpool_limits

    import bench_lasso as bench

    def times(
        n_atoms: int, n_queries: int, **peers: Callable[..., object]
    ) -> dict[str, list[float]]:
        data = bench.gallery(n_atoms, n_queries)
        runs = {"fastface": bench.fastface_cd, **peers}
        with threadpool_limits(1):
            found = interleaved({name: lambda r=run: r(*data) for name, run in runs.items()})
        return {name: [1e6 * s / n_queries for s in t.seconds] for name, t in found.items()}

    def ratios(found: dict[str, list[float]], peer: str) -> list[float]:
        return [b / a for a, b in zip(found["fastface"], found[peer], strict=True)]

    for n_atoms, n_queries, least, target in (
        (2_000, 1_024, 7, "47 us a query, spams 7 times as long"),
        (200, 256, 2, "spams twice as long"),
    ):
        found = times(n_atoms, n_queries, spams=bench.spams_lars)
        gain = ratios(found, "spams")
        fast = n_atoms < 2_000 or statistics.median(found["fastface"]) <= 47
        yield Line(
            f"lasso, {n_atoms:,} atoms, {n_queries:,} queries",
            "bench_lasso.py",
            target,
            f"{spread(found['fastface'])} us a query",
            fast and statistics.median(gain) >= least,
            f"spams {spread(gain)} times as long",
        )
    found = times(20_000, 128, product=lambda atoms, queries, _: queries @ atoms.T)
    cost = [1 / ratio for ratio in ratios(found, "product")]
    yield Line(
        "lasso, 20,000 atoms, 128 queries",
        "bench_lasso.py",
        "2.5 times one product of queries and atoms",
        f"{spread(found['fastface'])} us a query",
        statistics.median(cost) <= 2.5,
        f"{spread(cost)} times the product, by NumPy's BLAS",
    )


def certified() -> Iterator[Line]:
    command = [sys.executable, "-m", "bench.certify_lasso"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    last = done.stdout.strip().splitlines()[-1]
    yield Line(
        "codes without a certificate, lambda .01 to .9 of its maximum",
        "certify_lasso.py",
        "0 of 100,000",
        last,
        " 0 uncertified, 0 untrue" in last,
        "correlated, duplicated, nearly equal and scaled atoms among them",
    )


TWO_CORES = (
    1.8  # times as fast as one: what two processes that share nothing get of an idle machine
)


def threads() -> Iterator[Line]:
    from scale_threads import WORKLOADS, Gain

    for name, (_, full) in WORKLOADS.items():
        gain = Gain.of(name, full, 2, 7)
        reached = statistics.median(gain.turns) >= TWO_CORES
        could = statistics.median(gain.apart) >= TWO_CORES
        yield Line(
            f"from 1 thread to 2: {name}",
            "scale_threads.py",
            "1.8 times as fast",
            f"{spread(gain.turns)} times, by the clock",
            True if reached else (False if could else None),
            f"two processes that share nothing do {spread(gain.apart)} times the work of one;"
            f" {gain.cores:.2f} cores were had, {gain.cost:.2f} times the CPU time; with both cores"
            f" what one thread does alone allows {gain.limit:.2f} times",
        )


def python_threads() -> Iterator[Line]:
    from python_threads import measure

    found = measure([1, 2, 8], 5, 60)
    base = [rate for rate, _, _ in found[1]]
    gains = [rate / one for (rate, _, _), one in zip(found[2], base, strict=True)]
    different = sum(turn[2] for turns in found.values() for turn in turns)
    yield Line(
        "all kernels called by up to 8 Python threads at once",
        "python_threads.py",
        "the same bits",
        f"{different} of {60 * 15} results differ",
        different == 0,
        f"2 threads: {spread(gains)} times the calls a second,"
        f" {statistics.median(turn[1] for turn in found[2]):.2f} cores were had",
    )


def interrupt() -> Iterator[Line]:
    from bench.interrupt_latency import measure

    found = measure(7)
    worst = max(found, key=lambda case: max(found[case]))
    everything = [1e3 * seconds for case in found.values() for seconds in case]
    yield Line(
        f"Ctrl-C to its exception, {len(found) // 2} long calls, 1 and 2 threads",
        "interrupt_latency.py",
        "0.2 s",
        f"{spread(everything, '.0f')} ms",
        max(everything) <= 200,
        f"by the clock; the longest in {worst[0]}",
    )


AIMS = {
    "edges": edges,
    "tile": tile,
    "exact": exact,
    "fastcluster": fastcluster,
    "growth": growth,
    "lasso": lasso,
    "certified": certified,
    "threads": threads,
    "python_threads": python_threads,
    "interrupt": interrupt,
}


def table(lines: list[Line]) -> Iterator[str]:
    yield "| aim | `bench/` | target | here | | beside |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for line in lines:
        held = {True: "held", False: "**missed**", None: "not to be told"}[line.held]
        cells = (line.what, f"`{line.bench}`", line.target, line.figure, held, line.beside)
        yield "| " + " | ".join(cells) + " |"


def read(folder: Path) -> list[Line]:
    """What was measured to a folder, in the order of AIMS."""
    found = [folder / f"{name}.json" for name in AIMS]
    return [
        Line(**line) for path in found if path.exists() for line in json.loads(path.read_text())
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *AIMS], help="(default: all)")
    parser.add_argument("--to", type=Path, help="keep the lines there, as NAME.json")
    options = parser.parse_args()
    for name in options.names or AIMS:
        lines = list(AIMS[name]())
        print("\n".join(list(table(lines))[2:]), flush=True)
        if options.to:
            options.to.mkdir(parents=True, exist_ok=True)
            (options.to / f"{name}.json").write_text(json.dumps(list(map(asdict, lines))))


if __name__ == "__main__":
    main()
