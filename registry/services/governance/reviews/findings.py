"""Findings: who raises one, and who may say that it was put right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from registry.domain.audit import Event
from registry.domain.governance.reviews.attestations import Trigger
from registry.domain.governance.reviews.findings import DAYS, Finding, NewFinding, Severity, finding_detail, raised
from registry.domain.ids import new_id
from registry.domain.names import Reference, VersionRef
from registry.domain.people.people import SYSTEM, Permission
from registry.domain.text import check_words, read_day
from registry.errors import InvalidError, PermissionDeniedError
from registry.services.context import Context
from registry.services.governance.policies.stored import deciding_roles
from registry.services.governance.reviews.attestations import call
from registry.services.governance.statuses import makers
from registry.services.lookup import found, resolve
from registry.services.unit_of_work import UnitOfWork

MAX_TEXT = 4096


def add_finding(context: Context, reference: Reference, wish: NewFinding) -> Finding:
    """Raise a finding about a version; see `ReviewVerbs.add_finding`."""
    context.actor.require(Permission.EDIT)
    with context.write() as uow:
        ref = resolve(uow, reference)
        if wish.request is not None:
            _check_request(uow, wish.request, ref)
        value, events = raise_finding(uow, ref, wish, by=context.actor.handle, now=context.clock.now())
        uow.commit(*events)
    return value


def raise_finding(
    uow: UnitOfWork, ref: VersionRef, wish: NewFinding, *, by: str, now: datetime
) -> tuple[Finding, Sequence[Event]]:
    """Write the finding that `wish` describes, and ask for new approvals where it is critical; the caller commits."""
    value = new_finding(uow, ref, wish, by=by, now=now)
    uow.reviews.add_finding(value)
    if value.severity is not Severity.CRITICAL:
        return value, (raised(value),)
    return value, (raised(value), *call(uow, [ref], Trigger.FINDING_CRITICAL, f"Finding {value.id} is critical", now))


def raise_by_registry(
    uow: UnitOfWork, ref: VersionRef, severity: Severity, text: str, *, owners: Sequence[str], now: datetime
) -> tuple[Finding, Sequence[Event]]:
    """A finding that the registry raises itself, for the first of `owners` who still has an account.

    Whoever made the version cannot say that it is resolved.
    """
    owner = next((one for one in owners if uow.people.get(one) is not None), owners[-1])
    due = (now + timedelta(days=DAYS[severity])).date().isoformat()
    return raise_finding(uow, ref, NewFinding(text, severity, owner, due), by=SYSTEM.handle, now=now)


def new_finding(uow: UnitOfWork, ref: VersionRef, wish: NewFinding, *, by: str, now: datetime) -> Finding:
    """The finding that `wish` describes. Raises: InvalidError, BadFilterError for a due date that is not a day."""
    due = read_day(wish.due, "due", after=1)  # the whole of that day is left
    if due is None or due <= now:
        raise InvalidError(
            f"The due date {wish.due[:40]!r} is past", remedy="Give the last day to resolve it, as YYYY-MM-DD"
        )
    if uow.people.get(wish.owner) is None:
        raise InvalidError(
            f"Nobody has the handle {wish.owner[:80]!r}", remedy="See who there is: forebear person list"
        )
    text = check_words(wish.text, "finding", MAX_TEXT, lines=True)
    return Finding(new_id("fnd", now), ref, wish.severity, text, wish.owner, due, by, now, wish.request)


def resolve_finding(context: Context, finding_id: str, comment: str) -> Finding:
    """Say that a finding was put right; see `ReviewVerbs.resolve_finding`."""
    words = check_words(comment, "comment", MAX_TEXT, lines=True, empty=True)
    if not words:
        raise InvalidError("Resolving a finding needs a comment", remedy="Say what was done")
    with context.write() as uow:
        value = found(uow.reviews.finding(finding_id), f"finding {finding_id}", see="finding list")
        _check_may_resolve(uow, context, value)
        now, by = context.clock.now(), context.actor.handle
        uow.reviews.resolve_finding(finding_id, by=by, comment=words, at=now)
        uow.commit(Event("finding.resolved", str(value.ref), {**finding_detail(value), "comment": words}))
    return replace(value, resolved_at=now, resolved_by=by, resolution=words)


def _check_may_resolve(uow: UnitOfWork, context: Context, value: Finding) -> None:
    """Who raised it does, or somebody whose role decides and who did not make the version.

    Raises: PermissionDeniedError.
    """
    actor = context.actor
    if actor.handle == value.raised_by:
        return
    actor.require(Permission.DECIDE)
    person = found(uow.people.get(actor.handle), f"person {actor.handle}", see="person list")
    roles = deciding_roles(uow)
    made = person.who in makers(uow, value.ref)
    if made or actor.service or not roles & actor.roles:
        why = "made the version" if made else f"has none of the roles {', '.join(sorted(roles))}"
        raise PermissionDeniedError(
            f"{actor.handle} {why}, so somebody else has to say that {value.id} is resolved",
            remedy=f"Ask {value.raised_by}, who raised it",
        )


def _check_request(uow: UnitOfWork, request_id: str, ref: VersionRef) -> None:
    stored = found(uow.governance.request(request_id), f"promotion request {request_id}", see="promote list")
    if stored.summary.ref != ref:
        raise InvalidError(f"{request_id} is about {stored.summary.ref}, not about {ref}")
