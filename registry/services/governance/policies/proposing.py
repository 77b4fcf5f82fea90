"""Policies are governed: who proposes one does not put it in force, unless the policies say so or nobody else is there.

Every published policy, in its newest version, says in `separation_of_duties.policy_change` who has to agree before any
policy changes; all of them have to be content. So a new name changes as little as a new version. The first policy is
published by `init`. While a registry has one account of a person, its policies are in force at once.
"""

from __future__ import annotations

from dataclasses import replace

from registry.domain.audit import Event
from registry.domain.governance.policies.changes import PolicyNeed, PolicyProposal, PolicyVote, ProposalState
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import PolicyValue, VoteValue
from registry.domain.governance.reviews.attestations import Trigger
from registry.domain.ids import new_id
from registry.domain.names import VersionRef
from registry.domain.paging import every
from registry.domain.people.people import Permission
from registry.errors import ConflictError, InUseError, InvalidError, PolicyRefusedError
from registry.services.context import Context
from registry.services.governance.policies.effects import effects_of
from registry.services.governance.policies.stored import examined_policy, published, read_stored
from registry.services.governance.requests import check_comment
from registry.services.governance.reviews.attestations import call
from registry.services.governance.reviews.own_account import check_own_account
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork


def propose_policy(context: Context, text: str) -> PolicyProposal:
    """Propose the next version of a policy, or a policy of a new name; in force at once where nobody has to agree.

    Raises: PermissionDeniedError for anyone but an admin, BadPolicyError, ConflictError, InUseError.
    """
    context.actor.require(Permission.ADMIN)
    value, now = examined_policy(context, text), context.clock.now()
    with context.write(Permission.ADMIN) as uow:
        _check_can_follow(uow, value)
        for other in uow.governance.proposals(ProposalState.OPEN):
            if other.name == value.name:
                raise ConflictError(
                    f"{other.id} proposes version {other.version} of policy {value.name} already",
                    remedy=f"Decide on it first: forebear policy proposal {other.id}",
                )
        proposal = PolicyProposal(
            new_id("pol", now),
            value.name,
            value.version,
            value.digest,
            text,
            context.actor.handle,
            now,
            ProposalState.OPEN,
            warnings=value.warnings,
        )
        uow.governance.add_proposal(proposal)
        facts = {"proposal": proposal.id, "version": value.version, "digest": str(value.digest)}
        proposed = Event("policy.proposed", f"policy:{value.name}", facts)
        closed, *events = _publish_if_agreed(context, uow, proposal)
        uow.commit(proposed, *events)
    return replace(policy_proposal(context, closed.id), warnings=value.warnings)


def policy_proposal(context: Context, proposal_id: str) -> PolicyProposal:
    """One proposal; while it is open, with what is needed and what it would change. Raises: NotFoundError."""
    with context.read() as uow:
        proposal = _stored(uow, proposal_id)
        if proposal.state is not ProposalState.OPEN:
            return proposal
        before, new = published(uow), read_stored(proposal.text)
        effects, complete = effects_of(uow, before, _after(before, new), now=context.clock.now())
        return replace(proposal, needs=needs_of(uow, proposal), effects=effects, complete=complete)


def vote_on_policy(context: Context, proposal_id: str, value: VoteValue, comment: str) -> PolicyProposal:
    """Approve a proposed policy, which puts it in force when nobody is missing any more, or reject it.

    The person who proposed it withdraws it by rejecting it. Raises: NotFoundError, InvalidError, PolicyRefusedError.
    """
    comment, now, handle = check_comment(comment), context.clock.now(), context.actor.handle
    with context.write() as uow:
        check_own_account(uow, context)
        proposal = _stored(uow, proposal_id)
        if proposal.state is not ProposalState.OPEN:
            raise PolicyRefusedError(f"{proposal_id} is closed", (f"It was {proposal.state} already",))
        own = handle == proposal.proposed_by
        if value is VoteValue.REJECT and not own and not comment:
            raise InvalidError("A rejection needs a comment", remedy="Say why with --comment")
        if not (own and value is VoteValue.REJECT):
            _check_may_vote(context, uow, proposal)
        vote = PolicyVote(handle, value, comment, now)
        uow.governance.add_policy_vote(proposal_id, vote)
        facts = {"proposal": proposal_id, "comment": comment}
        subject = f"policy:{proposal.name}"
        if value is VoteValue.REJECT:
            state = ProposalState.WITHDRAWN if own else ProposalState.REJECTED
            uow.governance.close_proposal(proposal_id, state, at=now)
            uow.commit(Event(f"policy.{state}", subject, facts))
        else:
            _, *events = _publish_if_agreed(context, uow, replace(proposal, votes=(*proposal.votes, vote)))
            uow.commit(Event("policy.approved", subject, facts), *events)
    return policy_proposal(context, proposal_id)


