"""The report: safe with any name and path, small with any library, readable by its owner alone."""

from __future__ import annotations

import base64
import re
import stat
from html.parser import HTMLParser
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastface.errors import FastfaceError
from fastface.report import content, thumbnails, write_report
from fastface.report.page import content_policy
from fastface.report.thumbnails import Thumbnail, Wish, square_around, within_budget
from fastface.types import Box, Face
from tests.fakes import BOX, FakeLibrary

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def library(tmp_path: Path) -> FakeLibrary:
    """The standard people on photos that exist: a gradient, so that crops can be told apart."""
    FakeLibrary.opened.clear()
    folder = tmp_path / "photos"
    folder.mkdir()
    ramp = np.linspace(0, 255, 640, dtype=np.uint8)
    pixels = np.stack([np.tile(ramp, (480, 1))] * 3, axis=2)
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        Image.fromarray(pixels).save(folder / name, quality=95)
    return FakeLibrary().fill(folder)


class Page(HTMLParser):
    """Tags with their attributes, the text, and the ids."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_shows_people_faces_photos_failures_and_figures(
    library: FakeLibrary, tmp_path: Path
) -> None:
    library.scan(tmp_path / "photos")
    written = write_report(library, tmp_path / "r.html")
    page = Page(written.path)
    assert written.n_people == 2 and written.n_photos == 2
    assert written.n_bytes == written.path.stat().st_size
    for words in (
        "Ada Lovelace",
        "2 photos · 2 faces · 2001–2004",
        "Unclear faces",
        "truncated after 12 bytes",
        "0.525 cosine distance",
        "yunet+sface",
        "fastface name p2",
        "SIMD",
    ):
        assert words in page.text
    pictures = page.all("img")
    assert pictures
    for picture in pictures:
        assert str(picture["src"]).startswith("data:image/jpeg;base64,")
        assert "alt" in picture and picture["width"] and picture["height"]


def test_every_heading_is_in_order_and_every_link_arrives(
    library: FakeLibrary, tmp_path: Path
) -> None:
    page = Page(write_report(library, tmp_path / "r.html").path)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        href = str(link["href"])
        assert href.startswith("file:///") or href.removeprefix("#") in ids


def test_hostile_names_and_paths_are_text(library: FakeLibrary, tmp_path: Path) -> None:
    library.called = {"p1": HOSTILE, "p2": None}
    odd = tmp_path / "photos" / "<img src=x onerror=alert(3)>\udcff.jpg"
    (tmp_path / "photos/a.jpg").rename(odd)
    for face in ("f1", "f2"):
        library.replace_face(face, photo=odd)
    library.broken = [(Path("/x/<script>\udcfe.jpg"), "<b>not</b> a \udcff photo")]
    page = Page(write_report(library, tmp_path / "r.html").path)
    assert not page.all("script") and not page.all("b")
    assert HOSTILE in page.text and "<b>not</b>" in page.text
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    links = [str(link["href"]) for link in page.all("a")]
    assert any(link.endswith("%FF.jpg") for link in links)


def test_policy_allows_the_style_and_nothing_to_load(library: FakeLibrary, tmp_path: Path) -> None:
    written = write_report(library, tmp_path / "r.html")
    text = written.path.read_text("utf-8")
    page = Page(written.path)
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None and text.count("<style") == 1
    assert policy == content_policy(style[1])
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert not page.all("script") and 'style="' not in text
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    assert "http://" not in text and "https://" not in text


def test_only_the_owner_reads_it_and_it_replaces_only_itself(
    library: FakeLibrary, tmp_path: Path
) -> None:
    path = tmp_path / "r.html"
    write_report(library, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    write_report(library, path)
    assert [file.name for file in tmp_path.glob("*r.html*")] == ["r.html"]
    letter = tmp_path / "letter.html"
    letter.write_text("<!doctype html>Dear Ada")
    with pytest.raises(FastfaceError, match="not a fastface report"):
        write_report(library, letter)
    assert letter.read_text() == "<!doctype html>Dear Ada"
    with pytest.raises(FastfaceError, match="is a folder"):
        write_report(library, tmp_path)
    with pytest.raises(FastfaceError, match="there is no folder"):
        write_report(library, tmp_path / "none" / "r.html")


def test_a_failed_write_leaves_the_old_report(
    library: FakeLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.html"
    write_report(library, path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(library, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.glob("*r.html*")] == ["r.html"]


def test_photos_that_are_gone_leave_a_gap_not_an_error(
    library: FakeLibrary, tmp_path: Path
) -> None:
    (tmp_path / "photos/a.jpg").unlink()
    (tmp_path / "photos/b.jpg").write_bytes(b"\xff\xd8\xff no longer a photo")
    page = Page(write_report(library, tmp_path / "r.html").path)
    assert "gone" in page.text and "Ada Lovelace" in page.text


def test_an_empty_library_has_a_page_too(library: FakeLibrary, tmp_path: Path) -> None:
    library.called, library.faces_found, library.broken = {}, [], []
    written = write_report(library, tmp_path / "r.html")
    assert written.n_people == 0
    assert "fastface scan FOLDER" in Page(written.path).text


def test_a_huge_library_stays_small(
    library: FakeLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """5,000 photos of 900 people, each with a thumbnail as large as they get (noise)."""
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (480, 640, 3), np.uint8))
    face, photo = thumbnails._of_face(noise, BOX), thumbnails._of_photo(noise)
    monkeypatch.setattr(
        thumbnails,
        "_render_photo",
        lambda _, wishes: {wish: face if wish.box else photo for wish in wishes},
    )
    paths = [tmp_path / f"a folder with a long name/IMG_{k:05}.jpg" for k in range(5000)]
    library.called = {f"p{k}": None for k in range(900)}
    library.faces_found = [
        Face(f"f{k}", path, BOX, f"p{int(900 * rng.random() ** 3)}", 0.5, False)
        for k, path in enumerate(paths)
    ]
    present = {face.person for face in library.faces_found}
    library.called = {key: name for key, name in library.called.items() if key in present}
    library.broken = [(path, "empty file") for path in paths]
    written = write_report(library, tmp_path / "r.html")
    assert 5_000_000 < written.n_bytes < 10_000_000
    text = Page(written.path).text
    assert "and 4,800 more" in text and "not on this page" in text


def test_budget_serves_breadth_before_depth() -> None:
    wishes = [Wish(Path(f"{k}"), None) for k in range(4)]
    made: dict[Wish, Thumbnail | None] = {wish: Thumbnail("x" * 10, 1, 1) for wish in wishes}
    made[wishes[1]] = None
    assert list(within_budget(dict.fromkeys(wishes, 1), made, 20)) == wishes[:3]
    assert list(within_budget(dict.fromkeys(wishes, 2), made, 20)) == wishes[:2]
    assert list(within_budget(dict.fromkeys(wishes, 1), made, 0)) == []


@pytest.mark.parametrize("box", [Box(-0.1, 0.9, 0.3, 0.3), Box(0, 0, 1, 1), Box(0.5, 0.5, 0, 0)])
@pytest.mark.parametrize("size", [(1, 1), (640, 480), (7, 900)])
def test_the_square_stays_inside_the_photo(box: Box, size: tuple[int, int]) -> None:
    left, top, side = square_around(box, *size)
    assert left >= 0 and top >= 0 and side > 0
    assert left + side <= size[0] + 1e-6 and top + side <= size[1] + 1e-6


def test_faces_are_cropped_where_they_are_and_upright(tmp_path: Path) -> None:
    """A photo stored on its side, with a red face at the upper left of the upright view."""
    upright = np.full((400, 300, 3), 200, np.uint8)
    upright[40:120, 30:90] = (220, 20, 20)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    path = tmp_path / "turned.jpg"
    Image.fromarray(np.rot90(upright)).save(path, quality=95, exif=exif)
    wish = Wish(path, Box(30 / 300, 40 / 400, 60 / 300, 80 / 400))
    made = thumbnails.make_thumbnails([wish])[wish]
    assert made is not None
    data = base64.b64decode(made.uri.partition(",")[2])
    face = np.asarray(Image.open(BytesIO(data)), np.int16)
    middle = face[face.shape[0] // 2, face.shape[1] // 2]
    assert middle[0] > 180 and middle[1] < 70
    assert b"Exif" not in data


def test_faces_of_many_photos_before_many_faces_of_one() -> None:
    one, other = Path("one"), Path("other")
    faces = [Face(f"{k}", one, BOX, "p", 0.9 - k / 100, False) for k in range(3)]
    faces.append(Face("x", other, BOX, "p", 0.1, False))
    assert [face.id for face in content.best_faces(faces, 3)] == ["0", "x", "1"]
