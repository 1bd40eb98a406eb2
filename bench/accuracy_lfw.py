"""Verification accuracy on LFW pairs: is it one person or two?

    python bench/accuracy_lfw.py --data DIR

DIR holds `lfw/` with `pairs.txt`, whose folds the first line counts. The threshold of each fold is
the best one of the other folds (the protocol of Huang et al., 2007). Of several faces in an image,
the most central one counts; an image without a face fails its pairs. Prints accuracy by fold, the
share of same-person pairs accepted where 1 in 1,000 different-person pairs is, and the time taken.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from fastface.analysis import DECODE_SIDE, Analyzer
from fastface.images import decode


def read_pairs(path: Path) -> tuple[list[tuple[str, str]], np.ndarray, np.ndarray]:
    """Files of each pair, whether they show the same person, and the pair's fold."""
    header, *lines = path.read_text().splitlines()
    n_folds, n_per_kind = map(int, header.split())
    pairs, same = [], []
    for line in lines:
        parts = line.split("\t")
        if same_person := len(parts) == 3:
            parts.insert(2, parts[0])
        first, n_first, second, n_second = parts
        pairs.append((file_of(first, n_first), file_of(second, n_second)))
        same.append(same_person)
    return pairs, np.array(same), np.repeat(np.arange(n_folds), 2 * n_per_kind)


def file_of(person: str, number: str) -> str:
    return f"{person}/{person}_{int(number):04d}.jpg"


def central_face(analyzer: Analyzer, path: Path) -> np.ndarray | None:
    observations = analyzer.analyze(decode(path, min_side=DECODE_SIDE).pixels)
    if not observations:
        return None
    centres = np.array(
        [(o.box.left + o.box.width / 2, o.box.top + o.box.height / 2) for o in observations]
    )
    return observations[np.hypot(*(centres - 0.5).T).argmin()].face


def best_threshold(similarity: np.ndarray, same: np.ndarray) -> float:
    return max(np.unique(similarity), key=lambda t: np.mean((similarity >= t) == same))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds lfw/")
    parser.add_argument("--pack", default="default", help="model pack (see fastface models)")
    args = parser.parse_args()
    folder = args.data / "lfw"
    pairs, same, fold = read_pairs(folder / "pairs.txt")
    files = sorted({file for pair in pairs for file in pair})
    analyzer = Analyzer(args.pack)
    cpu = time.process_time()
    faces = {file: central_face(analyzer, folder / file) for file in files}
    ms = 1000 * (time.process_time() - cpu) / len(files)
    missed = [file for file, face in faces.items() if face is None]
    similarity = np.array(
        [
            -1.0 if a is None or b is None else a @ b
            for a, b in ((faces[x], faces[y]) for x, y in pairs)
        ]
    )
    print("fold  threshold  accuracy")
    accuracies = []
    for held_out in np.unique(fold):
        test = fold == held_out
        threshold = best_threshold(similarity[~test], same[~test])
        accuracies.append(np.mean((similarity[test] >= threshold) == same[test]))
        print(f"{held_out + 1:4}  {threshold:9.4f}  {accuracies[-1]:8.4f}")
    strict = np.quantile(similarity[~same], 0.999)
    print(f"mean             {np.mean(accuracies):8.4f}")
    print(f"TAR at FAR 1e-3  {np.mean(similarity[same] > strict):8.4f}")
    print(f"{len(files)} images, {len(missed)} without a face {missed}, {ms:.1f} CPU ms each")


if __name__ == "__main__":
    main()
