"""The lecture's questions answered from a log of results; every figure is in the log.

The text says what the figures say, whatever they are: where two accuracies differ by less than two
standard errors, that nothing is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fastface.lab.book import Book, Row, accuracy_of, macs_of, markdown_table, ms_of
from fastface.lab.pareto import joined, on_front
from fastface.lab.published import TABLE_5

OURS, TEACHER = "peoplenet", "default"
FROM_SCRATCH = "from-scratch"  # one of the same family that began at random
ARTICLE_MS = 4.0  # an embedding on Apple's neural engine in 2021
KINDS = ("none", "se", "cbam")
AIM = 0.97  # accuracy that earns a network of our own a pack
# Of the recipe `lecture`: steps times batch, and three passes of two operations per MAC for each.
LECTURE_FACES = 60_000 * 256
LECTURE_FLOP = LECTURE_FACES * 437e6 * 2 * 3


def write(log: Path, target: Path, plot: str | None = None) -> None:
    """Write the report in Markdown.

    plot: a picture to show, relative to the report.  Raises FastfaceError if the log is no log.
    """
    book = Book(log)
    parts = [
        _head(book, log.name),
        _networks(book, plot),
        _own(book),
        _attention(book),
        _engine(book),
        _shape(book),
        _compression(book),
        _masks(book),
        _fairness(book),
    ]
    target.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _head(book: Book, log: str) -> str:
    return f"""\
# What the lab found

Written by `fastface lab report` from [{log}]({log}); do not edit. Each line of that log is one
result of `lab train`, `measure`, `evaluate`, `compress` or `attention`, with its machine and time.
Timed on {book.machines}, ONNX Runtime {", ".join(book.versions)},
{book.span}. Times are processor milliseconds of one face on one thread, medians of
runs in turns within one process; the machine was shared, so ratios hold better than times. Accuracy
is cross-validated over the folds of LFW that are set aside for development (1,800 pairs; no photo
of LFW was trained on), with its standard error over folds. Energy is an estimate, a stated number
of watts times processor seconds, wherever the log says so."""


def _networks(book: Book, plot: str | None) -> str:
    rows = joined(list(book.measured.values()), list(book.judged.values()))
    rows = [row for row in rows if not row["name"].startswith("study-")]
    table = markdown_table(
        [
            "network",
            "accuracy",
            "TAR at 1e-3",
            "clusters, BCubed F",
            "parameters",
            "M MACs",
            "KB",
            "memory MB",
            "ms",
            "p95",
            "mJ",
            "µg CO2",
        ],
        [
            [
                row["name"],
                f"{row['accuracy']:.4f} ± {row['error']:.4f}",
                f"{row['tar']:.3f}",
                f"{row['bcubed_f']:.3f}",
                f"{row['parameters']:,}",
                f"{row['macs'] / 1e6:.0f}",
                f"{row['file_bytes'] / 1e3:.0f}",
                f"{row['resident_bytes'] / 1e6:.1f}",
                f"{row['cpu_ms']:.2f}",
                f"{row['cpu_p95_ms']:.2f}",
                f"{1e3 * row['joules']:.1f}",
                f"{row['co2_micrograms']:.2f}",
            ]
            for row in sorted(rows, key=lambda row: -row["accuracy"])
        ],
    )
    picture = f"\n\n![accuracy against cost]({plot})" if plot else ""
    ours = ""
    if OURS in book.judged and OURS in book.measured and TEACHER in book.measured:
        ours = (
            f"\n\nOur own network against the default embedder, its teacher: accuracy "
            f"{book.gain(OURS, TEACHER)}, {book.ratio(OURS, TEACHER)} of the time, "
            f"{book.ratio(OURS, TEACHER, 'file_bytes')} of the bytes. {_front(rows)}"
        )
    return f"## The networks\n\n{table}{ours}{picture}"


def _front(rows: Sequence[Row]) -> str:
    front = on_front(
        np.array([row["cpu_ms"] for row in rows]), np.array([row["accuracy"] for row in rows])
    )
    names = [row["name"] for row, kept in zip(rows, front, strict=True) if kept]
    return f"No network here is both faster and more accurate than {', '.join(names)}."


def _own(book: Book) -> str:
    if OURS not in book.judged or OURS not in book.trained:
        return "## Is our own network good enough?\n\nNot measured."
    accuracy, trained = book.judged[OURS]["accuracy"], book.trained[OURS]
    passes = trained["step"] * trained["batch"] / trained["crops"]
    verdict = (
        f"Yes: {accuracy:.4f} reaches the {AIM:g} that was asked of it: it is the pack `{OURS}`."
        if accuracy >= AIM
        else f"No: {accuracy:.4f} falls short of the {AIM:g} that was asked of it, so it is not "
        "offered as a pack."
    )
    heir_of = trained.get("heir_of")
    beginning = (
        f"It began with the weights of the pack `{heir_of}`, a network of its family, fitted into "
        "fewer channels (`fastface.lab.inherit`). Against"
        if heir_of
        else "It began at random. Against"
    )
    return f"""\
