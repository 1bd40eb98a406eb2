r"""Does a long scan grow?  Resident memory over 10,000 photos of as many shapes.

    python bench/memory_slope.py --data ../shared/data [--photos 10000] [--workers 1] [--plot FILE]

The photos are cut at random from the labelled ones and saved at random sizes and qualities, so that
no two have the same bytes and few the same shape.  The scan is a process of its own.  Its resident
memory is read after every twenty photos (Linux); the slope is a least-squares line through what
follows the first fifth, and its spread that of the slopes of ten stretches of it.  What grouping
takes after the scan is told apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

WARM_UP = 0.2
EVERY = 20
STRETCHES = 10
SIDES = (240, 1000)  # pixels of a photo's longer side
FOLDERS = ("album", "detect", "ageing")


def make_photos(data: Path, folder: Path, count: int) -> None:
    """Cut-outs of the labelled photos, a thousand in a folder."""
    sources = sorted(path for name in FOLDERS for path in (data / name).rglob("*.jpg"))
    rng = np.random.default_rng(0)
    for number in range(count):
        photo = Image.open(sources[number % len(sources)]).convert("RGB")
        width, height = (round(side * rng.uniform(0.6, 1)) for side in photo.size)
        left, top = rng.integers(photo.width - width + 1), rng.integers(photo.height - height + 1)
        scale = rng.integers(*SIDES) / max(width, height)
        size = tuple(max(1, round(side * scale)) for side in (width, height))
        part = photo.resize(
            size, Image.Resampling.BILINEAR, (left, top, left + width, top + height)
        )
        target = folder / f"{number // 1000:03}"
        target.mkdir(exist_ok=True)
        part.save(target / f"{number:06}.jpg", quality=int(rng.integers(60, 96)))


def resident() -> int:
    """Bytes of this process in memory."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])


def scan(folder: Path, workers: int) -> None:
    """In the child: scan, and tell memory over photos, then after the grouping."""
    import fastface

    samples: list[tuple[int, int]] = []

    def sample(done: int, _all: int, _path: Path | None) -> None:
        if done % EVERY == 0:
            samples.append((done, resident()))

    with fastface.Library(folder / "library.sqlite") as library:
        summary = library.scan(folder, workers=workers, progress=sample)
    told = {"samples": samples, "faces": summary.n_faces, "failed": summary.n_failed}
    print(json.dumps({**told, "grouped": resident(), "seconds": summary.seconds}))


def slope(samples: np.ndarray) -> float:
    """Bytes per photo, by least squares.  samples: (n, 2) photos and bytes."""
    return float(np.polyfit(samples[:, 0], samples[:, 1], 1)[0])


def plot(samples: np.ndarray, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7, 3.5), constrained_layout=True)
    axis.plot(samples[:, 0], samples[:, 1] / 1e6)
    axis.set(xlabel="photos scanned", ylabel="resident memory, MB", ylim=(0, None))
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="folder that holds album/, detect/, ageing/")
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--plot", type=Path, metavar="FILE")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        scan(args.child, args.workers)
        return
    with tempfile.TemporaryDirectory() as scratch:
        make_photos(args.data, Path(scratch), args.photos)
        command = [sys.executable, __file__, "--child", scratch, "--workers", str(args.workers)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(done.stdout)
    samples = np.array(told["samples"])
    steady = samples[samples[:, 0] > WARM_UP * args.photos]
    slopes = [slope(stretch) for stretch in np.array_split(steady, STRETCHES)]
    memory = steady[:, 1] / 1e6
    print(
        f"{args.photos} photos, {told['faces']} faces, {told['failed']} failed, "
        f"{told['seconds']:.0f} s, {args.workers} workers\n"
        f"after {steady[0, 0]} photos {memory[0]:.1f} MB, "
        f"after {steady[-1, 0]} {memory[-1]:.1f} MB "
        f"(least {memory.min():.1f}, most {memory.max():.1f}); "
        f"with all grouped {told['grouped'] / 1e6:.1f} MB\n"
        f"slope {slope(steady):.0f} bytes a photo; of {STRETCHES} stretches, median "
        f"{np.median(slopes):.0f}, middle half {np.quantile(slopes, 0.25):.0f} to "
        f"{np.quantile(slopes, 0.75):.0f}"
    )
    if args.plot:
        plot(samples, args.plot)


if __name__ == "__main__":
    main()
