"""Transfers of image models with plain torch: what goes out is the same architecture under a head for new classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import PIL
from torch import Tensor, nn

from adapters.inputs.images import read_images
from adapters.inputs.preprocess import Preprocess
from adapters.loop.tasks.roles import Role
from adapters.loop.tasks.tasks import Task
from adapters.loop.training.learner import Items, Learner
from adapters.loop.training.loop import Inputs
from adapters.loop.transfer import METHODS, run
from adapters.torch.families import DEFINITIONS, class_names, read_config
from adapters.torch.models import ImageModel, load_image_model
from adapters.torch.offer import OFFER
from adapters.torch.reading import Tap
from adapters.torch.selfsupervised import continued_pretraining
from adapters.torch.taps import LAST, rest, tap
from adapters.torch.timm_models import TIMM
from lineage import Digest
from registry.domain.recipes.recipe import Method, Recipe
from registry.errors import BadRecipeError
from registry.ports.transfers import ModelInput, TransferEvent, TransferJob


class TorchTransfers:
    """Feature extraction and fine-tuning of image models."""

    offer = OFFER

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        """Do `job`, yielding events. Raises: errors of `registry.errors` only."""
        return run(job, self, {**METHODS, Method.CONTINUED_PRETRAINING: continued_pretraining})

    def libraries(self) -> Mapping[str, str]:
        """What computes here beside torch."""
        return {"pillow": PIL.__version__}

    def parent_classes(self, source: ModelInput) -> tuple[str, ...] | None:
        """The classes of the source's head in the order of its logits; None for a backbone or unnamed classes."""
        return class_names(read_config(source.folder))

    def open(self, source: ModelInput, recipe: Recipe, task: Task, *, keep_head: bool, fresh: bool) -> Learner:
        """Load the source in fp32 under a head for `task`: its own when `keep_head`, else one as the recipe says.

        Raises: BadRecipeError for pixels that make no picture, MisfitError, BadArtifactError.
        """
        size = recipe.image_size
        least = DEFINITIONS[source.architecture].least if source.architecture in DEFINITIONS else 8
        if size is not None and not least <= size <= 4096:
            raise BadRecipeError(
                f"image_size is {size}, and {source.label} ({source.architecture}) takes {least} to 4096 pixels a side",
                remedy=f"Write image_size: {max(least, min(size, 4096))}, or leave it out",
            )
        model = load_image_model(source.folder, source.architecture)
        if fresh:
            model.renew()
        keeps, layer = keep_head and model.answers(task.labels, task.classes), LAST
        if not keeps:
            head, place = recipe.head, _tapped(model, recipe, size or model.preprocess.size)
            kind = "linear" if head.kind == "ridge" else head.kind
            model = model.with_head(task.classes, kind, head.hidden, head.dropout, task.labels, place)
            layer = place.layer if place else LAST
        preprocess = model.preprocess.resized(size) if size else model.preprocess
        return ImageLearner(model, preprocess, keeps_head=keeps, layer=layer)


def _tapped(model: ImageModel, recipe: Recipe, side: int) -> Tap | None:
    """Where the recipe has features read; None at the end of the trunk. Raises: BadRecipeError."""
    layer = str(recipe.params.get("layer", LAST))
    if recipe.method is not Method.FEATURE_EXTRACTION or layer == LAST:
        return None
    if model.architecture.startswith(TIMM):  # where its maps have their channels differs from model to model
        raise BadRecipeError("params.layer: features of a model of timm are its last", remedy="Leave layer out")
    return tap(model, layer, side)


class ImageLearner:
    """An image model on its way through a transfer.

    Behind the place where a kept head reads nothing is a layer of it: no score depends on that, and it stays as it is.
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
        behind = rest(model, preprocess.size) if keeps_head else []  # under a new head inside the trunk is frozen
        for parameter in behind:
            parameter.requires_grad_(False)
        idle = {id(parameter) for parameter in behind}
        self.layers = [
            (name, part)
            for name, part in model.layers()
            if part is not model.head and any(id(parameter) not in idle for parameter in part.parameters())
        ]

    @property
    def preprocessing(self) -> Digest:
        """What happens to a picture before the model sees it."""
        return self.preprocess.digest

    def items(self, role: Role) -> Items:
        """The pictures of `role`."""
        return read_images(role.rows, role.data, self.preprocess)

    def predict(self, inputs: Inputs) -> Tensor:
        """Logits (N x classes) of pictures (N x 3 x size x size)."""
        logits: Tensor = self.module(inputs)
        return logits

    def features(self, inputs: Inputs) -> Tensor:
        """Pooled features (N x D) of pictures."""
        assert isinstance(inputs, Tensor)  # noqa: S101 -- pictures are one tensor: told to the type checker
        return self._model.features(inputs)

    def classify(self, features: Tensor) -> Tensor:
        """Logits of features."""
        logits: Tensor = self.head(features)
        return logits

    def first_linear(self) -> nn.Linear:
        """The head's first linear layer."""
        return next(part for part in self.head.modules() if isinstance(part, nn.Linear))

    def last_linear(self) -> nn.Linear:
        """The head's last linear layer."""
        return [part for part in self.head.modules() if isinstance(part, nn.Linear)][-1]

    def save(self, folder: Path, task: Task) -> None:
        """Weights, config and the preprocessing that they were learnt with."""
        replace(self._model, preprocess=self.preprocess, classes=task.classes or None).save(folder)
