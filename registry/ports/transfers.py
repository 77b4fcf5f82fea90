"""Running transfers: what an adapter is given, what it reports, and what it offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind, Row
from registry.domain.recipes.defaults import Defaults
from registry.domain.recipes.params import Param, params_of
from registry.domain.recipes.recipe import Method, Recipe


@dataclass(frozen=True, slots=True)
class ModelInput:
    """A source model on disk: its folder, content digest, role on the edge, architecture and what people call it."""

    folder: Path
    digest: Digest
    role: str
    architecture: str
    label: str
    base: ModelInput | None = None
    """Of an adapter (`domain.transfers.adapted`): the parent that its weights are added to, found in the lineage."""


@dataclass(frozen=True, slots=True)
class DataInput:
    """A dataset on disk: its rows (all splits), the folder that their paths start from, and the split of each role."""

    root: Path
    digest: Digest
    label: str
    format: DataFormat
    modality: Modality
    rows: Sequence[Row]
    split: str
    labels: LabelKind = LabelKind.CLASS
    """How the labels of the rows are read."""

    @property
    def chosen(self) -> list[Row]:
        """The rows of `split`, in order of key."""
        return [row for row in self.rows if row.split == self.split]


@dataclass(frozen=True, slots=True)
class Determinism:
    """What fixes a result on one kind of CPU: set in one place, recorded in the manifest, restored on resume."""

    seed: int
    threads: int


@dataclass(frozen=True, slots=True)
class TransferJob:
    """All that an adapter needs for one step. `work` is the step's own folder: `work/checkpoints`, `work/output`.

    `features` is a cache folder shared by steps: entries are keyed by (model digest, data digest, preprocessing).
    With `resume` the adapter goes on from the newest whole checkpoint under `work/checkpoints`. With `outputs` a model
    that is measured as it is (`epochs: 0`) also leaves `outputs.npy` in its output folder: what its head gives for
    each test row in order of key, before it becomes a prediction (N, or N x outputs). With `any_labels` too, that is
    all that it leaves, and the rows may have labels that the head does not know. With `norms` an export of features
    also gives the fact `norms`, where the model has normalisations with running statistics: `layers`, `rows` (how many
    were read) and `energy`, how far what these layers meet is from what they keep, from 0 (alike) to 1. With `words`
    an export of data with a tag for each word gives the features of each word instead, text after text in order of key
    (`features.npz`: x, words x D; zeros for a word that was cut off).
    """

    recipe: Recipe
    sources: tuple[ModelInput, ...]
    data: Mapping[str, DataInput]
    work: Path
    features: Path
    determinism: Determinism
    device: str = "auto"
    resume: bool = False
    outputs: bool = False
    any_labels: bool = False
    norms: bool = False
    words: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """The loop is about to begin: where it runs, in which precision, and how many optimiser steps are planned."""

    device: str
    precision: str
    hardware: Mapping[str, str]
    libraries: Mapping[str, str]
    steps: int
    epochs: int
    trainable: int
    parameters: int
    resumed_from: int = 0


@dataclass(frozen=True, slots=True)
class Advanced:
    """Progress: `step` of the planned steps is done; `loss` is None when reading it would wait for the GPU."""

    step: int
    epoch: float
    phase: str
    loss: float | None
    samples: int
    total: int | None = None
    """Samples that this phase reads in all, where its optimiser steps do not say how long it is."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric on the data of one role. `final` marks the values of the finished model; others are curve points."""

    name: str
    value: float
    role: str
    epoch: int
    step: int
    final: bool = False


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint is whole on disk: weights, optimizer, schedule, random states, counters, best so far."""

    path: Path
    step: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The output folder is complete; `architecture` names how to build it; the rest goes into the manifest.

    With `dataset` the folder is no model but data in that format, with labels of the kind `labels` and, in a column or
    array `split`, the splits that the rows had in the input. There is then no `architecture` (empty).
    """

    folder: Path
    architecture: str
    device_seconds: float
    flops: float
    flops_method: str
    classes: tuple[str, ...]
    facts: Mapping[str, object] = field(default_factory=dict)
    dataset: DataFormat | None = None
    labels: LabelKind = LabelKind.CLASS


TransferEvent: TypeAlias = Started | Advanced | Measured | Saved | Finished


@dataclass(frozen=True, slots=True)
class AdapterOffer:
    """What an adapter can do; recipes are checked against it before anything starts."""

    name: str
    modalities: frozenset[Modality]
    methods: frozenset[Method]
    metrics: frozenset[str]
    params: Mapping[Method, Mapping[str, Param]] = field(default_factory=dict)
    """By method, what `params` of a recipe may hold for this adapter, beside what the method knows."""
    defaults: Mapping[Method, Defaults] = field(default_factory=dict)
    """By method, how its models are trained where a recipe says nothing; other methods take the usual defaults."""
    max_length: int | None = None
    """Tokens or words of a text that are read where a recipe says nothing; None: the usual number."""
    preferred_for: frozenset[Modality] = frozenset()
    """Modalities whose recipes it runs when they name no adapter and several could."""
    loading_with_parent: Mapping[str, str] = field(default_factory=dict)
    """By the beginning of an architecture whose files need their parent's beside them: the code that loads the two.

    In that code `{kind}` stands for the rest of the architecture, and `{base}` for the folder of the parent.
    """
    architectures: tuple[str, ...] = ()
    """Architectures that are this adapter's own: its recipes start from these alone, and theirs choose it. A name, or a
    beginning that ends in `:`. Empty: whatever no other adapter calls its own."""

    def known(self, method: Method, modality: Modality | None = None) -> dict[str, Param]:
        """Every parameter that a recipe of `method` may hold for this adapter, for models of `modality` or of any."""
        return params_of(method, modality) | dict(self.params.get(method, {}))

    def owns(self, architecture: str) -> bool:
        """True when `architecture` is one of its own."""
        return any(
            architecture.startswith(own) if own.endswith(":") else architecture == own for own in self.architectures
        )


class TransferAdapter(Protocol):
    """Runs transfers with one library. Only errors of `registry.errors` escape; others become AdapterError."""

    offer: AdapterOffer

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        """Do the work, yielding events: one Started, then Advanced/Measured/Saved, one Finished at the end."""
        ...
