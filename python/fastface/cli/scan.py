"""`fastface scan FOLDER`: find the people in the photos of a folder."""

from __future__ import annotations

import warnings
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastface.cli.arguments import Commands, add_command, add_limits, open_library
from fastface.cli.output import Output, count, duration, printable
from fastface.cli.progress import photo_progress
from fastface.errors import FastfaceError
from fastface.providers import PROVIDERS

if TYPE_CHECKING:
    from fastface.types import ScanSummary

FAILURES_SHOWN = 10

RESUMES = "finished photos are kept; run the same command again to go on from here."


def register(commands: Commands) -> None:
    parser = add_command(
        commands,
        "scan",
        run,
        usage="fastface scan FOLDER [--pack PACK] [--provider NAME] [--workers N]"
        " [--max-memory SIZE] [options]",
        summary="find the people in a folder of photos and videos",
        description="""\
Reads JPEG, PNG, WebP, TIFF, HEIC and AVIF. A photo is analysed once: a second scan
looks only at what is new, and knows photos again that were moved, renamed or copied.
You may stop with Ctrl-C at any time and run the same command again. Folders with a file
.nomedia are left out. Photos that cannot be read are listed at the end and do not stop
the scan; files of other kinds, such as raw ones, are counted.

MP4 and MOV videos are read where PyAV is installed (pip install av), else
counted: keyframes two seconds apart are looked at, in videos of more than an hour at
most 1,800, and somebody in one shot is one face. Of a live photo only the still is
looked at: a video of up to 12 MB is left out beside a photo of the same name.

--pack takes other models (see `fastface models`): every photo is looked at again, names
and answers stay. The library goes on with them until you name others.

--provider asks for other hardware than the processor, where the onnxruntime that is
installed can use it (`fastface doctor` says so); what cannot be had runs on the
processor, and the summary says what ran where.

JSON: an object with photos, new, unchanged, moved, failed, missing, faces, unclear,
people, seconds, grouped (false where new faces of a large library wait for `fastface
update`), outdated (photos elsewhere that only other models have seen), failures (a list
of objects with photo, reason), placements (by model: asked, obtained, missing, layers;
empty where no photo was new), videos (of the photos), videos_left (not looked at, as PyAV
is not installed), live (moving halves of live photos, left out) and others (files of other
kinds of pictures and videos, such as raw ones without a JPEG beside them, by suffix).""",
        examples="""\
  fastface scan ~/Pictures
  fastface scan /mnt/camera --workers 2        leave cores for other work
  fastface scan /mnt/camera --max-memory 500M  on a small machine
  fastface --library family.db scan ~/Family   a library of its own""",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the photos are")
    parser.add_argument(
        "--pack", metavar="PACK", help="model pack (default: the library's own, else default)"
    )
    parser.add_argument(
        "--provider",
        action="append",
        choices=list(PROVIDERS),
        metavar="NAME",
        help=f"{', '.join(PROVIDERS)}; more than once for a second choice (default: cpu)",
    )
    add_limits(parser)
    parser.set_defaults(when_interrupted=RESUMES)


def run(args: Namespace, out: Output) -> int:
    from fastface.inference import ProviderWarning
    from fastface.photos import photo_folder

    photo_folder(args.folder)  # before a library is made for nothing
    warnings.simplefilter("ignore", ProviderWarning)  # the summary says it
    with open_library(args, read_only=False, pack=args.pack, providers=args.provider) as library:
        summary = scan(library, args.folder, args=args, out=out)
    if out.as_json:
        out.json(as_json(summary))
    else:
        if not out.quiet:
            print(sentence(summary))
        for line in placed(summary):
            out.say(line)
        show_failures(summary, out)
        if summary.n_missing and not summary.n_photos:
            out.say(
                "If their disk is not connected, scan again when it is: names and answers are kept."
            )
        if summary.n_videos_left:
            out.say(left_out(summary))
        if summary.others:
            out.say(other_kinds(summary.others))
        if summary.n_live:
            out.say(live(summary))
        if summary.n_outdated:
            out.say(
                f"{count(summary.n_outdated, 'photo')} elsewhere were last seen by other models or "
                "an older detector, and are left out until their folders are scanned too."
            )
        if not summary.grouped:
            out.say("New faces were compared with known people; `fastface update` groups them all.")
        if summary.n_people:
            out.say("Next: `fastface people` lists them, `fastface report --open` shows them.")
    if summary.failures and summary.n_failed == summary.n_photos:
        out.error("no photo could be read")
        return 1
    return 0


def scan(library: Any, folder: Path, *, args: Namespace, out: Output) -> ScanSummary:
    """Scan with a bar on a terminal, within the limits of `args`."""
    from fastface import machine
    from fastface.memory import share_out

    try:
        share_out(args.max_memory, args.workers)
    except ValueError as error:
        raise FastfaceError(str(error).replace("max_memory", "--max-memory")) from error
    cores = machine.usable_cores()
    if args.workers is not None and args.workers > cores:
        out.say(
            f"{args.workers} workers on {count(cores, 'core')}: more take memory, not less time."
        )
    if outdated := library.count_outdated():
        out.say(
            f"{count(outdated, 'photo')} of the library were seen by other models or an older "
            "detector: those in this folder are looked at again. Names and answers stay."
        )
    with photo_progress("Looking for faces", enabled=not out.quiet) as progress:
        summary: ScanSummary = library.scan(
            folder, progress=progress, workers=args.workers, max_memory=args.max_memory
        )
    return summary


def sentence(summary: ScanSummary) -> str:
    """What the scan found, in one or two lines."""
    parts = [f"{summary.n_new:,} new"]
    for number, word in (
        (summary.n_unchanged, "unchanged"),
        (summary.n_moved, "moved or copied"),
        (summary.n_failed, "not readable"),
        (summary.n_missing, "gone"),
    ):
        if number:
            parts.append(f"{number:,} {word}")
    speed = f", {summary.n_new / summary.seconds:.1f} photos/s" if summary.n_new > 1 else ""
    unclear = f" ({summary.n_unclear:,} too unclear to group)" if summary.n_unclear else ""
    return (
        f"{_looked_at(summary)}: {', '.join(parts)}"
        f" in {duration(summary.seconds)}{speed}.\n"
        f"{count(summary.n_faces, 'face')}{unclear}, "
        f"{count(summary.n_people, 'person', 'people')}."
    )


def _looked_at(summary: ScanSummary) -> str:
    photos = count(summary.n_photos - summary.n_videos, "photo")
    return photos + (f" and {count(summary.n_videos, 'video')}" if summary.n_videos else "")


def left_out(summary: ScanSummary) -> str:
    """What would let videos be read."""
    from fastface.video import HOW_TO_READ

    were = "was" if summary.n_videos_left == 1 else "were"
    return (
        f"{count(summary.n_videos_left, 'video')} {were} not looked at; "
        f"{HOW_TO_READ} lets fastface read them."
    )


def other_kinds(others: Mapping[str, int]) -> str:
    """Which pictures and videos are not read, the most frequent first.

    >>> other_kinds({".gif": 2, ".cr2": 1300})
    '1,302 files of kinds that are not read were left out: 1,300 .cr2, 2 .gif.'
    """
    kinds = sorted(others.items(), key=lambda kind: (-kind[1], kind[0]))
    files = count(sum(others.values()), "file of a kind that is", "files of kinds that are")
    were = "was" if sum(others.values()) == 1 else "were"
    listed = ", ".join(f"{number:,} {suffix}" for suffix, number in kinds)
    return f"{files} not read {were} left out: {listed}."


def live(summary: ScanSummary) -> str:
    """What became of the moving halves of live photos."""
    if summary.n_live == 1:
        return "1 video is the moving half of a live photo; its still is looked at instead."
    halves = f"{summary.n_live:,} videos are the moving halves of live photos"
    return f"{halves}; their stills are looked at instead."


def placed(summary: ScanSummary) -> list[str]:
    """Where the models ran, if anything but the processor was asked for."""
    lines = []
    for role, placement in summary.placements.items():
        if placement.asked != ("cpu",):
            layers = {name: f"{name} ({count(n, 'layer')})" for name, n in placement.layers.items()}
            where = ", ".join(layers.values() or placement.obtained)
            reasons = "".join(f"; {name} {why}" for name, why in placement.missing.items())
            lines.append(f"The {role} ran on {where}{reasons}.")
    return lines


def show_failures(summary: ScanSummary, out: Output) -> None:
    """The photos that could not be read: some of them, and how many more there are."""
    for path, reason in summary.failures[:FAILURES_SHOWN]:
        out.warn(f"{path}: {reason}")
    more = len(summary.failures) - FAILURES_SHOWN
    if more > 0:
        out.say(f"... and {printable(count(more, 'more photo'))}; --json lists them all.")


def as_json(summary: ScanSummary) -> dict[str, Any]:
    """The scan as other programs read it, with every failure."""
    return {
        "photos": summary.n_photos,
        "new": summary.n_new,
        "unchanged": summary.n_unchanged,
        "moved": summary.n_moved,
        "failed": summary.n_failed,
        "missing": summary.n_missing,
        "faces": summary.n_faces,
        "unclear": summary.n_unclear,
        "people": summary.n_people,
        "seconds": round(summary.seconds, 3),
        "grouped": summary.grouped,
        "outdated": summary.n_outdated,
        "failures": [{"photo": str(path), "reason": why} for path, why in summary.failures],
        "placements": {role: asdict(where) for role, where in summary.placements.items()},
        "videos": summary.n_videos,
        "videos_left": summary.n_videos_left,
        "live": summary.n_live,
        "others": dict(summary.others),
    }
