"""Transfer steps: recipe after defaults, inputs, state, progress and results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lineage import Assurance, Digest
from registry.domain.catalog.models import MetricValue
from registry.domain.names import Name, VersionRef
from registry.domain.people.people import Actor, Permission
from registry.domain.recipes.recipe import (
    Method,
)


class StepState(StrEnum):
    """The state of a step. Only SUCCEEDED has outputs."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """Its worker ended early; `transfer resume` continues from the last checkpoint."""
    CANCELLED = "cancelled"

    @property
    def may_resume(self) -> bool:
        """True for a step that stopped before its end: it can go on from its last checkpoint."""
        return self in {StepState.INTERRUPTED, StepState.FAILED}

    @property
    def may_cancel(self) -> bool:
        """True until the step has succeeded or was cancelled. Cancelling a stopped step gives up its checkpoints."""
        return self not in {StepState.SUCCEEDED, StepState.CANCELLED}


@dataclass(frozen=True, slots=True)
class StepInput:
    """One resolved input of a step."""

    ref: VersionRef
    digest: Digest
    role: str
    split: str | None
    assurance: Assurance


@dataclass(frozen=True, slots=True)
class EpochMetric:
    """One point of a learning curve."""

    epoch: int
    step: int
    name: str
    role: str
    value: float
    number: int = field(default=0, compare=False)
    """Counts up in the order in which points are written; a point that is written again gets a new number."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is and how fast it goes, as of `updated_at`."""

    phase: str
    step: int
    """Optimiser steps done."""
    steps: int
    """Optimiser steps planned."""
    samples: int
    """Samples read so far in this phase."""
    total: int | None
    """Samples that this phase reads in all, where its optimiser steps do not say how long it is."""
    rate: float | None
    """Samples a second over the last half minute of this phase; None before it is known."""
    loss: float | None
    """The last one that was read in this phase."""
    seconds_left: float | None
    """To the end of this phase, at the present rate."""
    updated_at: datetime

    @property
    def is_counted(self) -> bool:
        """False in a phase that counts neither steps nor samples, such as loading the model."""
        return bool(self.step or self.samples or self.total)


@dataclass(frozen=True, slots=True)
class MirrorState:
    """How far the step's mirror in the run tracker (MLflow) is."""

    state: str
    """`off`, `queued`, `mirrored` or `failing`."""
    run_id: str | None = None
    attempts: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """Which worker or engine has a step, and until when unless it is renewed.

    `worker` is a random name for one attempt by one process; None until `engine` has started one. `live` is judged by
    the clock of the database, so that machines with different clocks agree.
    """

    engine: str
    worker: str | None
    machine: str | None
    """The name of the machine that the worker runs on."""
    until: datetime
    live: bool


@dataclass(frozen=True, slots=True)
class StepSummary:
    """One step as lists show it. `id` is public: `step-` and 26 Crockford base-32 characters in order of time."""

    id: str
    method: Method
    adapter: str
    state: StepState
    output: VersionRef | None
    wanted: Name
    created_at: datetime
    created_by: str
    started_at: datetime | None
    ended_at: datetime | None
    epoch: float
    epochs: int
    error: str | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    progress: Progress | None = None
    """None before a worker has begun. The first phases are about preparing: reading inputs, loading the model."""

    def may_be_cancelled_by(self, actor: Actor) -> bool:
        """True for the person who submitted it, and for admins: a run is somebody's hours."""
        return actor.handle == self.created_by or Permission.ADMIN in actor.permissions


@dataclass(frozen=True, slots=True)
class StepNews:
    """What is new of a step: how it stands now, and the curve points that were written since."""

    summary: StepSummary
    points: tuple[EpochMetric, ...]


@dataclass(frozen=True, slots=True)
class StepDetail:
    """Everything about a step: inputs, recipe after defaults, learning curve, and the provenance manifest once made."""

    summary: StepSummary
    inputs: tuple[StepInput, ...]
    recipe: Mapping[str, object]
    curve: tuple[EpochMetric, ...]
    measured: tuple[MetricValue, ...]
    manifest: Mapping[str, object] | None
    manifest_digest: Digest | None
    mirror: MirrorState
    verdict_void: str | None = None
    """Why the verdict in the manifest does not count, as the end of a sentence; None for one that does."""
    lease: Lease | None = None
    """None for imports, and for a step that was submitted before there were leases."""
