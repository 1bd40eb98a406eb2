"""The walk over a folder finds every photo once, in one order, and nothing else."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastface import photos
from fastface.errors import PhotoError
from fastface.photos import content_hash, display_name, iter_photos


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def found(root: Path) -> list[str]:
    return [photo.path.relative_to(root).as_posix() for photo in iter_photos(root)]


def test_order_suffixes_and_facts(tmp_path: Path) -> None:
    make(tmp_path, "b/2.jpg", "b/1.JPG", "b/c/3.heic", "a/4.webp", "9.Png", "10.tiff", "notes.txt")
    make(tmp_path, "b/film.mp4", "jpg", "a/5.avif", "a/6.eps", "b-/7.jpeg")
    expected = ["10.tiff", "9.Png", "a/4.webp", "a/5.avif", "b/1.JPG", "b/2.jpg", "b/film.mp4"]
    assert found(tmp_path) == [*expected, "b/c/3.heic", "b-/7.jpeg"]
    os.utime(tmp_path / "10.tiff", ns=(5, 7_000_000_001))
    first = next(iter_photos(str(tmp_path)))
    assert (first.size, first.mtime_ns) == (len("10.tiff"), 7_000_000_001)


def test_other_kinds_are_told_of_but_for_raw_files_beside_a_photo(tmp_path: Path) -> None:
    make(tmp_path, "1.jpg", "1.CR2", "2.cr2", "a/3.GIF", "a/4.gif", "notes.txt", ".5.gif")
    make(tmp_path, "b/.nomedia", "b/6.gif", "c.gif/7.jpg")
    kinds: list[str] = []
    photos = list(iter_photos(tmp_path, on_other=kinds.append))
    assert sorted(kinds) == [".cr2", ".gif", ".gif"] and len(photos) == 2


def test_hidden_unwanted_and_system_folders(tmp_path: Path) -> None:
    make(tmp_path, "in.jpg", ".hidden/1.jpg", "._in.jpg", "a/.nomedia", "a/2.jpg", "a/b/3.jpg")
    make(tmp_path, "nas/@eaDir/4.jpg", "nas/5.jpg", "__MACOSX/6.jpg")
    assert found(tmp_path) == ["in.jpg", "nas/5.jpg"]
    assert found(tmp_path / ".hidden") == ["1.jpg"]  # asked for by name
    assert found(tmp_path / "a") == []


def test_link_loops_end(tmp_path: Path) -> None:
    make(tmp_path, "a/b/1.jpg")
    (tmp_path / "a/b/up").symlink_to(tmp_path)
    (tmp_path / "a/b/self").symlink_to(".")
    (tmp_path / "a/loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "dangling.jpg").symlink_to("nowhere.jpg")
    assert found(tmp_path) == ["a/b/1.jpg"]


def test_links_lead_out_and_give_way_to_real_folders(tmp_path: Path) -> None:
    make(tmp_path, "outside/1.jpg", "root/z/2.jpg")
    root = tmp_path / "root"
    (root / "also_z").symlink_to("z")
    (root / "away").symlink_to(tmp_path / "outside")
    (tmp_path / "outside/deeper").symlink_to(root)
    (root / "3.jpg").symlink_to(tmp_path / "outside/1.jpg")
    assert found(root) == ["3.jpg", "z/2.jpg", "away/1.jpg"]


def test_sockets_pipes_and_folders_named_like_photos(tmp_path: Path) -> None:
    make(tmp_path, "folder.jpg/1.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(tmp_path)  # the path of a socket may have no more than 107 bytes
        try:
            listener.bind("socket.jpg")
        finally:
            os.chdir(here)
        assert found(tmp_path) == ["folder.jpg/1.jpg"]
        for name in ("pipe.jpg", "socket.jpg"):
            with pytest.raises(PhotoError, match="not a file"):
                content_hash(tmp_path / name)


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff\xfe"
    Path(os.fsdecode(folder)).mkdir()
    Path(os.fsdecode(folder + b"/caf\xe9\n.jpg")).write_bytes(b"x")
    (photo,) = iter_photos(tmp_path)
    shown = display_name(photo.path)
    assert shown.endswith("/\\udcff\\udcfe/caf\\udce9\\n.jpg")
    shown.encode("ascii" if str(tmp_path).isascii() else "utf-8")
    assert content_hash(photo.path) == content_hash(b"x")


def test_vanishing_files_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/1.jpg", "b/2.jpg", "c/3.jpg")
    walk = iter_photos(tmp_path)
    assert next(walk).path.name == "1.jpg"
    (tmp_path / "b/2.jpg").unlink()
    (tmp_path / "b").rmdir()
    assert [photo.path.name for photo in walk] == ["3.jpg"]

    real_stat = Path.stat

    def stat_of_a_file_just_deleted(path: Path, **options: bool) -> os.stat_result:
        if path.name == "1.jpg":
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return real_stat(path, **options)

    monkeypatch.setattr(Path, "stat", stat_of_a_file_just_deleted)
    assert found(tmp_path) == ["c/3.jpg"]


def test_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/1.jpg", "b/2.jpg")
    real_scandir = os.scandir

    def scandir(path: Path) -> Iterator[os.DirEntry[str]]:
        if path.name == "a":  # as root, tests cannot make a folder unreadable
            raise PermissionError(13, "Permission denied", str(path))
        return real_scandir(path)

    monkeypatch.setattr(photos.os, "scandir", scandir)
    failures: list[tuple[Path, str]] = []
    walk = iter_photos(tmp_path, on_error=lambda path, reason: failures.append((path, reason)))
    assert [photo.path.name for photo in walk] == ["2.jpg"]
    assert failures == [(tmp_path / "a", "Permission denied")]
    assert found(tmp_path) == ["b/2.jpg"]


def test_no_such_folder(tmp_path: Path) -> None:
    make(tmp_path, "file.jpg")
    for root, reason in (("gone", "gone: no such folder"), ("file.jpg", "file.jpg: not a folder")):
        with pytest.raises(PhotoError, match=reason):
            list(iter_photos(tmp_path / root))


def test_content_hash(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "b.jpg")
    data = bytes(range(256)) * 9000  # several blocks
    (tmp_path / "a.jpg").write_bytes(data)
    assert content_hash(tmp_path / "a.jpg") == content_hash(str(tmp_path / "a.jpg"))
    assert content_hash(tmp_path / "a.jpg") == content_hash(data)
    assert content_hash(tmp_path / "a.jpg") != content_hash(tmp_path / "b.jpg")
    with pytest.raises(PhotoError, match=r"gone\.jpg: No such file"):
        content_hash(tmp_path / "gone.jpg")
