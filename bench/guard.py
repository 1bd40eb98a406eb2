"""Has a kernel become slower? The gate between a base commit and the head.

    python bench/guard.py main                 # fails where HEAD takes 1.10 times as long, or more
    python bench/guard.py v0.1.0 --only lasso_2000 edges --turns 15

Builds both commits into folders of their own, then times the same work in short processes that
take turns, in CPU seconds on one thread. The verdict is the median of the ratios, turn by turn,
which the moods of a shared machine hardly move; a ratio over the limit is measured again, with
three times the turns, before it counts. Needs the packages that build fastface.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from guard_workloads import MISSING, WORKLOADS

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Build:
    """A commit, installed into a folder that nobody else uses."""

    name: str
    site: Path

    def seconds(self, workload: str) -> float | None:
        """CPU seconds of a workload, in a new process; None if this build cannot do it."""
        command = [sys.executable, ROOT / "bench/guard_workloads.py", "--site", self.site, workload]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        if done.returncode == MISSING:
            return None
        if done.returncode:
            sys.exit(f"{workload} of {self.name} failed:\n{done.stderr}")
        return float(done.stdout)


def build(commit: str, folder: Path) -> Build:
    """Check a commit out and install it, with the compiler flags of a release."""
    source, site = folder / "source", folder / "site"
    source.mkdir(parents=True)
    archive = subprocess.run(
        ["git", "-C", ROOT, "archive", commit], check=True, stdout=subprocess.PIPE
    ).stdout
    subprocess.run(["tar", "-x", "-C", source], input=archive, check=True)
    install = ["--no-build-isolation", "--no-deps", "--no-index", "--quiet", "--target", site]
    subprocess.run([sys.executable, "-m", "pip", "install", *install, source], check=True)
    return Build(commit, site)


def ratios(base: Build, head: Build, workload: str, turns: int) -> list[float] | None:
    """head / base of every turn, who goes first changing; None if it is new in the head."""
    result = []
    for turn in range(turns):
        order = [base, head] if turn % 2 else [head, base]
        seconds = {}
        for candidate in order:
            taken = candidate.seconds(workload)
            if taken is None and candidate is head:
                sys.exit(f"{workload}: {head.name} no longer has it")
            if taken is None:
                return None
            seconds[candidate.site] = taken
        result.append(seconds[head.site] / seconds[base.site])
    return result


def judge(base: Build, head: Build, workload: str, turns: int, limit: float) -> bool:
    """Print a workload's line; True if the head keeps within the limit."""
    found = ratios(base, head, workload, turns)
    if found is None:
        print(f"{workload:<20} new", flush=True)
        return True
    if statistics.median(found) > limit:
        found = ratios(base, head, workload, 3 * turns) or found
    median = statistics.median(found)
    within = median <= limit
    verdict = "" if within else "   SLOWER"
    print(
        f"{workload:<20} {median:>6.3f} ({min(found):.3f} to {max(found):.3f}){verdict}", flush=True
    )
    return within


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", help="commit to compare with")
    parser.add_argument("--head", default="HEAD", help="commit to judge (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--limit", type=float, default=1.10, help="largest ratio that passes")
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    arguments = parser.parse_args()
    if arguments.turns < 1:
        parser.error("--turns: expected at least 1")
    with tempfile.TemporaryDirectory(prefix="fastface-guard-") as folder:
        base = build(arguments.base, Path(folder, "base"))
        head = build(arguments.head, Path(folder, "head"))
        print(f"{'':<20} {arguments.head} / {arguments.base}, median (least to most)")
        turns, limit = arguments.turns, arguments.limit
        slower = [name for name in arguments.only if not judge(base, head, name, turns, limit)]
    if slower:
        sys.exit(f"slower than {limit:g} times {arguments.base}: {', '.join(slower)}")


if __name__ == "__main__":
    main()
