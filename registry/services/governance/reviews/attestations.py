"""Approvals that last for a time: kept when a version is approved, warned of, called in by events, and ended.

Each function that writes gives the audit entries; the caller commits with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from lineage import NodeKind
from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.catalog.statuses import STOPPED
from registry.domain.governance.case import Case
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import RequestState, RequestSummary
from registry.domain.governance.reviews.attestations import (
    REPORTED,
    Attestation,
    Trigger,
    attest_target,
    attestation,
    attested_stage,
    stage_of,
)
from registry.domain.governance.reviews.bypasses import BypassKind
from registry.domain.governance.reviews.ticks import Settled
from registry.domain.names import Reference, VersionRef, model_only
from registry.domain.paging import PageRequest
from registry.domain.people.people import Permission
from registry.domain.text import check_words
from registry.errors import InvalidError
from registry.services.context import Context
from registry.services.governance.decisions import decisions
from registry.services.governance.statuses import change
from registry.services.lookup import found, resolve
from registry.services.unit_of_work import UnitOfWork

MAX_REASON = 4096


def settle(uow: UnitOfWork, request: RequestSummary, policy: Policy, case: Case) -> Iterator[Event]:
    """What a decision does to attestations: the version gets one for its stage, or none; others that left lose theirs.

    An approval that was renewed after it had lapsed ends the suspension that this was the reason of.
    """
    ref, before = request.ref, uow.reviews.attestation(request.ref)
    if attested_stage(request.to_stage) is not None and before is not None and before.lapsed_at is not None:
        yield from _lifted(uow, request, before, case.now)
    after = _attestation(uow, request, policy, case)
    if after is not None:
        uow.reviews.save_attestation(after)
        yield Event("attestation.scheduled", str(ref), _detail(after))
    elif before is not None:
        yield _ended(uow, before)


def end_in(uow: UnitOfWork, ref: VersionRef, stage: str, now: datetime) -> Iterator[Event]:
    """The version has left `stage`: its approval there ends, and so does a request to renew it."""
    opened = uow.governance.requests(name=None, ref=ref, state=RequestState.OPEN, page=PageRequest(500)).items
    for other in (one.id for one in opened if one.to_stage == attest_target(stage)):
        stored = found(uow.governance.request(other), f"promotion request {other}", see="promote list")
        uow.governance.close_request(other, RequestState.WITHDRAWN, stored.verdict, at=now)
        yield Event("promotion.withdrawn", str(ref), {"request": other, "reason": f"It is in {stage} no more"})
    before = uow.reviews.attestation(ref)
    if before is not None and before.stage == stage:
        yield _ended(uow, before)


def call(uow: UnitOfWork, refs: Iterable[VersionRef], trigger: Trigger, why: str, now: datetime) -> Iterator[Event]:
    """Ask at once for a new approval of each of `refs` whose policy names `trigger`; the others are left alone."""
    wanted = set(refs)
    for one in uow.reviews.attestations(of=wanted) if wanted else ():
        called = one.called(why, now)
        if trigger in one.triggers and called != one:
            uow.reviews.save_attestation(called)
            yield Event("attestation.called", str(one.ref), {**_detail(called), "trigger": trigger.value, "why": why})


def report(context: Context, reference: Reference, trigger: str, reason: str) -> Sequence[Attestation]:
    """Report what happened outside the registry; see `ReviewVerbs.report_for_attestation`."""
    context.actor.require(Permission.EDIT)
    if trigger not in REPORTED:
        known = " or ".join(sorted(REPORTED))
        raise InvalidError(f"{trigger[:40]!r} is nothing to report", remedy=f"Report {known}; the rest is noticed")
    why, now = check_words(reason, "reason", MAX_REASON, lines=True), context.clock.now()
    with context.write() as uow:
        ref = resolve(uow, model_only(reference))
        refs = [ref]
        if trigger == Trigger.LICENCE_CHANGED:  # what was made from it owes what it owes
            below = _below(uow, ref)
            refs += [one.ref for one in uow.reviews.attestations() if one.ref.label in below and one.ref != ref]
        events = list(call(uow, refs, Trigger(trigger), why, now))
        detail = {"trigger": trigger, "reason": why, "called": len(events)}
        uow.commit(Event("attestation.reported", str(ref), detail), *events)
    with context.read() as uow:
        return uow.reviews.attestations(of=set(refs))


def to_ask(uow: UnitOfWork, now: datetime) -> Sequence[Attestation]:
    """Those for which people are to be asked now."""
    return uow.reviews.attestations(warn_by=now)


def asked(uow: UnitOfWork, value: Attestation, outcome: str, now: datetime) -> tuple[Settled, list[Event]] | None:
    """Record that people were asked; None where somebody else has done it, or it was renewed meanwhile."""
    uow.governance.lock(value.ref.name)
    current = uow.reviews.attestation(value.ref)
    if current != value or current.warn_at is None or current.due_at is None:
        return None
    uow.reviews.save_attestation(current.warned(now))
    days = max((current.due_at - now).days, 0)
    detail = {**_detail(current), "days": days, "outcome": outcome}
    why = f": {current.cause}" if current.cause else ""
    message = f"{str(value).capitalize()} ends on {current.due_at:%Y-%m-%d %H:%M} UTC{why}. {outcome}"
    return Settled(str(value.ref), message), [Event("attestation.due", str(value.ref), detail)]


def lapsing(uow: UnitOfWork, now: datetime) -> Sequence[str]:
    """The versions whose approval ended and was not renewed within the grace."""
    return [str(one.ref) for one in uow.reviews.attestations(due_by=now) if _lapsed(one, now)]


def lapse(uow: UnitOfWork, label: str, now: datetime) -> tuple[Settled, list[Event]] | None:
    """Suspend a version whose approval was not renewed, if it still is in that stage and can be used."""
    parsed = Reference.parse(label)
    if parsed.number is None:
        return None
    ref = VersionRef(parsed.kind, parsed.name, parsed.number)
    uow.governance.lock(ref.name)
    value = uow.reviews.attestation(ref)
    if value is None or not _lapsed(value, now):
        return None
    value = replace(value, lapsed_at=now, warn_at=None)
    uow.reviews.save_attestation(value)
    events = [Event("attestation.lapsed", label, {**_detail(value), "lapsed": True})]
    version = uow.governance.version(ref)
    if version is None or version.stage != value.stage or version.status in STOPPED:
        return Settled(label, f"{str(value).capitalize()} lapsed"), events
    events.append(change(uow, ref, Status.SUSPENDED, value.reason, at=now, attestation=value.request))
    return Settled(label, f"Suspended {ref}: {value.reason[0].lower()}{value.reason[1:]}"), events


def _lapsed(value: Attestation, now: datetime) -> bool:
    return value.lapsed_at is None and value.lapses_at is not None and value.lapses_at <= now


def _attestation(uow: UnitOfWork, request: RequestSummary, policy: Policy, case: Case) -> Attestation | None:
    """What the policy says of this decision. A rollback decides nothing: it rests on the approval before it."""
    stage, rule = stage_of(request.to_stage), policy.reattest
    if rule is None or stage not in rule.stages:
        return None
    given_at = case.now
    if case.bypass is not None and case.bypass.kind is BypassKind.ROLLBACK:
        earlier = [one for one in decisions(uow, request.ref) if stage_of(one.to_stage) == stage]
        given_at = next((one.closed_at for one in earlier if one.closed_at is not None), case.now)
    return attestation(
        request.ref,
        stage,
        rule.stages[stage],
        policy.tier(case),
        request=request.id,
        policy=policy.label,
        approved_at=given_at,
        now=case.now,
        triggers=rule.triggers,
    )


def _lifted(uow: UnitOfWork, request: RequestSummary, before: Attestation, now: datetime) -> Iterator[Event]:
    """End the suspension, where the end of the approval is still its reason and no recall holds the version."""
    version = uow.catalog.version(request.ref)
    if version is None or version.summary.status is not Status.SUSPENDED or uow.recalls.holds(request.ref):
        return
    if version.status_reason == before.reason:
        yield change(uow, request.ref, Status.ACTIVE, "Approved again", at=now, request=request.id)


def _below(uow: UnitOfWork, ref: VersionRef) -> frozenset[str]:
    """The labels of the models that were made from `ref`."""
    below = uow.recalls.below(uow.recalls.of_refs([ref]))
    return frozenset(node.label for node in below.nodes if node.kind is NodeKind.MODEL)


def _ended(uow: UnitOfWork, value: Attestation) -> Event:
    uow.reviews.drop_attestation(value.ref)
    return Event("attestation.ended", str(value.ref), {"stage": value.stage, "request": value.request})


def _detail(value: Attestation) -> dict[str, object]:
    return {
        "stage": value.stage,
        "request": value.request,
        "due": value.due_at.isoformat() if value.due_at is not None else None,
        "lapsed": value.lapsed_at is not None,
    }
