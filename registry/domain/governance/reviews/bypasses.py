"""Promotions that do not wait for votes: in an emergency, and back to a version that was approved before."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
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
    others: tuple[str, ...] = ()
    """Who agreed, beside `by`, before it took effect; in the order in which they did."""

    def __str__(self) -> str:
        """For sentences: `in the emergency INC-7 by carla`."""
        if self.kind is BypassKind.EMERGENCY:
            return f"in the emergency {self.incident} by {' and '.join((self.by, *self.others))}"
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
class EmergencyAgreement:
    """One person, beside whoever declared it, who agreed that an emergency takes effect."""

    person: str
    comment: str
    at: datetime


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
    """A promotion in an emergency. Unless `quorum` people review it by `due_at`, the version is suspended.

    It takes effect, at `effective_at`, when `needed` people want it, whoever declared it among them. Until then it
    waits, until `due_at` at the longest, and `ended` says that its request was closed in another way.
    """

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
    needed: int = 1
    agreements: tuple[EmergencyAgreement, ...] = ()
    effective_at: datetime | None = None
    ended: bool = False

    @property
    def is_open(self) -> bool:
        """True until it is reviewed, or suspended because it was not; also while it waits for more people."""
        return self.reviewed_at is None and self.lapsed_at is None and not self.ended

    @property
    def is_waiting(self) -> bool:
        """True while it has not taken effect and still can."""
        return self.is_open and self.effective_at is None

    @property
    def wanted_by(self) -> tuple[str, ...]:
        """Who declared it and who agreed, in that order."""
        return (self.by, *(one.person for one in self.agreements))

    @property
    def state(self) -> str:
        """In a few words: waiting, open, reviewed, not reviewed in time, or not agreed to."""
        if self.effective_at is None:
            return "waiting" if self.is_waiting else "not agreed to"
        return "open" if self.is_open else "reviewed" if self.reviewed_at is not None else "not reviewed in time"

    @property
    def counted(self) -> int:
        """Reviews that count."""
        return sum(one.counts for one in self.reviews)

    def __str__(self) -> str:
        """The banner of its version."""
        if self.effective_at is None:
            return (
                f"{self.by} declared the emergency {self.incident} to promote it without votes ({self.id}): "
                f"{self.reason}. It takes effect when {self.needed} people want it, by "
                f"{self.due_at:%Y-%m-%d %H:%M} UTC; so far: {', '.join(self.wanted_by)}"
            )
        people = " and ".join(self.wanted_by)
        return (
            f"{people} promoted it in the emergency {self.incident} without votes ({self.id}): "
            f"{self.reason}. It is suspended at {self.due_at:%Y-%m-%d %H:%M} UTC unless {self.quorum} people "
            f"review it before; {self.counted} have"
        )


def emergency_record(
    request: str, wanted_by: Sequence[str], due: str, reviewers: Iterable[str], *, effective: bool, lapsed: bool
) -> str:
    """What the database and the audit log have to say alike of one emergency; `wanted_by` begins with its declarer."""
    who = ", ".join(sorted(reviewers)) or "nobody"
    state = f"{'' if effective else ', waiting'}{', lapsed' if lapsed else ''}"
    return f"{request} by {', '.join(wanted_by)}, due {due}, reviewed by {who}{state}"
