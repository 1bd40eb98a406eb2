"""Measures how likeness fades with the years, for the default pack, and writes it into the package.

    python bench/make_ageing_curve.py --data DIR --cache DIR

How old a face looks comes from aligned crops of known ages (DIR/train/utk, DIR/train/aaf); what
lasts of a face and how likeness fades from people photographed over decades (DIR/ageing, ages in
the file names). Only aggregates are written. Prints likeness against the gap in years and against
age, as a table. `accuracy_ageing.py` reports how it does on
people who were not fitted on.
"""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

import observations
from fastface import embed_faces
from fastface.ageing import Ageing
from fastface.analysis import MODEL_TAG
from fastface.cohort import Cohort, Strangers

TARGET = Path(__file__).parents[1] / "python" / "fastface" / "ages" / "sface.json"
ADDED_YEARS = 4.0  # so that a year is much for a baby and little for an adult
RIDGE = 10.0
BATCH = 64
# The covariance within one person: its part that is taken to be alike in all directions, how many
# directions are told from the rest, and parts of the people: each is looked at by the others' one.
ROUND = 0.6
FICKLE = 24
FOLDS = 4
MOST_CROPS = 1000  # of strangers, whose distances are measured
AGES = ((0, 2), (3, 5), (6, 9), (10, 14), (15, 19), (20, 29), (30, 70))
GAPS = ((1, 1), (2, 2), (3, 4), (5, 7), (8, 11), (12, 17), (18, 25), (26, 70))
BIRTHS = (0, 15, 40)  # years over which people are born, from 1950


def crops_of_known_age(data: Path, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """Faces and ages."""
    stored = cache / f"known-ages-{MODEL_TAG}.npz"
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
    nothing = np.zeros((0, faces.shape[1])), np.zeros(0), Strangers(1.0, 0.1)
    looks = Ageing(
        weights, float(maturity.mean()), pattern, np.zeros(4), np.zeros(3), pattern * 0, *nothing
    )
    return replace(looks, centre=looks.ageless(faces).mean(axis=0, dtype=np.float64))


def lasting(looks: Ageing, faces: np.ndarray, people: np.ndarray, crops: np.ndarray) -> Ageing:
    """The same with the directions that change within one person, most first.

    crops: faces of strangers, whose distances are measured.
    """
    ageless = looks.ageless(faces).astype(np.float64)
    who = np.unique(people, return_inverse=True)[1]
    sums = np.zeros((who.max() + 1, ageless.shape[1]))
    np.add.at(sums, who, ageless)
    within = ageless - (sums / np.bincount(who)[:, None])[who]
    variances, directions = np.linalg.eigh(within.T @ within / (len(who) - len(sums)))
    variances = (1 - ROUND) * variances + ROUND * variances.mean()
    rest = variances[:-FICKLE].mean()
    fickle, kept = directions[:, -FICKLE:].T[::-1], np.sqrt(rest / variances[-FICKLE:])[::-1]
    found = replace(looks, fickle=fickle, kept=kept)
    some = found.lasting(crops, np.arange(len(crops)))[:: max(1, len(crops) // MOST_CROPS)]
    distances = (1 - some @ some.T)[np.triu_indices(len(some), 1)].astype(np.float64)
    return replace(found, strangers=Strangers(float(distances.mean()), float(distances.std())))


def pairs(
    ageing: Ageing, faces: np.ndarray, people: np.ndarray, years: np.ndarray
) -> dict[str, np.ndarray]:
    """Every pair: z of the lasting faces, younger and older maturity, years, same person."""
    labels, maturity = np.unique(people, return_inverse=True)[1], ageing.maturity(faces)
    last = ageing.lasting(faces, labels)
    cohort = Cohort.of_clusters(last, labels, ageing.strangers)
    i, j = np.triu_indices(len(faces), 1)
    return {
        "z": cohort.closeness(i, j, 1 - np.einsum("nd,nd->n", last[i], last[j])),
        "younger": np.minimum(maturity[i], maturity[j]),
        "older": np.maximum(maturity[i], maturity[j]),
        "years": np.abs(years[i] - years[j]),
        "same": people[i] == people[j],
        "i": i,
        "j": j,
    }


def unseen_pairs(
    looks: Ageing, faces: np.ndarray, people: np.ndarray, years: np.ndarray, crops: np.ndarray
) -> dict[str, np.ndarray]:
    """Pairs of people whom the directions were not fitted on: those fit their own too well."""
    who, of = np.unique(people, return_inverse=True)
    fold = (np.random.default_rng(1).permutation(len(who)) % FOLDS)[of]
    found = []
    for k in range(FOLDS):
        ageing = lasting(looks, faces[fold != k], people[fold != k], crops)
        p = pairs(ageing, faces, people, years)
        unseen = (fold[p["i"]] == k) & (fold[p["j"]] == k)
        found.append({name: column[unseen] for name, column in p.items()})
    return {name: np.concatenate([p[name] for p in found]) for name in found[0]}


def fading(
    looks: Ageing, faces: np.ndarray, people: np.ndarray, years: np.ndarray, crops: np.ndarray
) -> Ageing:
    """What lasts, and the expected z of one person and of two, by least squares."""
    p = unseen_pairs(looks, faces, people, years, crops)
    ones, same = np.ones(len(p["z"])), p["same"]
    of_one = np.column_stack([ones, p["younger"], p["older"], np.log1p(p["years"] / 2)])
    of_two = np.column_stack([ones, p["younger"] * p["older"], p["younger"] + p["older"]])
    one = np.linalg.lstsq(of_one[same], p["z"][same], rcond=None)[0]
    two = np.linalg.lstsq(of_two[~same], p["z"][~same], rcond=None)[0]
    return replace(lasting(looks, faces, people, crops), one=one, two=two)


def table(
    looks: Ageing,
    ageing: Ageing,
    faces: np.ndarray,
    people: np.ndarray,
    ages: np.ndarray,
    crops: np.ndarray,
) -> None:
    p = unseen_pairs(looks, faces, people, ages.astype(float), crops)
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


def everything(
    data: Path, cache: Path
) -> tuple[Ageing, np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """How old faces look; crops of strangers; and faces, people and ages to fit fading on."""
    crops, known = crops_of_known_age(data, cache)
    looks = readout(crops, known)
    photos = observations.ageing(data, cache)
    rows = np.flatnonzero((photos.truth >= 0) & ~photos.unclear)
    faces, people = photos.face[rows], photos.truth[rows]
    names = [photos.names[index] for index in photos.photo[rows]]
    ages = np.array([age_in(Path(name).name) for name in names])
    return looks, crops, (faces, people, ages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for embeddings")
    options = parser.parse_args()
    looks, crops, (faces, people, ages) = everything(options.data, options.cache)
    ageing = fading(looks, faces, people, ages + born(people, BIRTHS[-1], 0), crops)
    table(looks, ageing, faces, people, ages, crops)
    columns = {
        name: [float(f"{value:.5g}") for value in getattr(ageing, name)]
        for name in ("readout", "pattern", "one", "two", "centre", "kept")
    }
    columns["fickle"] = [[float(f"{value:.4f}") for value in row] for row in ageing.fickle]
    columns["strangers"] = [round(value, 5) for value in ageing.strangers[:2]]
    TARGET.parent.mkdir(exist_ok=True)
    document = {"embedder": "sface", "mean_maturity": round(ageing.mean_maturity, 4), **columns}
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(value)}" for name, value in document.items()
    )
    TARGET.write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
