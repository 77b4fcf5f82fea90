"""The review inbox: every open request, finding and proposal, looked at from where one person stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from registry.domain.governance.approvals import Electorate, count
from registry.domain.governance.policies.changes import ProposalState
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import RequestDetail, RequestState
from registry.domain.governance.reviews.attestations import attested_stage
from registry.domain.governance.reviews.findings import Finding, FindingState
from registry.domain.governance.reviews.inbox import Errand, Inbox, InboxItem
from registry.domain.paging import Page, PageRequest, every
from registry.services.context import Context
from registry.services.governance.corrections.deciding import objections_to as objections_to_correction
from registry.services.governance.details import case_of, with_everybody
from registry.services.governance.policies.proposing import needs_of
from registry.services.governance.policies.stored import frozen_policy
from registry.services.governance.reviews.agreeing import objections_to_agreement
from registry.services.governance.reviews.emergencies import is_told, objections_to_review
from registry.services.governance.reviews.waivers import objections_to
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork

MOST = 200
"""Open requests that are looked at, the newest ones: each is judged, since only its verdict says who is missing."""


def inbox_of(context: Context) -> Inbox:
    """The inbox of the actor."""
    now, handle = context.clock.now(), context.actor.handle
    waiting, stale, mine = [*_findings_of(context, now)], list[InboxItem](), list[InboxItem]()
    with context.read() as uow:
        newest = uow.governance.requests(name=None, ref=None, state=RequestState.OPEN, page=PageRequest(MOST))
        ends = {one.ref: one.due_at for one in uow.reviews.attestations(of={one.ref for one in newest.items})}
        for summary in newest.items:
            stored = found(uow.governance.request(summary.id), f"promotion request {summary.id}", see="promote list")
            policy = frozen_policy(uow, stored)
            due = ends.get(summary.ref) if attested_stage(summary.to_stage) is not None else None
            own, voted = summary.requested_by == handle, any(vote.voter == handle for vote in stored.votes)
            if not (own or voted or _could_vote(context, policy)) or uow.governance.version(summary.ref) is None:
                continue
            case = case_of(uow, context, stored, policy)
            electorate = policy.electorate(case)
            if own:
                mine.append(replace(_own(uow, policy, stored, electorate), due=due))
            if (lost := _lost_vote(stored, electorate, handle)) is not None:
                stale.append(replace(lost, due=due))
            elif (item := _missing_vote(stored, electorate, handle)) is not None:
                waiting.append(replace(item, due=due))
        waiting += _proposals_for(uow, handle)
        waiting += _waivers_for(uow, handle, now)
        waiting += _corrections_for(uow, handle)
        waiting += _emergencies_for(uow, handle, now)
        waiting += _recalls_for(uow, handle, now)
    waiting, stale, mine = (sorted(one, key=_age) for one in (waiting, stale, mine))
    return Inbox(tuple(waiting), tuple(stale), tuple(mine), newest.next_cursor is None)


def _age(item: InboxItem) -> tuple[datetime, str]:
    return item.since, item.id


def _could_vote(context: Context, policy: Policy) -> bool:
    """False when no role of the policy can be the actor's; then the request need not be judged."""
    return any(rule.owners or rule.groups & context.actor.roles for rule in policy.roles.values())


def _item(errand: Errand, stored: RequestDetail, detail: str) -> InboxItem:
    summary = stored.summary
    return InboxItem(
        errand, summary.id, f"{summary.ref} to {summary.to_stage}", detail, summary.requested_at, summary.ref
    )


def _lost_vote(stored: RequestDetail, electorate: Electorate, handle: str) -> InboxItem | None:
    last = next((vote for vote in electorate.last_votes() if vote.voter == handle), None)
    lapsed = electorate.lapsed(last) if last is not None and last.value.approves else None
    if lapsed is None:
        return None
    if electorate.objections(handle):  # another vote of theirs would not count
        return None
    why = f"Your approval is stale because {lapsed}: look again, and approve again or reject"
    return _item(Errand.STALE_VOTE, stored, why)


def _missing_vote(stored: RequestDetail, electorate: Electorate, handle: str) -> InboxItem | None:
    given = electorate.eligible()
    roles = electorate.possible().get(handle, ())
    if handle in given or not roles:
        return None
    filled = count(electorate.wanted, given, distinct=electorate.duties.distinct_people_per_stage)
    missing = [role for role in roles if filled[role] < electorate.wanted[role]]
    if not missing:
        return None
    return _item(Errand.VOTE, stored, f"Needs an approval that you can give as {' or '.join(missing)}")