def needs_of(uow: UnitOfWork, proposal: PolicyProposal) -> tuple[PolicyNeed, ...]:
    """What each published policy asks before this proposal is in force; nothing while there is one account."""
    author = proposal.proposed_by
    people = [one for one in every(uow.people.search) if not one.service]
    if not any(one.handle != author for one in people):  # accounts: to declare all of them one person frees nobody
        return ()
    own = next((one.who for one in people if one.handle == author), author)
    voting = {one.who: one.handle for one in reversed(people) if one.created_at <= proposal.proposed_at}
    last = {vote.voter: vote.value for vote in sorted(proposal.votes, key=lambda vote: vote.at)}
    agreed = {handle for handle, value in last.items() if value is VoteValue.APPROVE}
    needs = []
    for policy in published(uow):
        rule = policy.policy_change
        groups = policy.roles[rule.role].groups if rule.role is not None else frozenset({"admin"})
        counted = agreed | ({author} if rule.author_counts else set())
        holders = [one for one in people if groups & set(one.roles) and one.who in voting]
        holders = [one for one in holders if rule.author_counts or one.who != own]
        approved = {one.who for one in holders if one.handle in counted}
        voters = {one.handle for one in holders if one.who not in approved}
        needs.append(
            PolicyNeed(policy.label, tuple(sorted(groups)), rule.quorum, tuple(sorted(approved)), tuple(sorted(voters)))
        )
    return tuple(needs)


def _publish_if_agreed(
    context: Context, uow: UnitOfWork, proposal: PolicyProposal
) -> tuple[PolicyProposal, *tuple[Event, ...]]:
    """Put it in force when every need is met; the caller commits with the events."""
    needs = needs_of(uow, proposal)
    if not all(need.met for need in needs):
        return (proposal,)
    now = context.clock.now()
    policy = read_stored(proposal.text)
    value = PolicyValue(policy.name, policy.version, policy.digest, proposal.text, now, proposal.proposed_by)
    _check_can_follow(uow, value)
    uow.governance.add_policy(value)
    uow.governance.close_proposal(proposal.id, ProposalState.PUBLISHED, at=now)
    facts: dict[str, object] = {"version": value.version, "digest": str(value.digest), "proposal": proposal.id}
    if not needs and uow.people.get(proposal.proposed_by) is not None:
        facts["alone"] = True
    why = f"Version {value.version} of policy {value.name} is in force"
    events = [Event("policy.published", f"policy:{value.name}", facts)]
    events += call(uow, _approved_under(uow, value), Trigger.POLICY_MAJOR_CHANGE, why, now)
    return (proposal, *events)


def _approved_under(uow: UnitOfWork, value: PolicyValue) -> list[VersionRef]:
    """The versions whose approval rests on an earlier version of this policy."""
    rests = ((one.ref, one.policy.split("+")) for one in uow.reviews.attestations())
    return [ref for ref, labels in rests if any(label.rpartition("/")[0] == value.name for label in labels)]


def _check_can_follow(uow: UnitOfWork, value: PolicyValue) -> None:
    """Raises: ConflictError when the version is not a new one, InUseError when an alias in use loses its protection."""
    last = uow.governance.policy(value.name)
    if last is not None and value.version <= last.version:
        raise ConflictError(
            f"Version {last.version} of policy {value.name} has been published already",
            remedy=f"Raise metadata.version to {last.version + 1}: what was published never changes",
        )
    before = published(uow)
    lost = _protected(before) - _protected(_after(before, read_stored(value.text)))
    named = uow.catalog.named_by(lost)
    if named:
        shown = ", ".join(f"{one.alias} of {one.ref}" for one in named[:5])
        raise InUseError(
            f"Policy {value.name} version {value.version} would end the protection of aliases in use: {shown}",
            remedy="Keep them in protected_aliases, or retire the versions first",
            facts={"aliases": [f"{one.ref.name}@{one.alias}" for one in named]},
        )


def _check_may_vote(context: Context, uow: UnitOfWork, proposal: PolicyProposal) -> None:
    handle = context.actor.handle
    needs = needs_of(uow, proposal)
    if any(handle in need.voters for need in needs):
        return
    if any(handle in need.approved for need in needs):
        raise ConflictError(f"{handle} has approved {proposal.id} already")
    if handle == proposal.proposed_by:
        why = f"{handle} proposed it: nobody puts their own policy in force"
    else:
        roles = sorted({role for need in needs for role in need.roles})
        why = f"{handle} has none of the roles that decide on policies: {', '.join(roles)}"
    raise PolicyRefusedError(f"{handle} may not vote on {proposal.id}", (why,))


def _after(before: list[Policy], new: Policy) -> list[Policy]:
    return [*(policy for policy in before if policy.name != new.name), new]


def _protected(policies: list[Policy]) -> frozenset[str]:
    return frozenset(alias for policy in policies for alias in policy.protected_aliases.values())


def _stored(uow: UnitOfWork, proposal_id: str) -> PolicyProposal:
    return found(uow.governance.proposal(proposal_id), f"policy proposal {proposal_id}", see="policy proposals")
