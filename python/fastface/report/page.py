"""The report's HTML: everything that comes from outside is escaped, nothing may be loaded."""

from __future__ import annotations

import base64
import hashlib
import os
from datetime import datetime
from importlib import resources
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from fastface import _core, machine
from fastface.photos import display_name
from fastface.report.content import Page

MARKER = "fastface report"  # in <meta name="generator">: how a later report knows an earlier one


def render(page: Page) -> str:
    """The report as HTML text."""
    style = resource("style.css").strip()
    template = _environment().get_template("report.html")
    return template.render(
        page=page,
        stats=page.stats,
        marker=MARKER,
        version=_core.__version__,
        style=Markup(style),  # noqa: S704 - our own file
        policy=content_policy(style),
        made=datetime.now().astimezone(),
        machine=f"{machine.cpu_name()}, {machine.usable_cores()} cores, {machine.system_name()}, "
        f"SIMD {_core.target()}",
    )


def content_policy(style: str) -> str:
    """A Content-Security-Policy that allows this very style, inline images and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def resource(name: str) -> str:
    """A file of this package."""
    return (resources.files("fastface.report") / name).read_text("utf-8")


def path_text(path: Path) -> str:
    """A path for people: control characters escaped, bytes that are not UTF-8 replaced."""
    return display_name(os.fsencode(path).decode("utf-8", "replace"))


def file_uri(path: Path) -> str:
    """A link to the original, byte for byte."""
    return path.absolute().as_uri()


def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(path_text=path_text, file_uri=file_uri, plain=display_name)
    return environment
