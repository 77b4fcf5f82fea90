"""Evidence, policies, requests and votes as storage keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from lineage import Digest, NodeId
from registry.domain.catalog.models import CardRevision, MetricValue, Status
from registry.domain.governance.policies.changes import PolicyProposal, PolicyVote, ProposalState
from registry.domain.governance.promotion import (
    EvidenceValue,
    PolicyValue,
    Rejection,
    RequestDetail,
    RequestState,
    RequestSummary,
    Verdict,
    VoteEntry,
)
from registry.domain.names import Name, VersionRef
from registry.domain.objects import VersionCheck
from registry.domain.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What a decision needs to know of the step that made a version."""

    id: str
    created_by: str
    ended_at: datetime | None
    manifest: Mapping[str, object] | None
    manifest_digest: Digest | None
    verdict_void: str | None = None
    """Why the verdict in the manifest does not count."""


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """What a decision needs to know of one model version: no files, no curve, the newest card only.

    `metrics` are those on the test role. `tags` are the model's with the version's over them.
    """

    ref: VersionRef
    digest: Digest
    stage: str
    status: Status
    licence: str
    method: str
    architecture: str
    task: str
    modality: str
    origin: str
    owner: str
    created_at: datetime
    created_by: str
    step: StepRecord
    aliases: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    parents: tuple[VersionRef, ...] = ()
    card: CardRevision | None = None
    damaged: bool = False
    card_writers: frozenset[str] = frozenset()
    """Who wrote any revision of its card."""
    runners: frozenset[str] = frozenset()
    """Who submitted or resumed the step that made it, as the audit log has it."""
    requesters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By target, who ever requested a promotion of it."""
    checked: VersionCheck | None = None
    """When its bytes were last verified for a promotion."""


@dataclass(frozen=True, slots=True)
class NamedVersion:
    """The version that an alias names, with its metrics on test data."""

    ref: VersionRef
    metrics: Mapping[str, float] = field(default_factory=dict)


STAGE, STATUS, DELETION, ALIAS = "stage of ", "status of ", "deletion of ", "version that has the alias "
ROLES, REQUEST, OVERRULED, VOTE = "roles of ", "state of ", "overruling of the rejection of ", "vote "
BINDING = "binding of vote "
SIGNATURE, KEY = "signature of vote ", "key of "
CLOSED, LEVEL = "closing of ", "level in "
"""How the names of facts about the state of a registry begin; see `services.audit.state`."""


class GovernanceRepository(Protocol):
    """Evidence, policies, requests and votes. `lock` serialises decisions about one model."""

    def version(self, ref: VersionRef) -> VersionRecord | None:
        """A live model version as decisions see it."""
        ...

    def tested(self, steps: Sequence[NodeId], names: Sequence[str]) -> Mapping[NodeId, Sequence[MetricValue]]:
        """What each of these steps measured on test data by these metrics: one statement."""
        ...

    def baselines(self, name: Name) -> Mapping[str, NamedVersion]:
        """By alias of the model, the version that it names now, with its test metrics."""
        ...

    def add_evidence(self, value: EvidenceValue) -> None: ...
    def evidence(self, ref: VersionRef) -> Sequence[EvidenceValue]: ...
    def add_policy(self, value: PolicyValue) -> None: ...
    def policies(self) -> Sequence[PolicyValue]:
        """The newest version of each policy, by name."""
        ...

    def policy(self, name: str, version: int | None = None) -> PolicyValue | None: ...
    def policy_versions(self, name: str) -> Sequence[PolicyValue]:
        """Every version of one policy, newest first."""
        ...

    def add_proposal(self, value: PolicyProposal) -> None: ...
    def proposal(self, proposal_id: str) -> PolicyProposal | None:
        """As stored, with its votes: nothing about what is needed and what it would change."""
        ...

    def proposals(self, state: ProposalState | None) -> Sequence[PolicyProposal]:
        """The same of all in this state, newest first."""
        ...

    def add_policy_vote(self, proposal_id: str, vote: PolicyVote) -> None: ...
    def close_proposal(self, proposal_id: str, state: ProposalState, *, at: datetime) -> None: ...
    def add_request(self, value: RequestDetail) -> None: ...
    def request(self, request_id: str) -> RequestDetail | None:
        """As stored: `verdict` is the last stored one and no vote is marked stale."""
        ...

    def requests(
        self, *, name: Name | None, ref: VersionRef | None, state: RequestState | None, page: PageRequest
    ) -> Page[RequestSummary]:
        """Newest first; of one model (`name`) or of one version (`ref`)."""
        ...

    def add_vote(self, request_id: str, vote: VoteEntry) -> None: ...
    def approved_requests(self) -> Sequence[str]:
        """The ids of open requests that somebody has approved, oldest first."""
        ...

    def in_stage(self, name: Name, stage: str) -> Sequence[VersionRef]:
        """The live versions of a model that are in this stage, oldest first."""
        ...

    def approved(self, stage: str | None, page: PageRequest) -> Page[VersionRef]:
        """Live versions in this stage, or in any that is approved, oldest first."""
        ...

    def state(self) -> Mapping[str, str]:
        """What the tables say of stages, statuses, aliases, roles, requests and votes, by the names above."""
        ...

    def rejections(self, ref: VersionRef) -> Sequence[Rejection]:
        """Every rejection and veto of a request about this version that was not overruled or replaced, oldest first."""
        ...

    def approvers(self, ref: VersionRef) -> Mapping[str, frozenset[str]]:
        """By stage, who approved a promotion of this version into it."""
        ...

    def add_overruling(self, request_id: str, person: str, comment: str, *, at: datetime) -> None: ...
    def overrulings(self, request_id: str) -> Sequence[str]:
        """Who has overruled the rejection of this request so far, oldest first."""
        ...

    def set_overruled(self, request_id: str, *, at: datetime) -> None:
        """From now on the rejection of this request does not stand."""
        ...

    def close_request(self, request_id: str, state: RequestState, verdict: Verdict, *, at: datetime) -> None: ...
    def restate(self, request_id: str, verdict: Verdict) -> None:
        """Write the verdict of a decision whose case was written anew, since a person was erased from it."""
        ...

    def lock(self, name: Name) -> None:
        """Make other decisions about this registered model wait until this unit of work ends."""
        ...

    def lock_request(self, request_id: str) -> None:
        """The same for the model that a request is about; nothing for a request that is not there."""
        ...