## Is our own network good enough?

{verdict} It was taught by the default embedder, by its vectors and its maps at two stages, on
{trained["crops"]:,} crops, which it saw {passes:.0f} times over, blended half of the time, in
{trained["seconds"] / 60:.0f} minutes of a shared core ({trained["machine"]}). To crops that were
kept out of training its vectors have a mean cosine of {trained["held_out"]:.3f} with the teacher's.
{beginning} the same family taught by 96 people's labels alone, without a teacher:
{book.gain(OURS, "tiny")}.{_without_inheritance(book)}

What more would take: the recipe `lecture` shows {LECTURE_FACES / 1e6:.0f} million faces to the full
width, {LECTURE_FLOP:.0e} floating-point operations; by estimate one to two hours of a GPU at the 5
to 10 teraflops that such thin layers reach there, or some {LECTURE_FLOP / 5e10 / 86400:.0f} days of
this core. `fastface lab train --preset lecture` is that command."""


def _without_inheritance(book: Book) -> str:
    if FROM_SCRATCH not in book.judged or FROM_SCRATCH not in book.trained:
        return ""
    scratch, row = book.trained[FROM_SCRATCH], book.measured.get(FROM_SCRATCH)
    macs = f" of {row['macs'] / 1e6:.0f} M MACs" if row else ""
    return f"""
Against one{macs} that began at random and was taught alike for {scratch["step"]:,} steps,
{scratch["seconds"] / 60:.0f} minutes: {book.gain(OURS, FROM_SCRATCH)}."""


def _attention(book: Book) -> str:
    table = markdown_table(
        [
            "MobileNet",
            "parameters",
            "paper's",
            "10^9 MACs",
            "paper's",
            "ImageNet error, paper's",
            "ms",
            "memory MB",
        ],
        [
            [
                f"{row.width:g} {row.attention}",
                f"{measured['parameters'] / 1e6:.2f} M",
                f"{row.parameters:.2f} M",
                f"{measured['macs'] / 1e9:.3f}",
                f"{row.operations:.3f}",
                f"{row.top1:.2f} %",
                f"{measured['cpu_ms']:.1f}",
                f"{measured['resident_bytes'] / 1e6:.0f}",
            ]
            for row in TABLE_5
            if (measured := book.measured.get(f"mobilenet-{row.width:g}-{row.attention}"))
        ],
    )
    lecture = markdown_table(
        ["the lecture's network", "ms, PReLU as an operator", "ms, rewritten", "ms, int8"],
        [
            [kind, *(ms_of(book, f"lecture-{kind}{end}") for end in ("-prelu", "", "-int8"))]
            for kind in KINDS
        ],
    )
    ratio = book.ratio
    return f"""\
## Was the attention worth it?

On paper attention is nearly free: 0.2 % more operations for SE, 1 to 2 % for CBAM. The files below
have the batch normalisation folded in, so they hold slightly fewer parameters than the paper
prints; counted in PyTorch (`tests/lab/test_network.py`) every printed digit of the parameters comes
out, and of the operations too except CBAM's, where the paper's counter adds part of the pooling and
scaling (0.3 % of the whole). The errors are the paper's, not ours. What it leaves out is the time:
at width 1.0 CBAM takes {ratio("mobilenet-1-cbam", "mobilenet-1-none")} times as long as the plain
network, SE {ratio("mobilenet-1-se", "mobilenet-1-none")} times: every map is read once more to be
summed up and once more to be scaled.

{table}

In the lecture's network CBAM takes {ratio("lecture-cbam", "lecture-none")} times as long as no
attention, SE {ratio("lecture-se", "lecture-none")} times. PReLU left as an operator takes
{ratio("lecture-none-prelu", "lecture-none")} times as long as the rewritten network, whose answers
are the same up to rounding.

{lecture}

{_attention_study(book)}"""


def _attention_study(book: Book) -> str:
    names = [f"study-{kind}" for kind in KINDS]
    if any(name not in book.judged or name not in book.measured for name in names):
        return "Whether attention makes this network more accurate was not measured."
    table = markdown_table(
        ["small network taught alike", "accuracy", "M MACs", "ms"],
        [
            [n.removeprefix("study-"), accuracy_of(book, n), macs_of(book, n), ms_of(book, n)]
            for n in names
        ],
    )
    return f"""\
A small network was taught three times by the same few hundred steps. SE against nothing:
{book.gain("study-se", "study-none")}. CBAM against nothing:
{book.gain("study-cbam", "study-none")}. So short a training decides little.

