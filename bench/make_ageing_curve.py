"""Measures how likeness fades with the years, for the default pack, and writes it into the package.

    python bench/make_ageing_curve.py --data DIR --cache DIR [--check]

How old a face looks comes from aligned crops of known ages (DIR/train/utk, DIR/train/aaf); how
likeness fades from people photographed over decades (DIR/ageing, ages in the file names). Only
aggregates are written. Prints likeness against the gap in years and against age, as a table.

--check writes nothing: it fits the fading on half of the people, groups everybody with it and with
capture dates of seeded years of birth, and reports BCubed F on the faces of the other half, beside
the best constant threshold without time on the same faces; six times.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

import observations
from fastface import across, embed_faces
from fastface.ageing import Ageing
from fastface.calibration import Calibration
from fastface.cohort import Cohort
from fastface.growing import Time
from fastface.kernels import median_linkage, pairwise_edges

TARGET = Path(__file__).parents[1] / "python" / "fastface" / "ages" / "sface.json"
ADDED_YEARS = 4.0  # so that a year is much for a baby and little for an adult
RIDGE = 10.0
BATCH = 64
AGES = ((0, 2), (3, 5), (6, 9), (10, 14), (15, 19), (20, 29), (30, 70))
GAPS = ((1, 1), (2, 2), (3, 4), (5, 7), (8, 11), (12, 17), (18, 25), (26, 70))
TAUS = np.arange(0.40, 0.8501, 0.0125)
BIRTHS = (0, 15, 40)  # years over which people are born, from 1950


def crops_of_known_age(data: Path, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """Faces and ages."""
    stored = cache / "known-ages-default.npz"
    if not stored.exists():
        folders = data / "train" / "utk", data / "train" / "aaf"
        paths = [path for folder in folders for path in sorted(folder.iterdir())]
        ages = [age_in(path.name) for path in paths]
        faces = []
        for start in range(0, len(paths), BATCH):
            crops = [
                np.asarray(Image.open(path).convert("RGB").resize((112, 112)))
                for path in paths[start : start + BATCH]
            ]
            faces.append(embed_faces(np.stack(crops)))
        stored.touch(mode=0o600)
        with stored.open("wb") as file:
            np.savez(file, faces=np.concatenate(faces), ages=np.array(ages))
    with np.load(stored) as archive:
        return archive["faces"], archive["ages"]


def age_in(name: str) -> int:
    """Of `10_0_0_2017.jpg` or `00004A10.jpg`."""
    found = re.match(r"(\d+)_|\d+A(\d+)", name)
    return int(found[1] or found[2])


def readout(faces: np.ndarray, ages: np.ndarray) -> Ageing:
    """How old faces look, by ridge regression; nothing yet of how likeness fades."""
    maturity = np.log(ages + ADDED_YEARS)
    rows = np.column_stack([faces.astype(np.float64), np.ones(len(faces))])
    penalty = RIDGE * np.eye(rows.shape[1])
    penalty[-1, -1] = 0
    weights = np.linalg.solve(rows.T @ rows + penalty, rows.T @ maturity)
    centred = maturity - maturity.mean()
    pattern = centred @ (faces - faces.mean(axis=0)) / (centred @ centred)
    return Ageing(weights, float(maturity.mean()), pattern, np.zeros(4), np.zeros(3))


def pairs(
    ageing: Ageing, faces: np.ndarray, people: np.ndarray, years: np.ndarray
) -> dict[str, np.ndarray]:
    """Every pair: z of the ageless faces, younger and older maturity, years, same person."""
    ageless, maturity = ageing.ageless(faces), ageing.maturity(faces)
    labels = np.unique(people, return_inverse=True)[1]
    cohort = Cohort.of_clusters(ageless, labels, Calibration.of_pack().strangers)
    i, j = np.triu_indices(len(faces), 1)
    return {
        "z": cohort.closeness(i, j, 1 - np.einsum("nd,nd->n", ageless[i], ageless[j])),
        "younger": np.minimum(maturity[i], maturity[j]),
        "older": np.maximum(maturity[i], maturity[j]),
        "years": np.abs(years[i] - years[j]),
        "same": people[i] == people[j],
        "i": i,
        "j": j,
    }


def fading(ageing: Ageing, faces: np.ndarray, people: np.ndarray, years: np.ndarray) -> Ageing:
    """The same with the expected z of one person and of two, by least squares."""
    p = pairs(ageing, faces, people, years)
    ones, same = np.ones(len(p["z"])), p["same"]
    of_one = np.column_stack([ones, p["younger"], p["older"], np.log1p(p["years"] / 2)])
    of_two = np.column_stack([ones, p["younger"] * p["older"], p["younger"] + p["older"]])
    one = np.linalg.lstsq(of_one[same], p["z"][same], rcond=None)[0]
    two = np.linalg.lstsq(of_two[~same], p["z"][~same], rcond=None)[0]
    return Ageing(ageing.readout, ageing.mean_maturity, ageing.pattern, one, two)


def table(ageing: Ageing, faces: np.ndarray, people: np.ndarray, ages: np.ndarray) -> None:
    p = pairs(ageing, faces, people, ages.astype(float))
    youngest = np.minimum(ages[p["i"]], ages[p["j"]])
    print("One person, closeness z in deviations of strangers: mean, as fitted, and spread")
    print(f"{'younger at':<12}" + "".join(f"{f'{a}-{b} years on':>19}" for a, b in GAPS))
    expected, strangers = ageing.expected((p["younger"], p["older"]), p["years"])
    for low, high in AGES:
        cells = []
        for first, last in GAPS:
            here = p["same"] & (youngest >= low) & (youngest <= high)
            here &= (p["years"] >= first) & (p["years"] <= last)
            z, fit = p["z"][here], expected[here]
            cells.append(
                f"{z.mean():7.2f} {fit.mean():5.2f} {z.std():5.2f}" if len(z) > 5 else " " * 19
            )
        print(f"{f'{low}-{high}':<12}" + "".join(f"{cell:>19}" for cell in cells))
    print("Strangers of one age: mean, as fitted, and spread")
    for low, high in AGES:
        oldest = np.maximum(ages[p["i"]], ages[p["j"]])
        here = ~p["same"] & (youngest >= low) & (oldest <= high)
        z, fit = p["z"][here], strangers[here]
        print(f"{f'{low}-{high}':<12}{z.mean():7.2f} {fit.mean():5.2f} {z.std():5.2f}")


def born(people: np.ndarray, span: int, seed: int) -> np.ndarray:
    """Seeded years of birth, by face."""
    who, of = np.unique(people, return_inverse=True)
    return np.random.default_rng(seed).integers(1950, 1951 + span, len(who))[of].astype(float)


def bcubed(labels: np.ndarray, people: np.ndarray, rows: np.ndarray) -> float:
    """BCubed F of some of the faces, all of which were grouped."""
    _, labels = np.unique(labels, return_inverse=True)
    _, people = np.unique(people, return_inverse=True)
    both = np.zeros((labels.max() + 1, people.max() + 1))
    np.add.at(both, (labels, people), 1)
    common = both[labels, people]
    precision = (common / both.sum(1)[labels])[rows].mean()
    recall = (common / both.sum(0)[people])[rows].mean()
    return float(2 * precision * recall / (precision + recall))


def check(ageing: Ageing, faces: np.ndarray, people: np.ndarray, ages: np.ndarray) -> None:
    prior = Calibration.of_pack().strangers
    edges = pairwise_edges(faces, float(TAUS[-1]))
    constant = [median_linkage(len(faces), edges, float(tau)).labels for tau in TAUS]
    plain = across.group(faces, prior=prior).labels
    found = []
    print(f"{'births over':<12}{'best constant':>15}{'without time':>15}{'with time':>15}")
    for turn in range(6):
        span = BIRTHS[turn // 2]
        years = born(people, span, turn) + ages
        mixed = np.random.default_rng(100 + turn // 2).permutation(np.unique(people))
        fitted = np.isin(people, mixed[:20] if turn % 2 else mixed[20:])
        curve = fading(ageing, faces[fitted], people[fitted], years[fitted])
        timed = across.group(faces, prior=prior, time=Time(curve, years)).labels
        rows = np.flatnonzero(~fitted)
        best = max(bcubed(labels, people, rows) for labels in constant)
        found.append([best, bcubed(plain, people, rows), bcubed(timed, people, rows)])
        print(f"{span:<12}" + "".join(f"{value:15.4f}" for value in found[-1]))
    print(f"{'mean':<12}" + "".join(f"{value:15.4f}" for value in np.mean(found, axis=0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for embeddings")
    parser.add_argument("--check", action="store_true", help="report on people not fitted on")
    options = parser.parse_args()
    looks = readout(*crops_of_known_age(options.data, options.cache))
    photos = observations.ageing(options.data, options.cache)
    rows = np.flatnonzero((photos.truth >= 0) & ~photos.unclear)
    faces, people = photos.face[rows], photos.truth[rows]
    names = [photos.names[index] for index in photos.photo[rows]]
    ages = np.array([age_in(Path(name).name) for name in names])
    if options.check:
        check(looks, faces, people, ages)
        return
    ageing = fading(looks, faces, people, ages + born(people, BIRTHS[-1], 0))
    table(ageing, faces, people, ages)
    columns = {
        name: [float(f"{value:.5g}") for value in getattr(ageing, name)]
        for name in ("readout", "pattern", "one", "two")
    }
    TARGET.parent.mkdir(exist_ok=True)
    document = {"embedder": "sface", "mean_maturity": round(ageing.mean_maturity, 4), **columns}
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(value)}" for name, value in document.items()
    )
    TARGET.write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
