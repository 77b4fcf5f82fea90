"""Transfers of Keras image models: trained by the shared loop, computed by Keras layers, saved as Keras models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from torch import Tensor, nn

from adapters.heads import HeadShape
from adapters.inputs.images import read_images
from adapters.inputs.preprocess import Preprocess
from adapters.keras.definitions import keras_model
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
from adapters.keras.surgery import ImageInput, Parts, image_input, join, linears, split, tensors
from adapters.loop.tasks.roles import Role
from adapters.loop.tasks.tasks import Task
from adapters.loop.training.learner import Items, Learner, Reloaded
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
"""`problem_type` of the Hub for each kind of label."""
ACTIVATIONS = {LabelKind.CLASS: "softmax", LabelKind.MANY: "sigmoid", LabelKind.NUMBER: "linear"}
"""The last activation of saved models: they give probabilities, or the number, as users of Keras expect."""


class KerasTransfers:
    """Pretraining, feature extraction, fine-tuning and domain adaptation of Keras image models."""

    offer = OFFER

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        """Run `job` and yield its events. Raises: only errors of `registry.errors`."""
        return run(job, self)

    def libraries(self) -> Mapping[str, str]:
        """The versions of Keras and Pillow."""
        return {"keras": str(keras.__version__), "pillow": PIL.__version__}

    def parent_classes(self, source: ModelInput) -> tuple[str, ...] | None:
        """The classes of the source's head, in the order of its outputs; None without a head or without class names."""
        return class_names(read_document(source.folder))

    def open(self, source: ModelInput, recipe: Recipe, task: Task, *, keep_head: bool, fresh: bool) -> Learner:
        """Load the source in fp32 with a head for `task`: its own if `keep_head`, else a new one as in the recipe.

        Raises: BadRecipeError for a model that takes no images, or not of this size; MisfitError, BadArtifactError.
        """
        document = read_document(source.folder)
        with on_cpu():
            model = build(document) if fresh else read_model(source.folder)
            parts, images = split(model), image_input(model)
        if parts is None or images is None:
            raise BadRecipeError(
                f"The source {source.label} does not map square images to features or classes",
                remedy="Choose a source with one input (images of 1 or 3 channels, channels last) and one output",
            )
        preprocess = _sized(Preprocess.read(source.folder), images, recipe.image_size, source.label)
        own = (
            keep_head and _label_kind(document, parts) is task.labels and (class_names(document) or ()) == task.classes
        )
        shape = parts.shape if own else _shape(recipe.head)
        head = shape.build(parts.trunk.outputs[0].shape[1], task.outputs)
        if own:
            parts.fill(head)
        network = Network(parts.trunk, head, channels=images.channels, fresh=fresh)
        return KerasLearner(network, shape, preprocess, keeps_head=own)

    def reload(self, folder: Path, architecture: str, sample: Role) -> Reloaded:  # noqa: ARG002 - there is one
        """The answers of the one-file definition: probabilities, or a number."""
        items = read_images(sample.rows, sample.data, Preprocess())
        with on_cpu():
            model = keras_model.load(folder)
            x = np.stack([keras_model.preprocess(items.picture(n), folder) for n in range(len(items))])
            found = keras.ops.convert_to_numpy(model(x, training=False))
        kind = next(kind for kind, problem in PROBLEMS.items() if problem == read_document(folder)["problem_type"])
        return Reloaded(found, "keras", ACTIVATIONS[kind])


def _shape(head: Head) -> HeadShape:
    """The shape of a head in a recipe; one that is solved is linear."""
    return HeadShape(head.layers, head.hidden, head.dropout)


def _label_kind(document: Mapping[str, Any], parts: Parts) -> LabelKind | None:
    """The kind of label that the head predicts; None without a head, or if it is none of ours."""
    if parts.outputs is None:
        return None
    problem_type = document.get("problem_type")
    if problem_type is None:  # imported from an archive: known by the last activation
        return {"softmax": LabelKind.CLASS, "linear": LabelKind.CLASS, "sigmoid": LabelKind.MANY}.get(parts.activation)
    return next((kind for kind, problem in PROBLEMS.items() if problem == problem_type), None)


def _sized(preprocess: Preprocess, images: ImageInput, wanted: int | None, label: str) -> Preprocess:
    """The preprocessing for the recipe's image size. Raises: BadRecipeError for a size that the model does not take."""
    if wanted is None:
        return preprocess
    if not 8 <= wanted <= 4096:
        raise BadRecipeError(f"'image_size' is {wanted}", remedy="Use 8 to 4096 pixels")
    if images.side not in {None, wanted}:
        raise BadRecipeError(
            f"'image_size' is {wanted}, but {label} takes images of {images.side} pixels only",
            remedy="Leave image_size out, or save the Keras model with an Input of shape (None, None, channels)",
        )
    return preprocess.resized(wanted)


class KerasLearner:
    """A Keras model in a transfer."""

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
        return self._network.features(inputs)

    def classify(self, features: Tensor) -> Tensor:
        """Logits of features."""
        logits: Tensor = self.head(features)
        return logits

    def first_linear(self) -> nn.Linear:
        """The first linear layer of the head."""
        return linears(self.head)[0]

    def last_linear(self) -> nn.Linear:
        """The last linear layer of the head."""
        return linears(self.head)[-1]

    def save(self, folder: Path, task: Task) -> None:
        """Write a Keras model that gives probabilities or a number, and the preprocessing used in training."""
        network = self._network.cpu()
        extras = {"problem_type": PROBLEMS[task.labels], "channels": network.channels}
        with on_cpu():
            whole = join(network.keras, self._shape, self.head, ACTIVATIONS[task.labels])
            config = json.loads(json.dumps(keras.saving.serialize_keras_object(whole)))
            write_model(folder, config, tensors(whole), extras | (label_maps(task.classes) if task.classes else {}))
        self.preprocess.write(folder)
