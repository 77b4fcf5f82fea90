"""Vetoes: who may give one, and what a vote does to the vetoes that stand."""

from __future__ import annotations

from dataclasses import replace

from registry.domain.governance.case import Case
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import Rejection, RequestDetail, VoteValue
from registry.errors import ConflictError, PolicyRefusedError


def check_vote(stored: RequestDetail, policy: Policy, value: VoteValue, handle: str) -> None:
    """Raises: PolicyRefusedError for a veto where the policy has none; ConflictError for one that is given again."""
    if value is not VoteValue.VETO:
        return
    if VoteValue.VETO not in policy.votes.values:
        raise PolicyRefusedError(f"{handle} may not veto {stored.summary.id}", (f"Policy {policy.label} has no veto",))
    before = [vote for vote in stored.votes if vote.voter == handle and vote.value is VoteValue.VETO]
    if before:
        overruled = stored.summary.overruled_at is not None
        raise ConflictError(
            f"{handle} has vetoed {stored.summary.id} already" + (", and was overruled" if overruled else "")
        )


def with_vote(case: Case, request_id: str) -> Case:
    """`case` with what its newest vote does: a veto stands; any other vote ends the veto of its voter."""
    vote = case.votes[-1]
    others = [one for one in case.rejections if (one.request, one.vote.voter) != (request_id, vote.voter)]
    if vote.value is VoteValue.VETO:
        others.append(Rejection(request_id, case.target, vote))
    return replace(case, rejections=tuple(others))


def standing_vetoes(stored: RequestDetail) -> frozenset[str]:
    """Who vetoed this request and has not voted otherwise since, nor been overruled."""
    last = {vote.voter: vote for vote in stored.votes}
    overruled = stored.summary.overruled_at
    return frozenset(
        voter
        for voter, vote in last.items()
        if vote.value is VoteValue.VETO and (overruled is None or vote.at > overruled)
    )
