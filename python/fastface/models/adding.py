"""`models add`: a pack made from files of the user's own, tried before it is kept."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Final, Literal, cast

import numpy as np

from fastface import graphs
from fastface.errors import ModelError
from fastface.files import write_private
from fastface.inference import OrtSession
from fastface.models import custom, store
from fastface.models.fetch import Progress
from fastface.models.table import DEFAULT, PACKS, YUNET, Recipe
from fastface.templates import Template

_DETECTOR_FILE: Final = "detector.onnx"
_EMBEDDER_FILE: Final = "embedder.onnx"


def add(description: Path, *, progress: Progress | None = None) -> str:
    """Make a pack from a description (see `models.custom`); its name.

    The embedder is rewritten like those of the table, run on a few crops, and kept only if it makes
    a vector of each, whatever the batch.  A pack of that name is replaced.
    Raises ModelError that says what is wrong with the description or the network; nothing is
    changed then.
    """
    report = progress or (lambda _: None)
    pack = custom.read_description(description)
    if pack.name in PACKS:
        raise ModelError(f"{description}: name: '{pack.name}' is one of fastface's own packs")
    if pack.detector is None:
        detector = store.installed(DEFAULT)["detector"].path.read_bytes()
        detector_name, detector_licence = YUNET.name, YUNET.licence
    else:
        report(f"converting {pack.detector.name}")
        detector = graphs.convert_yunet(custom.read_weights(pack.detector))
        detector_name, detector_licence = pack.detector.stem, pack.detector_licence
    embedder = pack.embedder
    report(f"converting {embedder.file.name}")
    content = graphs.convert_embedder(
        custom.read_weights(embedder.file),
        colour=cast(Literal["RGB", "BGR"], embedder.colour),
        mean=embedder.mean,
        scale=embedder.scale,
        output=embedder.output,
    )
    dims = _try(content, embedder.template)
    digest = hashlib.sha256(repr(embedder.template).encode())
    for part in (detector, content):
        digest.update(hashlib.sha256(part).digest())
    recipe = Recipe(embedder.template, dims)
    store.keep(
        pack.name,
        digest.hexdigest()[:8],
        {_DETECTOR_FILE: detector, _EMBEDDER_FILE: content},
        {},
        [
            store.describe(detector_name, "detector", _DETECTOR_FILE, detector_licence, None),
            store.describe(
                embedder.file.stem, "embedder", _EMBEDDER_FILE, embedder.licence, recipe
            ),
        ],
    )
    report(f"the pack '{pack.name}' is in {store.models_folder() / pack.name}")
    return pack.name


def _try(content: bytes, template: Template) -> int:
    """The number of dimensions of an embedder's vectors, having run it."""
    with tempfile.TemporaryDirectory(prefix="fastface-") as folder:
        path = Path(folder) / _EMBEDDER_FILE
        write_private(path, content)
        session = OrtSession(path, sha256=hashlib.sha256(content).hexdigest())
        shape = (3, 3, template.side, template.side)
        crops = np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)
        together = session.run_checked({graphs.INPUT: crops})[graphs.OUTPUT]
        alone = session.run_checked({graphs.INPUT: crops[:1]})[graphs.OUTPUT]
    if together.ndim != 2 or len(together) != len(crops):
        raise ModelError(
            f"the embedder turns {len(crops)} crops into {together.shape}; expected one vector each"
        )
    if not np.isfinite(together).all() or not np.linalg.norm(together, axis=1).all():
        raise ModelError("the embedder's vectors are not finite numbers other than zero")
    if not np.allclose(together[:1], alone, rtol=1e-3, atol=1e-4 * np.abs(alone).max()):
        raise ModelError("the embedder's vectors depend on the other crops of a batch")
    return int(together.shape[1])
