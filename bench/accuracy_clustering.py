"""How well the default cut does without a threshold, beside the best constant one of each set.

    python bench/accuracy_clustering.py --data DIR --cache DIR

Also on made-up faces of three kinds of embedders (`face_mixtures.py`), by `FaceClustering`, which
knows of no curve. Every photo is a moment of its own here, so that the cut of pass 2 stands alone
(LFW's folders would otherwise say who is who); the album's second row has moments of its files in
order, as a scan of photos without a clock makes them. The default rule sees no label; the constant
is the best of 33 for that very set. A face left out as unclear, or missed, is a cluster of its own.
Faces of the album and of LFW's background that have no name take part and are not scored.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import face_mixtures
import observations
from fastface import clustering, models, moments
from fastface.calibration import Calibration
from fastface.estimators import FaceClustering
from fastface.kernels import median_linkage, pairwise_edges
from fastface.metrics import bcubed_scores, pairwise_scores

TAUS = np.arange(0.40, 0.8001, 0.0125)
MIXTURE_FACES = 5000


def with_missed(labels: np.ndarray, photos: observations.PhotoSet) -> tuple[np.ndarray, np.ndarray]:
    """Labels and truth of the named faces; what was missed is alone, in truth with nobody known.

    A missed face's person is not known to the arrays, so it counts as a singleton of its own in
    the labels and is given the most frequent person: the harshest reading.
    """
    named = photos.truth >= 0
    found, truth = labels[named], photos.truth[named]
    most = np.bincount(truth).argmax() if len(truth) else 0
    return (
        np.append(found, np.full(photos.n_missed, -1)),
        np.append(truth, np.full(photos.n_missed, most)),
    )


def row(name: str, labels: np.ndarray, truth: np.ndarray) -> float:
    pairs, cubed = pairwise_scores(labels, truth), bcubed_scores(labels, truth)
    print(
        f"{name:<34}  {pairs.precision:.4f} {pairs.recall:.4f} {pairs.f:.4f}"
        f"   {cubed.precision:.4f} {cubed.recall:.4f} {cubed.f:.4f}"
    )
    return cubed.f


def best_constant(photos: observations.PhotoSet) -> tuple[np.ndarray, float]:
    clear = np.flatnonzero(~photos.unclear)
    edges = pairwise_edges(photos.face[clear], float(TAUS[-1]))
    best = (-1.0, photos.truth, 0.0)
    for tau in TAUS:
        labels = np.full(len(photos.face), -1)
        labels[clear] = median_linkage(len(clear), edges, float(tau))[0]
        score = bcubed_scores(*with_missed(labels, photos)).f
        best = max(best, (score, labels, float(tau)), key=lambda candidate: candidate[0])
    return best[1], best[2]


def powerlaw(data: Path) -> observations.PhotoSet:
    archive = np.load(data / "train_embeddings.npz")
    rows = archive["powerlaw_subset"]
    faces = archive["sface128"][rows].astype(np.float32)
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    n = len(faces)
    nothing = np.zeros((n, 4), np.float32)
    return observations.PhotoSet(
        [""] * n, np.arange(n), nothing, faces, nothing, np.zeros(n, bool), archive["label"][rows]
    )


def mixtures() -> None:
    """Embedders that no curve is known of."""
    for kind in face_mixtures.KINDS:
        faces, truth = face_mixtures.face_mixture(kind, MIXTURE_FACES, seed=1)
        found = FaceClustering().fit(faces)
        taus = found.threshold_ * np.linspace(0.7, 1.4, 36)
        edges = pairwise_edges(faces, float(taus[-1]))
        constants = [median_linkage(len(faces), edges, float(tau))[0] for tau in taus]
        best = max(range(len(taus)), key=lambda k: bcubed_scores(constants[k], truth).f)
        at_best = row(f"{kind}: best constant, {taus[best]:.4f}", constants[best], truth)
        default = row(f"{kind}: default, single {found.threshold_:.4f}", found.labels_, truth)
        print(f"{'':<6}{len(faces)} faces; default below best by {at_best - default:+.4f}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for embeddings")
    parser.add_argument("--pack", default=models.DEFAULT, help="model pack (see fastface models)")
    options = parser.parse_args()
    where = options.data, options.cache, options.pack
    sets = {
        "LFW": observations.lfw(*where),
        "album": observations.album(*where),
        "power law": powerlaw(options.data),
        "ageing": observations.ageing(*where),
    }
    embedder = models.recipe(options.pack).curve
    curve = Calibration.of_pack(embedder) if embedder else Calibration.of_pack()
    print(f"{'':<34}  {'pairwise P      R      F':<22}   {'BCubed P      R      F':<20}")
    for name, photos in sets.items():
        n, n_photos = len(photos.face), len(photos.names)
        labels, tau = best_constant(photos)
        best = row(f"{name}: best constant, {tau:.4f}", *with_missed(labels, photos))
        single = photos.photo
        found = clustering.cluster(
            photos.face,
            moments=single,
            photos=photos.photo,
            unclear=photos.unclear,
            calibration=curve,
        )
        default = row(
            f"{name}: default, single {found.threshold:.4f}", *with_missed(found.labels, photos)
        )
        if name == "album":
            unknown = np.full(n_photos, np.nan)
            of_photo = moments.split(unknown, unknown, unknown, [""] * n_photos, photos.names)
            found = clustering.cluster(
                photos.face,
                photos.torso,
                moments=of_photo[photos.photo],
                photos=photos.photo,
                unclear=photos.unclear,
                calibration=curve,
            )
            row(f"{name}: default, in file order", *with_missed(found.labels, photos))
        plain = np.full(n, -1)
        clear = np.flatnonzero(~photos.unclear)
        cut = curve.threshold(len(clear), 0.25)
        edges = pairwise_edges(photos.face[clear], cut)
        plain[clear] = median_linkage(len(clear), edges, cut)[0]
        row(f"{name}: n * FMR = 0.25, {cut:.4f}", *with_missed(plain, photos))
        print(
            f"{'':<6}{n} faces, {int(photos.unclear.sum())} unclear, {photos.n_missed} missed;"
            f" default below best by {best - default:+.4f}\n"
        )
    mixtures()


if __name__ == "__main__":
    main()
