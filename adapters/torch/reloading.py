"""Written image models as their users load them: with the classes of transformers or timm, or a one-file definition."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from adapters.inputs.images import read_images
from adapters.inputs.preprocess import Preprocess
from adapters.loop.tasks.roles import Role
from adapters.loop.training.learner import Reloaded
from adapters.stock_library import load_transformers, quiet
from adapters.torch.families import definition_of, read_config
from adapters.torch.stock import MLP
from adapters.torch.timm_models import TIMM, load_by_timm

Classifier = Callable[[Image.Image], Tensor]
"""A picture (upright, RGB) to scores [1, outputs]."""


def reload(folder: Path, architecture: str, sample: Role) -> Reloaded:
    """What the model in `folder` gives for the pictures of `sample`. Raises: whatever the library raises."""
    library, classify = _classifier(folder, architecture)
    items = read_images(sample.rows, sample.data, Preprocess())
    return Reloaded(_outputs(classify, [items.picture(n) for n in range(len(items))]).numpy(), library)


def _outputs(classify: Classifier, pictures: Sequence[Image.Image]) -> Tensor:
    with torch.inference_mode():
        return torch.cat([classify(picture).float() for picture in pictures])


def _classifier(folder: Path, architecture: str) -> tuple[str, Classifier]:
    if architecture.startswith("transformers:"):
        return "transformers", _by_transformers(folder)
    if architecture.startswith(TIMM):
        return "timm", load_by_timm(folder)
    if architecture == MLP:
        from adapters.torch.definitions import transformers_mlp  # noqa: PLC0415 - needs transformers

        return MLP, _by_definition(folder, transformers_mlp)
    definition = definition_of(read_config(folder), architecture)
    return architecture, _by_definition(folder, importlib.import_module(definition.make_head.__module__))


def _by_definition(folder: Path, definition: Any) -> Classifier:
    model = definition.load(folder)
    return lambda picture: model(definition.preprocess(picture, folder).unsqueeze(0))


def _by_transformers(folder: Path) -> Classifier:
    transformers = load_transformers("This architecture")
    with quiet(transformers):
        processor = transformers.AutoImageProcessor.from_pretrained(folder, local_files_only=True)
        model = transformers.AutoModelForImageClassification.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        ).eval()
    return lambda picture: model(**processor(picture, return_tensors="pt"))[0]
