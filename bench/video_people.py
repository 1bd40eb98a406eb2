"""How well videos are read: tracks a person, purity, cuts, and time for a minute of video.

    python bench/video_people.py --data DIR [--half tune] [--shots 12]

DIR holds `lfw/`, `album/` and `album_labels.json`. Videos of 1280 x 720 are made of these photos,
coded in H.264 with a keyframe a second, as phones do: a camera pans and zooms over a photo of the
album; or three people of LFW side by side, each of whose faces dissolves into the next photo of the
same person every other second. Those keep their ground and seats from shot to shot, so that no cut
can be told by colours: likeness alone must keep people apart. What was chosen was chosen on one
half of the people and photos (`--half tune`); figures are of the other.

Tracks a person: of those seen in a shot (best 1). Purity: the share of sightings that are of the
person most of their track is of. Then how well the face kept of a track verifies against photos
that are not in the video: the share of true matches at one false in 1,000, and d', for the clearest
face alone and for means of the clearest. Times are CPU seconds for a minute of video on one thread.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from PIL import Image

from accuracy_lfw import central_face
from fastface.analysis import DECODE_SIDE, Analyzer
from fastface.boxes import overlap
from fastface.pipeline import PackEngine
from fastface.types import Box, Observation
from fastface.video import tracks
from fastface.video.container import open_video
from fastface.video.shots import colours, is_cut

WIDTH, HEIGHT, FPS = 1280, 720, 6
CELL = 400  # LFW's photos, whose middle is the face
SAME_FACE_IOU = 0.25
SHOWN = 4  # photos of a person in a video; the others verify

Truth = list[tuple[str, Box]]  # who is where in a frame


@dataclass
class Shot:
    """picture, truth: pixels, and who is where, at a part, 0..1, of the shot."""

    picture: Callable[[float], np.ndarray]
    truth: Callable[[float], Truth]


def pan(photo: Path, faces: Sequence[dict], rng: np.random.Generator) -> Shot:
    """A camera over a photo, from one place and width to another."""
    image = Image.open(photo).convert("RGB")
    widest = min(image.width, image.height * WIDTH / HEIGHT)
    views = []
    for share in rng.permutation([rng.uniform(0.9, 1.0), rng.uniform(0.6, 0.8)]):
        width, height = widest * share, widest * share * HEIGHT / WIDTH
        views.append(
            (
                rng.uniform(0, image.width - width),
                rng.uniform(0, 0.6) * (image.height - height),
                width,
                height,
            )
        )

    def view(part: float) -> np.ndarray:
        return np.array(views[0]) * (1 - part) + np.array(views[1]) * part

    def picture(part: float) -> np.ndarray:
        left, top, width, height = view(part)
        window = left, top, left + width, top + height
        return np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR, window))

    def truth(part: float) -> Truth:
        left, top, width, height = view(part)
        return [
            (face["person"], Box((x - left) / width, (y - top) / height, w / width, h / height))
            for face in faces
            for x, y, w, h in [face["box"]]
        ]

    return Shot(picture, truth)


def trio(people: Sequence[Sequence[Path]], seconds: float) -> Shot:
    """Three people side by side, whose photos dissolve into the next ones."""
    photos = [
        [Image.open(path).convert("RGB").resize((CELL, CELL)) for path in paths] for paths in people
    ]

    def place(k: int, part: float) -> tuple[int, int]:
        return 20 + k * (CELL + 20), 160 + int(40 * np.sin(6 * part + k))

    def picture(part: float) -> np.ndarray:
        at = part * seconds / 2
        number, into = int(at), max(0.0, (at % 1.0 - 0.75) * 4)
        canvas = Image.new("RGB", (WIDTH, HEIGHT), (40, 60, 80))
        for k, own in enumerate(photos):
            now, then = own[number % len(own)], own[(number + 1) % len(own)]
            canvas.paste(Image.blend(now, then, into) if into else now, place(k, part))
        return np.asarray(canvas)

    def truth(part: float) -> Truth:
        found = []
        for k, own in enumerate(people):
            left, top = place(k, part)
            inner = left + 0.29 * CELL, top + 0.24 * CELL, 0.42 * CELL, 0.54 * CELL
            box = Box(*(edge / side for edge, side in zip(inner, (WIDTH, HEIGHT) * 2, strict=True)))
            found.append((own[0].parent.name, box))
        return found

    return Shot(picture, truth)


def write(path: Path, shots: Sequence[Shot], seconds: float, crf: int = 26) -> None:
    n_frames = int(seconds * FPS)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=FPS, options={"crf": str(crf), "preset": "veryfast"}
        )
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = FPS
        for shot in shots:
            for k in range(n_frames):
                frame = av.VideoFrame.from_ndarray(shot.picture(k / n_frames), format="rgb24")
                container.mux(stream.encode(frame))
        container.mux(stream.encode())


@dataclass
class Look:
    """What was seen in one keyframe."""

    at_s: float
    colours: np.ndarray
    seen: list[Observation]


def looks(path: Path, analyzer: Analyzer) -> tuple[list[Look], dict[str, float]]:
    """Every keyframe that fastface looks at, and CPU seconds by part."""
    found, spent = [], Counter[str]()
    start = time.process_time()
    with open_video(path, min_side=DECODE_SIDE) as video:
        for at_s, pixels in video.keyframes():
            now = time.process_time()
            spent["decoding"] += now - start
            seen = analyzer.analyze(pixels)
            start = time.process_time()
            spent["looking"] += start - now
            found.append(Look(at_s, colours(pixels), seen))
    return found, dict(spent)


def follow(found: Sequence[Look], same_face: float) -> list[tracks.Track]:
    tracker = tracks.Tracker(same_face)
    before = None
    for look in found:
        if before is not None and is_cut(before, look.colours):
            tracker.cut()
        tracker.add(look.at_s, look.seen)
        before = look.colours
    tracker.cut()
    return tracker._closed


def label(seen: Box, truth: Truth) -> str | None:
    """Who a sighting is of: the labelled face that overlaps most."""
    shared, who = max(((overlap(seen, box), person) for person, box in truth), default=(0.0, None))
    return who if shared >= SAME_FACE_IOU else None


def judge(
    shots: Sequence[Shot], followed: Sequence[tracks.Track], seconds: float
) -> tuple[dict[tuple[int, str], int], Counter[str], list[tuple[str, tracks.Track]]]:
    """Tracks by (shot, person); sightings right and in all; each track's person."""
    of_person: dict[tuple[int, str], int] = defaultdict(int)
    counts: Counter[str] = Counter()
    owners = []
    for track in followed:
        votes: Counter[tuple[int, str]] = Counter()
        for sighting in track.sightings:
            number = min(int(sighting.at_s / seconds), len(shots) - 1)
            part = sighting.at_s / seconds - number
            who = label(sighting.box, shots[number].truth(part))
            if who not in (None, "ignore"):
                votes[number, who] += 1
        if not votes or track.best[0].unclear:
            continue
        owner = votes.most_common(1)[0][0]
        of_person[owner] += 1
        counts["right"] += sum(n for (_, person), n in votes.items() if person == owner[1])
        counts["seen"] += sum(votes.values())
        owners.append((owner[1], track))
    return of_person, counts, owners


