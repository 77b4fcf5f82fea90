"""Proposed policies and the votes on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from registry.domain.governance.policies.changes import PolicyProposal, PolicyVote, ProposalState
from registry.domain.governance.promotion import VoteValue
from registry.errors import ConflictError
from registry.storage.tables import policy_proposal, policy_vote


def add_proposal(connection: Connection, value: PolicyProposal) -> None:
    """Write it, without its votes."""
    connection.execute(
        insert(policy_proposal).values(
            public_id=value.id,
            name=value.name,
            version=value.version,
            digest=value.digest,
            text=value.text,
            proposed_by=value.proposed_by,
            proposed_at=value.proposed_at,
            state=value.state,
            closed_at=value.closed_at,
        )
    )


def proposals(
    connection: Connection, *, id: str | None = None, state: ProposalState | None = None
) -> Sequence[PolicyProposal]:
    """Those with this id or in this state, newest first, each with its votes."""
    query = select(policy_proposal).order_by(policy_proposal.c.id.desc())
    if id is not None:
        query = query.where(policy_proposal.c.public_id == id)
    if state is not None:
        query = query.where(policy_proposal.c.state == state)
    rows = connection.execute(query).all()
    votes: dict[int, list[PolicyVote]] = {row.id: [] for row in rows}
    given = select(policy_vote).where(policy_vote.c.proposal_id.in_(list(votes))).order_by(policy_vote.c.id)
    for row in connection.execute(given):
        votes[row.proposal_id].append(PolicyVote(row.voter, VoteValue(row.value), row.comment, row.voted_at))
    return [_proposal(row, tuple(votes[row.id])) for row in rows]


def add_policy_vote(connection: Connection, proposal_id: str, vote: PolicyVote) -> None:
    """Append a vote."""
    key = select(policy_proposal.c.id).where(policy_proposal.c.public_id == proposal_id).scalar_subquery()
    connection.execute(
        insert(policy_vote).values(
            proposal_id=key, voter=vote.voter, value=vote.value, comment=vote.comment, voted_at=vote.at
        )
    )


def close_proposal(connection: Connection, proposal_id: str, state: ProposalState, *, at: datetime) -> None:
    """Close an open one. Raises: ConflictError when it is closed already."""
    still = (policy_proposal.c.public_id == proposal_id) & (policy_proposal.c.state == ProposalState.OPEN)
    if connection.execute(update(policy_proposal).where(still).values(state=state, closed_at=at)).rowcount == 0:
        raise ConflictError(f"The proposal {proposal_id} is closed already")


def _proposal(row: Row[Any], votes: tuple[PolicyVote, ...]) -> PolicyProposal:
    return PolicyProposal(
        row.public_id,
        row.name,
        row.version,
        row.digest,
        row.text,
        row.proposed_by,
        row.proposed_at,
        ProposalState(row.state),
        row.closed_at,
        votes,
    )
