"""Findings: what somebody has to put right about a version, by when, and whether it was done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from registry.domain.audit import Event
from registry.domain.names import VersionRef


class Severity(StrEnum):
    """How much a finding matters."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


DAYS = {Severity.CRITICAL: 7, Severity.HIGH: 30, Severity.MEDIUM: 60, Severity.LOW: 90}
"""How long there is to put right what the registry finds by itself."""


class FindingState(StrEnum):
    """What lists of findings can be narrowed to."""

    OPEN = "open"
    OVERDUE = "overdue"
    """Open, and past its due date."""
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class NewFinding:
    """A finding as somebody raises it. `due` is the last day to resolve it (YYYY-MM-DD, UTC); `request` is the id of
    the promotion request that it is about, if it is about one.
    """

    text: str
    severity: Severity
    owner: str
    due: str
    request: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding about one version. It is open until `resolved_at`, and overdue from `due_at` on.

    `condition` is True where it is a condition of the approval that `raised_by` gave to `request`.
    """

    id: str
    ref: VersionRef
    severity: Severity
    text: str
    owner: str
    due_at: datetime
    raised_by: str
    raised_at: datetime
    request: str | None = None
    condition: bool = False
    resolved_at: datetime | None = None
    resolved_by: str = ""
    resolution: str = ""

    @property
    def is_open(self) -> bool:
        """True until it is resolved."""
        return self.resolved_at is None

    def overdue(self, now: datetime) -> bool:
        """True for an open one from its due date on; never before it."""
        return self.is_open and self.due_at <= now

    def state(self, now: datetime) -> FindingState:
        """What it is at `now`."""
        if not self.is_open:
            return FindingState.RESOLVED
        return FindingState.OVERDUE if self.overdue(now) else FindingState.OPEN

    def __str__(self) -> str:
        """For sentences: `finding fnd-01k… (high, for ana, due 2026-12-31)`."""
        return f"finding {self.id} ({self.severity}, for {self.owner}, due {self.due_at:%Y-%m-%d %H:%M} UTC)"


def finding_detail(value: Finding) -> dict[str, object]:
    """What each audit entry about a finding holds."""
    return {
        "finding": value.id,
        "severity": value.severity.value,
        "owner": value.owner,
        "due": value.due_at.isoformat(),
    }


def raised(value: Finding) -> Event:
    """The audit entry of a new finding."""
    detail = {**finding_detail(value), "request": value.request, "condition": value.condition}
    return Event("finding.raised", str(value.ref), detail)


def record_of(severity: str, owner: str, due: str, *, resolved: bool) -> str:
    """What the database and the audit log have to say alike of one finding."""
    return f"{severity} for {owner}, due {due}, {'resolved' if resolved else 'open'}"


def finding_facts(findings: Iterable[Finding], now: datetime) -> dict[str, object]:
    """`findings` in the conditions of a policy: how many are open, by severity, and how many of them are overdue."""
    opened = [one for one in findings if one.is_open]
    counts = {severity.value: sum(one.severity is severity for one in opened) for severity in Severity}
    return {"open": counts, "overdue": sum(one.overdue(now) for one in opened)}
