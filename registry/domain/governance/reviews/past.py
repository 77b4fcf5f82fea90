"""What a version was at a moment of the past: where it stood, by whose approval, on what, and what was made from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from lineage import Digest
from registry.domain.catalog.models import FIRST_STAGE, HistoryEntry, Status
from registry.domain.governance.promotion import CheckResult, EvidenceValue, VoteEntry
from registry.domain.names import VersionRef


@dataclass(frozen=True, slots=True)
class PastDecision:
    """The promotion that had brought the version into its stage, as it was decided."""

    request: str
    stage: str
    decided_at: datetime
    requested_by: str
    policy: str
    """Name and version, `default/3`."""
    policy_digest: Digest
    tier: str
    """The risk tier by that policy; `unknown` where it has none."""
    votes: tuple[VoteEntry, ...]
    evidence: tuple[EvidenceValue, ...]
    checks: tuple[CheckResult, ...]
    ended_at: datetime | None = None
    """When the approval ended, also after the moment that was asked for; None while it holds."""
    ended_by: str | None = None
    """How: the action of the audit entry."""


@dataclass(frozen=True, slots=True)
class MadeFrom:
    """A version that a transfer step made from another one."""

    ref: str
    step: str
    role: str
    """What the other one was in the step: `source`, `teacher`, …"""
    made_at: datetime


@dataclass(frozen=True, slots=True)
class AsOf:
    """One version at one moment. Every field comes from the audit log and from what it binds by digest."""

    ref: VersionRef
    at: datetime
    alias: str | None
    alias_since: datetime | None
    stage: str
    status: Status
    deleted: bool
    allowed: bool
    """True when a promotion had been approved and held, and nothing had stopped the version since."""
    reasons: tuple[str, ...]
    """Why it was not allowed."""
    decision: PastDecision | None = None
    made_from: tuple[MadeFrom, ...] = ()
    """What was made from it while it was approved, oldest first."""
    complete: bool = True
    """False when more was made from it than is listed."""


PROMOTED, SUPERSEDED, REVOKED, DELETED = (
    "model_version.promoted",
    "model_version.superseded",
    "promotion.revoked",
    "model_version.deleted",
)
_STATUSES = {f"model_version.{status.value}": status for status in Status}
_RESTORED = "model_version.restored"
DECISIVE = frozenset({PROMOTED, SUPERSEDED, REVOKED, DELETED, _RESTORED, *_STATUSES})
"""The actions that change where a version stands; of its other entries only the first matters."""
STOPPING = frozenset({Status.ARCHIVED, Status.SUSPENDED, Status.RECALLED})


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a version stands after some of its entries. `request` is the promotion that brought it into its stage."""

    known: bool = False
    stage: str = FIRST_STAGE
    status: Status = Status.ACTIVE
    deleted: bool = False
    request: str | None = None
    since: datetime | None = None
    ended: tuple[datetime, str] | None = field(default=None)
    """When and by which action the approval ended."""

    def after(self, entry: HistoryEntry) -> Standing:
        """Where it stands after one more entry about it."""
        now = replace(self, known=True)._changed(entry.action, entry.detail)
        if entry.action == PROMOTED:
            return replace(now, request=str(entry.detail["request"]), since=entry.at, ended=None)
        if now.request is not None and now.ended is None and now.stopped:
            return replace(now, ended=(entry.at, entry.action))
        if entry.action == REVOKED and entry.detail.get("request") == self.request and now.ended is None:
            return replace(now, ended=(entry.at, entry.action))
        if entry.action == SUPERSEDED and now.ended is None and now.request is not None:
            return replace(now, ended=(entry.at, entry.action))
        return now

    @property
    def stopped(self) -> bool:
        """True while its status or its deletion keeps it from being used."""
        return self.deleted or self.status in STOPPING

    def reasons(self, ref: VersionRef) -> tuple[str, ...]:
        """Why it may not be used in its stage; none when it may."""
        found = []
        if self.request is None:
            found.append(f"No promotion of {ref} had been approved")
        elif self.ended is not None:
            found.append(
                f"The approval of {self.request} had ended ({self.ended[1]}, {self.ended[0]:%Y-%m-%d %H:%M} UTC)"
            )
        if self.deleted:
            found.append(f"{ref} had been deleted")
        elif self.status in STOPPING:
            found.append(f"{ref} was {self.status}")
        return tuple(found)

    def _changed(self, action: str, detail: Mapping[str, object]) -> Standing:
        if action in {PROMOTED, SUPERSEDED}:
            return replace(self, stage=str(detail["to"]))
        if action in _STATUSES:
            return replace(self, status=_STATUSES[action])
        if action == _RESTORED and "reason" in detail:  # repaired files are restored too, without a reason
            return replace(self, status=Status.ACTIVE)
        return replace(self, deleted=True) if action == DELETED else self


def standings(entries: Iterable[HistoryEntry], at: datetime) -> tuple[Standing, tuple[datetime, str] | None]:
    """Where a version stood before `at`, by its entries, oldest first; and how the approval that it had ended since.

    An approval that was ended by a status does not come back when the status is taken back: it takes a new decision.
    """
    then, now = Standing(), Standing()
    for entry in entries:
        now = now.after(entry)
        if entry.at < at:
            then = now
    if then.request is None or then.ended is not None:
        return then, then.ended
    if now.request == then.request:
        return then, now.ended
    return then, next(((e.at, e.action) for e in entries if e.at >= at and e.action == PROMOTED), None)
