"""XMP packets: any spelling is read, what others wrote stays, nothing dangerous runs."""

from __future__ import annotations

import pytest

from fastface.errors import MetadataError
from fastface.metadata import regions, writing
from fastface.metadata.documents import MAX_BYTES
from fastface.metadata.regions import Region
from fastface.metadata.xmp import NAMESPACES, Packet
from fastface.types import Box

ADA, BEA = Region("Ada", Box(0.1, 0.2, 0.3, 0.4)), Region("Bea & <Co>", Box(0.6, 0.2, 0.2, 0.2))


def packet(body: str, attributes: str = "") -> bytes:
    spaces = " ".join(f'xmlns:{p}="{uri}"' for p, uri in NAMESPACES.items() if p != "xml")
    return (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta {spaces}><rdf:RDF>'
        f'<rdf:Description rdf:about="" {attributes}>{body}</rdf:Description></rdf:RDF>'
        '</x:xmpmeta><?xpacket end="w"?>\0\0'
    ).encode()


# As digiKam 7 writes it (structs as elements), Lightroom (attributes), and a nested Description.
DIGIKAM = packet("""
 <mwg-rs:Regions rdf:parseType="Resource">
  <mwg-rs:AppliedToDimensions stDim:w="4000" stDim:h="3000" stDim:unit="pixel"/>
  <mwg-rs:RegionList><rdf:Bag>
   <rdf:li><rdf:Description mwg-rs:Name="Ada" mwg-rs:Type="Face">
     <mwg-rs:Area stArea:x="0.25" stArea:y="0.4" stArea:w="0.3" stArea:h="0.4"
       stArea:unit="normalized"/></rdf:Description></rdf:li>
   <rdf:li><rdf:Description mwg-rs:Type="Face">
     <mwg-rs:Area stArea:x="0.9" stArea:y="0.4" stArea:w="0.1" stArea:h="0.1"/>
   </rdf:Description></rdf:li>
   <rdf:li><rdf:Description mwg-rs:Name="Rex" mwg-rs:Type="Pet">
     <mwg-rs:Area stArea:x="0.5" stArea:y="0.5" stArea:w="0.1" stArea:h="0.1"/>
   </rdf:Description></rdf:li>
  </rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>
 <MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag>
   <rdf:li MPReg:Rectangle="0.1001, 0.2, 0.3, 0.4" MPReg:PersonDisplayName="Ada"/>
 </rdf:Bag></MPRI:Regions></MP:RegionInfo>
 <digiKam:TagsList><rdf:Seq><rdf:li>People/Ada</rdf:li><rdf:li>People/Family/Bea</rdf:li>
   <rdf:li>People/Unconfirmed</rdf:li><rdf:li>Places/Rome</rdf:li></rdf:Seq></digiKam:TagsList>
""")
LIGHTROOM = packet(
    """<mwg-rs:Regions><rdf:Description>
     <mwg-rs:AppliedToDimensions stDim:w="400" stDim:h="300"/>
     <mwg-rs:RegionList><rdf:Bag><rdf:li>
       <rdf:Description mwg-rs:Name="Ada" mwg-rs:Type="Face" mwg-rs:Rotation="0.1">
         <mwg-rs:Area stArea:h="0.4" stArea:w="0.3" stArea:x="0.25" stArea:y="0.4"/>
       </rdf:Description></rdf:li></rdf:Bag></mwg-rs:RegionList></rdf:Description></mwg-rs:Regions>
     <Iptc4xmpExt:PersonInImage><rdf:Bag><rdf:li>Cleo</rdf:li></rdf:Bag></Iptc4xmpExt:PersonInImage>
     <lr:hierarchicalSubject><rdf:Bag><rdf:li>People|Dora</rdf:li></rdf:Bag>
     </lr:hierarchicalSubject>""",
    'xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:Exposure2012="+0.5"',
)


def test_form_of_digikam() -> None:
    names = regions.read(Packet.parse(DIGIKAM).properties())
    assert names.size == (4000, 3000) and names.n_unnamed == 1
    assert [(r.name, r.box is not None) for r in names.regions] == [("Ada", True), ("Bea", False)]
    assert names.regions[0].box == pytest.approx(ADA.box)


def test_form_of_lightroom() -> None:
    names = regions.read(Packet.parse(LIGHTROOM).properties())
    assert [r.name for r in names.regions] == ["Ada", "Cleo", "Dora"]
    assert names.regions[0].box == pytest.approx(ADA.box)


def test_form_of_iptc() -> None:
    region = """<Iptc4xmpExt:ImageRegion><rdf:Bag><rdf:li rdf:parseType="Resource">
      <Iptc4xmpExt:RegionBoundary Iptc4xmpExt:rbUnit="relative" Iptc4xmpExt:rbShape="rectangle"
        Iptc4xmpExt:rbX="0.1" Iptc4xmpExt:rbY="0.2" Iptc4xmpExt:rbW="0.3" Iptc4xmpExt:rbH="0.4"/>
      <Iptc4xmpExt:PersonInImage><rdf:Bag><rdf:li>Ada</rdf:li></rdf:Bag>
      </Iptc4xmpExt:PersonInImage></rdf:li></rdf:Bag></Iptc4xmpExt:ImageRegion>"""
    assert regions.read(Packet.parse(packet(region)).properties()).regions == (ADA,)


