"""What a framework package implements for the shared training loop: `Framework`, `Learner` and `Items`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from adapters.loop.tasks.labelled import Indexes
from adapters.loop.tasks.metrics import Logits
from adapters.loop.tasks.roles import Role
from adapters.loop.tasks.tasks import Task
from adapters.loop.training.loop import Inputs
from adapters.loop.training.optimizers import Layers
from lineage import Digest
from registry.domain.recipes.recipe import Recipe
from registry.ports.transfers import AdapterOffer, ModelInput


class Items(Protocol):
    """The inputs of one role on the CPU, in batches on request."""

    @property
    def lengths(self) -> Indexes | None:
        """The length of each item, to batch items of similar length together; None if all are equal."""
        ...

    def __len__(self) -> int: ...

    def batch(self, indexes: Indexes) -> Inputs:
        """The inputs at `indexes`, collated. On a GPU machine several threads call this at the same time."""
        ...


@dataclass(frozen=True, slots=True)
class ArrayItems:
    """The rows of one tensor, such as cached features."""

    rows: Tensor
    lengths: None = None

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, indexes: Indexes) -> Inputs:
        """The rows at `indexes`."""
        return self.rows[torch.from_numpy(indexes)]


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What a written model gives when it is loaded from its folder as its user would load it."""

    outputs: Logits
    """The outputs for each row (N x outputs): those of `Learner.predict`, after `activation`."""
    library: str
    """Who loaded it: `transformers`, or the name of a one-file definition."""
    activation: str = "linear"
    """What the written model does to the outputs last: `softmax`, `sigmoid`, or `linear` for nothing."""


class Learner(Protocol):
    """A source model with a head for the task.

    `predict(x)` equals `classify(features(x))`; features are the input of the head, after pooling.
    """

    @property
    def module(self) -> nn.Module:
        """The whole model, including the head."""
        ...

    @property
    def head(self) -> nn.Module:
        """The head."""
        ...

    @property
    def layers(self) -> Layers:
        """The layers of the backbone, from input to output."""
        ...

    @property
    def architecture(self) -> str:
        """The architecture of the output model, as the catalog names it."""
        ...

    @property
    def keeps_head(self) -> bool:
        """True if the source's trained head was kept because it has the same classes."""
        ...

    @property
    def feature_size(self) -> int:
        """The number of features of one item."""
        ...

    @property
    def feature_layer(self) -> str:
        """The name of the layer whose output is the features; `none` if the model has no features."""
        ...

    @property
    def preprocessing(self) -> Digest:
        """The digest of the preprocessing of items."""
        ...

    def items(self, role: Role) -> Items:
        """The inputs of `role`, decoded or tokenised. Raises: BadDataError naming the row that cannot be read."""
        ...

    def predict(self, inputs: Inputs) -> Tensor:
        """The outputs of the head (N x outputs of the task)."""
        ...

    def features(self, inputs: Inputs) -> Tensor:
        """The inputs of the head (N x feature_size)."""
        ...

    def classify(self, features: Tensor) -> Tensor:
        """The outputs of the head (N x outputs of the task) for `features`."""
        ...

    def first_linear(self) -> nn.Linear:
        """The first linear layer of the head, into which the standardisation of features is folded."""
        ...

    def last_linear(self) -> nn.Linear:
        """The last linear layer of the head, into which the scale of regression labels is folded."""
        ...

    def save(self, folder: Path, task: Task) -> None:
        """Write the model into the empty `folder`, deterministic to the byte."""
        ...


class Framework(Protocol):
    """What the training loop needs from one library."""

    offer: AdapterOffer

    def libraries(self) -> Mapping[str, str]:
        """Names and versions of the libraries used, besides torch and numpy."""
        ...

    def parent_classes(self, source: ModelInput) -> tuple[str, ...] | None:
        """The classes of the source's own head, in order; None if it has no head or its classes have no names."""
        ...

    def open(self, source: ModelInput, recipe: Recipe, task: Task, *, keep_head: bool, fresh: bool) -> Learner:
        """Load `source` in fp32 on the CPU, with its own head if `keep_head`, else with a new one for `task`.

        `fresh`: use its architecture only, with every weight drawn from torch's global generator.
        Raises: BadRecipeError for a head that this source does not support, MisfitError, BadArtifactError.
        """
        ...

    def reload(self, folder: Path, architecture: str, sample: Role) -> Reloaded | None:
        """The outputs for the rows of `sample` of the model that `Learner.save` wrote into `folder`.

        It is loaded as the user of a pulled version would: by the library's own classes, or by the one-file definition
        that is pulled with it, from raw rows. None where there is no such way.
        """
        ...
