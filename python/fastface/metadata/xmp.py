"""XMP packets: read safely, changed without touching what others wrote.

XMP is RDF in XML (ISO 16684-1): properties are elements or attributes of `rdf:Description`, values
are text, arrays (Bag, Seq, Alt) or structs, which may be spelled in several ways.  Reading takes
any spelling; what is written uses one.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Final, TypeAlias

from fastface.errors import MetadataError
from fastface.metadata.documents import parse_xml, xml_text

NAMESPACES: Final = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xml": "http://www.w3.org/XML/1998/namespace",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "fastface": "urn:fastface:names:1.0#",
}

Value: TypeAlias = "str | list[Value] | dict[str, Value]"


def name_of(name: str) -> str:
    """The full name that ElementTree uses.

    >>> name_of("dc:subject")
    '{http://purl.org/dc/elements/1.1/}subject'
    """
    prefix, _, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


RDF, DESCRIPTION, LI, ABOUT = map(name_of, ("rdf:RDF", "rdf:Description", "rdf:li", "rdf:about"))
PARSE_TYPE, RESOURCE = name_of("rdf:parseType"), name_of("rdf:resource")
ARRAYS: Final = {kind: name_of(f"rdf:{kind}") for kind in ("Bag", "Seq", "Alt")}
_NOT_PROPERTIES: Final = (f"{{{NAMESPACES['rdf']}}}", f"{{{NAMESPACES['xml']}}}")


class Packet:
    """One XMP packet, as a tree that keeps everything that was in it.

    >>> packet = Packet()
    >>> packet.array("dc:subject", "Bag", make=True).append(item("Ada"))
    >>> Packet.parse(packet.serialise()).properties()["dc:subject"]
    ['Ada']
    """

    def __init__(self) -> None:
        self.root = ET.Element(name_of("x:xmpmeta"))
        ET.SubElement(self.root, RDF)
        self._prefixes: dict[str, str] = {}

    @classmethod
    def parse(cls, data: bytes) -> Packet:
        """Raises MetadataError for what is no XMP, too large, too deep or defines entities."""
        packet = cls()
        packet.root, packet._prefixes = parse_xml(data)
        if packet._rdf() is None:
            raise MetadataError("no XMP: there is no rdf:RDF in it")
        return packet

    def serialise(self, *, wrapped: bool = False) -> bytes:
        """The packet as UTF-8; wrapped: with the marks that programs scan image files for."""
        text = xml_text(self.root, {**_OWN_PREFIX, **self._prefixes})
        if wrapped:
            start = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            return f'{start}{text}\n<?xpacket end="w"?>'.encode()
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()

    def properties(self) -> dict[str, Value]:
        """Every property as plain values; names with our prefixes where we have one."""
        found: dict[str, Value] = {}
        for description in self._descriptions():
            found.update(_struct(description))
        return found

    def is_empty(self) -> bool:
        """Whether it holds no property."""
        return not any(_struct(description) for description in self._descriptions())

    def element(self, name: str) -> ET.Element | None:
        """The element of a property; None if there is none, or only an attribute."""
        found = (description.find(name_of(name)) for description in self._descriptions())
        return next((element for element in found if element is not None), None)

    def array(self, path: str, kind: str, *, make: bool = False) -> ET.Element | None:
        """The array at a path such as `mwg-rs:Regions/mwg-rs:RegionList`; None if there is none.

        kind: Bag, Seq or Alt, for one that is made.
        """
        first, *rest = path.split("/")
        node = self.element(first)
        if node is None:
            if not make:
                return None
            node = ET.SubElement(self._description(), name_of(first))
        for step in rest:
            struct = node.find(DESCRIPTION)
            if struct is None:
                struct = node
            child = struct.find(name_of(step))
            if child is None:
                if not make:
                    return None
                if struct is node:
                    node.set(PARSE_TYPE, "Resource")
                child = ET.SubElement(struct, name_of(step))
            node = child
        container = next((child for child in node if child.tag in ARRAYS.values()), None)
        if container is None and make:
            container = ET.SubElement(node, ARRAYS[kind])
        return container

    def put(self, name: str, value: Value) -> None:
        """Sets a property; what it was before is gone."""
        self.remove(name)
        self._description().append(_element(name, value))

    def put_field(self, name: str, field: str, value: Value) -> None:
        """Sets a field of a struct that is there."""
        node = self.element(name)
        assert node is not None
        inner = node.find(DESCRIPTION)
        struct = node if inner is None else inner
        struct.attrib.pop(name_of(field), None)
        for old in struct.findall(name_of(field)):
            struct.remove(old)
        struct.insert(0, _element(field, value))

    def remove(self, name: str) -> None:
        """Takes a property away, however it was spelled."""
        for description in self._descriptions():
            description.attrib.pop(name_of(name), None)
            for element in description.findall(name_of(name)):
                description.remove(element)

    def _rdf(self) -> ET.Element | None:
        return self.root if self.root.tag == RDF else self.root.find(f".//{RDF}")

    def _descriptions(self) -> list[ET.Element]:
        rdf = self._rdf()
        return [] if rdf is None else rdf.findall(DESCRIPTION)

    def _description(self) -> ET.Element:
        """Where new properties go."""
        rdf = self._rdf()
        assert rdf is not None
        found = rdf.find(DESCRIPTION)
        return ET.SubElement(rdf, DESCRIPTION, {ABOUT: ""}) if found is None else found


def item(value: Value) -> ET.Element:
    """A new item of an array."""
    return _element("rdf:li", value)


def items(array: ET.Element | None) -> list[tuple[ET.Element, Value]]:
    """The items of an array with their values."""
    return [] if array is None else [(li, _value(li)) for li in array.findall(LI)]


def texts(value: Value | None) -> list[str]:
    """The texts of an array, or the text alone; what is no text is left out.

    >>> texts(["a", ["b"]]), texts("c"), texts(None)
    (['a'], ['c'], [])
    """
    if isinstance(value, list):
        return [text for text in value if isinstance(text, str)]
    return [value] if isinstance(value, str) and value else []


_OWN_PREFIX: Final = {uri: prefix for prefix, uri in NAMESPACES.items()}


def _short(name: str) -> str:
    """`{uri}local` with our prefix, or as it is."""
    uri, _, local = name[1:].partition("}")
    return f"{_OWN_PREFIX[uri]}:{local}" if uri in _OWN_PREFIX else name


def _elements(node: ET.Element) -> Iterator[ET.Element]:
    return (child for child in node if isinstance(child.tag, str))  # comments have a function


def _struct(node: ET.Element) -> dict[str, Value]:
    fields: dict[str, Value] = {
        _short(name): text
        for name, text in node.attrib.items()
        if not name.startswith(_NOT_PROPERTIES)
    }
    fields.update((_short(child.tag), _value(child)) for child in _elements(node))
    return fields


def _value(node: ET.Element) -> Value:
    if RESOURCE in node.attrib:
        return node.attrib[RESOURCE]
    children = list(_elements(node))
    if node.get(PARSE_TYPE) == "Resource":
        return _unqualified(_struct(node))
    if children and children[0].tag in ARRAYS.values():
        return [_value(li) for li in children[0].findall(LI)]
    if children and children[0].tag == DESCRIPTION:
        return _unqualified(_struct(children[0]))
    fields = _struct(node)
    return fields or (node.text or "").strip()


def _unqualified(fields: dict[str, Value]) -> Value:
    """A value with qualifiers is spelled as a struct that holds it under `rdf:value`."""
    return fields.get("rdf:value", fields)


def _element(name: str, value: Value) -> ET.Element:
    element = ET.Element(name_of(name))
    if isinstance(value, str):
        element.text = value
    elif isinstance(value, list):
        ET.SubElement(element, ARRAYS["Bag"]).extend(map(item, value))
    else:
        element.set(PARSE_TYPE, "Resource")
        element.extend(_element(field, inner) for field, inner in value.items())
    return element
