"""What fastface takes on this machine: each model, each step of a photo's path, and whole scans.

Nobody's photos are needed: drawn ones of twelve megapixels stand in, the same on every machine.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from PIL import Image

from fastface import analysis, machine, models
from fastface.analysis import DECODE_SIDE, Analyzer, engine_of
from fastface.chains import fastest_chain
from fastface.energy import WATTS_PER_CORE, Energy, Meter
from fastface.errors import PhotoError
from fastface.images import decode
from fastface.inference import OrtSession
from fastface.kernels import ChainNetwork, FaceNetwork
from fastface.library import Library
from fastface.measuring import Latency, in_turns, model_bytes
from fastface.mobile.drawing import drawn_photo
from fastface.models.table import Role
from fastface.photos import content_hash, iter_photos
from fastface.yunet import fastest

# What is done with a photo, in this order.
STEPS: Final = ("hash", "decode", *analysis.STEPS)

# What the detector looks at first of a photo of 4:3, and the sides of a drawn photo: 12 megapixels.
_LOOK: Final = (768, 1024)
_SIDES: Final = (4000, 3000)

_DRAWN_SIDE: Final = 500  # drawing is slow; enlarged, a face is as smooth as in a photo
_NOISE: Final = 4.0  # of a sensor, in levels: what makes a photo as hard to decode as one


@dataclass(frozen=True, slots=True)
class ModelCost:
    """One model, one face or one look at a photo at a time.

    packs: those that it is installed in.  engine: by what it runs, see `Analyzer.engines`.
    resident_bytes: what a process grows by for it in ONNX Runtime, 0 where the system does not
    tell.  per_s: faces or looks a second.
    """

    name: str
    role: Role
    packs: tuple[str, ...]
    engine: str
    file_bytes: int
    resident_bytes: int
    latency: Latency
    per_s: float
    energy: Energy


class StepCost(NamedTuple):
    """A step of a photo's path: processor milliseconds a photo, the median, least and most of the
    rounds."""

    name: str
    ms: float
    least_ms: float
    most_ms: float


@dataclass(frozen=True, slots=True)
class ScanCost:
    """A whole scan, photos in and people out, in a process of its own.

    photos_per_s: median, least and most of the rounds, by the clock.  cpu_ms: of the processor, all
    cores together, for a photo.  peak_bytes: the most that the process ever held, 0 where the
    system does not tell.  energy: for a photo.
    """

    workers: int
    photos_per_s: tuple[float, float, float]
    faces_per_s: float
    cpu_ms: float
    peak_bytes: int
    energy: Energy


def time_models(
    packs: Iterable[str],
    *,
    runs: int = 50,
    watts_per_core: float = WATTS_PER_CORE,
    progress: Callable[[int, int], None] | None = None,
) -> list[ModelCost]:
    """Every model of these packs, each once, in turns on one thread.

    Raises ModelError for a pack that is not installed or damaged.
    """
    owners: dict[str, list[str]] = {}
    files: dict[str, tuple[models.InstalledModel, tuple[int, ...]]] = {}
    for pack in packs:
        side = models.recipe(pack).template.side
        shapes = {"detector": (1, 3, *_LOOK), "embedder": (1, 3, side, side)}
        for role, file in models.installed(pack).items():
            owners.setdefault(file.sha256, []).append(pack)
            files.setdefault(file.sha256, (file, shapes[role]))
    tasks = [_task(file, shape) for file, shape in files.values()]
    costs = in_turns(
        [run for _, run in tasks], runs=runs, watts_per_core=watts_per_core, progress=progress
    )
    return [
        ModelCost(
            name=file.name,
            role=file.role,
            packs=tuple(owners[file.sha256]),
            engine=engine,
            file_bytes=file.path.stat().st_size,
            resident_bytes=model_bytes(file.path, file.sha256, shape),
            latency=cost.latency,
            per_s=cost.per_s,
            energy=cost.energy,
        )
        for (file, shape), (engine, _), cost in zip(files.values(), tasks, costs, strict=True)
    ]


def _task(file: models.InstalledModel, shape: tuple[int, ...]) -> tuple[str, Callable[[], object]]:
    """By what a model runs here, and one run of it on noise."""
    session = OrtSession(file.path, sha256=file.sha256)
    image = np.random.default_rng(0).integers(0, 256, (*shape[2:], 3), np.uint8)
    if file.role == "detector":
        found = fastest(session, file.path)
        if isinstance(found, FaceNetwork):
            return engine_of(found), partial(found.see, image)
    else:
        chain = fastest_chain(session, file.path, shape[-1])
        if isinstance(chain, ChainNetwork):
            return engine_of(chain), partial(chain.run, image[None])
    planes = np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)
    return engine_of(session), partial(session.run, {session.input: planes})


def draw_photos(folder: Path, count: int) -> list[Path]:
    """JPEGs of twelve megapixels, each of the same three drawn people, with noise of its own."""
    square = Image.fromarray(drawn_photo(_DRAWN_SIDE))
    width, height = _SIDES
    photo = Image.new("RGB", _SIDES, (110, 110, 130))
    photo.paste(
        square.resize((height, height), Image.Resampling.BICUBIC), ((width - height) // 2, 0)
    )
    pixels = np.asarray(photo, np.int16)
    noise = np.random.default_rng(0).normal(0, _NOISE, (height, width, 1)).astype(np.int16)
    paths = []
    for number in range(count):
        noisy = pixels + np.roll(noise, (97 * number, 61 * number), axis=(0, 1))
        path = folder / f"{number:03}.jpg"
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path, quality=92)
        paths.append(path)
    return paths


def sample_photos(source: Path, folder: Path, count: int) -> list[Path]:
    """Copies of up to so many photos from all over a folder.  PhotoError where there are none."""
    found = [photo.path for photo in iter_photos(source)]
    if not found:
        raise PhotoError(f"{source} holds no photos")
    chosen = [
        found[k * len(found) // min(count, len(found))] for k in range(min(count, len(found)))
    ]
    copies = [folder / f"{number:03}{path.suffix}" for number, path in enumerate(chosen)]
    for path, copy in zip(chosen, copies, strict=True):
        shutil.copyfile(path, copy)
    return copies


def time_steps(pack: str, photos: Sequence[Path], *, rounds: int = 3) -> list[StepCost]:
    """Where a photo's time goes, each step by itself on one thread; photos that cannot be read are
    left out.  PhotoError where none can."""
    analyzer = Analyzer(pack)
    readable = [photo for photo in photos if _can_read(analyzer, photo)]
    if not readable:
        raise PhotoError("none of the photos can be read")
    times = np.array([[time_photo(analyzer, photo) for photo in readable] for _ in range(rounds)])
    per_round = 1000 * times.mean(axis=1)
    return [
        StepCost(name, float(np.median(values)), float(values.min()), float(values.max()))
        for name, values in zip(STEPS, per_round.T, strict=True)
    ]


def time_photo(analyzer: Analyzer, photo: Path) -> list[float]:
    """Processor seconds of each of `STEPS`: what `reading.read_photo` does with a photo.

    Raises PhotoError as `decode`.
    """
    clock = [time.process_time()]

    def done() -> None:
        clock.append(time.process_time())

    content_hash(photo)
    done()
    pixels = decode(photo, min_side=DECODE_SIDE).pixels
    done()
    analyzer.analyze(pixels, done=done)
    return np.diff(clock).tolist()


def _can_read(analyzer: Analyzer, photo: Path) -> bool:
    try:
        time_photo(analyzer, photo)
    except PhotoError:
        return False
    return True


def time_scans(
    pack: str,
    photos: Sequence[Path],
    workers: Sequence[int],
    *,
    rounds: int = 3,
    watts_per_core: float = WATTS_PER_CORE,
    progress: Callable[[int, int], None] | None = None,
) -> list[ScanCost]:
    """Scans of these photos with each number of workers, in turns.

    The first photo is scanned before, alone: it pays for loading the models.
    """
    told: dict[int, list[dict[str, float]]] = {n: [] for n in workers}
    for turn in range(rounds):
        for place, n in enumerate(workers):
            told[n].append(_scan_in_child(pack, photos, n, watts_per_core))
            if progress is not None:
                progress(turn * len(workers) + place + 1, rounds * len(workers))
    return [_scan_cost(n, told[n]) for n in workers]


def _scan_cost(workers: int, told: Sequence[dict[str, float]]) -> ScanCost:
    rates = [scan["photos"] / scan["wall_s"] for scan in told]
    joules = float(np.median([scan["joules"] / scan["photos"] for scan in told]))
    return ScanCost(
        workers=workers,
        photos_per_s=(float(np.median(rates)), min(rates), max(rates)),
        faces_per_s=float(np.median([scan["faces"] / scan["wall_s"] for scan in told])),
        cpu_ms=float(np.median([1000 * scan["cpu_s"] / scan["photos"] for scan in told])),
        peak_bytes=int(max(scan["peak_bytes"] for scan in told)),
        energy=Energy(joules, "measured" if told[0]["is_measured"] else "estimated"),
    )


def _scan_in_child(
    pack: str, photos: Sequence[Path], workers: int, watts_per_core: float
) -> dict[str, float]:
    arguments = json.dumps([pack, [str(photo) for photo in photos], workers, watts_per_core])
    run = subprocess.run(
        [sys.executable, "-c", _SCAN, arguments], capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise PhotoError(f"the scan failed: {run.stderr.strip().splitlines()[-1]}")
    told: dict[str, float] = json.loads(run.stdout)
    return told


_SCAN = """
import json, sys
from fastface.benchmark import scan_once
print(json.dumps(scan_once(*json.loads(sys.argv[1]))))
"""


def scan_once(
    pack: str, photos: Sequence[str], workers: int, watts_per_core: float
) -> dict[str, float]:
    """What `time_scans` does inside the fresh process."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="fastface-bench-") as scratch:
        first, others = Path(scratch) / "first", Path(scratch) / "others"
        for folder, files in ((first, photos[:1]), (others, photos[1:])):
            folder.mkdir()
            for file in map(Path, files):
                shutil.copyfile(file, folder / file.name)
        with Library(Path(scratch) / "library.db", pack=pack) as library:
            library.scan(first, workers=workers)
            meter, wall, cpu = Meter(watts_per_core), time.perf_counter(), time.process_time()
            summary = library.scan(others, workers=workers)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            joules, source = meter.joules()
            seen = len([face for face in library.faces() if face.photo.parent.name == "others"])
    return {
        "photos": summary.n_new,
        "faces": seen,
        "wall_s": wall,
        "cpu_s": cpu,
        "joules": joules,
        "is_measured": source == "measured",
        "peak_bytes": machine.resident_bytes(peak=True),
    }
