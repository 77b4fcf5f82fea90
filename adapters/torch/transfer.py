"""Transfers of image models with plain torch. The output is the same architecture with a head for new classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import PIL
import torch
from torch import Tensor, nn

from adapters.inputs.images import read_images
from adapters.inputs.preprocess import Preprocess
from adapters.loop.tasks.roles import Role
from adapters.loop.tasks.tasks import Task
from adapters.loop.training.learner import Items, Learner, Reloaded
from adapters.loop.training.loop import Inputs
from adapters.loop.transfer import METHODS, run
from adapters.torch.families import DEFINITIONS, LAYERS, class_names, definition_of, read_config
from adapters.torch.models import ImageModel, load_image_model
from adapters.torch.offer import OFFER
from adapters.torch.reading import Tap
from adapters.torch.reloading import reload
from adapters.torch.selfsupervised.simclr import continued_pretraining
from adapters.torch.stock import FAILURES
from adapters.torch.taps import LAST, tap_at, unused_parameters
from adapters.torch.timm_models import TIMM
from lineage import Digest
from registry.domain.recipes.recipe import Method, Recipe
from registry.errors import BadRecipeError
from registry.ports.transfers import ModelInput, TransferEvent, TransferJob


class TorchTransfers:
    """Feature extraction and fine-tuning of image models."""

    offer = OFFER

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        """Run `job` and yield its events. Raises: only errors of `registry.errors`."""
        return run(job, self, {**METHODS, Method.CONTINUED_PRETRAINING: continued_pretraining})

    def libraries(self) -> Mapping[str, str]:
        """The version of Pillow, which decodes the images."""
        return {"pillow": PIL.__version__}

    def parent_classes(self, source: ModelInput) -> tuple[str, ...] | None:
        """The classes of the source's head, in the order of its logits; None without a head or without class names."""
        return class_names(read_config(source.folder))

    def open(self, source: ModelInput, recipe: Recipe, task: Task, *, keep_head: bool, fresh: bool) -> Learner:
        """Load the source in fp32 with a head for `task`: its own if `keep_head`, else a new one as in the recipe.

        Raises: BadRecipeError for an impossible image size, MisfitError, BadArtifactError.
        """
        size = recipe.image_size
        own = source.architecture in DEFINITIONS or source.architecture.startswith(LAYERS)
        least = definition_of(read_config(source.folder), source.architecture).least if own else 8
        if size is not None and not least <= size <= 4096:
            raise BadRecipeError(
                f"'image_size' is {size}, but {source.label} ({source.architecture}) takes {least} to 4096 pixels",
                remedy=f"Write image_size: {max(least, min(size, 4096))}, or leave it out",
            )
        model = load_image_model(source.folder, source.architecture)
        if size is not None:
            _check_size(model, size, source.label)
        if fresh:
            model.renew()
        keeps, layer = keep_head and model.predicts(task.labels, task.classes), LAST
        if not keeps:
            head, tap = recipe.head, _tap(model, recipe, size or model.preprocess.size)
            model = model.with_head(task.classes, head.layers, head.hidden, head.dropout, task.labels, tap)
            layer = tap.layer if tap else LAST
        preprocess = model.preprocess.resized(size) if size else model.preprocess
        return ImageLearner(model, preprocess, keeps_head=keeps, layer=layer)

    def reload(self, folder: Path, architecture: str, sample: Role) -> Reloaded | None:
        """The scores of transformers, timm or the one-file definition."""
        return reload(folder, architecture, sample)


def _check_size(model: ImageModel, side: int, label: str) -> None:
    """Raises: BadRecipeError for a size that the model cannot take, as most with learned positions cannot."""
    try:
        with torch.inference_mode():
            model.features(torch.zeros(1, 3, side, side))
    except FAILURES as error:
        raise BadRecipeError(
            f"'image_size' is {side}, but {label} does not take pictures of {side} pixels: {str(error)[:200]}",
            remedy=f"Leave image_size out, or write image_size: {model.preprocess.size}",
        ) from error


def _tap(model: ImageModel, recipe: Recipe, side: int) -> Tap | None:
    """The layer from which the recipe takes features; None for the output of the trunk. Raises: BadRecipeError."""
    layer = str(recipe.params.get("layer", LAST))
    if recipe.method is not Method.FEATURE_EXTRACTION or layer == LAST:
        return None
    if model.architecture.startswith(TIMM):  # the channel axis of its feature maps differs between models
        raise BadRecipeError(
            "'params.layer': features of timm models are only taken after the last layer", remedy="Leave layer out"
        )
    return tap_at(model, layer, side)


class ImageLearner:
    """An image model in a transfer.

    If a kept head reads inside the trunk, the layers after that place do not influence the scores: they are frozen and
    left out of `layers`.
    """

    def __init__(self, model: ImageModel, preprocess: Preprocess, *, keeps_head: bool, layer: str = LAST) -> None:
        self._model = model
        self.layer = layer
        reads = model.shape.reads if model.shape else ()
        self.feature_layer = (f"mean of {', '.join(reads)}" if len(reads) > 1 else "".join(reads)) or "pooled"
        self.preprocess = preprocess
        self.keeps_head = keeps_head
        self.module: nn.Module = model.module
        self.head = model.head
        self.architecture = model.architecture
        self.feature_size = model.width
        unused = unused_parameters(model, preprocess.size) if keeps_head else []  # a new head freezes the trunk anyway
        for parameter in unused:
            parameter.requires_grad_(False)
        frozen = {id(parameter) for parameter in unused}
        self.layers = [
            (name, part)
            for name, part in model.layers()
            if part is not model.head and any(id(parameter) not in frozen for parameter in part.parameters())
        ]

    @property
    def preprocessing(self) -> Digest:
        """The digest of the preprocessing of images."""
        return self.preprocess.digest

    def items(self, role: Role) -> Items:
        """The images of `role`."""
        return read_images(role.rows, role.data, self.preprocess)

    def predict(self, inputs: Inputs) -> Tensor:
        """Logits (N x classes) of images (N x 3 x size x size)."""
        logits: Tensor = self.module(inputs)
        return logits

    def features(self, inputs: Inputs) -> Tensor:
        """Pooled features (N x D) of images."""
        assert isinstance(inputs, Tensor)  # noqa: S101 -- for the type checker: images are one tensor
        return self._model.features(inputs)

    def classify(self, features: Tensor) -> Tensor:
        """Logits of features."""
        logits: Tensor = self.head(features)
        return logits

    def first_linear(self) -> nn.Linear:
        """The first linear layer of the head."""
        return next(part for part in self.head.modules() if isinstance(part, nn.Linear))

    def last_linear(self) -> nn.Linear:
        """The last linear layer of the head."""
        return [part for part in self.head.modules() if isinstance(part, nn.Linear)][-1]

    def save(self, folder: Path, task: Task) -> None:
        """Write weights, config and the preprocessing used in training."""
        replace(self._model, preprocess=self.preprocess, classes=task.classes or None).save(folder)
