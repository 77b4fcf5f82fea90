"""A change of the policies: proposed by one person, in force when those agree whom the policies name for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lineage import Digest
from registry.domain.governance.promotion import VoteValue
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
