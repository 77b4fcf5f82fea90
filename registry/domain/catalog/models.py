"""What the catalog shows: registered models, their versions, aliases, cards and history."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lineage import Digest
from registry.domain.credentials import refuse_credentials
from registry.domain.manifests import FileEntry
from registry.domain.names import Name, VersionRef
from registry.domain.paging import PageRequest
from registry.errors import BadFilterError, InvalidError

FIRST_STAGE = "registered"
"""The stage of every new version; a policy's list of stages begins with it."""
PRODUCTION = "production"
"""The stage that counts as use whatever the policies say."""
RETIRED = "retired"
"""The stage that ends use whatever the policies say."""
NOT_APPROVED = frozenset({FIRST_STAGE, RETIRED})
"""The stages of what nobody has approved for use, or not any more."""


def was_approved(stage: str) -> bool:
    """True for a stage that only a promotion reaches, and that has not ended use."""
    return stage not in NOT_APPROVED


class Status(StrEnum):
    """Whether a version may be used; separate from its stage."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    RECALLED = "recalled"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"


class Modality(StrEnum):
    """What kind of data goes in."""

    IMAGE = "image"
    TEXT = "text"
    TABULAR = "tabular"
    AUDIO = "audio"
    MULTIMODAL = "multimodal"
    UNKNOWN = "unknown"
    """Of a name that has no version yet. No version is published with it."""


@dataclass(frozen=True, slots=True)
class Describing:
    """The description of a model or dataset. All of it may be changed later; none of it is in the digest.

    `task` is a Hub pipeline tag (`image-classification`), `licence` an SPDX expression or LicenseRef,
    `origin` says where it came from (`internal`, or a URL, package or paper).
    """

    task: str
    modality: Modality
    licence: str
    origin: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for word, value in (("task", self.task), ("licence", self.licence), ("origin", self.origin)):
            if not value.strip() or len(value) > 512:
                raise InvalidError(f"The {word} is empty or longer than 512 characters")
        if len(self.description) > 4096:
            raise InvalidError("The description is longer than 4,096 characters", remedy="Put the rest in the card")
        for key, value in self.tags.items():
            check_tag(key, value)


_TAG = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9](?:[A-Za-z0-9_.:/ -]*[A-Za-z0-9_.:/-])?")


MAX_TAGS = 100
"""Tags of one model, version or dataset."""


MAX_VALUE = 5000
"""Characters of the value of a tag."""


def check_number_of_tags(tags: Mapping[str, str]) -> None:
    """Raises: InvalidError for too many."""
    if len(tags) > MAX_TAGS:
        raise InvalidError(
            f"There are {len(tags):,} tags; at most {MAX_TAGS} are allowed", remedy="Keep facts in the card"
        )


def check_tags(tags: Mapping[str, str]) -> None:
    """Raises: InvalidError for too many tags, or for one that cannot be."""
    check_number_of_tags(tags)
    for key, value in tags.items():
        check_tag(key, value)
    refuse_credentials(tags, "tag")


def check_tag(key: str, value: str) -> None:
    """Raises: InvalidError when `key` or `value` cannot be a tag."""
    if not _TAG.fullmatch(key):
        raise InvalidError(
            f"{key[:80]!r} is not a tag", remedy="Use letters, digits, spaces and _ . : / - and 64 characters at most"
        )
    if len(value) > MAX_VALUE or any(ord(char) < 32 for char in value):
        raise InvalidError(
            f"The value of tag {key!r} is longer than {MAX_VALUE:,} characters or has control characters"
        )


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One number measured by a step: on which data (digest), which split and in which role."""

    name: str
    value: float
    role: str
    split: str
    data: Digest
    data_label: str = ""


@dataclass(frozen=True, slots=True)
class VersionSummary:
    """One model version as lists show it. `metrics` are the producing step's, on its test role."""

    ref: VersionRef
    digest: Digest
    stage: str
    status: Status
    licence: str
    size: int
    created_at: datetime
    created_by: str
    method: str
    aliases: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    damaged: bool = False
    """True while a stored object of it is missing or changed: its files cannot be used until they are restored."""


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """One registered model as lists show it; `version` is the latest, or the newest one that matched a search."""

    name: Name
    task: str
    modality: Modality
    origin: str
    owner: str
    description: str
    tags: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    versions: int
    version: VersionSummary | None


@dataclass(frozen=True, slots=True)
class AliasValue:
    """An alias and the version that it names now. Nobody moves a protected alias by hand."""

    alias: str
    ref: VersionRef
    protected: bool
    moved_at: datetime
    moved_by: str


