"""Made-up faces with the troubles of real libraries, at any size: for scaling and quality.

Each person is a direction and a tightness; a photo lies between the person and noise whose
spectrum falls as that of real embeddings does. Numbers of photos follow Zipf's law with exponent
1.2: the most photographed person is on about 17 % of all faces, and every second person on one or
two. 5 % of the faces belong to strangers seen once, half of whom share a direction, as blurred
faces do; 2 % are near copies of other faces (bursts); some people resemble others; some faces are
of low quality, pulled off their person towards the blur.

arc512   ArcFace-like: two faces of one person have a cosine near .66, of two people near 0 +- .06
hard512  the same with looser people (.36 to .62), more low quality (20 %) and look-alikes (10 %)
dlib128  dlib-like: all faces share a direction, so two people have a cosine near .55, one near .9
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ZIPF_EXPONENT = 1.2
OUTLIERS, NEAR_COPIES = 0.05, 0.02
LIKENESS = 0.4  # cosine of two look-alikes' directions
BLOCK = 65_536  # rows drawn at a time: a million rows need little more than themselves


@dataclass(frozen=True)
class Kind:
    """dims: of a face.  effective_dims: 1 / variance of the cosine of two noise directions."""

    dims: int
    effective_dims: float
    tightness: tuple[float, float]  # cosine of two typical faces of one person, least and most
    low_quality: float
    look_alikes: float
    shared_direction: float = 0.0  # weight of the direction that all faces have in common


KINDS = {
    "arc512": Kind(512, 278, (0.58, 0.74), 0.08, 0.02),
    "hard512": Kind(512, 278, (0.36, 0.62), 0.20, 0.10),
    "dlib128": Kind(128, 90, (0.58, 0.74), 0.08, 0.02, shared_direction=1.05),
}


def face_mixture(kind: str, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(n, d) float32 unit rows in random order, and (n,) int64 the person of each."""
    what = KINDS[kind]
    rng = np.random.default_rng([seed, n, list(KINDS).index(kind)])
    spread = _noise_spectrum(what.dims, what.effective_dims)
    n_known = n - round(OUTLIERS * n)
    sizes = zipf_sizes(n_known)
    people = _people(rng, len(sizes), spread, what.look_alikes)
    blur = _directions(rng, 1, spread)

    truth = np.concatenate(
        [np.repeat(np.arange(len(sizes)), sizes), len(sizes) + np.arange(n - n_known)]
    )
    closeness = _closeness(rng, truth[:n_known], len(sizes), what)
    faces = np.empty((n, what.dims), np.float32)
    for begin in range(0, n_known, BLOCK):
        rows = slice(begin, min(begin + BLOCK, n_known))
        faces[rows] = _photos(rng, people[truth[rows]], closeness[rows], blur, spread)
    faces[n_known:] = _strangers(rng, n - n_known, blur, spread)
    _near_copies(rng, faces, truth, n_known, spread)
    if what.shared_direction:
        _share_a_direction(rng, faces, people, truth, what.shared_direction)
    order = rng.permutation(n)
    return faces[order], truth[order]


def zipf_sizes(n: int) -> np.ndarray:
    """Numbers of photos by rank, falling as rank ** -1.2, that add up to n."""
    shares = np.arange(1, n + 1) ** -ZIPF_EXPONENT
    low, high = 1.0, float(n)
    for _ in range(60):
        largest = (low + high) / 2
        low, high = (largest, high) if np.floor(largest * shares).sum() < n else (low, largest)
    sizes = np.floor(low * shares).astype(np.int64)
    sizes = sizes[sizes > 0]
    return np.concatenate([sizes, np.ones(n - sizes.sum(), np.int64)])


def _noise_spectrum(dims: int, effective_dims: float) -> np.ndarray:
    """(dims,) standard deviations that fall exponentially, with squares that add up to 1."""
    position = np.arange(dims) / dims
    low, high = 0.0, 5.0
    for _ in range(60):
        rate = (low + high) / 2
        variance = np.exp(-rate * position)
        effective = variance.sum() ** 2 / (variance**2).sum()
        low, high = (rate, high) if effective > effective_dims else (low, rate)
    variance = np.exp(-low * position)
    return np.sqrt(variance / variance.sum()).astype(np.float32)


def _unit(rows: np.ndarray) -> np.ndarray:
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _directions(rng: np.random.Generator, n: int, spread: np.ndarray) -> np.ndarray:
    return _unit(rng.standard_normal((n, len(spread)), dtype=np.float32) * spread)


def _people(rng: np.random.Generator, n: int, spread: np.ndarray, look_alikes: float) -> np.ndarray:
    people = _directions(rng, n, spread)
    n_alike = int(look_alikes * n)
    some, others = rng.choice(n, n_alike, replace=False), rng.integers(0, n, n_alike)
    people[some] = _unit(LIKENESS * people[others] + np.sqrt(1 - LIKENESS**2) * people[some])
    return people


def _closeness(
    rng: np.random.Generator, truth: np.ndarray, n_people: int, what: Kind
) -> np.ndarray:
    """Cosine of each photo to its person; negative marks low quality."""
    tightness = rng.uniform(*what.tightness, n_people)
    closeness = np.sqrt(tightness[truth]) * rng.normal(1, 0.04, len(truth))
    low_quality = rng.random(len(truth)) < what.low_quality
    closeness[low_quality] *= rng.uniform(0.45, 0.85, np.count_nonzero(low_quality))
    return (np.clip(closeness, 0.2, 0.95) * np.where(low_quality, -1, 1)).astype(np.float32)


def _photos(
    rng: np.random.Generator,
    people: np.ndarray,
    closeness: np.ndarray,
    blur: np.ndarray,
    spread: np.ndarray,
) -> np.ndarray:
    share = np.abs(closeness)[:, None]
    noise = _directions(rng, len(people), spread)
    photos = share * people + np.sqrt(1 - share**2) * noise
    low_quality = closeness < 0
    n_low = np.count_nonzero(low_quality)
    photos[low_quality] += rng.uniform(0, 0.35, (n_low, 1)).astype(np.float32) * blur
    return _unit(photos)


def _strangers(
    rng: np.random.Generator, n: int, blur: np.ndarray, spread: np.ndarray
) -> np.ndarray:
    share = rng.uniform(0, 0.55, (n, 1)).astype(np.float32)
    share[rng.random(n) < 0.5] = 0
    return _unit(share * blur + np.sqrt(1 - share**2) * _directions(rng, n, spread))


def _near_copies(
    rng: np.random.Generator, faces: np.ndarray, truth: np.ndarray, n_known: int, spread: np.ndarray
) -> None:
    n_copies = int(NEAR_COPIES * n_known)
    copies = rng.choice(n_known, n_copies, replace=False)
    originals = rng.integers(0, n_known, n_copies)
    faces[copies] = _unit(faces[originals] + 0.2 * _directions(rng, n_copies, spread))
    truth[copies] = truth[originals]


def _share_a_direction(
    rng: np.random.Generator,
    faces: np.ndarray,
    people: np.ndarray,
    truth: np.ndarray,
    weight: float,
) -> None:
    """Adds one direction to all faces, then tightens people, whom that brought closer to others."""
    shared = weight * _unit(rng.standard_normal((1, faces.shape[1]), dtype=np.float32))
    _unit(np.add(faces, shared, out=faces))
    centres = _unit(people + shared)
    known = truth < len(people)
    faces[known] = _unit(0.88 * faces[known] + 0.12 * centres[truth[known]])
