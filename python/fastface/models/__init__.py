"""The model packs: which networks, where they come from, and the ones installed on this machine."""

from fastface.models.adding import add
from fastface.models.store import (
    InstalledModel,
    ModelStatus,
    custom_packs,
    install,
    installed,
    list_models,
    models_folder,
    recipe,
    verify,
    version,
)
from fastface.models.table import DEFAULT, MODELS, PACKS, Model, Pack, Recipe, Source

__all__ = [
    "DEFAULT",
    "MODELS",
    "PACKS",
    "InstalledModel",
    "Model",
    "ModelStatus",
    "Pack",
    "Recipe",
    "Source",
    "add",
    "custom_packs",
    "install",
    "installed",
    "list_models",
    "models_folder",
    "recipe",
    "verify",
    "version",
]