def _own(uow: UnitOfWork, policy: Policy, stored: RequestDetail, electorate: Electorate) -> InboxItem:
    """A request of the actor, with what is missing and who can give it."""
    reasons = policy.judge(electorate.case).reasons
    everybody = with_everybody(uow, policy, electorate.case)
    given = everybody.eligible()
    people = sorted({who for who in everybody.possible() if who not in given})
    by = f"; can approve: {', '.join(people)}" if people else ""
    return _item(Errand.REQUEST, stored, f"Missing: {'; '.join(reasons)}{by}" if reasons else "Nothing is missing")


def _findings_of(context: Context, now: datetime) -> Iterator[InboxItem]:
    owner = context.actor.handle
    with context.read() as uow:

        def listed(page: PageRequest) -> Page[Finding]:
            return uow.reviews.findings(ref=None, owner=owner, state=FindingState.OPEN, now=now, page=page)

        for one in every(listed):
            late = "overdue since" if one.overdue(now) else "due"
            detail = f"About {one.ref.label}: {one.severity}, {late} {one.due_at:%Y-%m-%d %H:%M} UTC"
            yield InboxItem(Errand.FINDING, one.id, one.text, detail, one.raised_at, one.ref, one.due_at)


def _waivers_for(uow: UnitOfWork, handle: str, now: datetime) -> Iterator[InboxItem]:
    person = uow.people.get(handle)
    for one in uow.reviews.waivers_asked() if person is not None else ():
        gone = one.state(now) != "asked" or uow.governance.version(one.ref) is None
        if person is not None and not gone and not objections_to(uow, one, person, now):
            detail = f"Asked for by {one.asked_by} until {one.until_at:%Y-%m-%d}; needs an approval that you can give"
            yield InboxItem(Errand.WAIVER, one.id, f"Gate {one.gate} of {one.ref}", detail, one.asked_at, one.ref)


def _corrections_for(uow: UnitOfWork, handle: str) -> Iterator[InboxItem]:
    person, waiting = uow.people.get(handle), uow.corrections.waiting()
    for one in waiting if person is not None else ():
        if person is not None and not objections_to_correction(uow, one, person):
            detail = f"Asked for by {one.asked_by}; {len(one.consequences)} consequences need a second person"
            yield InboxItem(Errand.CORRECTION, one.id, f"Correction of {one.ref}", detail, one.asked_at, one.ref)


def _emergencies_for(uow: UnitOfWork, handle: str, now: datetime) -> Iterator[InboxItem]:
    """Those that the person can agree to or review, and those that the policy has them told of."""
    person = uow.people.get(handle)
    for one in uow.reviews.emergencies_open() if person is not None else ():
        if person is None or one.due_at <= now or uow.governance.version(one.ref) is None:
            continue
        detail = f"Emergency {one.incident}, declared by {one.by}: {one.reason}"
        if one.is_waiting:
            if not objections_to_agreement(uow, one, person):
                title = f"Agreement to promote {one.ref} without votes"
                yield InboxItem(Errand.EMERGENCY, one.id, title, detail, one.at, one.ref, one.due_at)
            continue
        may_review = not objections_to_review(uow, one, person)
        if may_review or (is_told(uow, one, person) and handle != one.by):
            title = f"Review of {one.ref}" if may_review else f"{one.ref} was promoted without votes"
            yield InboxItem(Errand.EMERGENCY, one.id, title, detail, one.at, one.ref, one.due_at)


def _recalls_for(uow: UnitOfWork, handle: str, now: datetime) -> Iterator[InboxItem]:
    for one in uow.recalls.tasks_of(handle, now=now):
        versions = "1 version of yours has" if one.tasks == 1 else f"{one.tasks:,} versions of yours have"
        detail = f"{versions} no disposition yet: retrain, replace, accept the risk, retire, or dispute it"
        yield InboxItem(Errand.RECALL, one.recall, f"Recall of {one.target} ({one.level})", detail, one.opened_at)


def _proposals_for(uow: UnitOfWork, handle: str) -> Iterator[InboxItem]:
    for one in uow.governance.proposals(ProposalState.OPEN):
        needs = [need for need in needs_of(uow, one) if handle in need.voters and not need.met]
        if needs:
            detail = f"Proposed by {one.proposed_by}; needs an approval that you can give"
            yield InboxItem(Errand.POLICY, one.id, f"Policy {one.name} version {one.version}", detail, one.proposed_at)
