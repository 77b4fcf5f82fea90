"""Promotion: evidence, requests, votes and verdicts as values. The rules themselves are in `policy`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lineage import Digest
from registry.domain.names import VersionRef


class VoteValue(StrEnum):
    """What a voter says."""

    APPROVE = "approve"
    REJECT = "reject"


class RequestState(StrEnum):
    """Where a promotion request is."""

    OPEN = "open"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class EvidenceValue:
    """Evidence about one version, bound to its content digest. `body` is JSON facts; `file` a stored file."""

    id: str
    ref: VersionRef
    subject: Digest
    type: str
    digest: Digest
    body: Mapping[str, object]
    file: Digest | None
    file_name: str | None
    added_at: datetime
    added_by: str


@dataclass(frozen=True, slots=True)
class Bindings:
    """The four digests that a vote binds to; when any of them changes, the vote is stale and does not count."""

    artifact: Digest
    lineage: Digest
    policy: Digest
    evidence: Digest


@dataclass(frozen=True, slots=True)
class VoteEntry:
    """One vote: who, in which roles (resolved at the time), what, why, and on exactly which state of things."""

    voter: str
    roles: tuple[str, ...]
    value: VoteValue
    comment: str
    at: datetime
    bound: Bindings
    stale: bool = False


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that the policy asks and whether it holds. `kind`: policy, order, status, evidence, gate, approval."""

    id: str
    kind: str
    passed: bool
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every check with its outcome; allowed only when there is at least one and all pass."""

    checks: tuple[CheckResult, ...]

    @property
    def allowed(self) -> bool:
        """True when nothing is missing. A verdict of no checks allows nothing."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why not, all of them."""
        if not self.checks:
            return ("there are no rules to judge by",)
        return tuple(check.message for check in self.checks if not check.passed)


@dataclass(frozen=True, slots=True)
class RequestSummary:
    """One promotion request as lists show it."""

    id: str
    ref: VersionRef
    from_stage: str
    to_stage: str
    alias: str | None
    state: RequestState
    requested_by: str
    requested_at: datetime
    closed_at: datetime | None
    comment: str


@dataclass(frozen=True, slots=True)
class RequestDetail:
    """One promotion request with the verdict as of now (or of its close), the votes, and the policy that judges."""

    summary: RequestSummary
    policy: str
    policy_digest: Digest
    bound: Bindings
    verdict: Verdict
    votes: tuple[VoteEntry, ...]
    evidence: tuple[EvidenceValue, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """One published policy: (name, version, digest) never change again."""

    name: str
    version: int
    digest: Digest
    text: str
    published_at: datetime
    published_by: str
