"""The model packs: which networks, where they come from, and the ones installed on this machine."""

from fastface.models.store import (
    InstalledModel,
    ModelStatus,
    install,
    installed,
    list_models,
    models_folder,
    verify,
)
from fastface.models.table import MODELS, PACKS, Model, Pack, Source

__all__ = [
    "MODELS",
    "PACKS",
    "InstalledModel",
    "Model",
    "ModelStatus",
    "Pack",
    "Source",
    "install",
    "installed",
    "list_models",
    "models_folder",
    "verify",
]
