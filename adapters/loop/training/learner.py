"""What a framework brings to the shared run: a model that can be taken apart at its head, and items to feed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from adapters.loop.tasks.labelled import Indexes
from adapters.loop.tasks.roles import Role
from adapters.loop.tasks.tasks import Task
from adapters.loop.training.loop import Inputs
from adapters.loop.training.optimizers import Layers
from lineage import Digest
from registry.domain.recipes.recipe import Recipe
from registry.ports.transfers import AdapterOffer, ModelInput


class Items(Protocol):
    """The inputs of one role, ready to be batched, on the CPU."""

    @property
    def lengths(self) -> Indexes | None:
        """Sizes by which like items are batched together; None where all are alike."""
        ...

    def __len__(self) -> int: ...

    def batch(self, indexes: Indexes) -> Inputs:
        """The inputs at `indexes`, collated. Called from several threads at once on a GPU machine."""
        ...


@dataclass(frozen=True, slots=True)
class ArrayItems:
    """Rows of one tensor: cached features."""

    rows: Tensor
    lengths: None = None

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, indexes: Indexes) -> Inputs:
        """The rows at `indexes`."""
        return self.rows[torch.from_numpy(indexes)]


class Learner(Protocol):
    """A source model with a head for the task at hand.

    `predict(x)` is `classify(features(x))`; `features` are what the head's input is, after pooling.
    """

    @property
    def module(self) -> nn.Module:
        """The whole model, head included."""
        ...

    @property
    def head(self) -> nn.Module:
        """The head alone."""
        ...

    @property
    def layers(self) -> Layers:
        """The backbone from input to output."""
        ...

    @property
    def architecture(self) -> str:
        """What the catalog calls the output's architecture."""
        ...

    @property
    def keeps_head(self) -> bool:
        """True when the parent's trained head for the same classes was kept."""
        ...

    @property
    def feature_size(self) -> int:
        """Numbers in one item's features."""
        ...

    @property
    def feature_layer(self) -> str:
        """Where features are taken."""
        ...

    @property
    def preprocessing(self) -> Digest:
        """What happens to an item before the model sees it."""
        ...

    def items(self, role: Role) -> Items:
        """The inputs of `role`, decoded or tokenised. Raises: BadDataError naming the row that cannot be read."""
        ...

    def predict(self, inputs: Inputs) -> Tensor:
        """The head's outputs (N x outputs of the task)."""
        ...

    def features(self, inputs: Inputs) -> Tensor:
        """What goes into the head (N x feature_size)."""
        ...

    def classify(self, features: Tensor) -> Tensor:
        """The head alone: outputs (N x outputs of the task) of features."""
        ...

    def first_linear(self) -> nn.Linear:
        """The head's first linear layer, into which standardisation is folded."""
        ...

    def last_linear(self) -> nn.Linear:
        """The head's last linear layer, into which the scale of numbers is folded."""
        ...

    def save(self, folder: Path, task: Task) -> None:
        """Write the model into the empty `folder`, deterministic to the byte."""
        ...


class Framework(Protocol):
    """One library's side of a transfer."""

    offer: AdapterOffer

    def libraries(self) -> Mapping[str, str]:
        """Names and versions of what computes here, beside torch and numpy."""
        ...

    def parent_classes(self, source: ModelInput) -> tuple[str, ...] | None:
        """The classes of the source's own head in its order; None when it has no head or its classes no names."""
        ...

    def open(self, source: ModelInput, recipe: Recipe, task: Task, *, keep_head: bool, fresh: bool) -> Learner:
        """Load `source` in fp32 on the CPU, with its own head when `keep_head`, else with a new one for `task`.

        `fresh`: its architecture alone, every weight drawn anew from torch's global generator.
        Raises: BadRecipeError for a head that this source cannot have, MisfitError, BadArtifactError.
        """
        ...