{table}"""


def _engine(book: Book) -> str:
    ours = (OURS, f"{OURS}-channels-25", f"{OURS}-int8", FROM_SCRATCH)
    names = (*ours, "small", TEACHER, "lecture-none", "lecture-none-int8")
    rows = [book.measured[name] for name in names if name in book.measured]
    table = markdown_table(
        ["network", "ms on one core", "of the article's 4 ms", "mJ", "source"],
        [
            [
                row["name"],
                f"{row['cpu_ms']:.2f}",
                f"{row['cpu_ms'] / ARTICLE_MS:.2f}",
                f"{1e3 * row['joules']:.1f}",
                row["energy_source"],
            ]
            for row in rows
        ],
    )
    fast = [row["name"] for row in rows if row["cpu_ms"] <= ARTICLE_MS]
    verdict = (
        f"No: {', '.join(fast)} need at most the article's {ARTICLE_MS:g} ms on one core of a CPU."
        if fast
        else f"Here, yes: none of these needs at most the article's {ARTICLE_MS:g} ms on one core."
    )
    return f"""\
## Was this only possible because of the neural engine?

{verdict} What another engine changes is not measured: this machine has none.
`fastface lab measure --provider NAME` measures it where there is one.

{table}"""


def _shape(book: Book) -> str:
    names = {"study-wider": "wider", "study-none": "the study's own", "study-deeper": "deeper"}
    table = markdown_table(
        ["shape", "parameters", "M MACs", "ms", "accuracy"],
        [
            [
                shape,
                f"{book.measured[name]['parameters']:,}",
                macs_of(book, name),
                ms_of(book, name),
                accuracy_of(book, name),
            ]
            for name, shape in names.items()
            if name in book.measured
        ],
    )
    if not {"study-wider", "study-deeper"} <= book.judged.keys() & book.measured.keys():
        return "## Wider or deeper?\n\nNot measured."
    return f"""\
## Wider or deeper?

At about equal operations the deeper network takes {book.ratio("study-deeper", "study-wider")} times
as long as the wider one. Accuracy, deeper against wider:
{book.gain("study-deeper", "study-wider")}.

{table}"""


def _compression(book: Book) -> str:
    float_name = f"{OURS}-float"
    table = markdown_table(
        ["method", "KB in theory", "KB of the file", "KB zipped", "times as fast", "accuracy"],
        [
            [
                name.removeprefix(f"{OURS}-"),
                f"{row['theory_bytes'] / 1e3:.0f}",
                f"{row['file_bytes'] / 1e3:.0f}",
                f"{row['zipped_bytes'] / 1e3:.0f}",
                book.ratio(float_name, name),
                accuracy_of(book, name),
            ]
            for name, row in book.compressed.items()
        ],
    )
    return f"""\
## What do quantisation and pruning give?

In theory 4 bits are an eighth of the bytes, half the weights half the work, and integers two to
four times as fast as floats. Here, against the network in floats: with 4-bit weights alone
{book.ratio(float_name, f"{OURS}-weights-4")} times as fast, as the engine turns them into floats
again at every run; in int8 {book.ratio(float_name, f"{OURS}-int8")} times, as its integer layers
leave the fast layout of its float ones; with 80 % of the weights zero
{book.ratio(float_name, f"{OURS}-zeros-80")} times, as zeros are multiplied like any number; with
half the hidden channels cut out {book.ratio(float_name, f"{OURS}-channels-50")} times. 3 bits
travel as 4: ONNX has no smaller type. What was cut was taught again for a few steps only, so its
accuracy is a lower bound.

{table}"""


def _masks(book: Book) -> str:
    rows = [row for name, row in book.judged.items() if not name.startswith(f"{OURS}-")]
    table = markdown_table(
        ["network", "bare", "masked", "cost of the mask"],
        [
            [
                row["name"],
                f"{row['accuracy']:.4f}",
                f"{row['masked_accuracy']:.4f}",
                f"{row['accuracy'] - row['masked_accuracy']:.4f}",
            ]
            for row in rows
        ],
    )
    given_back = "What training with masks gives back was not measured."
    if {"study-masks", "study-none"} <= book.judged.keys():
        given_back = (
            "Training with masks against without, all else equal:\nmasked "
            f"{book.gain('study-masks', 'study-none', 'masked_accuracy')}, bare\n"
            f"{book.gain('study-masks', 'study-none')}."
        )
    return f"""\
## What do masks cost, and what does the augmentation give back?

One face of every pair wears a made-up mask. {given_back}

{table}"""


def _fairness(book: Book) -> str:
    if not book.groups:
        return "## Who is served worse?\n\nNot measured."
    measures = {"told from all others": "share", "found by the detector": "detected"}
    lines = []
    for name in dict.fromkeys(row["name"] for row in book.groups):
        for kind in ("age", "gender", "race"):
            rows = [r for r in book.groups if r["name"] == name and r["kind"] == kind]
            for title, key in measures.items():
                worst, best = min(rows, key=lambda r: r[key]), max(rows, key=lambda r: r[key])
                cells = [f"{r['group']} {r[key]:.3f} ({r['faces']})" for r in (worst, best)]
                lines.append([name, kind, title, *cells])
    return f"""\
## Who is served worse?

Faces of UTKFace, each compared with a degraded copy of itself and with everybody else's: how often
it is nearest to itself; and how often the default detector finds it. The worst and the best group
of each kind, with the number of faces. The labels are the data set's own.

{markdown_table(["network", "by", "share", "worst group", "best group"], lines)}"""
