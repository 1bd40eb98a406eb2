"""An embedder's network in fastface's kernels against ONNX Runtime: the same vectors, how fast?

    python bench/embedder_engines.py --data DIR [--packs PACK ...] [--turns 15]

Faces of DIR/lfw, found and cut out once.  Process CPU seconds on one thread, one face at a time
and four, everybody in turns; each is compared with ONNX Runtime on the pack `default`, the network
in float32 with PReLU rewritten.  The cosine is that of a pack's vectors in kernels to its own in
ONNX Runtime, the least of all faces.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fastface import models
from fastface.analysis import engine_of
from fastface.chains import fastest_chain
from fastface.detection import Detector
from fastface.embedding import Embedder, align
from fastface.images import decode
from fastface.inference import OrtSession
from interleave import interleaved

BASE = "default, onnxruntime"
FACES_A_TURN = 8


def central_faces(data: Path, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pixels and landmarks of photos with a face."""
    file = models.installed()["detector"]
    detector = Detector(OrtSession(file.path, sha256=file.sha256))
    faces = []
    for path in sorted((data / "lfw").glob("*/*.jpg"))[:count]:
        pixels = decode(path).pixels
        landmarks = detector.detect(pixels).landmarks[:1]
        if len(landmarks):
            faces.append((pixels, landmarks))
    return faces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds lfw/")
    parser.add_argument("--packs", nargs="+", default=["default", "int8", "small"])
    parser.add_argument("--faces", type=int, default=200)
    parser.add_argument("--turns", type=int, default=15)
    args = parser.parse_args()
    faces = central_faces(args.data, args.faces)
    embedders: dict[str, tuple[Embedder, np.ndarray]] = {}
    for pack in dict.fromkeys(["default", *args.packs]):
        file, recipe = models.installed(pack)["embedder"], models.recipe(pack)
        session = OrtSession(file.path, sha256=file.sha256)
        crops = np.concatenate([align(*face, recipe.template) for face in faces])
        chain = fastest_chain(session, file.path, recipe.template.side)
        networks = {engine_of(session): session, engine_of(chain): chain}
        vectors = []
        for engine, network in networks.items():
            embedder = Embedder(network, recipe.template, recipe.dims)
            embedders[f"{pack}, {engine}"] = embedder, crops
            vectors.append(embedder.embed(crops)[0].astype(np.float64))
        least = np.sum(vectors[0] * vectors[-1], axis=1).min()
        print(f"{pack}: {' and '.join(networks)}, least cosine {least:.7f} of {len(crops)} faces")
    for batch in (1, 4):

        def run(embedder: Embedder, crops: np.ndarray, n: int = batch) -> Callable[[], object]:
            return lambda: [
                embedder.embed(crops[start : start + n]) for start in range(0, FACES_A_TURN, n)
            ]

        timings = interleaved(
            {name: run(*pair) for name, pair in embedders.items()}, repeats=args.turns
        )
        print(f"{batch} at a time")
        for name, timing in timings.items():
            ratio, low, high = timing.ratio_to(timings[BASE])
            each = [1000 * seconds / FACES_A_TURN for seconds in sorted(timing.seconds)]
            print(
                f"  {name:22} {1000 * timing.median / FACES_A_TURN:6.2f} ms a face "
                f"({each[0]:.2f} to {each[-1]:.2f}), {ratio:.2f} times as fast "
                f"({low:.2f} to {high:.2f})"
            )


if __name__ == "__main__":
    main()
