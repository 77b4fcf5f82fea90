"""Steps that run on machines which hold a token and nothing else of the registry: what they are given, what they say.

A worker takes a step that waits, reads its inputs by their digests, reports, and hands over what it made. It holds the
step by the same lease as any other worker. Only a service account takes steps: what a worker says that it measured
counts as measured, and no person may say that of their own model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind, Row
from registry.domain.manifests import FileEntry
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.transfers.recorded import Environment
from registry.domain.transfers.steps import EpochMetric, Progress, StepDetail

REMOTE = "remote"
"""The engine of steps that wait until a worker on another machine takes them."""


@dataclass(frozen=True, slots=True)
class Able:
    """What a worker has: adapters by name, CPU threads, GPUs; `machine` is what it is called."""

    machine: str
    adapters: tuple[str, ...]
    cpus: int
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class GivenModel:
    """A model that goes into the step. `parent` is the label of the one that an adapter needs; empty for others."""

    ref: VersionRef
    digest: Digest
    role: str
    architecture: str
    files: tuple[FileEntry, ...]
    parent: str = ""


@dataclass(frozen=True, slots=True)
class GivenData:
    """A dataset that goes into the step in one role. Its rows are asked for apart."""

    ref: VersionRef
    digest: Digest
    split: str
    format: DataFormat
    modality: Modality
    labels: LabelKind
    files: tuple[FileEntry, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """A step that a worker has taken. `worker` is its key to the step: a secret, for this attempt alone.

    `models` stand in the order of the recipe; `parents` are what adapters among them need, by label.
    """

    step: StepDetail
    worker: str
    threads: int
    models: tuple[GivenModel, ...]
    parents: Mapping[str, GivenModel]
    data: Mapping[str, GivenData]


@dataclass(frozen=True, slots=True)
class WorkReport:
    """How far a worker is, and the points of the learning curve since the last report."""

    epoch: float = 0.0
    progress: Progress | None = None
    points: tuple[EpochMetric, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step made and how it ran: what an adapter says when it starts and when it has finished.

    `measured` are the metrics of the finished model, with the roles of the step. `seconds` is how long it ran.
    """

    device: str
    precision: str
    hardware: Mapping[str, str]
    libraries: Mapping[str, str]
    steps: int
    epochs: int
    trainable: int
    parameters: int
    resumed_from: int
    architecture: str
    device_seconds: float
    flops: float
    flops_method: str
    classes: tuple[str, ...]
    facts: Mapping[str, object] = field(default_factory=dict)
    dataset: DataFormat | None = None
    labels: LabelKind = LabelKind.CLASS
    measured: tuple[EpochMetric, ...] = ()
    seconds: float = 0.0
    environment: Environment = field(default_factory=Environment)


def output_of(step: StepDetail, outcome: Outcome) -> Reference:
    """What the files of an outcome become the next version of."""
    return Reference(AssetKind.MODELS if outcome.dataset is None else AssetKind.DATASETS, step.summary.wanted)


class WorkVerbs(Protocol):
    """Taking and running steps that wait for a worker. Service accounts only. Raises: PermissionDeniedError."""

    def take(self, able: Able) -> Assignment | None:
        """The oldest step that waits and fits, taken; None where there is none.

        A step whose worker has lost its lease waits again.
        """
        ...

    def rows(self, step_id: str, worker: str, role: str) -> Sequence[Row]:
        """The rows of the data in one role.

        Raises: NotFoundError, StepStateError; WithheldError, RecalledError where the data was taken back.
        """
        ...

    def report(self, step_id: str, worker: str, report: WorkReport) -> None:
        """Write how far the step is, and renew its lease.

        Raises: StepStateError when the step was cancelled or its lease ran out; WithheldError, RecalledError when an
        input was taken back, and then the step is to be given up.
        """
        ...

    def give_up(self, step_id: str, worker: str, error: str) -> StepDetail:
        """The step failed, or is not to be gone on with; `error` says why. Raises: StepStateError."""
        ...

    def hand_over(self, step_id: str, worker: str, outcome: Outcome, folder: Path) -> StepDetail:
        """Publish the files in `folder` as what the step made, and end the step.

        Raises: StepStateError, RefusedError, UnsafeArtifactError for a pickle, InvalidError, AdapterError.
        """
        ...
