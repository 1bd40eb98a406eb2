"""Names out of a library and into it: beside photos, into photos, from other programs."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from fastface.cli import main
from fastface.errors import LibraryError, MetadataError, PhotoError
from fastface.library import Library
from fastface.metadata import regions, writing
from fastface.metadata.embedded import read_embedded
from fastface.metadata.regions import Region
from fastface.metadata.sidecars import read_sidecar
from fastface.metadata.xmp import Packet
from fastface.types import Box
from tests.fake_engine import FakeEngine, who

FIRST, SECOND = Box(0.05, 0.1, 0.15, 0.2), Box(0.25, 0.1, 0.15, 0.2)  # where faces are painted


@pytest.fixture
def scanned(library: Library, album: Path) -> Library:
    """p1 on 0, 1, 2, 5 and 7; p2 on 1, 4, 5 and 8."""
    library.scan(album)
    return library


def names_beside(photo: Path) -> dict[str, Box | None]:
    path = photo.with_name(photo.name + ".xmp")
    return {r.name: r.box for r in regions.read(read_sidecar(path).properties()).regions}


def put_beside(photo: Path, *named: Region, size: tuple[int, int] = (32, 24)) -> Path:
    """A sidecar as another program may have written it: without our own list."""
    packet = Packet()
    writing.put_names(packet, named, size)
    packet.remove(writing.WRITTEN)
    path = photo.with_name(photo.name + ".xmp")
    path.write_bytes(packet.serialise())
    return path


def test_names_go_beside_the_photos(scanned: Library, album: Path) -> None:
    originals = {path: path.read_bytes() for path in album.iterdir()}
    scanned.name("p1", "Ada")
    report = scanned.export_names(album)
    assert sorted(path.name[0] for path in report.written) == list("01257")
    assert names_beside(album / "0.png") == {"Ada": pytest.approx(FIRST)}
    assert names_beside(album / "5.png") == {"Ada": pytest.approx(SECOND)}
    assert all(path.read_bytes() == data for path, data in originals.items())
    again = scanned.export_names()
    assert not again.written and again.n_unchanged == again.n_files == 9


def test_a_name_too_long_for_a_sidecar_is_a_problem_of_that_photo(
    scanned: Library, album: Path
) -> None:
    (album / "0.png").rename(album / f"{'x' * 251}.png")
    (album / "1.png").rename(album / f"{'y' * 247}.png")  # room for a sidecar's suffix
    scanned.scan(album)
    scanned.name("p1", "Ada")
    report = scanned.export_names()
    ((photo, why),) = report.problems
    assert photo.name.startswith("x") and "too long" in why
    assert len(report.written) == 4 and album / f"{'y' * 247}.png.xmp" in report.written
    assert not scanned.import_names().problems


def test_a_link_that_leads_round_in_a_circle_gives_way(scanned: Library, album: Path) -> None:
    (album / "1.png.xmp").symlink_to("1.png.xmp")
    scanned.name("p1", "Ada")
    report = scanned.export_names()
    assert not report.problems and len(report.written) == 5
    assert names_beside(album / "1.png").keys() == {"Ada"}


def test_names_taken_back_go(scanned: Library, album: Path) -> None:
    scanned.name("p1", "Ada")
    scanned.name("p2", "Bea")
    (album / "1.png.xmp").write_text(
        '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<r:Description xmlns:m="urn:mine#" m:Stars="5"/></r:RDF>'
    )
    scanned.export_names()
    assert names_beside(album / "1.png").keys() == {"Ada", "Bea"}
    scanned.hide("Bea")
    assert sorted(path.name for path in scanned.export_names().removed) == [
        "4.png.xmp",
        "8.png.xmp",
    ]
    scanned.undo()
    scanned.name("Ada", "Ada King")
    scanned.export_names()
    assert names_beside(album / "1.png").keys() == {"Ada King", "Bea"}
    for _ in range(3):
        scanned.undo()
    report = scanned.export_names()
    assert [path.name for path in report.written] == ["1.png.xmp"] and len(report.removed) == 6
    assert read_sidecar(album / "1.png.xmp").properties() == {"{urn:mine#}Stars": "5"}


def test_a_dry_run_writes_nothing(scanned: Library, album: Path) -> None:
    scanned.name("p1", "Ada")
    before = sorted(album.iterdir())
    for embed in (False, True):
        assert len(scanned.export_names(dry_run=True, embed=embed).written) == 5
    assert sorted(album.iterdir()) == before


def test_lightroom_style_and_modes(scanned: Library, album: Path) -> None:
    scanned.name("p1", "Ada")
    (album / "0.png").chmod(0o640)
    scanned.export_names(style="lightroom", keywords=True)
    assert (album / "0.xmp").stat().st_mode & 0o777 == 0o640
    assert read_sidecar(album / "0.xmp").properties()["dc:subject"] == ["Ada"]
    with pytest.raises(ValueError, match=r"style: expected one of full, lightroom"):
        scanned.export_names(style="adobe")
    with pytest.raises(PhotoError, match="no such folder"):
        scanned.export_names(album / "nowhere")


def test_damaged_sidecars_are_left_alone(scanned: Library, album: Path) -> None:
    scanned.name("p1", "Ada")
    (album / "0.png.xmp").write_text("<x:xmpmeta")
    report = scanned.export_names()
    ((photo, why),) = report.problems
    assert photo.name == "0.png" and "0.png.xmp: damaged XML" in why
    assert (album / "0.png.xmp").read_text() == "<x:xmpmeta" and len(report.written) == 4


def test_embedded_names_and_what_was_said_stay(scanned: Library, album: Path) -> None:
    """A photo that names were embedded into has other bytes; what was said of it still holds."""
    scanned.name("p1", "Ada")
    scanned.reject("Ada", [face.id for face in scanned.faces("Ada") if face.photo.name == "7.png"])
    before, faces = who(scanned), scanned.faces()
    originals = album.with_name("originals")
    shutil.copytree(album, originals)
    assert len(scanned.export_names(embed=True).written) == 4
    found = regions.read(read_embedded(album / "0.png").properties())
    assert [r.name for r in found.regions] == ["Ada"]
    assert not scanned.export_names(embed=True).written
    assert scanned.scan(album).n_unchanged == 9
    os.utime(album / "0.png", ns=(1, 1))
    assert scanned.scan(album).n_new == 0
    scanned.recluster()
    assert who(scanned) == before and scanned.faces() == faces
    assert scanned.scan(originals).n_new == 0, "the photos from before are known as well"
    scanned.undo(1)
    scanned.export_names(embed=True)
    assert (album / "0.png").read_bytes() == (originals / "0.png").read_bytes()


def test_names_come_from_sidecars(scanned: Library, album: Path) -> None:
    put_beside(album / "1.png", Region("Ada Lovelace", FIRST), Region("Bea", SECOND))
    put_beside(
        album / "2.png", Region("ada lovelace", FIRST), Region("Far", Box(0.8, 0.7, 0.1, 0.1))
    )
    report = scanned.import_names()
    assert {(n.name, n.person, n.how) for n in report.names} == {
        ("Ada Lovelace", "p1", "region"),
        ("ada lovelace", "p1", "region"),
        ("Bea", "p2", "region"),
    }
    ((left),) = report.left_over
    assert (left.name, left.why, left.photo.name) == ("Far", "no face was found there", "2.png")
    assert {name for name, _ in who(scanned).values()} == {"Ada Lovelace", "Bea"}
    assert report.n_answers == len(scanned.history()) == 4


def test_an_import_is_one_batch_and_adds_nothing_twice(scanned: Library, album: Path) -> None:
    before = who(scanned)
    put_beside(album / "1.png", Region("Ada", FIRST), Region("Bea", SECOND))
    assert scanned.import_names(dry_run=True).n_answers == 4
    assert scanned.history() == [] and who(scanned) == before
    scanned.import_names()
    named = who(scanned)
    again = scanned.import_names()
    assert again.n_answers == 0 and not any(name.is_new for name in again.names)
    assert who(scanned) == named
    scanned.undo()
    assert who(scanned) == before
    scanned.undo(scanned.history()[-1].number)
    assert who(scanned) == named
    scanned.undo()
    assert who(scanned) == before
    scanned.import_names()
    assert who(scanned) == named


def test_imported_names_outlive_another_grouping(
    scanned: Library, album: Path, engine: FakeEngine
) -> None:
    put_beside(album / "1.png", Region("Ada", FIRST), Region("Bea", SECOND))
    scanned.import_names()
    named = who(scanned)
    for relabel in (lambda p: 7 - p, lambda p: 0, lambda p: p):
        engine.relabel = relabel
        scanned.recluster()
    assert who(scanned) == named


def test_what_you_said_is_not_overruled_silently(scanned: Library, album: Path) -> None:
    scanned.name("p1", "Ada")
    put_beside(album / "0.png", Region("Zoe", FIRST))
    report = scanned.import_names()
    assert report.n_answers == 0
    assert [(c.photo.name, c.name, c.there) for c in report.conflicts] == [("0.png", "Zoe", "Ada")]
    assert scanned.import_names(replace=True).n_answers == 2
    assert {"Zoe", "Ada"} == {name for name, _ in who(scanned).values() if name}


def test_names_in_the_wrong_cluster_divide_it(scanned: Library, album: Path) -> None:
    put_beside(album / "0.png", Region("Ada", FIRST))
    put_beside(album / "2.png", Region("Eve", FIRST))
    put_beside(album / "7.png", Region("Ada", FIRST))
    scanned.import_names()
    names = dict(who(scanned).values())
    assert {"0.png", "7.png"} <= names["Ada"] and "2.png" in names["Eve"]


def test_picasa_and_takeout(scanned: Library, album: Path) -> None:
    rect = "".join(f"{round(v * 65535):04x}" for v in (0.05, 0.1, 0.2, 0.3))
    (album / ".picasa.ini").write_text(f"[Contacts2]\nabc=Ada;;\n[0.PNG]\nfaces=rect64({rect}),abc")
    for number in (4, 8, 1):
        document = {"title": f"{number}.png", "photoTakenTime": {}, "people": [{"name": "Bea"}]}
        (album / f"{number}.png.supplemental-metadata.json").write_text(json.dumps(document))
    report = scanned.import_names()
    assert sorted((n.source, n.how, n.photo.name, n.name) for n in report.names) == [
        ("picasa", "region", "0.png", "Ada"),
        ("takeout", "company", "1.png", "Bea"),
        ("takeout", "only face", "4.png", "Bea"),
        ("takeout", "only face", "8.png", "Bea"),
    ]
    scanned.undo()
    assert {n.source for n in scanned.import_names(sources=["picasa"]).names} == {"picasa"}
    with pytest.raises(ValueError, match=r"sources: expected some of .*'flickr'"):
        scanned.import_names(sources=["flickr"])
    with pytest.raises(MetadataError, match="No such file"):
        scanned.import_names(contacts=album / "contacts.xml")


def test_names_that_are_none_are_reported(scanned: Library, album: Path) -> None:
    put_beside(album / "0.png", Region("p7", FIRST))
    report = scanned.import_names()
    assert not report.names and "reads as a person's id" in report.problems[0]


def test_out_and_in_again(scanned: Library, album: Path, tmp_path: Path) -> None:
    """A new library learns from the files of the old one everything that has a face."""
    scanned.name("p1", "Ada")
    scanned.name("p2", "Bea")
    scanned.export_names()
    with Library(tmp_path / "other.db", engine=FakeEngine()) as other:
        other.scan(album)
        report = other.import_names()
        assert not report.left_over and not report.conflicts and not report.problems
        assert who(other) == who(scanned)


def test_read_only(scanned: Library, album: Path) -> None:
    put_beside(album / "0.png", Region("Ada", FIRST))
    with Library(scanned.path, read_only=True, engine=FakeEngine()) as library:
        assert library.export_names().n_files == 9
        for write in (library.import_names, lambda: library.export_names(embed=True)):
            with pytest.raises(LibraryError, match="read-only"):
                write()


def run(library: Library, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
    """A command's stdout and stderr."""
    assert main([*words, "--library", str(library.path)]) == 0
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_commands(scanned: Library, album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_beside(album / "1.png", Region("Ada", FIRST), Region("Bea", SECOND))
    put_beside(album / "2.png", Region("Far", Box(0.8, 0.7, 0.1, 0.1)))
    out, err = run(scanned, capsys, "import", "--dry-run")
    assert out.splitlines()[1:] == ["p1  Ada       1", "p2  Bea       1"]
    assert "2 names would be taken over (2 by region), 0 known already, 1 without a face" in err
    assert "2.png: Far: no face was found there" in err and scanned.history() == []
    imported = json.loads(run(scanned, capsys, "import", str(album), "--json")[0])
    assert [(n["name"], n["person"], n["new"]) for n in imported["names"]] == [
        ("Ada", "p1", True),
        ("Bea", "p2", True),
    ]
    assert "2 known already" in run(scanned, capsys, "import", "--from", "sidecar")[1]
    out, err = run(scanned, capsys, "export", "--dry-run")
    assert out.splitlines() == [str(album / f"{n}.png.xmp") for n in (0, 2, 4, 5, 7, 8)]
    assert "6 files would be written, 0 would be removed; 3 photos of 9 unchanged." in err
    exported = json.loads(run(scanned, capsys, "export", "--json")[0])
    assert len(exported["written"]) == 6 and not exported["conflicts"]
    scanned.name("Ada", "Zoe")
    err = run(scanned, capsys, "export")[1]
    assert "1.png: not Zoe, Ada is there already" in err
