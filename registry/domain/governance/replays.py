"""Decisions that are judged again, by their own policy or by one that is only tried; and where policies differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lineage import Digest
from registry.domain.governance.promotion import RequestSummary, Verdict, VoteEntry


@dataclass(frozen=True, slots=True)
class Explanation:
    """A stored decision and its replay from what was stored with it: the policy as published, and the case.

    `read` holds each fact that the policy read, with its value as JSON.
    """

    summary: RequestSummary
    policy: str
    policy_digest: Digest
    case: Digest
    """SHA-256 of the stored case; the audit entry of the decision names it."""
    decided_at: datetime
    stored: Verdict
    replayed: Verdict
    read: Mapping[str, str] = field(default_factory=dict)
    votes: tuple[VoteEntry, ...] = ()

    @property
    def same(self) -> bool:
        """True when the replay gives the stored verdict."""
        return self.stored == self.replayed


@dataclass(frozen=True, slots=True)
class PolicyDifference:
    """What a tried policy makes of one decision, or of one version: `subject` is the request or the version."""

    subject: str
    target: str
    before: str
    after: str
    reasons: tuple[str, ...] = ()
    """Why the tried policy refuses."""


@dataclass(frozen=True, slots=True)
class PolicyTrial:
    """The differences that a policy would have made. `complete` is False where there was more than was judged."""

    policy: str
    judged: int
    differences: tuple[PolicyDifference, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class ChangedTerm:
    """One place in which two policies differ; empty text where one of them does not have it."""

    place: str
    before: str
    after: str
