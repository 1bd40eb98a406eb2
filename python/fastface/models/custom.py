"""A pack of the user's own, described in a few lines of TOML.

    name = "mine"

    [embedder]
    file = "w600k.onnx"        # beside the description
    colour = "RGB"             # or "BGR": the order it was trained on
    mean = 127.5               # it was trained on (x - mean) / scale of 0..255;
    scale = 127.5              # one number or one per channel
    template = "arcface"       # or "dlib", or five [x, y] in the crop's pixels
    size = 112                 # of the crop, where the template is not the named one's
    output = "embedding"       # only where the network has several
    licence = "MIT"

Only `name` and `embedder.file` are needed; what is left out is as above.  Faces are found by the
default pack's detector, or by a YuNet of the user's own: `[detector]` with `file`.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fastface.errors import ModelError
from fastface.templates import ARCFACE, TEMPLATES, Template

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_MAX_SIDE: Final = 512
_MAX_BYTES: Final = 1 << 30

_TOP: Final = frozenset({"name", "embedder", "detector"})
_DETECTOR: Final = frozenset({"file", "licence"})
_EMBEDDER: Final = _DETECTOR | {"colour", "mean", "scale", "template", "size", "output"}


@dataclass(frozen=True, slots=True)
class CustomEmbedder:
    """file: the ONNX file.  The rest is as in the description."""

    file: Path
    colour: str
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    template: Template
    output: str | None
    licence: str


@dataclass(frozen=True, slots=True)
class CustomPack:
    """detector: the file of a YuNet, None for the default pack's."""

    name: str
    embedder: CustomEmbedder
    detector: Path | None
    detector_licence: str


def read_description(path: Path) -> CustomPack:
    """What a description says, checked.

    Raises ModelError, naming the file and the key, for one that cannot be read or says something
    else than the module's text allows.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        return _pack(table, path.parent)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"{path}: not a TOML file ({error})") from error
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def read_weights(file: Path) -> bytes:
    """The bytes of a model file; ModelError if it cannot be read."""
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise ModelError(f"{file}: over {_MAX_BYTES >> 20} MB")
        return file.read_bytes()
    except OSError as error:
        raise ModelError(f"{file}: cannot be read ({error.strerror})") from error


def _pack(table: Mapping[str, Any], folder: Path) -> CustomPack:
    _only("", table, _TOP)
    name = table.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ModelError("name: expected small letters, digits and hyphens, 40 at most")
    detector = _table(table, "detector")
    _only("detector.", detector, _DETECTOR)
    embedder = _table(table, "embedder")
    _only("embedder.", embedder, _EMBEDDER)
    return CustomPack(
        name,
        CustomEmbedder(
            file=_file(embedder, "embedder", folder),
            colour=_colour(embedder.get("colour", "RGB")),
            mean=_channels("mean", embedder.get("mean", 127.5)),
            scale=_channels("scale", embedder.get("scale", 127.5), nonzero=True),
            template=_template(embedder.get("template", "arcface"), embedder.get("size")),
            output=_text(embedder, "embedder.output", None),
            licence=_text(embedder, "embedder.licence", "") or "",
        ),
        _file(detector, "detector", folder) if detector else None,
        _text(detector, "detector.licence", "") or "",
    )


def _only(prefix: str, table: Mapping[str, Any], known: frozenset[str]) -> None:
    unknown = sorted(table.keys() - known)
    if unknown:
        raise ModelError(f"{prefix}{unknown[0]}: unknown; known here: {', '.join(sorted(known))}")


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise ModelError(f"{key}: expected a table, [{key}]")
    return value


def _text(table: Mapping[str, Any], key: str, default: str | None) -> str | None:
    value = table.get(key.rpartition(".")[2], default)
    if value is not None and not isinstance(value, str):
        raise ModelError(f"{key}: expected a string")
    return value


def _file(table: Mapping[str, Any], key: str, folder: Path) -> Path:
    file = _text(table, f"{key}.file", None)
    if not file:
        raise ModelError(f"{key}.file: expected the name of an ONNX file")
    return folder / Path(file).expanduser()


def _colour(value: Any) -> str:
    if value not in ("RGB", "BGR"):
        raise ModelError(f"embedder.colour: expected RGB or BGR, got {value}")
    return str(value)


def _channels(key: str, value: Any, *, nonzero: bool = False) -> tuple[float, ...]:
    values = value if isinstance(value, list) else [value]
    if len(values) not in (1, 3) or not all(_is_number(v) and (v or not nonzero) for v in values):
        rule = " other than 0" if nonzero else ""
        raise ModelError(f"embedder.{key}: expected one number or three{rule}, got {value}")
    return tuple(map(float, values))


def _template(value: Any, size: Any) -> Template:
    if size is not None and not (_is_number(size) and 1 < size <= _MAX_SIDE and size == int(size)):
        raise ModelError(f"embedder.size: expected pixels, 2 to {_MAX_SIDE}, got {size}")
    if isinstance(value, str):
        if value not in TEMPLATES:
            names = ", ".join(TEMPLATES)
            raise ModelError(f"embedder.template: expected {names} or five points, got {value}")
        named = TEMPLATES[value]
        return named if size is None else named.scaled_to(int(size))
    if not _is_points(value):
        raise ModelError("embedder.template: expected five points [x, y]")
    side = ARCFACE.side if size is None else int(size)
    (a, b, c, d, e) = ((float(x), float(y)) for x, y in value)
    return Template(side, (a, b, c, d, e))


def _is_points(value: Any) -> bool:
    def is_point(point: Any) -> bool:
        return isinstance(point, Sequence) and len(point) == 2 and all(map(_is_number, point))

    return isinstance(value, list) and len(value) == 5 and all(map(is_point, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
