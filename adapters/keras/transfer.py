"""Transfers of Keras image models: the shared loop trains, Keras's layers compute, and a Keras model comes out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import PIL
from torch import Tensor, nn

from adapters.heads import HeadShape
from adapters.inputs.images import read_images
from adapters.inputs.preprocess import Preprocess
from adapters.keras.folders import (
    ARCHITECTURE,
    build,
    class_names,
    label_maps,
    read_document,
    read_model,
    write_model,
)
from adapters.keras.library import keras
from adapters.keras.network import Network, on_cpu
from adapters.keras.offer import OFFER
from adapters.keras.surgery import Parts, Pictures, join, linears, pictures, split, tensors
from adapters.loop.tasks.roles import Role
from adapters.loop.tasks.tasks import Task
from adapters.loop.training.learner import Items, Learner
from adapters.loop.training.loop import Inputs
from adapters.loop.transfer import run
from lineage import Digest
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.recipe import Head, Recipe
from registry.errors import BadRecipeError
from registry.ports.transfers import ModelInput, TransferEvent, TransferJob

PROBLEMS = {
    LabelKind.CLASS: "single_label_classification",
    LabelKind.MANY: "multi_label_classification",
    LabelKind.NUMBER: "regression",
}
"""What the head of a folder answers, in the words of the Hub's `problem_type`."""
ACTIVATIONS = {LabelKind.CLASS: "softmax", LabelKind.MANY: "sigmoid", LabelKind.NUMBER: "linear"}
"""What turns the head's sums into what Keras's users expect of it: probabilities, or the number itself."""


class KerasTransfers:
    """Pretraining, feature extraction, fine-tuning and domain adaptation of Keras image models."""

    offer = OFFER

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        """Do `job`, yielding events. Raises: errors of `registry.errors` only."""
        return run(job, self)

    def libraries(self) -> Mapping[str, str]:
        """What computes here beside torch."""
        return {"keras": str(keras.__version__), "pillow": PIL.__version__}

    def parent_classes(self, source: ModelInput) -> tuple[str, ...] | None:
        """The classes of the source's head in the order of its outputs; None for a backbone or unnamed classes."""
        return class_names(read_document(source.folder))

    def open(self, source: ModelInput, recipe: Recipe, task: Task, *, keep_head: bool, fresh: bool) -> Learner:
        """Load the source in fp32 under a head for `task`: its own when `keep_head`, else one as the recipe says.

        Raises: BadRecipeError for a model that takes no pictures, or none of the size; MisfitError, BadArtifactError.
        """
        document = read_document(source.folder)
        with on_cpu():
            model = build(document) if fresh else read_model(source.folder)
            parts, seen = split(model), pictures(model)
        if parts is None or seen is None:
            raise BadRecipeError(
                f"{source.label} does not turn square pictures into features or classes",
                remedy="Choose a source with one input (pictures with 1 or 3 channels last) and one output",
            )
        preprocess = _sized(Preprocess.read(source.folder), seen, recipe.image_size, source.label)
        own = keep_head and _answers(document, parts) is task.labels and (class_names(document) or ()) == task.classes
        shape = parts.shape if own else _shape(recipe.head)
        head = shape.build(parts.trunk.outputs[0].shape[1], task.outputs)
        if own:
            parts.fill(head)
        network = Network(parts.trunk, head, channels=seen.channels, fresh=fresh)
        return KerasLearner(network, shape, preprocess, keeps_head=own)


def _shape(head: Head) -> HeadShape:
    """A ridge is solved for a linear head."""
    return HeadShape("linear" if head.kind == "ridge" else head.kind, head.hidden, head.dropout)


def _answers(document: Mapping[str, Any], parts: Parts) -> LabelKind | None:
    """What kind of label the head gives; None where there is none, or one that no task has."""
    if parts.outputs is None:
        return None
    said = document.get("problem_type")
    if said is None:  # an archive says it by its last activation
        return {"softmax": LabelKind.CLASS, "linear": LabelKind.CLASS, "sigmoid": LabelKind.MANY}.get(parts.activation)
    return next((kind for kind, problem in PROBLEMS.items() if problem == said), None)


def _sized(preprocess: Preprocess, seen: Pictures, wanted: int | None, label: str) -> Preprocess:
    """Raises: BadRecipeError for pixels that make no picture, or not the one that the model takes."""
    if wanted is None:
        return preprocess
    if not 8 <= wanted <= 4096:
        raise BadRecipeError(f"image_size is {wanted}", remedy="Give 8 to 4096 pixels a side")
    if seen.side not in {None, wanted}:
        raise BadRecipeError(
            f"image_size is {wanted}, and {label} takes pictures of {seen.side} pixels only",
            remedy="Leave image_size out, or save the Keras model with an Input of shape (None, None, channels)",
        )
    return preprocess.resized(wanted)


class KerasLearner:
    """A Keras model on its way through a transfer."""

    architecture = ARCHITECTURE
    feature_layer = "pooled"

    def __init__(self, network: Network, shape: HeadShape, preprocess: Preprocess, *, keeps_head: bool) -> None:
        self._network, self._shape = network, shape
        self.preprocess = preprocess
        self.keeps_head = keeps_head
        self.module: nn.Module = network
        self.head = network.head
        self.layers = network.layers
        self.feature_size = linears(self.head)[0].in_features

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
        return self._network.features(inputs)

    def classify(self, features: Tensor) -> Tensor:
        """Logits of features."""
        logits: Tensor = self.head(features)
        return logits

    def first_linear(self) -> nn.Linear:
        """The head's first linear layer."""
        return linears(self.head)[0]

    def last_linear(self) -> nn.Linear:
        """The head's last linear layer."""
        return linears(self.head)[-1]

    def save(self, folder: Path, task: Task) -> None:
        """A Keras model that gives probabilities, or a number; and the preprocessing that it learnt with."""
        network = self._network.cpu()
        extras = {"problem_type": PROBLEMS[task.labels], "channels": network.channels}
        with on_cpu():
            whole = join(network.keras, self._shape, self.head, ACTIVATIONS[task.labels])
            config = json.loads(json.dumps(keras.saving.serialize_keras_object(whole)))
            write_model(folder, config, tensors(whole), extras | (label_maps(task.classes) if task.classes else {}))
        self.preprocess.write(folder)
