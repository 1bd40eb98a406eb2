"""The demonstration's photos: a few public-domain ones, fetched by hash like a model.

Seven photographs of the White House (works of the United States government, public domain) that
the source package of `face_recognition` carries for its own tests.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from fastface.errors import ModelError
from fastface.files import write_private
from fastface.models.packages import download, read_member
from fastface.models.table import Source

Progress = Callable[[str], None]

SOURCE = Source(
    distribution="face_recognition",
    version="1.3.0",
    archive="face_recognition-1.3.0.tar.gz",
    archive_sha256="5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
    archive_bytes=3_182_249,
    member="face_recognition-1.3.0/tests/test_images",
)

PHOTOS = {
    "32bit.png": "44dca895a7d635a4aedddd91a4f37af9a8a5b44e66154282a24645a757b5f627",
    "biden.jpg": "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c",
    "obama.jpg": "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6",
    "obama2.jpg": "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6",
    "obama3.jpg": "76ac6bf97c36dc2da0ad16a537d6a5ac1b10f48d49aac29a0cca9a17cdbc3ca3",
    "obama_partial_face.jpg": "c2d1f09e7ef3042352b41e41286e6eb0522f64f88308be13886991b95db52117",
    "obama_partial_face2.jpg": "9a812347f97633542b8cd9992de22def11b74f79d82056bc3ee830f13878e028",
}


def demo_folder() -> Path:
    """Where the demonstration keeps its photos, library and report: in the user's cache."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("fastface", appauthor=False)) / "demo"


def fetch_photos(
    folder: Path | None = None, *, source: Path | None = None, progress: Progress | None = None
) -> Path:
    """The folder that holds the demonstration's photos, each with its pinned SHA-256.

    folder: by default `photos` in `demo_folder()`.  source: a folder with the photos or with their
    package, for machines without a network; None asks pip, if anything is missing at all.
    progress: called with a line of text at each step.
    Raises ModelError if a photo cannot be had or has another hash.
    """
    folder = folder or demo_folder() / "photos"
    missing = [name for name in PHOTOS if not _is_whole(folder / name, name)]
    if not missing:
        return folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fastface-") as scratch:
        if source is None:
            if progress is not None:
                progress(
                    f"fetching seven public-domain photos: {SOURCE.archive} "
                    f"({SOURCE.archive_bytes / 1e6:.1f} MB) with pip, into {folder}"
                )
            download(SOURCE, Path(scratch), offline="fastface demo --from FOLDER")
        for name in missing:
            write_private(folder / name, _read(name, source or Path(scratch)))
    return folder


def _read(name: str, folder: Path) -> bytes:
    """A photo from a folder that has it as a file or in the package."""
    file, archive = folder / name, folder / SOURCE.archive
    content = None
    if file.is_file():
        content = file.read_bytes()
    elif archive.is_file():
        content = read_member(archive, f"{SOURCE.member}/{name}")
    if content is None:
        raise ModelError(f"{folder} holds neither {name} nor {SOURCE.archive}")
    if hashlib.sha256(content).hexdigest() != PHOTOS[name]:
        raise ModelError(f"{name} in {folder} has another SHA-256 than the pinned one; not used")
    return content


def _is_whole(path: Path, name: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == PHOTOS[name]
