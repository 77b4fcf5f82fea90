"""Promotion: evidence, requests, votes and verdicts as values. The rules themselves are in `policy`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from lineage import Digest
from registry.domain.governance.reviews.findings import Finding
from registry.domain.manifests import canonical_json
from registry.domain.names import VersionRef


class VoteValue(StrEnum):
    """How somebody votes."""

    APPROVE = "approve"
    APPROVE_WITH_CONDITIONS = "approve_with_conditions"
    REJECT = "reject"
    VETO = "veto"
    """Blocks, and leaves the request open, until it is taken back or overruled."""

    @property
    def approves(self) -> bool:
        """True for a vote that counts towards a quorum."""
        return self not in {VoteValue.REJECT, VoteValue.VETO}


class RequestState(StrEnum):
    """Where a promotion request is."""

    OPEN = "open"
    PROMOTED = "promoted"
    REVOKED = "revoked"
    """Promoted, and taken back since: a condition of an approval was not met in time."""
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
class AddedEvidence(EvidenceValue):
    """Evidence as it was just added, with what follows from it for people: votes that are stale now, votes lost."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bindings:
    """The digests that a vote binds to; when any of them changes, the vote is stale and does not count."""

    artifact: Digest
    lineage: Digest
    policy: Digest
    evidence: Digest
    seen: Digest | None = None
    """Of all else that the verdict read: see `governance.seen`. None for what was stored before there was one."""


@dataclass(frozen=True, slots=True)
class VoteSignature:
    """The Ed25519 signature of whoever approves, over `signing.approval_text`; both in hexadecimal."""

    key: str
    """The public key."""
    value: str


@dataclass(frozen=True, slots=True)
class VoteEntry:
    """One vote: who, in which roles (as held at the time), for or against, why, and on which digests."""

    voter: str
    roles: tuple[str, ...]
    value: VoteValue
    comment: str
    at: datetime
    bound: Bindings
    stale: bool = False
    seen: Mapping[str, str] = field(default_factory=dict)
    """What the digest `bound.seen` stands for, by name."""
    conditions: tuple[str, ...] = ()
    """The ids of the findings that an approval depends on: it does not count once one of them is overdue."""
    signature: VoteSignature | None = None


def vote_digest(vote: VoteEntry) -> Digest:
    """What the audit entry of a vote names, so that a vote that was changed in the database is found."""
    bound = {name: str(getattr(vote.bound, name)) for name in Bindings.__dataclass_fields__}
    facts = {"bound": bound, "comment": vote.comment, "roles": sorted(vote.roles), "seen": dict(vote.seen)}
    if vote.conditions:
        facts["conditions"] = list(vote.conditions)
    if vote.signature is not None:
        facts["signature"] = {"key": vote.signature.key, "value": vote.signature.value}
    return Digest.of(canonical_json({**facts, "value": vote.value.value, "voter": vote.voter}))


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejection that was not overruled: the request that it closed, what that asked for, and the vote."""

    request: str
    to_stage: str
    vote: VoteEntry

    def stands(self, now: Bindings) -> bool:
        """True while nothing that the vote was bound to has changed, whatever became of requests; a veto always."""
        if self.vote.value is VoteValue.VETO:
            return True
        return self.vote.bound == (now if self.vote.bound.seen is not None else replace(now, seen=None))


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that the policy asks and whether it holds. `kind`: policy, order, status, rejection, evidence, gate,
    approval.
    """

    id: str
    kind: str
    passed: bool
    message: str
    values: str = ""
    """What a gate compared: `0.892 ≥ 0.25`. Empty for other checks, and where a value is missing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every check with its outcome; allowed only when there is at least one check and all pass."""

    checks: tuple[CheckResult, ...]

    @property
    def allowed(self) -> bool:
        """True when nothing is missing. A verdict of no checks allows nothing."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """The messages of all failed checks."""
        if not self.checks:
            return ("The policy has no rule for this, so it is refused",)
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
    overruled_at: datetime | None = None
    """When its rejection was overruled; None while it stands, and for requests that were not rejected."""
    stale_votes: tuple[str, ...] = ()
    """Who approved an open request before the newest evidence was added: they need to approve again."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """What the person who reads a request can do with it now.

    Each field lists the reasons against it; an empty one means that they can.
    """

    approve: tuple[str, ...] = ()
    reject: tuple[str, ...] = ()
    withdraw: tuple[str, ...] = ()
    veto: tuple[str, ...] = ("This request takes no veto",)


@dataclass(frozen=True, slots=True)
class RequestDetail:
    """One promotion request with the verdict as of now (or of its close), the votes, and the policy that judges.

    `voters` lists, by role, the people whose approval would count and is not there yet. `warnings` are sentences about
    votes that have become stale or will become so, and about approvals that nobody can give.
    """

    summary: RequestSummary
    policy: str
    policy_digest: Digest
    bound: Bindings
    verdict: Verdict
    votes: tuple[VoteEntry, ...]
    evidence: tuple[EvidenceValue, ...] = field(default_factory=tuple)
    ballot: Ballot = Ballot()
    voters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    suppliers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By type of evidence that is missing, the people who may add it; nobody where the registry records it itself."""
    warnings: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Every finding about the version, oldest first."""
    conditional: bool = False
    """Whether its policy takes approvals with conditions."""
    emergency: str | None = None
    """The id of the emergency that opened it and waits until more people agree."""


@dataclass(frozen=True, slots=True)
class StageOption:
    """A stage that may follow the one a version is in, under the policy in force.

    `reasons` is what is missing now. `can_request` is False when a request would be refused at once: something is
    missing that no vote can bring. `request` is the id of the request to this stage that is open already.
    """

    stage: str
    policy: str
    alias: str | None
    reasons: tuple[str, ...]
    can_request: bool
    request: str | None = None


@dataclass(frozen=True, slots=True)
class StageMove:
    """One transition that a policy allows, by the names of its stages."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """One published policy: (name, version, digest) never change again.

    `roles` maps each role of the policy to the granted roles that fill it (none: the owners of the model do), and
    `moves` are its transitions. Both are read from `text` by the verbs; storage leaves them empty.
    """

    name: str
    version: int
    digest: Digest
    text: str
    published_at: datetime
    published_by: str
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    moves: tuple[StageMove, ...] = ()
    warnings: tuple[str, ...] = ()
    """What the people of this registry cannot fulfil; told when it is checked and when it is published."""
