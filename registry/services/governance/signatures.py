"""Signed approvals: whether a vote may go without a signature, and whether the one that it has is right."""

from __future__ import annotations

from dataclasses import replace

from registry.domain.governance.case import Case
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import RequestDetail, VoteEntry
from registry.domain.governance.signing import is_signed, signature_of
from registry.errors import PolicyRefusedError
from registry.services.governance.details import how_to_sign


def signed(stored: RequestDetail, policy: Policy, case: Case, vote: VoteEntry, signature: str) -> VoteEntry:
    """`vote` with its signature; `case` has the conditions that it attached.

    Raises: PolicyRefusedError without one where the policy wants it, and for one that is not right.
    """
    summary, who = stored.summary, vote.voter
    if not signature:
        if policy.votes.signed:
            raise PolicyRefusedError(f"{who} may not approve {summary.id}", (how_to_sign(policy, summary),))
        return vote
    key = case.standing(who).key
    if not key:
        raise PolicyRefusedError(
            f"{who} may not approve {summary.id}", (f"{who} has registered no key: forebear person key FILE",)
        )
    vote = replace(vote, signature=signature_of(key, signature))
    if not is_signed(vote, summary.id, str(summary.ref), summary.to_stage, case.findings):
        why = f"The signature is not that of the key of {who} over what is judged now: look again, and sign again"
        raise PolicyRefusedError(f"{who} may not approve {summary.id}", (why,))
    return vote