@pytest.mark.parametrize("form", [DIGIKAM, LIGHTROOM, packet(""), packet("<mwg-rs:Regions/>")])
def test_what_others_wrote_stays(form: bytes) -> None:
    before = Packet.parse(form)
    theirs = before.properties()
    names = regions.read(theirs)
    ours = [BEA, Region("Ada", Box(0.11, 0.2, 0.3, 0.4))]  # the second one is there already
    changed = Packet.parse(form)
    assert writing.put_names(changed, ours, (400, 300)) == []
    again = Packet.parse(changed.serialise())
    found = regions.read(again.properties())
    assert {r.name for r in found.regions} == {r.name for r in names.regions} | {"Ada", BEA.name}
    assert len([r for r in found.regions if r.name == "Ada"]) == 1
    assert found.size == (names.size or (400, 300)) and found.n_unnamed == names.n_unnamed
    for name, value in theirs.items():
        if isinstance(value, str) and value:
            assert again.properties()[name] == value

    writing.put_names(again, ours, (400, 300))
    assert again.serialise() == changed.serialise(), "a second export changes nothing"
    writing.put_names(again, [], (400, 300))
    left = again.properties()
    assert {k: v for k, v in theirs.items() if v} == {k: v for k, v in left.items() if v}


def test_prefixes_and_comments_stay() -> None:
    form = packet("<!-- mine --><my:Rank>5</my:Rank>", 'xmlns:my="http://example.org/my/"')
    changed = Packet.parse(form)
    writing.put_names(changed, [ADA], (400, 300))
    text = changed.serialise().decode()
    assert "<!-- mine -->" in text and "<my:Rank>5</my:Rank>" in text


def test_a_prefix_of_another_namespace_is_not_mixed_up() -> None:
    form = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF'
        ' xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description'
        ' xmlns:dc="http://example.org/other/" dc:subject="theirs &#10; two"/></r:RDF></x:xmpmeta>'
    )
    changed = Packet.parse(form.encode())
    writing.put_names(changed, [ADA], (400, 300), keywords=True)
    properties = Packet.parse(changed.serialise()).properties()
    assert properties["dc:subject"] == ["Ada"]
    assert properties["{http://example.org/other/}subject"] == "theirs \n two"


def test_another_name_at_the_same_place_stays() -> None:
    changed = Packet.parse(DIGIKAM)
    refused = writing.put_names(changed, [Region("Zoe", Box(0.1, 0.2, 0.3, 0.4)), BEA], (4, 3))
    assert [(region.name, other) for region, other in refused] == [("Zoe", "Ada")]
    assert "Zoe" not in changed.serialise().decode()


def test_a_region_that_somebody_changed_is_theirs() -> None:
    ours = Packet()
    writing.put_names(ours, [ADA], (400, 300))
    text = ours.serialise().replace(b"<mwg-rs:Name>Ada<", b"<mwg-rs:Name>Ada King<")
    renamed = Packet.parse(text)
    writing.put_names(renamed, [], (400, 300))
    assert [r.name for r in regions.read(renamed.properties()).regions] == ["Ada King"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>', "document type"),
        (b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>', "document type"),
        (b"<a>" * 100, "deep"),
        (b" " * (MAX_BYTES + 1), "limit"),
        (b"", "damaged"),
        (b"<a>&nothing;</a>", "damaged"),
        (b"<a/>", "no XMP"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "unreadable"),
        (b"\xff\xfe\x00", "damaged"),
    ],
)
def test_dangerous_and_damaged_packets_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(MetadataError, match=message):
        Packet.parse(data)


@pytest.mark.parametrize("number", ["nan", "inf", "-5", "", "0", "x"])
def test_impossible_areas_are_left_out(number: str) -> None:
    form = DIGIKAM.replace(b'stArea:w="0.3"', f'stArea:w="{number}"'.encode())
    form = form.replace(b"MPReg:Rectangle=", b"MPReg:Other=")
    assert not [r for r in regions.read(Packet.parse(form).properties()).regions if r.box]


@pytest.mark.parametrize("name", ["Zoë Ö/Ñ", "a|b", "Ada/Bea|Cleo", "/", "Ada/"])
@pytest.mark.parametrize("box", [Box(0.1, 0.2, 0.3, 0.4), None])
def test_a_name_that_holds_a_separator_of_tags_stays_one_name(name: str, box: Box | None) -> None:
    changed = Packet()
    writing.put_names(changed, [Region(name, box)], (400, 300), keywords=True)
    again = Packet.parse(changed.serialise())
    assert regions.read(again.properties()).regions == (Region(name, box),)
    (tag,) = again.properties()["digiKam:TagsList"]
    assert isinstance(tag, str) and tag.count("/") == 1, "no other tag begins in it"
    # As a version before wrote it.
    again.put("digiKam:TagsList", [f"People/{name}", "People/Family/Dora"])
    assert [r.name for r in regions.read(again.properties()).regions] == [name, "Dora"]
