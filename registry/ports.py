"""What outsiders supply: the ports that adapters, engines and stores implement. Frozen values and protocols only.

Adapters must run on a machine that has their one library and little else, so nothing here needs Pydantic or a database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, DvcRecord, LabelKind, Row, SplitPlan
from registry.domain.manifests import FileEntry
from registry.domain.recipes.params import Param, params_of
from registry.domain.transfers.steps import Method, Recipe, Resources


class Clock(Protocol):
    """Tells the time, in UTC."""

    def now(self) -> datetime:
        """The present moment, with a UTC time zone."""
        ...


class BlobStore(Protocol):
    """Bytes by their SHA-256. A put is atomic and durable: after it returns, the blob survives a power cut.

    Raises: NotFoundError for a digest that is not there, IntegrityError when stored bytes do not match, NoSpaceError
    when the disk is full (nothing is kept).
    """

    def put(self, stream: BinaryIO, *, expected: Digest | None = None) -> tuple[Digest, int]:
        """Store all of `stream`; give its digest and size. Raises: IntegrityError when `expected` differs."""
        ...

    def open(self, digest: Digest, *, start: int = 0, length: int | None = None) -> BinaryIO:
        """A readable stream of `length` bytes from `start` (to the end when None). The caller closes it.

        Read whole, the bytes are those of the digest, or there is an IntegrityError; of a range only the size is sure.
        """
        ...

    def size(self, digest: Digest) -> int:
        """Bytes in the blob."""
        ...

    def exists(self, digest: Digest) -> bool:
        """True when the blob is there."""
        ...

    def list(self) -> Iterator[Digest]:
        """Every blob, in order of digest."""
        ...

    def delete(self, digest: Digest) -> None:
        """Remove the blob; no error when it is not there."""
        ...


# --- importing source models ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What an importer saw in a source, before conversion."""

    format: str
    """The name of the importer, such as `huggingface`, `torch-state-dict` or `onnx`."""
    architecture: str | None
    modality: Modality | None
    task: str | None
    licence: str | None = None
    card: str | None = None


@dataclass(frozen=True, slots=True)
class ConvertedSource:
    """A source rewritten into a folder of accepted formats only (safetensors, JSON, text)."""

    folder: Path
    facts: SourceFacts
    tensors: int
    parameters: int
    notes: tuple[str, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)
    """Names and versions of what converted it; the converting process fills this in."""


class SourceImporter(Protocol):
    """Reads a foreign model. `convert` is always called in a subprocess of its own, with limits on memory and time."""

    name: str

    def detect(self, source: Path) -> SourceFacts | None:
        """What `source` (a file or folder) is, by content and without running any of it; None when not mine."""
        ...

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Write the accepted form of `source` into the empty folder `target`, comparing every tensor.

        Raises: UnsafeArtifactError for a pickle that needs more than tensors, BadArtifactError for a corrupt file,
        MisfitError naming the tensors that do not fit `architecture`.
        """
        ...


# --- datasets ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DataListing:
    """A dataset as read: its files (paths under `root`, as they were while read), rows in a stable order, DVC's name.

    `split` is the plan that was carried out: a dataset that brings its own splits keeps them, and `split.column` then
    names the column, or is `folder`. `notes` are sentences for the provenance manifest.
    """

    root: Path
    format: DataFormat
    modality: Modality
    files: tuple[FileEntry, ...]
    rows: tuple[Row, ...]
    split: SplitPlan
    dvc: DvcRecord | None
    notes: tuple[str, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)
    """Versions of what read it."""


class DataSource(Protocol):
    """Reads and tracks datasets. `source` is a file, a folder, or a `.dvc` file (then `rev` may name a revision)."""

    name: str

    def read(
        self,
        source: Path,
        *,
        staging: Path,
        cache: Path,
        split: SplitPlan,
        label: str,
        text: str,
        rev: str | None,
        labels: LabelKind = LabelKind.CLASS,
        format: DataFormat | None = None,
    ) -> DataListing:
        """Hash and cache `source` through DVC (cache folder `cache`), list its rows with labels, digests and splits.

        `label` and `text` name columns for tables; `labels` says what a label holds, and every one is checked for it.
        `staging` is an empty folder for what must be fetched or checked
        out; it and the folders beside it are working copies. `format` None: found by content. Raises: BadDataError
        naming the row, column or class that is wrong; DatasetChangedError when a file changes while it is read.
        """
        ...


# --- transfers -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ModelInput:
    """A source model on disk: its folder, content digest, role on the edge, architecture and what people call it."""

    folder: Path
    digest: Digest
    role: str
    architecture: str
    label: str
    base: ModelInput | None = None
    """Of an adapter (`registry.domain.transfers.adapted`): the parent that its weights are added to, found in the lineage."""


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
    With `resume` the adapter goes on from the newest whole checkpoint under `work/checkpoints`.
    """

    recipe: Recipe
    sources: tuple[ModelInput, ...]
    data: Mapping[str, DataInput]
    work: Path
    features: Path
    determinism: Determinism
    device: str = "auto"
    resume: bool = False


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


# --- tracking and engines ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One step as a run tracker shows it. `curve` holds (metric name, step, value, milliseconds since 1970)."""

    step_id: str
    name: str
    status: str
    started_ms: int
    ended_ms: int | None
    params: Mapping[str, str]
    tags: Mapping[str, str]
    curve: Sequence[tuple[str, int, float, int]]


class RunTracker(Protocol):
    """Mirrors steps into a run tracker such as MLflow."""

    name: str

    def mirror(self, record: RunRecord, *, uri: str) -> str:
        """Write `record` as one run and give its id; calling again with the same step id updates that run."""
        ...


class Engine(Protocol):
    """Brings a worker for a step: a process of this machine, or a job on a cluster.

    Who holds a step is said by its lease alone; an engine only knows whether there is somebody who may take it.
    """

    name: str

    def grant(self, needs: Resources) -> Resources:
        """What a step that asks for `needs` is given: what is not said is filled in.

        Raises: UnavailableError for what can never be had there, with what there is.
        """
        ...

    def start(self, step_id: str, home: Path, needs: Resources) -> None:
        """Start (or restart) the worker and return at once. Raises: StepStateError, UnavailableError."""
        ...

    def wait(self, step_id: str, home: Path) -> None:
        """Until the worker has ended; a request to end that comes meanwhile is passed on to it."""
        ...

    def alive(self, step_id: str, home: Path) -> bool | None:
        """True for a worker that runs or is about to, False for one that is known to be gone; None: it cannot say."""
        ...

    def stop(self, step_id: str, home: Path) -> bool:
        """End the worker and all that it started; True when there was one that we could end."""
        ...

    def log(self, step_id: str, home: Path) -> str:
        """What the workers of the step have written, the newest last; a long one without its beginning."""
        ...
