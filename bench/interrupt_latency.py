"""How long after Ctrl-C a long call ends, for every kernel, on one thread and on two.

    python -m bench.interrupt_latency [--times 15]

A thread raises SIGINT at a moment drawn from the first seconds of the call; the time is that of the
clock from there to where KeyboardInterrupt is caught, so other programs' share of the machine is in
it. Calls that ended before their signal are drawn again. The calls are those of
tests/test_interrupt.py.
"""

from __future__ import annotations

import argparse
import random
import signal
import statistics
import threading
import time
from collections.abc import Callable

from tests.test_interrupt import ENDLESS

AIM = 0.2


def latency(call: Callable[..., object], threads: int, after: float) -> float | None:
    """Seconds; None: the call was over before."""
    raised = []

    def interrupt() -> None:
        raised.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    timer = threading.Timer(after, interrupt)
    timer.start()
    try:
        call(threads=threads)
    except KeyboardInterrupt:
        return time.perf_counter() - raised[0]
    timer.cancel()
    timer.join()
    return None


def latencies(call: Callable[..., object], threads: int, times: int) -> list[float]:
    found: list[float] = []
    longest = 1.5
    moments = random.Random(0)
    while len(found) < times:
        try:
            seconds = latency(call, threads, moments.uniform(0.02, longest))
        except KeyboardInterrupt:  # between the call's end and the timer's
            seconds = None
        if seconds is None:
            longest = max(0.8 * longest, 0.1)
        else:
            found.append(seconds)
    return found


def measure(times: int) -> dict[tuple[str, int], list[float]]:
    return {
        (name, threads): latencies(prepare(), threads, times)
        for name, prepare in ENDLESS.items()
        for threads in (1, 2)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=15)
    options = parser.parse_args()
    print("                     threads   median ms   most")
    for (name, threads), seconds in measure(options.times).items():
        middle, most = 1e3 * statistics.median(seconds), 1e3 * max(seconds)
        missed = "   more than the aim" if most > 1e3 * AIM else ""
        print(f"{name:<20} {threads:>7} {middle:>11.0f} {most:>6.0f}{missed}", flush=True)


if __name__ == "__main__":
    main()
