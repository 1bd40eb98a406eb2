"""XML that comes from anywhere: read without risk, written with the prefixes it had."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastface.errors import MetadataError

MAX_BYTES: Final = 16 << 20  # a sidecar with a long editing history has some hundred kilobytes
MAX_DEPTH: Final = 64


_XML: Final = "http://www.w3.org/XML/1998/namespace"  # always has the prefix xml


def parse_xml(data: bytes) -> tuple[ET.Element, dict[str, str]]:
    """(the root element, the prefixes by namespace) of a document without a document type.

    Entities can only be defined in a document type, so that none are expanded, inside or outside.
    Raises MetadataError for anything else, and what is too large or too deep.
    """
    if len(data) > MAX_BYTES:
        raise MetadataError(f"{len(data)} bytes of XML; the limit is {MAX_BYTES}")
    builder = _Builder()
    parser = ET.XMLParser(target=builder)  # noqa: S314 - the builder refuses document types
    try:
        parser.feed(data.strip(b"\0 \t\r\n"))
        return parser.close(), builder.prefixes
    except ET.ParseError as error:
        raise MetadataError(f"damaged XML ({error})") from error
    except (ValueError, LookupError) as error:  # an encoding that there is not
        raise MetadataError(f"unreadable XML ({error})") from error


class _Builder(ET.TreeBuilder):
    """Builds a tree with its comments; remembers prefixes; refuses what can hurt."""

    def __init__(self) -> None:
        super().__init__(insert_comments=True, insert_pis=True)
        self.prefixes: dict[str, str] = {}
        self._depth = 0

    def doctype(self, name: str, *_identifiers: str | None) -> None:
        raise MetadataError(f"the document type {name!r} is refused: it could define entities")

    def start_ns(self, prefix: str, uri: str) -> None:
        self.prefixes.setdefault(uri, prefix)

    def start(self, tag: str, attributes: dict[str, str], /) -> ET.Element:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise MetadataError(f"elements more than {MAX_DEPTH} deep")
        return super().start(tag, attributes)

    def end(self, tag: str, /) -> ET.Element:
        self._depth -= 1
        return super().end(tag)


def xml_text(root: ET.Element, prefixes: Mapping[str, str]) -> str:
    """The document, indented; every namespace is declared at the root.

    prefixes: namespace -> the prefix to use; of two for one prefix, one gets a number.
    """
    return "".join(_write(root, prefixes))


def _write(root: ET.Element, prefixes: Mapping[str, str]) -> Iterator[str]:
    used = {uri for node in root.iter() if isinstance(node.tag, str) for uri in _uris(node)}
    short: dict[str, str] = {"": "", _XML: "xml"}
    taken = {"xml", ""}
    for uri in sorted(used - short.keys()):
        wanted = prefixes.get(uri) or "ns"
        prefix, number = wanted, 1
        while prefix in taken:
            prefix, number = f"{wanted}{number}", number + 1
        taken.add(prefix)
        short[uri] = prefix
    declared = "".join(
        f" xmlns:{prefix}={_quoted(uri)}"
        for uri, prefix in short.items()
        if prefix not in ("", "xml")
    )
    _indent(root)
    yield from _write_node(root, short, declared)


def _uris(node: ET.Element) -> Iterator[str]:
    for name in (node.tag, *node.attrib):
        yield name[1:].partition("}")[0] if name.startswith("{") else ""


def _write_node(node: ET.Element[Any], short: dict[str, str], declared: str = "") -> Iterator[str]:
    if node.tag is ET.Comment:
        yield f"<!--{node.text}-->"
    elif node.tag is ET.ProcessingInstruction:
        yield f"<?{node.text}?>"
    else:

        def spelled(name: str) -> str:
            uri, _, local = name[1:].partition("}") if name.startswith("{") else ("", "", name)
            return f"{short[uri]}:{local}" if short[uri] else local

        attributes = "".join(f" {spelled(k)}={_quoted(v)}" for k, v in node.attrib.items())
        yield f"<{spelled(node.tag)}{declared}{attributes}"
        if len(node) or node.text:
            yield f">{_escaped(node.text or '')}"
            for child in node:
                yield from _write_node(child, short)
            yield f"</{spelled(node.tag)}>"
        else:
            yield "/>"
    yield _escaped(node.tail or "")


def _indent(node: ET.Element, level: int = 0) -> None:
    """Breaks lines between elements, never inside text."""
    if len(node) and not (node.text or "").strip():
        node.text = "\n" + " " * (level + 1)
        for child in node:
            _indent(child, level + 1)
            if not (child.tail or "").strip():
                last = child is node[-1]
                child.tail = "\n" + " " * (level if last else level + 1)
    if level == 0:
        node.tail = None


# Line ends and tabs would be read back as spaces from an attribute.
_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}
)
_ESCAPES_IN_ATTRIBUTES: Final = {**_ESCAPES, ord("\n"): "&#10;", ord("\t"): "&#9;"}


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPES_IN_ATTRIBUTES)}"'
