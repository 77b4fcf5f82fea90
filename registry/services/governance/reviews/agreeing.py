"""Emergencies that take more than one person: they wait, with their request, until enough people have agreed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from registry.domain.audit import Event
from registry.domain.governance.approvals import parts_changed
from registry.domain.governance.case import Case
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import RequestDetail, RequestState
from registry.domain.governance.reviews.bypasses import Bypass, BypassKind, Emergency, EmergencyAgreement
from registry.domain.people.people import Permission, Person
from registry.domain.text import check_words
from registry.errors import ConflictError, PolicyRefusedError
from registry.services.artifacts.checking import check_version
from registry.services.context import Context
from registry.services.governance.details import closed, closed_detail, open_detail
from registry.services.governance.dossier import case_for, open_dossier
from registry.services.governance.policies.stored import frozen_policy
from registry.services.governance.requests import promote
from registry.services.governance.reviews.bypassing import deciding
from registry.services.governance.reviews.emergencies import MAX_REASON, detail, lasting, objection
from registry.services.governance.reviews.own_account import check_own_account, check_sign_in
from registry.services.governance.statuses import makers
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork


def agree_to_emergency(context: Context, emergency_id: str, comment: str, token: str) -> RequestDetail:
    """Agree that a waiting emergency takes effect; see `ReviewVerbs.agree_to_emergency`."""
    context.actor.require(Permission.EDIT)
    words = check_words(comment, "comment", MAX_REASON, lines=True, empty=True)
    with context.read() as uow:
        check_own_account(uow, context)
        check_sign_in(uow, context, token, "An emergency")
        ref = _waiting(uow, emergency_id, context.clock.now()).ref
    checked = found(check_version(context, lambda _: ref), ref)
    now, by = context.clock.now(), context.actor.handle
    with deciding(context) as (held, uow):
        uow.governance.lock(ref.name)
        uow.objects.save_version_check(*checked)
        value = _waiting(uow, emergency_id, now)
        stored = found(uow.governance.request(value.request), f"promotion request {value.request}", see="promote list")
        policy = frozen_policy(uow, stored)
        person = found(uow.people.get(by), f"person {by}", see="person list")
        objections = objections_to_agreement(uow, value, person)
        if objections:
            raise PolicyRefusedError(f"{by} may not agree to {emergency_id}", objections)
        agreement = EmergencyAgreement(by, words, now)
        value = replace(value, agreements=(*value.agreements, agreement))
        case = _case(uow, stored, policy, value, now)
        verdict = policy.judge(case)
        if not verdict.allowed:
            raise PolicyRefusedError(f"{ref} cannot be promoted, even {case.bypass}", verdict.reasons)
        uow.reviews.add_emergency_agreement(emergency_id, agreement)
        if len(_counted(uow, policy, value)) < value.needed:
            plain = replace(case, bypass=None)
            shown = open_detail(uow, held.actor, stored, policy, plain, policy.judge(plain))
            uow.commit(Event("emergency.agreed", str(ref), {**detail(value), "comment": words}))
            return shown
        value = replace(value, effective_at=now, due_at=now + lasting(policy, stored.summary)[0])
        uow.reviews.emergency_takes_effect(emergency_id, at=now, due_at=value.due_at)
        events = promote(uow, held.blobs, stored.summary, policy, case, verdict, by=by)
        uow.commit(Event("emergency.agreed", str(ref), {**detail(value), "comment": words}), *events)
    return closed_detail(closed(stored, RequestState.PROMOTED, now), case, verdict)


def objections_to_agreement(uow: UnitOfWork, value: Emergency, person: Person) -> tuple[str, ...]:
    """Why `person` may not agree that it takes effect; empty when they may."""
    stored = found(uow.governance.request(value.request), f"promotion request {value.request}", see="promote list")
    why = [objection(frozen_policy(uow, stored), person, makers(uow, value.ref))]
    if person.who in {one.who for one in uow.people.known(value.wanted_by)}:
        why.append(f"{person.handle} wanted it already, and each person counts once")
    if person.created_at > value.at:
        why.append(f"{person.handle} has an account only since the emergency was declared")
    return tuple(filter(None, why))


def _waiting(uow: UnitOfWork, emergency_id: str, now: datetime) -> Emergency:
    """Raises: NotFoundError; ConflictError for one that does not wait any more."""
    value = found(uow.reviews.emergency(emergency_id), f"emergency {emergency_id}", see="emergency list")
    if not value.is_waiting or value.due_at <= now:
        state = "too late to agree to it" if value.is_waiting else f"it is {value.state}"
        raise ConflictError(f"The emergency {emergency_id} does not wait for anybody: {state}")
    return value


def _case(uow: UnitOfWork, stored: RequestDetail, policy: Policy, value: Emergency, now: datetime) -> Case:
    """What is judged now. Raises: ConflictError where it is not what the emergency was declared on."""
    summary = stored.summary
    people = {*value.wanted_by, *(vote.voter for vote in stored.votes)}
    dossier = open_dossier(uow, summary.ref, requested_by=summary.requested_by, also=people)
    others = tuple(one.person for one in value.agreements)
    case = case_for(
        dossier,
        policy,
        target=summary.to_stage,
        now=now,
        votes=stored.votes,
        opened_at=summary.requested_at,
        bypass=Bypass(BypassKind.EMERGENCY, value.by, value.reason, value.incident, others),
    )
    changed = parts_changed(stored.bound, case.bound)
    if changed:
        raise ConflictError(
            f"The emergency {value.id} was declared on something else: {changed} changed since",
            remedy=f"Withdraw its request, and declare it again: forebear promote withdraw {summary.id}",
        )
    return case


def _counted(uow: UnitOfWork, policy: Policy, value: Emergency) -> frozenset[str]:
    """The people who want it and may, as accounts and roles are now; the accounts of one person as one."""
    made = makers(uow, value.ref)
    people: Iterable[Person] = uow.people.known(value.wanted_by)
    return frozenset(one.who for one in people if not objection(policy, one, made))
