"""The inventory: every version that stands in an approved stage, with who answers for it and on what grounds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from lineage import Digest
from registry.domain.catalog.models import Status
from registry.domain.names import VersionRef

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula, also full-width."""
UNKNOWN_TIER = "unknown"
"""The risk tier of a version whose policy has none, or that has no decision on record."""


@dataclass(frozen=True, slots=True)
class InventoryLine:
    """One version in an approved stage. What is not on record is empty, and named in `gaps`."""

    ref: VersionRef
    tier: str
    """The risk tier by the policy that the version was approved under."""
    stage: str
    status: Status
    aliases: tuple[str, ...]
    owner: str
    use: Mapping[str, object]
    """The declared use: the newest evidence `intended_use` of the decision."""
    since: datetime | None
    """When it came into its stage."""
    approvers: tuple[str, ...]
    request: str
    policy: str
    """Name and version, `default/3`."""
    policy_digest: Digest | None
    findings: tuple[str, ...]
    """Those that are open: severity, id, owner and due day of each."""
    waivers: tuple[str, ...]
    """Those in force: gate, id and last day of each."""
    attest_by: datetime | None
    """When the policy asks for the approval to be renewed; None where it does not."""
    licence: str
    roots: tuple[str, ...]
    """The models that its ancestry begins with; itself where it was made from no other."""
    gaps: tuple[str, ...] = ()
    """What an inventory should say and nothing on record does, as sentences."""


@dataclass(frozen=True, slots=True)
class NamedThen:
    """A version that an alias named at a moment of the past."""

    ref: VersionRef
    since: datetime
    moved_by: str
    stage: str
    status: Status
    allowed: bool
    """True when a promotion had been approved and held, and nothing had stopped the version since."""
    reasons: tuple[str, ...]
    """Why it was not allowed."""
    request: str
    """The promotion that had brought it into its stage; empty where there was none."""


def as_csv(lines: Iterable[InventoryLine]) -> Iterator[str]:
    """The inventory as CSV (RFC 4180), one line at a time; lists are joined by `; `.

    A cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    yield _row([one.name for one in fields(InventoryLine)])
    for line in lines:
        yield _row([_cell(getattr(line, one.name)) for one in fields(InventoryLine)])


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        value = tuple(f"{name}: {item}" for name, item in sorted(value.items()))
    text = "; ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
