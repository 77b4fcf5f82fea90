"""Datasets: versions, splits, class counts, and the row index that every adapter reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lineage import Digest
from registry.domain.catalog.models import Describing, Status
from registry.domain.manifests import FileEntry
from registry.domain.names import Name, VersionRef
from registry.errors import InvalidError


class DataFormat(StrEnum):
    """How the files of a dataset hold their rows."""

    IMAGE_FOLDER = "image-folder"
    """A folder per class, a CSV of path,label beside the images, or images without labels."""
    TEXT_FOLDER = "text-folder"
    """A folder per class of .txt files, or .txt files without labels."""
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    """Texts, or features: a column `x` of lists of floats, all of one length."""
    NPZ = "npz"
    """Arrays `x` (N x …) and `y` (N, or N x C of zeros and ones)."""


class LabelKind(StrEnum):
    """What the label of a row holds. The label itself is always text; the kind decides how it is read."""

    CLASS = "class"
    """One class."""
    MANY = "many"
    """Any number of classes, joined by `|`; the empty text is none of them."""
    NUMBER = "number"
    """A finite decimal number."""
    TAGS = "tags"
    """One class for each word of the text (its words as whitespace parts them), joined by spaces."""
    NONE = "none"
    """Nothing: rows have no label."""


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """How rows are divided: named shares that sum to 1, by a seeded hash of each row's digest (see `domain.splits`).

    A dataset that brings its own splits (a `split` column or train/ and test/ folders) keeps them: `column` names it.
    """

    shares: Mapping[str, float] = field(default_factory=lambda: {"train": 0.7, "validation": 0.1, "test": 0.2})
    seed: int = 0
    column: str | None = None

    def __post_init__(self) -> None:
        if not self.shares or abs(sum(self.shares.values()) - 1) > 1e-9 or min(self.shares.values()) <= 0:
            raise InvalidError(
                "The shares of the splits must be positive and sum to 1", remedy="For example train=0.8,test=0.2"
            )


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a dataset: where its input is, its label and split, and the digest of its content.

    Exactly one of `path` (a file of the dataset), `text`, or `path` with `index` (row of the array `x` in that .npz, or
    of the column `x` in that Parquet file) says where the input is.
    """

    key: int
    digest: Digest
    split: str
    label: str | None
    path: str | None = None
    text: str | None = None
    index: int | None = None
    group: str | None = None
    """What the row depends on with others, such as a book, a patient or a video; None where rows are independent."""


@dataclass(frozen=True, slots=True)
class DvcRecord:
    """DVC's hash of the same bytes, and their origin if a `.dvc` file named a repository."""

    md5: str
    """`<32 hex>` for a file, `<32 hex>.dir` for a folder: equal to what `dvc add` gives."""
    size: int
    files: int
    url: str | None = None
    rev: str | None = None
    rev_lock: str | None = None


@dataclass(frozen=True, slots=True)
class NumberSummary:
    """The numbers that label the rows of one split."""

    least: float
    mean: float
    most: float


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """One split of a dataset version: its rows, and how many of each class, or what its numbers are like.

    `classes` counts rows; where a row names many classes it counts for each, and of tags it is words that count. It is
    empty where labels are numbers, or where there are none.
    """

    name: str
    rows: int
    classes: Mapping[str, int]
    numbers: NumberSummary | None = None


@dataclass(frozen=True, slots=True)
class DatasetVersionSummary:
    """One dataset version as lists show it."""

    ref: VersionRef
    digest: Digest
    format: DataFormat
    rows: int
    classes: tuple[str, ...]
    splits: tuple[SplitSummary, ...]
    size: int
    licence: str
    created_at: datetime
    created_by: str
    labels: LabelKind = LabelKind.CLASS
    damaged: bool = False
    """True while a stored object of it is missing or changed: its files cannot be used until they are restored."""
    status: Status = Status.ACTIVE


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """One registered dataset as lists show it; `version` is the latest."""

    name: Name
    describing: Describing
    owner: str
    created_at: datetime
    versions: int
    version: DatasetVersionSummary | None


@dataclass(frozen=True, slots=True)
class DatasetVersionDetail:
    """Everything about one dataset version but its bytes."""

    summary: DatasetVersionSummary
    dataset: DatasetSummary
    files: tuple[FileEntry, ...]
    split_plan: SplitPlan
    dvc: DvcRecord | None
    step: str
    index: Digest
    """The blob of the row index: canonical JSON Lines of `Row`, one a line, in order of key."""
    notes: tuple[str, ...] = ()
    """What its manifest notes about how it was read or made, as sentences."""
    status_reason: str = ""
