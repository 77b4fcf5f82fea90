"""A change of the policies: proposed by one person, in force when those agree whom the policies name for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lineage import Digest
from registry.domain.governance.promotion import PolicyValue, VoteValue
from registry.domain.governance.replays import ChangedTerm
from registry.domain.names import VersionRef


class ProposalState(StrEnum):
    """Where a proposed policy is."""

    OPEN = "open"
    PUBLISHED = "published"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class PolicyVote:
    """One vote on a proposed policy."""

    voter: str
    value: VoteValue
    comment: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PolicyNeed:
    """What one published policy asks before the policies change: so many people with one of `roles`.

    `voters` are those whose approval would count and is not there yet.
    """

    policy: str
    roles: tuple[str, ...]
    quorum: int
    approved: tuple[str, ...]
    voters: tuple[str, ...]

    @property
    def met(self) -> bool:
        """True when enough people have approved."""
        return len(self.approved) >= self.quorum


@dataclass(frozen=True, slots=True)
class PolicyEffect:
    """A version that would be judged otherwise: by another policy, or with another result for a stage."""

    ref: VersionRef
    before: str | None
    after: str | None
    changes: tuple[str, ...]
    """By stage, what changes: `production: 2 missing → allowed`."""


@dataclass(frozen=True, slots=True)
class PolicyProposal:
    """A policy that was proposed, with the votes on it, what is still needed, and what it would change.

    `complete` is False when there are more versions than were judged.
    """

    id: str
    name: str
    version: int
    digest: Digest
    text: str
    proposed_by: str
    proposed_at: datetime
    state: ProposalState
    closed_at: datetime | None = None
    votes: tuple[PolicyVote, ...] = ()
    needs: tuple[PolicyNeed, ...] = ()
    effects: tuple[PolicyEffect, ...] = ()
    complete: bool = True
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyRevision:
    """One version of a policy, and every place in which it differs from the version before it."""

    policy: PolicyValue
    changes: tuple[ChangedTerm, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyReach:
    """Which versions of models a policy judges now, and which policies stand beside it, under it and over it.

    The maps give the number of versions by the name of the other policy. `complete` is False where there are more
    versions than the `looked_at` that were looked at.
    """

    policy: str
    judges: tuple[VersionRef, ...]
    looked_at: int
    beside: Mapping[str, int] = field(default_factory=dict)
    """In force together with it: both have to be passed."""
    shadows: Mapping[str, int] = field(default_factory=dict)
    """They apply to versions that it judges, and do not judge them, because their priority is lower."""
    shadowed_by: Mapping[str, int] = field(default_factory=dict)
    """They judge versions that it applies to, because its priority is lower."""
    untold: tuple[VersionRef, ...] = ()
    """Versions of which nobody can tell whether it applies: while it could judge them, nothing promotes them."""
    complete: bool = True
