"""Emergencies: a promotion without votes, by people who sign in anew, and its review afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.governance.approvals import RoleRule
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import RequestDetail, RequestState, RequestSummary
from registry.domain.governance.reviews.bypasses import Bypass, BypassKind, Emergency, EmergencyReview
from registry.domain.governance.reviews.ticks import Settled
from registry.domain.ids import new_id
from registry.domain.names import Reference, model_only
from registry.domain.people.people import Permission, Person
from registry.domain.text import check_words
from registry.errors import ConflictError, PolicyRefusedError
from registry.services.context import Context
from registry.services.governance.dossier import Dossier, standing_of
from registry.services.governance.policies.stored import frozen_policy
from registry.services.governance.reviews.bypassing import promote_past
from registry.services.governance.reviews.conditions import still_there
from registry.services.governance.reviews.own_account import check_own_account, check_sign_in
from registry.services.governance.statuses import change, makers
from registry.services.lookup import found, resolve
from registry.services.unit_of_work import UnitOfWork

MAX_REASON, MAX_INCIDENT = 4096, 80


def promote_in_emergency(
    context: Context, reference: Reference, target: str, *, incident: str, reason: str, token: str
) -> RequestDetail:
    """Promote without votes; see `ReviewVerbs.promote_in_emergency`."""
    context.actor.require(Permission.EDIT)
    incident = check_words(incident, "id of the incident", MAX_INCIDENT)
    reason = check_words(reason, "reason", MAX_REASON, lines=True)
    with context.read() as uow:
        check_own_account(uow, context)
        check_sign_in(uow, context, token, "An emergency")
        ref = resolve(uow, model_only(reference))

    def allow(uow: UnitOfWork, policy: Policy, dossier: Dossier) -> None:
        person = found(uow.people.get(context.actor.handle), f"person {context.actor.handle}", see="person list")
        why = objection(policy, person, makers(uow, dossier.candidate.ref))
        if why:
            raise PolicyRefusedError(f"{context.actor.handle} may not promote {ref} in an emergency", (why,))

    def record(uow: UnitOfWork, request: RequestSummary, policy: Policy) -> Event:
        value = _emergency(policy, request, incident, reason)
        uow.reviews.add_emergency(value)
        return Event("emergency.declared", str(ref), {**detail(value), "incident": incident, "reason": reason})

    bypass = Bypass(BypassKind.EMERGENCY, context.actor.handle, reason, incident)
    return promote_past(
        context, ref, target, bypass, allow=allow, record=record, waits=lambda policy: needed(policy) > 1
    )


def review_emergency(context: Context, emergency_id: str, comment: str) -> Emergency:
    """Agree with an emergency afterwards; see `ReviewVerbs.review_emergency`."""
    words = check_words(comment, "comment", MAX_REASON, lines=True)
    with context.write() as uow:
        check_own_account(uow, context)
        value = found(uow.reviews.emergency(emergency_id), f"emergency {emergency_id}", see="emergency list")
        now, by = context.clock.now(), context.actor.handle
        if value.effective_at is None:
            raise ConflictError(f"The emergency {emergency_id} has not taken effect, so there is nothing to review")
        if not value.is_open or value.due_at <= now:
            raise ConflictError(f"The emergency {emergency_id} was reviewed already, or it is too late")
        person = found(uow.people.get(by), f"person {by}", see="person list")
        objections = objections_to_review(uow, value, person)
        if objections:
            raise PolicyRefusedError(f"{by} may not review {emergency_id}", objections)
        given = EmergencyReview(by, words, now)
        uow.reviews.add_emergency_review(emergency_id, given)
        value = replace(value, reviews=(*value.reviews, given))
        value = counted(uow, value)
        if value.counted >= value.quorum:
            value = replace(value, reviewed_at=now)
            uow.reviews.close_emergency(emergency_id, reviewed_at=now)
        uow.commit(Event("emergency.reviewed", str(value.ref), {**detail(value), "comment": words}))
    return value


def objections_to_review(uow: UnitOfWork, value: Emergency, person: Person) -> tuple[str, ...]:
    """Why the review of `person` would not count; empty when it would."""
    stored = found(uow.governance.request(value.request), f"promotion request {value.request}", see="promote list")
    rule = frozen_policy(uow, stored).emergency
    review = rule.post_review if rule is not None else None
    if review is None:
        return ("The policy names nobody who reviews emergencies",)
    role = frozen_policy(uow, stored).roles[review.role]
    known = {
        one.handle: one.who for one in uow.people.known([*value.wanted_by, *(one.person for one in value.reviews)])
    }
    why = []
    if "invoker" in review.exclude and person.who in {known.get(one, one) for one in value.wanted_by}:
        why.append(f"{person.handle} {'declared it' if person.handle == value.by else 'wanted it'}")
    if person.who in makers(uow, value.ref):
        why.append(f"{person.handle} made the version")
    if person.who in {known.get(one.person, one.person) for one in value.reviews}:
        why.append(f"{person.handle} has reviewed it already")
    if person.service:
        why.append(f"{person.handle} is a service account")
    if not role.held_by(person.handle, standing_of(person), ()):
        why.append(f"{person.handle} does not hold the role {review.role}")
    return tuple(why)


def counted(uow: UnitOfWork, value: Emergency) -> Emergency:
    """The same with which of its reviews count, as accounts and roles are now; of accounts of one person, the first."""
    if not value.reviews or value.reviewed_at is not None:
        return value
    people = {one.handle: one for one in uow.people.known([one.person for one in value.reviews])}
    alone = replace(value, reviews=())  # whether each review would count were it the only one
    seen, reviews = set[str](), []
    for given in value.reviews:
        person = people.get(given.person)
        counts = person is not None and person.who not in seen and not objections_to_review(uow, alone, person)
        if counts and person is not None:
            seen.add(person.who)
        reviews.append(replace(given, counts=counts))
    return replace(value, reviews=tuple(reviews))


def is_told(uow: UnitOfWork, value: Emergency, person: Person) -> bool:
    """Whether the policy names `person` among those who are told of an emergency while it is open."""
    stored = found(uow.governance.request(value.request), f"promotion request {value.request}", see="promote list")
    policy = frozen_policy(uow, stored)
    names = policy.emergency.notify if policy.emergency is not None else ()
    roles = [policy.roles.get(name) or RoleRule(frozenset({name})) for name in names]  # else the name of a group
    return any(role.held_by(person.handle, standing_of(person), ()) for role in roles)


def lapsing_emergencies(uow: UnitOfWork, now: datetime) -> Sequence[str]:
    """The emergencies that nobody reviewed in time, and those to which too few people agreed."""
    return [one.id for one in uow.reviews.emergencies_open() if one.due_at <= now]


def lapse(uow: UnitOfWork, emergency_id: str, now: datetime) -> tuple[Settled, list[Event]] | None:
    """Suspend what an emergency promoted and nobody reviewed in time, if it still is where it was brought.

    One that never took effect is closed, and its request with it.
    """
    value = found(uow.reviews.emergency(emergency_id), f"emergency {emergency_id}", see="emergency list")
    if not value.is_open or value.due_at > now:
        return None
    uow.governance.lock(value.ref.name)
    stored = found(uow.governance.request(value.request), f"promotion request {value.request}", see="promote list")
    uow.reviews.close_emergency(emergency_id, lapsed_at=now)
    waited, value = value.is_waiting, replace(value, lapsed_at=now)
    events = [Event("emergency.lapsed", str(value.ref), detail(value))]
    if waited:
        uow.governance.close_request(value.request, RequestState.WITHDRAWN, stored.verdict, at=now)
        events.append(Event("promotion.withdrawn", str(value.ref), {"request": value.request}))
        told = f"Closed {value.id}: of the {value.needed} people that the emergency {value.incident} takes, "
        return Settled(str(value.ref), f"{told}only these wanted it: {', '.join(value.wanted_by)}"), events
    why = f"the emergency {value.incident} ({value.id}) was not reviewed by {value.due_at:%Y-%m-%d %H:%M} UTC"
    if not still_there(uow, stored.summary):
        return Settled(str(value.ref), f"Closed {value.id}: {why}"), events
    events.append(change(uow, value.ref, Status.SUSPENDED, f"Suspended because {why}", at=now, emergency=value.id))
    return Settled(str(value.ref), f"Suspended {value.ref}: {why}"), events


def needed(policy: Policy) -> int:
    """How many people it takes that an emergency takes effect."""
    return policy.emergency.quorum if policy.emergency is not None else 1


def objection(policy: Policy, person: Person, made: frozenset[str]) -> str:
    """Why `person` may not promote in an emergency; empty when they may. `made`: who made the version."""
    rule = policy.emergency
    if rule is None or not rule.enabled or "promote" not in rule.allowed:
        if "emergency" in policy.left_out:
            return policy.left_out["emergency"]
        return f"Policy {policy.label} allows no promotion in an emergency"
    if person.service:
        return f"{person.handle} is a service account"
    if not policy.roles[rule.role].held_by(person.handle, standing_of(person), ()):
        return f"{person.handle} does not hold the role {rule.role}"
    if person.who in made:
        return f"{person.handle} made the version"
    return ""


def _emergency(policy: Policy, request: RequestSummary, incident: str, reason: str) -> Emergency:
    """What is kept of it. Where it takes more people, it waits until it would have expired."""
    at, waits = request.requested_at, needed(policy) > 1
    rule, quorum = lasting(policy, request)
    return Emergency(
        new_id("emg", at),
        request.ref,
        request.id,
        incident,
        reason,
        request.requested_by,
        at,
        at + (policy.emergency.expires if waits and policy.emergency is not None else rule),
        quorum,
        needed=needed(policy),
        effective_at=None if waits else at,
    )


def lasting(policy: Policy, request: RequestSummary) -> tuple[timedelta, int]:
    """How long it lasts once it took effect, until it expires or its review is due; and how many people review it."""
    rule = policy.emergency
    review = rule.post_review if rule is not None else None
    if rule is None or review is None:
        raise PolicyRefusedError(f"{request.ref} cannot be promoted", (f"Policy {policy.label} has no emergencies",))
    return min(rule.expires, review.within), review.quorum


def detail(value: Emergency) -> dict[str, object]:
    """What each audit entry about it says."""
    return {
        "emergency": value.id,
        "request": value.request,
        "by": value.by,
        "due": value.due_at.isoformat(),
        "reviewed_by": [one.person for one in value.reviews],
        "agreed_by": [one.person for one in value.agreements],
        "waiting": value.effective_at is None,
    }