def album_shots(data: Path, half: int, n: int) -> list[Shot]:
    labels = json.loads((data / "album_labels.json").read_text())
    told = [
        name
        for name in sorted(labels)
        if any(face["person"].startswith("person") for face in labels[name]["faces"])
    ]
    rng = np.random.default_rng(half)
    chosen = rng.permutation(told[half::2])[:n]
    return [pan(data / "album" / name, labels[name]["faces"], rng) for name in chosen]


def people_of_lfw(data: Path, half: int) -> list[list[Path]]:
    """Photos of those who have more than are shown."""
    folders = sorted(path for path in (data / "lfw").iterdir() if path.is_dir())
    photos = [sorted(folder.glob("*.jpg")) for folder in folders]
    return [own for own in photos if len(own) > SHOWN][half::2]


def trio_shots(people: Sequence[list[Path]], half: int, n: int, seconds: float) -> list[Shot]:
    order = np.random.default_rng(10 + half).permutation(len(people))[: 3 * n]
    chosen = [people[k][:SHOWN] for k in order.tolist()]
    return [trio(chosen[k : k + 3], seconds) for k in range(0, len(chosen) - 2, 3)]


def verify(
    owners: Sequence[tuple[str, tracks.Track]], people: Sequence[list[Path]], analyzer: Analyzer
) -> None:
    """Prints how well the faces of tracks match photos that are not in the video."""
    shown = {name for name, _ in owners}
    others = [(p[0].parent.name, path) for p in people for path in p[SHOWN : SHOWN + 4]]
    others = [(name, path) for name, path in others if name in shown]
    faces = [(name, central_face(analyzer, path)) for name, path in others]
    kept = np.stack([face for _, face in faces if face is not None])
    names = np.array([name for name, face in faces if face is not None])
    same = np.array([name for name, _ in owners])[:, None] == names
    for n_best in (1, 3, tracks.BEST):
        means = np.stack(
            [np.sum([seen.face for seen in track.best[:n_best]], axis=0) for _, track in owners]
        )
        likeness = means / np.linalg.norm(means, axis=1, keepdims=True) @ kept.T
        true, false = likeness[same], likeness[~same]
        limit = np.sort(false)[-max(1, len(false) // 1000)]
        spread = np.sqrt((true.var() + false.var()) / 2)
        print(
            f"  mean of {n_best}: {np.mean(true >= limit):.3f} of {len(true)} true matches, "
            f"d' {(true.mean() - false.mean()) / spread:.2f}"
        )


def report(kind: str, shots: Sequence[Shot], seconds: float, analyzer: Analyzer) -> list:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        write(path, shots, seconds)
        found, spent = looks(path, analyzer)
    minutes = len(shots) * seconds / 60
    followed = follow(found, PackEngine().same_face)
    of_person, counts, owners = judge(shots, followed, seconds)
    cuts = [int(a.at_s / seconds) != int(b.at_s / seconds) for a, b in pairwise(found)]
    seen = [is_cut(a.colours, b.colours) for a, b in pairwise(found)]
    missed = sum(cut and not told for cut, told in zip(cuts, seen, strict=True))
    wrong = sum(told and not cut for cut, told in zip(cuts, seen, strict=True))
    print(
        f"{kind}: {len(shots)} shots, {minutes:.1f} min, {len(found)} keyframes: "
        f"{sum(of_person.values()) / len(of_person):.3f} tracks for each of {len(of_person)}, "
        f"purity {counts['right'] / counts['seen']:.4f} of {counts['seen']} sightings; "
        f"cuts: {sum(cuts)}, {missed} missed, {wrong} extra; CPU s a minute: "
        + ", ".join(f"{part} {s / minutes:.2f}" for part, s in spent.items())
    )
    return owners


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds lfw/, album/")
    parser.add_argument("--half", choices=["tune", "report"], default="report")
    parser.add_argument("--shots", type=int, default=12, help="of each kind")
    parser.add_argument("--seconds", type=float, default=8.0, help="a shot's length")
    args = parser.parse_args()
    half = ["tune", "report"].index(args.half)
    analyzer = Analyzer()
    report("album", album_shots(args.data, half, args.shots), args.seconds, analyzer)
    people = people_of_lfw(args.data, half)
    shots = trio_shots(people, half, args.shots, args.seconds)
    owners = report("LFW, three at a time", shots, args.seconds, analyzer)
    verify(owners, people, analyzer)


if __name__ == "__main__":
    main()
