"""A recipe after every default is filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from registry.domain.names import Name, Reference


class Method(StrEnum):
    """How a version was made from others."""

    IMPORT = "import"
    PRETRAINING = "pretraining"
    FEATURE_EXTRACTION = "feature_extraction"
    FINE_TUNING = "fine_tuning"
    DOMAIN_ADAPTATION = "domain_adaptation"
    MULTI_TASK = "multi_task"
    ADAPTER = "adapter"
    CONTINUED_PRETRAINING = "continued_pretraining"
    EMBEDDING_INITIALISATION = "embedding_initialisation"
    DISTILLATION = "distillation"
    MERGE = "merge"
    QUANTIZATION = "quantization"


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """One model that goes in: `model` as written, `role` on the edge (`source`, `teacher`, …)."""

    model: Reference
    role: str = "source"


@dataclass(frozen=True, slots=True)
class DataChoice:
    """One dataset that goes in, and which split of it."""

    dataset: Reference
    split: str


SOLVED = frozenset({"logistic", "ridge"})
"""Kinds of heads that are solved on frozen features instead of being trained."""


@dataclass(frozen=True, slots=True)
class Head:
    """The new task head: `linear`, `mlp` (one hidden layer), with dropout before the last layer, `logistic` or `ridge`.

    The last two are a linear layer that is solved at once on frozen features, not trained (`loop.techniques.solving`).
    """

    kind: str = "linear"
    hidden: int = 256
    dropout: float = 0.0

    @property
    def solved(self) -> bool:
        """True for a head that is solved instead of trained."""
        return self.kind in SOLVED

    @property
    def layers(self) -> str:
        """What it consists of: `linear` or `mlp`."""
        return "linear" if self.solved else self.kind


@dataclass(frozen=True, slots=True)
class Freeze:
    """What stays as the parent had it: `backbone` (all but the head), `none`, or everything before layer `until`."""

    what: str = "none"
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Optimizer:
    """`adamw` or `sgd`. `backbone_lr` (None: as `lr`) and `layer_decay` give discriminative learning rates."""

    name: str = "adamw"
    lr: float = 1e-3
    backbone_lr: float | None = None
    layer_decay: float = 1.0
    weight_decay: float = 0.01
    momentum: float = 0.9
    clip: float = 1.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the learning rate moves after `warmup` (share of all steps).

    `constant` stays, `linear` and `cosine` fall to zero, `staircase` is divided by ten at each of `drops` (shares).
    """

    name: str = "cosine"
    warmup: float = 0.0
    drops: tuple[float, ...] = (0.3, 0.6, 0.9)


@dataclass(frozen=True, slots=True)
class Resources:
    """What a step asks of the machine that runs it.

    `cpus` is its number of CPU threads (0: the engine decides). With `gpus` above 0 it runs on GPUs and nowhere else,
    one process for each of them.
    """

    cpus: int = 0
    gpus: int = 0


WHOLE_TEXT = 131_072
"""The largest `max_length`: texts are read as far as the model can."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe after defaults: everything that decides the result, beside inputs and environment.

    `data` maps a role (train, validation, test, …) to a dataset and its split. `params` holds what a method or an
    adapter has of its own.
    """

    output: Name
    method: Method
    adapter: str
    sources: tuple[SourceChoice, ...]
    data: Mapping[str, DataChoice]
    head: Head
    freeze: Freeze
    optimizer: Optimizer
    schedule: Schedule
    epochs: int
    batch_size: int
    seed: int
    metrics: tuple[str, ...]
    max_length: int = 128
    """Tokens per text at most; with `WHOLE_TEXT`, as many as the model reads."""
    image_size: int | None = None
    """Pixels per side; None takes the source's own."""
    checkpoint_every: int = 0
    """Optimiser steps between checkpoints; 0 means once an epoch."""
    description: str = ""
    licence: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, object] = field(default_factory=dict)
    resources: Resources = Resources()
    forgetting: bool = False
    """Whether what the output lost on the test data of the models above it is measured at the end."""
