"""Picasa's files, Google's, and the XMP inside images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from fastface.errors import MetadataError
from fastface.metadata import picasa, regions, takeout, writing
from fastface.metadata.embedded import embed, read_embedded
from fastface.metadata.regions import Region
from fastface.metadata.xmp import Packet
from fastface.types import Box

# The form that Picasa 3.9 leaves behind: album sections, CRLF, an unnamed face, leading zeros cut.
PICASA_INI = (
    "[Picasa]\r\nname=Rome\r\n[Contacts2]\r\n8e62398ebda8c1a5=Ada Lovelace;;\r\n"
    "d10a8325c557b085=Zoë;;\r\n[IMG_1.JPG]\r\nbackuphash=57034\r\n"
    "faces=rect64(3f845bcb59418507),8e62398ebda8c1a5;rect64(8000000ffff8000),d10a8325c557b085;"
    "rect64(1000100020002000),ffffffffffffffff;rect64(1000100020002000),1111111111111111;\r\n"
    "[img_2.jpg]\r\nstar=yes\r\n[.album:4dd5ff2a]\r\nname=x\r\n"
)


def test_form_of_picasa(tmp_path: Path) -> None:
    (tmp_path / ".picasa.ini").write_bytes(PICASA_INI.encode())
    (names,) = picasa.read_folder(tmp_path).values()
    assert [region.name for region in names.regions] == ["Ada Lovelace", "Zoë"]
    assert names.regions[0].box == pytest.approx((0.2481, 0.3586, 0.1005, 0.1611), abs=1e-3)
    assert names.regions[1].box == pytest.approx((0.0313, 0.0, 0.9687, 0.5), abs=1e-3)
    assert names.n_unnamed == 2


def test_contacts_of_picasa(tmp_path: Path) -> None:
    contacts = tmp_path / "contacts.xml"
    contacts.write_text(
        '<contacts><contact id="1111111111111111" name="Cleo" display="C"/>'
        '<contact id="2" display="Dora"/><contact id="3"/></contacts>'
    )
    (tmp_path / ".picasa.ini").write_bytes(PICASA_INI.encode())
    names = picasa.read_contacts(contacts)
    assert names == {"1111111111111111": "Cleo", "2": "Dora"}
    (found,) = picasa.read_folder(tmp_path, names).values()
    assert [region.name for region in found.regions][2] == "Cleo"
    contacts.write_text('<!DOCTYPE c [<!ENTITY e "x">]><contacts/>')
    with pytest.raises(MetadataError, match=r"contacts.xml: .*document type"):
        picasa.read_contacts(contacts)


def test_no_picasa_and_an_old_one(tmp_path: Path) -> None:
    assert picasa.read_folder(tmp_path) == {}
    (tmp_path / "Picasa.ini").write_bytes("[Contacts2]\nab=Zoë;\n[a.jpg]\nfaces=".encode("cp1252"))
    assert picasa.read_folder(tmp_path)["a.jpg"].regions == ()


LONG, GERMAN = "Screenshot_20241227_105539", "Urlaub in Knaufspesch in der Schneifel"


@pytest.mark.parametrize(
    ("photo", "beside"),
    [
        ("a.jpg", "a.jpg.json"),
        ("a.jpg", "a.jpg.supplemental-metadata.json"),
        (f"{LONG}_Edge.jpg", f"{LONG}_Edge.jpg.supplement.json"),
        ("Urlaub in Knaufspesch in der Schneifel (38).JPG", f"{GERMAN} (38).JP.json"),
        ("IMG_1(2).jpg", "IMG_1.jpg(2).json"),
        ("IMG_1(2).jpg", "IMG_1.jpg.supplemental-metadata(2).json"),
        ("a-edited.jpg", "a.jpg.json"),
    ],
)
def test_form_of_takeout(tmp_path: Path, photo: str, beside: str) -> None:
    document = {"title": photo, "photoTakenTime": {"timestamp": "0"}, "people": [{"name": "Ada"}]}
    (tmp_path / beside).write_text(json.dumps(document))
    found, problems = takeout.read_folder(tmp_path, [photo, "other.jpg"])
    assert not problems and found[photo].regions == (Region("Ada"),) and len(found) == 1


def test_damaged_and_other_json(tmp_path: Path) -> None:
    (tmp_path / "a.jpg.json").write_text("{")
    (tmp_path / "b.jpg.json").write_text('{"title": 5}')
    (tmp_path / "c.jpg.json").write_text('{"title": "c.jpg", "photoTakenTime": {}, "people": 7}')
    found, problems = takeout.read_folder(tmp_path, ["a.jpg", "b.jpg", "c.jpg"])
    assert list(found) == ["c.jpg"] and found["c.jpg"].regions == ()
    assert len(problems) == 1 and "a.jpg.json: damaged JSON" in problems[0]


def names_packet() -> Packet:
    packet = Packet()
    writing.put_names(packet, [Region("Zoë", Box(0.1, 0.2, 0.3, 0.4))], (64, 48))
    return packet


@pytest.fixture
def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(5).integers(0, 255, (48, 64, 3), np.uint8))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "avif", "heic"])
def test_embedded_in_every_format(tmp_path: Path, picture: Image.Image, suffix: str) -> None:
    if suffix == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    path = tmp_path / f"a.{suffix}"
    xmp = names_packet().serialise(wrapped=True)
    if suffix == "png":
        picture.save(path)
        path.write_bytes(embed(path.read_bytes(), xmp))
    else:
        picture.save(path, **({"tiffinfo": {700: xmp}} if suffix == "tiff" else {"xmp": xmp}))
    found = regions.read(read_embedded(path).properties())
    assert [region.name for region in found.regions] == ["Zoë"]


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_embedding_keeps_every_other_byte(
    tmp_path: Path, picture: Image.Image, suffix: str
) -> None:
    exif = Image.Exif()
    exif[274] = 6
    path = tmp_path / f"a.{suffix}"
    picture.save(path, exif=exif, **({"comment": b"hello"} if suffix == "jpg" else {}))
    original, xmp = path.read_bytes(), names_packet().serialise(wrapped=True)
    once = embed(original, xmp)
    n_own = len(once) - len(original)
    start = once.index(b"http://ns.adobe.com/xap" if suffix == "jpg" else b"iTXt") - 4
    assert once[:start] + once[start + n_own :] == original
    assert embed(once, xmp) == once and embed(once, b"") == original
    path.write_bytes(once)
    with Image.open(path) as image:
        assert image.getexif()[274] == 6
        image.load()


def test_extended_xmp_is_put_together(tmp_path: Path, picture: Image.Image) -> None:
    guid = b"0123456789ABCDEF0123456789ABCDEF"
    main = Packet()
    main.put("xmpNote:HasExtendedXMP", guid.decode())
    far = names_packet().serialise()
    picture.save(tmp_path / "a.jpg")
    data = embed((tmp_path / "a.jpg").read_bytes(), main.serialise(wrapped=True))
    parts = b""
    for offset in (1000, 0):  # in any order
        part = far[offset : offset + 1000] if offset == 0 else far[offset:]
        head = b"http://ns.adobe.com/xmp/extension/\0" + guid
        head += len(far).to_bytes(4, "big") + offset.to_bytes(4, "big")
        parts += b"\xff\xe1" + (len(head + part) + 2).to_bytes(2, "big") + head + part
    quantisation = data.index(b"\xff\xdb")
    (tmp_path / "a.jpg").write_bytes(data[:quantisation] + parts + data[quantisation:])
    found = regions.read(read_embedded(tmp_path / "a.jpg").properties())
    assert [region.name for region in found.regions] == ["Zoë"]


@pytest.mark.parametrize("data", [b"II*\0", b"RIFF", b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n"])
def test_what_cannot_be_embedded_into(data: bytes) -> None:
    with pytest.raises(MetadataError, match=r"sidecar|damaged"):
        embed(data, b"<x/>")


def test_a_packet_too_long_for_jpeg(picture: Image.Image, tmp_path: Path) -> None:
    picture.save(tmp_path / "a.jpg")
    with pytest.raises(MetadataError, match="do not fit"):
        embed((tmp_path / "a.jpg").read_bytes(), b"x" * 65536)
