"""Which registered models, or which versions, a list is to hold; and what such a list shows of each.

For lists of other tools' languages, in which one comparison stands beside another: `all of these are true`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from registry.domain.catalog.models import AliasValue, ModelSummary, VersionSummary
from registry.domain.manifests import FileEntry
from registry.domain.paging import PageRequest

SPELLING = "mlflow.name"
"""The tag of a model that keeps how a client of MLflow spelled its name."""


class Of(StrEnum):
    """What is compared."""

    NAME = "name"
    """`team/name`."""
    CALLED = "called"
    """The value of a model's tag SPELLING, or its name without the team where it has none."""
    TAG = "tag"
    """The value of the tag `key`: of a model in a list of models, of a version in one of versions."""
    NUMBER = "number"
    """That of a version."""
    ADDRESS = "address"
    """`Picked.addresses`, then `/team.name/number` of a version."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison. `operator` is `=`, `!=`, `<`, `<=`, `>`, `>=`, `LIKE`, `ILIKE` (of ASCII), `IN` or `NOT IN`.

    A pattern has `%` for any characters and `_` for one. A tag that is not there is `absent`, and compares with nothing
    where that is None.
    """

    of: Of
    operator: str
    value: str | int | tuple[str, ...]
    key: str = ""
    absent: str | None = None

    @property
    def holds_without(self) -> bool:
        """Whether it is true of a tag that is not there."""
        if self.absent is None:
            return False
        listed = self.value if isinstance(self.value, tuple) else (str(self.value),)
        within = self.absent in listed if "LIKE" not in self.operator else not str(self.value).strip("%")
        return within is not (self.operator in {"!=", "NOT IN"})


class Sort(StrEnum):
    """What a list is sorted by. Versions are created in the order in which they are registered.

    A version is updated when its stage, its status or its card changes.
    """

    NAME = "name"
    NUMBER = "number"
    CREATED = "created"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class Picked:
    """The comparisons that all must be true, the order (each key with whether it descends), and the page."""

    comparisons: tuple[Comparison, ...] = ()
    order: tuple[tuple[Sort, bool], ...] = ()
    page: PageRequest = PageRequest()
    addresses: str = ""
    team: str = ""
    """Only models of this team; of all where it is empty."""


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """One version with what people wrote about it; `step` is the public id of what made it.

    `card` is the newest, and empty where the registry wrote it; `updated_at` is of the last change of stage, status or
    card.
    """

    summary: VersionSummary
    tags: Mapping[str, str]
    card: str
    step: str
    status_reason: str
    updated_at: datetime
    spelling: str = ""
    """The value of its model's tag SPELLING."""


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One registered model; `newest` are the newest versions of each stage and status, the highest number first."""

    summary: ModelSummary
    aliases: tuple[AliasValue, ...]
    newest: tuple[ListedVersion, ...]


@dataclass(frozen=True, slots=True)
class GivenEntry:
    """A version, and the stored file that a pull of it writes at some path, unchanged; None for any other path."""

    summary: VersionSummary
    entry: FileEntry | None
