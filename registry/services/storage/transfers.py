"""Transfer steps and their leases as storage keeps them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lineage import Digest
from registry.domain.catalog.models import (
    MetricValue,
)
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import (
    EpochMetric,
    Lease,
    MirrorState,
    Progress,
    StepDetail,
    StepInput,
    StepState,
    StepSummary,
)


@dataclass(frozen=True, slots=True)
class NewStep:
    """A step about to be written, with its resolved inputs. Its digest is that of the canonical recipe and inputs."""

    id: str
    digest: Digest
    kind: AssetKind
    """What it makes."""
    wanted: Name
    method: Method
    adapter: str
    state: StepState
    recipe: Mapping[str, object]
    inputs: tuple[StepInput, ...]
    created_at: datetime
    created_by: str
    epochs: int = 0
    token: str | None = None
    """The id of the token that it was written with; None from the command line of the registry folder."""


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """A step that ran with baselines, with what it made."""

    step_id: str
    output: VersionRef | None
    manifest: Mapping[str, object]
    void: str | None


@dataclass(frozen=True, slots=True)
class TaggedStep:
    """A step with the tags of its recipe."""

    id: str
    state: StepState
    tags: Mapping[str, str]


class StepRepository(Protocol):
    """Transfer steps, their curves, metrics, manifests and mirrors."""

    def add(self, new: NewStep) -> None:
        """Write the node, the step and its input edges."""
        ...

    def get(self, step_id: str) -> StepDetail | None: ...
    def summary(self, step_id: str) -> StepSummary | None: ...
    def search(
        self, *, state: StepState | None, method: Method | None, output: Name | None, page: PageRequest
    ) -> Page[StepSummary]: ...
    def tagged(self, outputs: Collection[Name], tag: str, value: str) -> Sequence[TaggedStep]:
        """The steps that were to make one of these and whose recipe has the tag, newest first: one statement."""
        ...

    def move(
        self, step_id: str, *, expected: frozenset[StepState], to: StepState, at: datetime, error: str | None = None
    ) -> bool:
        """Compare and set the state; False (and nothing written) when the step is in no expected state."""
        ...

    def progress(self, step_id: str, *, epoch: float, at: datetime, progress: Progress | None = None) -> None:
        """How far it is; with `progress` None, the recorded one stays."""
        ...

    def add_curve(self, step_id: str, points: Iterable[EpochMetric]) -> None:
        """Append points and number them in this order, whatever their own number.

        A point of a (name, role, epoch, step) already there is replaced (a resumed step repeats), with a new number.
        """
        ...

    def curve(self, step_id: str, *, after: int) -> Sequence[EpochMetric]:
        """The points with a number above `after`, in order of number."""
        ...

    def forget_curve(self, step_id: str) -> None:
        """Take every point away: the step starts again from the beginning."""
        ...

    def add_measured(self, step_id: str, values: Iterable[MetricValue]) -> None: ...
    def set_manifest(self, step_id: str, body: bytes, digest: Digest) -> None: ...
    def manifest(self, step_id: str) -> Mapping[str, object] | None:
        """The manifest of a step that has one."""
        ...

    def void_verdict(self, step_id: str, reason: str) -> None:
        """The verdict in the manifest of the step does not count any more; `reason` is the end of a sentence."""
        ...

    def void_reason(self, step_id: str) -> str | None:
        """Why the verdict on the step does not count; None where it does, or where there is none."""
        ...

    def manifest_and_void_reason(self, step_id: str) -> tuple[Mapping[str, object] | None, str | None]:
        """Both at once."""
        ...

    def with_verdicts(self) -> Iterator[VerdictRecord]:
        """Every step whose manifest may hold a verdict, oldest first."""
        ...

    def looks_at(self, data: Digest, split: str | None) -> int:
        """How many steps with baselines have this split as test data: ended, running or queued, not failed."""
        ...

    def set_mirror(self, step_id: str, state: MirrorState, *, at: datetime) -> None: ...
    def unmirrored(self, limit: int) -> Sequence[str]:
        """Ids of ended steps whose mirror is queued or failing, oldest first."""
        ...

    def add_reading(self, reading: Digest, ref: VersionRef, start: int, stop: int, *, at: datetime) -> None:
        """The bytes of a version from `start` to before `stop`, its files one after the other, were given out.

        Old readings of which no step was recorded are removed.
        """
        ...

    def reading(self, reading: Digest) -> Mapping[VersionRef, Sequence[tuple[int, int]]]:
        """Which parts of which versions were given out, in order of their start."""
        ...

    def forget_reading(self, reading: Digest) -> None: ...


class LeaseRepository(Protocol):
    """Who runs which step. Moments are those of the database's own clock, where it has one."""

    def offer(self, step_id: str, engine: str, *, seconds: float) -> None:
        """Nobody holds the step; for `seconds` its engine is believed to be bringing a worker."""
        ...

    def take(self, step_id: str, worker: str, machine: str, *, seconds: float) -> bool:
        """Give the step to `worker` for `seconds`; False (nothing written) while another holds or is taking it."""
        ...

    def renew(self, step_id: str, worker: str, *, seconds: float, held: bool = False) -> bool:
        """Hold the step for `seconds` from now; False when it does not run, has run out, or is somebody else's.

        With `held` the worker knows by a clock that is never set that its lease has not run out.
        """
        ...

    def get(self, step_id: str) -> Lease | None: ...
    def waiting(self, engine: str) -> Sequence[str]:
        """Steps of `engine` that are queued, or that run and whose lease has run out: oldest first."""
        ...