@dataclass(frozen=True, slots=True)
class AliasMove:
    """One move of an alias; `ref` is None where it was removed."""

    alias: str
    ref: VersionRef | None
    protected: bool
    moved_at: datetime
    moved_by: str


@dataclass(frozen=True, slots=True)
class ModelDetail:
    """A registered model: its summary and its aliases."""

    summary: ModelSummary
    aliases: tuple[AliasValue, ...]


@dataclass(frozen=True, slots=True)
class CardRevision:
    """One revision of a model card: Markdown with the Hub's YAML front matter, and a digest of its own."""

    number: int
    digest: Digest
    text: str
    written_at: datetime
    written_by: str
    generated: bool = False
    """True for one that the registry wrote when the version was made, since nobody had."""


@dataclass(frozen=True, slots=True)
class VersionDetail:
    """Everything about one model version but its bytes and its ancestry."""

    summary: VersionSummary
    model: ModelSummary
    architecture: str
    files: tuple[FileEntry, ...]
    card: CardRevision | None
    step: str
    """Public id of the one step that made it."""
    parents: tuple[VersionRef, ...]
    measured: tuple[MetricValue, ...]
    tags: Mapping[str, str]
    status_reason: str = ""
    notes: tuple[str, ...] = ()
    """What its manifest notes about how it was read or made, as sentences."""
    upstream: str = ""
    """The repository of the Hub that it was imported from, as `hf:org/name@commit`; empty where none is known."""
    updated_at: datetime | None = None
    """When its stage, its status or its card changed last; None where a server does not say."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One thing that happened to a model or version, from the audit log."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, object]


class SortKey(StrEnum):
    """What a search is sorted by; `metric:NAME` is written as METRIC plus `sort_metric`."""

    UPDATED = "updated"
    CREATED = "created"
    NAME = "name"
    METRIC = "metric"


def read_sort(text: str) -> tuple[SortKey, str | None]:
    """What `updated`, `created`, `name` or `metrics.accuracy` sorts by: the key and, for a metric, its name.

    Raises: BadFilterError.
    """
    if text.startswith("metrics.") and len(text) > len("metrics."):
        return SortKey.METRIC, text.removeprefix("metrics.")
    if text not in {SortKey.UPDATED, SortKey.CREATED, SortKey.NAME}:
        raise BadFilterError(
            f"{text[:80]!r} is not a sort key", remedy="Sort by updated, created, name or metrics.NAME"
        )
    return SortKey(text), None


_COMPARISON = re.compile(
    r"\s*metrics\.([A-Za-z][A-Za-z0-9_]{0,63})\s*(>=|<=|==|=|!=|>|<)\s*(-?[0-9.]+(?:[eE]-?[0-9]+)?)\s*"
)


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """`metrics.accuracy > 0.9`: the producing step's metric on its test role, against a number."""

    metric: str
    operator: str
    value: float

    @classmethod
    def parse(cls, text: str) -> MetricComparison:
        """Raises: BadFilterError."""
        match = _COMPARISON.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            return cls(match[1], "==" if match[2] == "=" else match[2], float(match[3]))
        except ValueError:
            raise BadFilterError(
                f"{text[:120]!r} is not a metric comparison", remedy="Write for example metrics.accuracy > 0.9"
            ) from None


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to look for among registered models. All given conditions must hold for one version of the model.

    Each word of `text` begins a word of name, description, tags, task, architecture or newest card. `tags` are `key` or
    `key=value`.
    """

    text: str = ""
    task: str | None = None
    modality: Modality | None = None
    tags: tuple[str, ...] = ()
    stage: str | None = None
    status: Status | None = None
    licence: str | None = None
    origin: str | None = None
    owner: str | None = None
    metrics: tuple[MetricComparison, ...] = ()
    sort: SortKey = SortKey.UPDATED
    sort_metric: str | None = None
    descending: bool = True
    page: PageRequest = PageRequest()

    def __post_init__(self) -> None:
        if (self.sort is SortKey.METRIC) != (self.sort_metric is not None):
            raise BadFilterError("Sorting by a metric needs its name", remedy="Write --sort metrics.accuracy")


@dataclass(frozen=True, slots=True)
class Spelling:
    """The text of a search with words that models have, for one that no model matches; empty where none is near."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Facet:
    """How many registered models have each value of one field: `task`, `modality`, `stage`, …"""

    field: str
    counts: tuple[tuple[str, int], ...]
    capped: bool = False
    """True if more models match than are counted: each count is then one of at least that many."""
