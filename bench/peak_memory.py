r"""Peak memory of a scan: photos of 100 megapixels in every format, and crowds, under limits.

    python bench/peak_memory.py --data ../shared/data --limits 400 2500 [--only plain.png ...]
    python bench/peak_memory.py --data ../shared/data --bare [--only plain.webp ...]

Each line is a scan in a process of its own, of four photos alike (enlarged ones of the album; a
crowd is a mosaic of the photos of `detect/`, whose small faces take the most of the detector).
Resident memory is the most that the process ever had (Linux).  --bare: one photo, by its decoder
alone (Pillow's or pi_heif's; JPEGs at an eighth), and what that takes beside the libraries loaded.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()

SIDE = (11600, 8640)  # 100 megapixels
COPIES = 4
FORMATS = {
    "baseline.jpg": {"quality": 88},
    "progressive.jpg": {"quality": 88, "progressive": True},
    "progressive-444.jpg": {"quality": 88, "progressive": True, "subsampling": 0},
    "plain.png": {"compress_level": 1},
    "lzw.tif": {"compression": "tiff_lzw"},
    "plain.webp": {"quality": 80, "method": 0},
    "plain.avif": {"quality": 60, "speed": 10},
    "plain.heic": {"quality": 50, "enc_params": {"preset": "ultrafast"}},
}


def crowd(data: Path) -> Image.Image:
    """Twelve crowds in one photo of 12 megapixels."""
    mosaic = Image.new("RGB", (4096, 3072))
    for place, path in enumerate(sorted((data / "detect").iterdir())[:12]):
        tile = Image.open(path).convert("RGB").resize((1024, 768))
        mosaic.paste(tile, (place % 4 * 1024, place // 4 * 768))
    return mosaic


def write(folder: Path, name: str, image: Image.Image) -> Path:
    """Four files whose bytes differ after the end of the photo, so that each is read."""
    target = folder / name
    target.mkdir()
    content = io.BytesIO()
    options = FORMATS.get(name, {"quality": 90})
    image.save(content, Image.registered_extensions()[Path(name).suffix], **options)
    for copy in range(COPIES):
        (target / f"{copy}{Path(name).suffix}").write_bytes(content.getvalue() + bytes([copy]))
    return target


def peak_mb() -> float:
    """What getrusage tells starts with the parent's memory."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1e3


def decode_bare(path: Path) -> None:
    """In the child: no more than the decoder does, and tell what that took."""
    from fastface import images

    small = path.with_name("small" + path.suffix)  # loads what libraries load when first used
    Image.new("RGB", (64, 48)).save(small)
    for photo in (small, path):
        before = peak_mb()
        with photo.open("rb") as file:
            image = images._open(file)
            image.draft(None, (image.width // 8, image.height // 8))
            image.load()
    print(f"{peak_mb() - before:5.0f} MB")


def scan(folder: Path, megabytes: int, workers: int) -> None:
    """In the child: scan, and tell the peak."""
    import fastface

    with fastface.Library(folder / "library.sqlite") as library:
        done = library.scan(folder, workers=workers, max_memory=megabytes * 1_000_000)
    reason = done.failures[0][1] if done.failures else ""
    print(f"{peak_mb():5.0f} MB, {done.n_faces:4} faces, {done.n_failed} refused {reason}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="folder that holds album/ and detect/")
    parser.add_argument("--limits", type=int, nargs="+", default=[400, 2500], metavar="MB")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--bare", action="store_true", help="the decoders alone")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="some of the files alone")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child and args.bare:
        decode_bare(min(args.child.iterdir()))
        return
    if args.child:
        scan(args.child, args.limits[0], args.workers)
        return
    album = Image.open(min((args.data / "album").iterdir())).convert("RGB")
    large = album.resize(SIDE, Image.Resampling.BILINEAR)
    ordinary = np.asarray(album.resize((4000, 3000)))
    photos = dict.fromkeys(FORMATS, large) | {
        "12-megapixels.jpg": Image.fromarray(ordinary),
        "crowd.jpg": crowd(args.data),
    }
    for name, photo in photos.items():
        if args.only and name not in args.only:
            continue
        for limit in args.limits[: 1 if args.bare else None]:
            with tempfile.TemporaryDirectory() as scratch:
                command = [
                    sys.executable,
                    __file__,
                    "--child",
                    str(write(Path(scratch), name, photo)),
                ]
                command += ["--limits", str(limit), "--workers", str(args.workers)]
                command += ["--bare"] * args.bare
                told = subprocess.run(command, capture_output=True, text=True, check=False)
                line = told.stdout.strip() or told.stderr.strip().splitlines()[-1]
                how = f"limit {limit:5} MB, {args.workers} workers"
                print(f"{name:20} {'the decoder' if args.bare else how}: {line}", flush=True)


if __name__ == "__main__":
    main()
