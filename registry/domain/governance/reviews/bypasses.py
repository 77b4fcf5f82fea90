"""Promotions that do not wait for votes: in an emergency, and back to a version that was approved before."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from registry.domain.governance.promotion import CheckResult
from registry.domain.names import VersionRef


class BypassKind(StrEnum):
    """Why nobody votes first."""

    EMERGENCY = "emergency"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Bypass:
    """Who promotes without votes, and why. `incident` is the id of the incident; empty for a rollback."""

    kind: BypassKind
    by: str
    reason: str
    incident: str = ""

    def __str__(self) -> str:
        """For sentences: `in the emergency INC-7 by carla`."""
        if self.kind is BypassKind.EMERGENCY:
            return f"in the emergency {self.incident} by {self.by}"
        return f"in a rollback by {self.by}, since it was approved before"


def passed_over(bypass: Bypass, checks: Iterable[CheckResult], kept: Container[str]) -> list[CheckResult]:
    """`checks` where those that fail are passed over: evidence, votes, waits, and the gates that are not in `kept`.

    A rollback passes over the order of stages too. The status of the version, a rejection that stands, and a policy
    that does not apply are never passed over.
    """
    kinds = {"evidence", "approval", "gate", "wait"} | ({"order"} if bypass.kind is BypassKind.ROLLBACK else set())
    return [
        replace(check, passed=True, message=f"Passed over {bypass}: {check.message}")
        if not check.passed and check.kind in kinds and not (check.kind == "gate" and check.id in kept)
        else check
        for check in checks
    ]


@dataclass(frozen=True, slots=True)
class EmergencyReview:
    """One person who reviewed an emergency afterwards and agrees with it."""

    person: str
    comment: str
    at: datetime
    counts: bool = True
    """False once it counts no more: the person lost the role, or turned out to have made the version."""


@dataclass(frozen=True, slots=True)
class Emergency:
    """A promotion in an emergency. Unless `quorum` people review it by `due_at`, the version is suspended."""

    id: str
    ref: VersionRef
    request: str
    incident: str
    reason: str
    by: str
    at: datetime
    due_at: datetime
    quorum: int
    reviews: tuple[EmergencyReview, ...] = ()
    reviewed_at: datetime | None = None
    lapsed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """True until it is reviewed, or suspended because it was not."""
        return self.reviewed_at is None and self.lapsed_at is None

    @property
    def counted(self) -> int:
        """Reviews that count."""
        return sum(one.counts for one in self.reviews)

    def __str__(self) -> str:
        """The banner of its version."""
        return (
            f"{self.by} promoted it in the emergency {self.incident} without votes ({self.id}): {self.reason}. "
            f"It is suspended at {self.due_at:%Y-%m-%d %H:%M} UTC unless {self.quorum} people review it before; "
            f"{self.counted} have"
        )


def emergency_record(request: str, by: str, due: str, reviewers: Iterable[str], *, lapsed: bool) -> str:
    """What the database and the audit log have to say alike of one emergency."""
    who = ", ".join(sorted(reviewers)) or "nobody"
    return f"{request} by {by}, due {due}, reviewed by {who}{', lapsed' if lapsed else ''}"
