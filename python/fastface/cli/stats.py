"""`fastface stats`: what the library holds, in figures."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, open_library
from fastface.cli.output import Output, duration

if TYPE_CHECKING:
    from fastface.types import LibraryStats


def register(commands: Commands) -> None:
    add_command(
        commands,
        "stats",
        run,
        usage="fastface stats [options]",
        summary="print the figures of the library and of the last scan",
        description="""\
JSON: an object with library (the path), photos, missing, failed, moments, faces,
unclear, people, named, model, threshold and last_scan (null, or an object like the
one of `fastface scan`, without failures).""",
        examples="""\
  fastface stats
  fastface stats --json | jq .people""",
    )


def run(args: Namespace, out: Output) -> None:
    with open_library(args) as library:
        stats = library.stats()
    if out.as_json:
        out.json(as_json(stats))
        return
    missing = f", {stats.n_missing:,} gone" if stats.n_missing else ""
    failed = f", {stats.n_failed:,} not readable" if stats.n_failed else ""
    out.pairs(
        [
            ("library", stats.path),
            ("photos", f"{stats.n_photos:,}{missing}{failed}"),
            ("moments", f"{stats.n_moments:,}"),
            ("faces", f"{stats.n_faces:,}, of which {stats.n_unclear:,} too unclear to group"),
            ("people", f"{stats.n_people:,}, of whom {stats.n_named:,} named"),
            ("model", stats.model or "-"),
            ("threshold", "-" if stats.threshold is None else f"{stats.threshold:.3f}"),
            ("last scan", _last_scan(stats)),
        ]
    )


def as_json(stats: LibraryStats) -> dict[str, Any]:
    """The figures as other programs read them."""
    return {
        "library": str(stats.path),
        "photos": stats.n_photos,
        "missing": stats.n_missing,
        "failed": stats.n_failed,
        "moments": stats.n_moments,
        "faces": stats.n_faces,
        "unclear": stats.n_unclear,
        "people": stats.n_people,
        "named": stats.n_named,
        "model": stats.model,
        "threshold": stats.threshold,
        "last_scan": {key.removeprefix("n_"): value for key, value in stats.last_scan.items()}
        or None,
    }


def _last_scan(stats: LibraryStats) -> str:
    scan = stats.last_scan
    if not scan:
        return "none finished yet"
    return f"{scan['n_photos']:,} photos, {scan['n_new']:,} new, in {duration(scan['seconds'])}"
