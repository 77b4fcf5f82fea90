"""Waivers: asking for one, agreeing to it, ending it, and what a version and its ancestors carry."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.reviews.waivers import NewWaiver, Waiver, WaiverApproval, Waivers
from registry.domain.ids import new_id
from registry.domain.names import Reference, VersionRef, model_only
from registry.domain.people.people import Permission, Person
from registry.domain.text import check_words, did_you_mean, read_day
from registry.errors import ConflictError, InvalidError, PermissionDeniedError, PolicyRefusedError
from registry.services.context import Context
from registry.services.governance.dossier import case_for, open_dossier, standing_of
from registry.services.governance.policies.stored import in_force
from registry.services.governance.reviews.own_account import check_own_account
from registry.services.governance.statuses import makers
from registry.services.lookup import found, resolve
from registry.services.unit_of_work import UnitOfWork

MAX_REASON = 4096


def ask_for_waiver(context: Context, reference: Reference, wish: NewWaiver) -> Waiver:
    """Ask that a version is excepted from a gate; see `ReviewVerbs.ask_for_waiver`."""
    reason = check_words(wish.reason, "reason", MAX_REASON, lines=True)
    with context.write() as uow:
        ref, now, by = resolve(uow, model_only(reference)), context.clock.now(), context.actor.handle
        until = read_day(wish.until, "until", after=1)
        if until is None or until <= now:
            raise InvalidError(f"The day {wish.until[:40]!r} is past", remedy="Give its last day as YYYY-MM-DD")
        policy, artifact = _policy_of(uow, ref, now)
        rule = policy.waivers
        why = _problem(policy, wish.gate, until, now)
        if rule is None or why:
            raise PolicyRefusedError(f"Gate {wish.gate[:80]} of {ref} cannot be waived", (why,))
        for other in uow.reviews.waivers_about(ref):
            if other.gate == wish.gate and other.state(now) in {"asked", "in force"}:
                raise ConflictError(f"{other.id} waives gate {wish.gate} for {ref}, or asks for it, already")
        value = Waiver(new_id("wai", now), ref, artifact, wish.gate, reason, until, rule.quorum, by, now)
        uow.reviews.add_waiver(value)
        uow.commit(Event("waiver.requested", str(ref), {**_detail(value), "reason": reason, "policy": policy.label}))
    return value


def approve_waiver(context: Context, waiver_id: str, comment: str) -> Waiver:
    """Agree to a waiver; see `ReviewVerbs.approve_waiver`."""
    context.actor.require(Permission.EDIT)
    words = check_words(comment, "comment", MAX_REASON, lines=True, empty=True)
    with context.write() as uow:
        check_own_account(uow, context)
        value = found(uow.reviews.waiver(waiver_id), f"waiver {waiver_id}", see="waiver list")
        now, by = context.clock.now(), context.actor.handle
        if value.state(now) != "asked":
            raise ConflictError(f"The waiver {waiver_id} is {value.state(now)} already")
        person = found(uow.people.get(by), f"person {by}", see="person list")
        objections = [*objections_to(uow, value, person, now)]
        policy, _ = _policy_of(uow, value.ref, now)
        if why := _problem(policy, value.gate, value.until_at, value.asked_at):
            objections.append(why)
        if objections:
            raise PolicyRefusedError(f"{by} may not approve {waiver_id}", tuple(objections))
        approval = WaiverApproval(by, words, now)
        uow.reviews.add_waiver_approval(waiver_id, approval)
        value = replace(value, approvals=(*value.approvals, approval))
        if _counted(uow, value, policy) >= value.quorum:
            value = replace(value, granted_at=now)
            uow.reviews.grant_waiver(waiver_id, at=now)
        granted = value.granted_at is not None
        uow.commit(Event("waiver.approved", str(value.ref), {**_detail(value), "comment": words, "granted": granted}))
    return value


def end_waiver(context: Context, waiver_id: str, comment: str) -> Waiver:
    """End a waiver at once; see `ReviewVerbs.end_waiver`."""
    words = check_words(comment, "comment", MAX_REASON, lines=True)
    with context.write() as uow:
        value = found(uow.reviews.waiver(waiver_id), f"waiver {waiver_id}", see="waiver list")
        now, by = context.clock.now(), context.actor.handle
        if value.state(now) not in {"asked", "in force"}:
            raise ConflictError(f"The waiver {waiver_id} is {value.state(now)} already")
        policy, _ = _policy_of(uow, value.ref, now)
        person = found(uow.people.get(by), f"person {by}", see="person list")
        if by != value.asked_by and Permission.ADMIN not in context.actor.permissions and not _holds(policy, person):
            raise PermissionDeniedError(
                f"{by} may not end {waiver_id}", remedy=f"Ask {value.asked_by}, an admin or somebody who can approve it"
            )
        uow.reviews.end_waiver(waiver_id, by=by, at=now)
        value = replace(value, ended_at=now, ended_by=by)
        uow.commit(Event("waiver.ended", str(value.ref), {**_detail(value), "comment": words}))
    return value


def waivers_on(uow: UnitOfWork, ref: VersionRef, now: datetime) -> Waivers:
    """The waivers of a version, and those that its ancestors carry."""
    inherited = open_dossier(uow, ref, requested_by=None).inherited
    return Waivers(tuple(uow.reviews.waivers_about(ref)), tuple(one for one in inherited if one.in_force(now)))


def objections_to(uow: UnitOfWork, value: Waiver, person: Person, now: datetime) -> tuple[str, ...]:
    """Why the approval of `person` would not count; empty when it would."""
    policy, _ = _policy_of(uow, value.ref, now)
    known = {one.handle: one.who for one in uow.people.known([value.asked_by, *(a.person for a in value.approvals)])}
    why = []
    if person.who in makers(uow, value.ref):
        why.append(f"{person.handle} made the version")
    if person.who == known.get(value.asked_by, value.asked_by):
        why.append(f"{person.handle} asked for it")
    if person.who in {known.get(one.person, one.person) for one in value.approvals}:
        why.append(f"{person.handle} has approved it already")
    if person.service:
        why.append(f"{person.handle} is a service account")
    if not _holds(policy, person):
        role = policy.waivers.role if policy.waivers is not None else "none"
        why.append(f"{person.handle} does not hold the role that waives gates: {role}")
    return tuple(why)


def _counted(uow: UnitOfWork, value: Waiver, policy: Policy) -> int:
    """How many people have approved it, as accounts and roles are now."""
    people = uow.people.known([one.person for one in value.approvals])
    asked = {one.who for one in uow.people.known([value.asked_by])}
    return len({one.who for one in people if _holds(policy, one)} - asked - makers(uow, value.ref))


def _policy_of(uow: UnitOfWork, ref: VersionRef, now: datetime) -> tuple[Policy, Digest]:
    """The policy in force for a version, and the digest of its files."""
    dossier = open_dossier(uow, ref, requested_by=None)
    stage = dossier.candidate.stage
    return in_force(uow, lambda one: case_for(dossier, one, target=stage, now=now)), dossier.artifact


def _problem(policy: Policy, gate: str, until: datetime, asked: datetime) -> str:
    """Why the policy allows no such waiver; empty where it does."""
    gates = [one for move in policy.transitions for one in move.gates]
    named = [one for one in gates if one.id == gate]
    if policy.waivers is None:
        return policy.left_out.get("waivers", f"Policy {policy.label} has no waivers")
    if not named:
        return f"Policy {policy.label} has no gate {gate[:80]!r}{did_you_mean(gate, {one.id for one in gates})}"
    if not all(one.waivable for one in named):
        return f"Policy {policy.label} says that gate {gate} is not waivable"
    latest = asked + policy.waivers.max_duration
    if until > latest:
        return f"A waiver lasts until {latest:%Y-%m-%d %H:%M} UTC at the longest"
    return ""


def _holds(policy: Policy, person: Person) -> bool:
    """Owners of a model waive nothing as owners: the role has to be granted."""
    rule = policy.waivers
    return rule is not None and policy.roles[rule.role].held_by(person.handle, standing_of(person), ())


def _detail(value: Waiver) -> dict[str, object]:
    return {
        "waiver": value.id,
        "gate": value.gate,
        "until": value.until_at.isoformat(),
        "artifact": str(value.artifact),
        "approved_by": [one.person for one in value.approvals],
    }
